"""What containers on nodes got for the names of Services, against what the objects promise: an answer beats them."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import family
from dualstack.model.evidence import Evidence
from dualstack.model.names import Lookup, Names
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.client_dns import DOMAIN, domain, is_foreign
from dualstack.reach.cluster_dns import SILENT
from dualstack.reach.localhost import LOCALHOST
from dualstack.reach.nowhere import UNLISTED
from dualstack.reach.unasked import UNASKED

UNTOLD = "untold"
"""Mark of the hop `resolve`: the Service has an address of the family, and its name gives none."""
UNRESOLVABLE = "does not resolve"
"""What is said of a name that gives no address at all."""
UNRESOLVED = "unresolved"
"""The same of a name of which nobody knew whether it gives one."""
UNANSWERED, UNFORWARDED = "unanswered", "unforwarded"
"""The same where no nameserver gave an answer that is of use (getaddrinfo(3), EAI_AGAIN): to a name that the nameserver
of the cluster gives, and to one that it has to ask others for, or that the pod asks others for."""
OUTSIDE, IN_NETWORK = "outside", "outside-in-network"
"""The same of a name of the cluster that the pod asks nameservers for which need not know it, and of one in the network
of its node; where the hop is not known, nobody has looked it up."""

FOREIGN = "foreign"
"""The same of a whole name whose domain is not that of the cluster."""
UNTRIED = "was not looked up"
"""The end of what is said of a name of which nothing else is known."""
_KEPT = (OUTSIDE, IN_NETWORK, FOREIGN, UNLISTED)
"""Marks that say why a name is to give no address: the answer of a nameserver alone tells less."""


def resolved(traces: Iterable[Trace], seen: Sequence[tuple[str, Names]]) -> Iterator[Trace]:
    """The traces, those without an address whose name gives none. `seen` are the nodes with what was answered there."""
    for trace in traces:
        host = trace.asked or trace.target.host
        answers = [(node, _whole(x, names)) for node, names in seen if (x := names.lookup(host))]
        lacking = [x for x in answers if trace.family not in {family(y) for y in x[1].addresses}]
        promised = trace.at(Hop.RESOLVE).status in (Status.PASS, Status.UNKNOWN) and not _has_nobody(trace)
        if promised and answers and len(lacking) == len(answers):
            yield _untold(trace, *lacking[0])
        elif trace.at(Hop.RESOLVE).mark == UNASKED and (own := _own(trace, answers, lacking)):
            yield replace(_told(trace, *own), disposition=Disposition.INSUFFICIENT_INFO)
        elif answers and lacking == answers and trace.at(Hop.RESOLVE).status is Status.FAIL:
            yield _affirmed(trace, lacking)
        elif answers and trace.at(Hop.RESOLVE).status is Status.UNKNOWN:
            yield _told(trace, *next(x for x in answers if x not in lacking))
        else:
            yield trace


def _whole(said: Lookup, names: Names) -> Lookup:
    """An answer for `localhost` with every address of the hosts file.

    Without `multi on` in host.conf(5) the C library gives the first line alone to who asks for both families, and not
    to who asks for one; others read the file themselves (Go net/hosts.go).
    """
    held = names.files.addresses_of(said.name) if said.name == LOCALHOST else ()
    return replace(said, addresses=tuple(dict.fromkeys((*said.addresses, *held))))


def _has_nobody(trace: Trace) -> bool:
    """Whether a name stands for the endpoints themselves, and there are none that are ready."""
    end = trace.failing
    return end is not None and end.hop is Hop.ENDPOINTS and trace.at(Hop.SERVICE).status is Status.NOT_APPLICABLE


def _own(
    trace: Trace, answers: Iterable[tuple[str, Lookup]], lacking: Iterable[tuple[str, Lookup]]
) -> tuple[str, Lookup] | None:
    """An answer with an address that was given on a node of these clients."""
    without = [node for node, _ in lacking]
    return next((x for x in answers if x[0] in trace.nodes and x[0] not in without), None)


def _affirmed(trace: Trace, answers: Sequence[tuple[str, Lookup]]) -> Trace:
    """A trace that was to get no address, with what was answered on a node of its clients, and on another one else."""
    own = (x for x in answers if x[0] in trace.nodes)
    fact = _fact(*next(own, answers[0]))
    hops = (replace(x, evidence=(*x.evidence, fact)) if x.hop is Hop.RESOLVE else x for x in trace.hops)
    return replace(trace, hops=tuple(hops))


def _sure(why: str) -> str:
    """What was said of a name before somebody looked it up."""
    return why.removesuffix(f", and {UNTRIED}").removesuffix(f", which {UNTRIED}")


def _fact(node: str, said: Lookup) -> Evidence:
    return Evidence(
        f"`{said.name}`: {said.error or ', '.join(said.addresses)}", f"{said.source} in a pod on the node {node}"
    )


def _untold(trace: Trace, node: str, said: Lookup) -> Trace:
    """A trace whose name gives no address of its family; no client needs that of a host that has another one."""
    before = _doubted(trace) if said.error else trace.at(Hop.RESOLVE)
    known = before.status is Status.PASS and trace.target.host != LOCALHOST
    why = f"{UNRESOLVABLE}: {said.error}" if said.error else f"gives no {trace.family.title} address"
    reason = f", and {_sure(before.why)}" if before.why and not known and said.error else ""
    mark = _mark(before, said, known=known)
    facts = (_fact(node, said), *before.evidence)
    told = f"{before.why}; it {why}" if mark in (FOREIGN, UNLISTED) and said.error else f"`{said.name}` {why}{reason}"
    stop = TracedHop(Hop.RESOLVE, Status.FAIL, told, mark, facts)
    after = (x if x.hop is Hop.ENDPOINT else replace(x, status=Status.UNKNOWN) for x in trace.hops)
    hops = tuple(stop if x.hop is Hop.RESOLVE else x for x in after)
    needed = trace.required and (known or not said.addresses)
    return replace(trace, hops=hops, disposition=Disposition.NO_ADDRESS, required=needed)


def _doubted(trace: Trace) -> TracedHop:
    """What was to come of a name; of one in another domain than clusters mostly have nobody knew that."""
    before, mine = trace.at(Hop.RESOLVE), domain(trace.asked)
    if before.status is not Status.PASS or not is_foreign(trace.asked):
        return before
    why = f"`{trace.asked}` is of the domain `{mine}`, and clusters mostly have `{DOMAIN}`"
    return replace(before, status=Status.UNKNOWN, why=why, mark=FOREIGN)


def _mark(before: TracedHop, said: Lookup, *, known: bool) -> str:
    if before.mark in _KEPT:
        return before.mark
    if said.error == "EAI_AGAIN":
        return UNANSWERED if known or before.mark == SILENT else UNFORWARDED
    return UNTOLD if known else UNRESOLVED


def _told(trace: Trace, node: str, said: Lookup) -> Trace:
    """A trace to a host that nobody knew, at the addresses that its name gives."""
    found = tuple(x for x in said.addresses if family(x) is trace.family)
    why = f"`{said.name}` has {', '.join(found)}"
    hop = TracedHop(Hop.RESOLVE, Status.PASS, why, trace.family.record, (_fact(node, said),))
    hops = tuple(hop if x.hop is Hop.RESOLVE else x for x in trace.hops)
    return replace(trace, hops=hops, addresses=trace.addresses or found)

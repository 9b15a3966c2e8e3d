"""What containers on nodes got for the names of Services, against what the objects promise: an answer beats them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.model.address import family
from dualstack.model.evidence import Evidence
from dualstack.model.names import Lookup, Names
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.client_dns import DOMAIN, domain, is_foreign
from dualstack.reach.cluster_dns import SHUT_IN, SILENT
from dualstack.reach.localhost import LOCALHOST
from dualstack.reach.nowhere import UNLISTED
from dualstack.reach.unasked import UNASKED, UNHELD

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

FOREIGN, ALIAS_ABROAD = "foreign", "alias-foreign"
"""The same of a whole name whose domain is not that of the cluster, and of one that stands for such a name."""
UNTRIED = "was not looked up"
"""The end of what is said of a name of which nothing else is known."""
_SILENCE = "EAI_AGAIN"
"""No nameserver gave an answer that is of use (getaddrinfo(3))."""
_KEPT = (OUTSIDE, IN_NETWORK, FOREIGN, ALIAS_ABROAD, UNLISTED)
"""Marks that say why a name is to give no address: the answer of a nameserver alone tells less."""


class Heard(NamedTuple):
    """What was answered on a node; in a client's own `pod`, where it has a name, or beside it."""

    node: str
    names: Names
    pod: str = ""

    @property
    def where(self) -> str:
        """Where it was, in words."""
        return f"in the pod {self.pod} on {self.node}" if self.pod else f"in a pod on the node {self.node}"


_Answer = tuple[Heard, Lookup]


def resolved(traces: Iterable[Trace], seen: Sequence[Heard]) -> Iterator[Trace]:
    """The traces, those without an address whose name gives none.

    Where none of their own pods gets any, it does not matter what others get.
    """
    for trace in traces:
        host = trace.asked or trace.target.host
        answers = [(x, _whole(said, x.names)) for x in seen if (said := x.names.lookup(host))]
        lost = _lost(answers)
        if lost and trace.at(Hop.POLICY).mark == SHUT_IN and _is_kept(lost, answers):
            yield _barred(trace, lost[0])
            continue
        answers = lost or answers
        lacking = [x for x in answers if trace.family not in {family(y) for y in x[1].addresses}]
        promised = trace.at(Hop.RESOLVE).status in (Status.PASS, Status.UNKNOWN) and not _has_nobody(trace)
        if promised and answers and len(lacking) == len(answers):
            yield _untold(trace, *lacking[0])
        elif trace.at(Hop.RESOLVE).mark in (UNASKED, UNHELD) and (given := _own(trace, answers, lacking)):
            yield replace(_told(trace, *given), disposition=Disposition.INSUFFICIENT_INFO)
        elif answers and lacking == answers and trace.at(Hop.RESOLVE).status is Status.FAIL:
            yield _affirmed(trace, lacking)
        elif answers and trace.at(Hop.RESOLVE).status is Status.UNKNOWN:
            yield _told(trace, *next(x for x in answers if x not in lacking))
        else:
            yield trace


def _lost(answers: Sequence[_Answer]) -> list[_Answer]:
    """What the clients' own pods got, where that is no address."""
    own = [x for x in answers if x[0].pod]
    return [] if any(said.addresses for _, said in own) else own


def _is_kept(lost: Sequence[_Answer], answers: Sequence[_Answer]) -> bool:
    """Whether these pods alone get no answer at all, as far as others asked."""
    others = [said for heard, said in answers if not heard.pod]
    return lost[0][1].error == _SILENCE and (not others or any(x.error != _SILENCE for x in others))


def _barred(trace: Trace, answer: _Answer) -> Trace:
    """A trace of clients that policies let ask no nameserver, and that were seen to get no answer."""
    hop = trace.at(Hop.POLICY)
    why = f"no policy lets the {trace.vantage} ask the nameserver of the cluster, and it does not answer them"
    stop = replace(hop, status=Status.FAIL, why=why, evidence=(_fact(*answer), *hop.evidence))
    hops = tuple(stop if x.hop is Hop.POLICY else x for x in trace.hops)
    return replace(trace, hops=hops, disposition=Disposition.DENIED)


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


def _own(trace: Trace, answers: Iterable[_Answer], lacking: Iterable[_Answer]) -> _Answer | None:
    """An answer with an address that was given on a node of these clients."""
    without = [x.node for x, _ in lacking]
    return next((x for x in answers if x[0].node in trace.nodes and x[0].node not in without), None)


def _affirmed(trace: Trace, answers: Sequence[_Answer]) -> Trace:
    """A trace that was to get no address, with what was answered on a node of its clients, and on another one else."""
    own = (x for x in answers if x[0].node in trace.nodes)
    fact = _fact(*next(own, answers[0]))
    hops = (replace(x, evidence=(*x.evidence, fact)) if x.hop is Hop.RESOLVE else x for x in trace.hops)
    return replace(trace, hops=tuple(hops))


def _sure(why: str) -> str:
    """What was said of a name before somebody looked it up."""
    return why.removesuffix(f", and {UNTRIED}").removesuffix(f", which {UNTRIED}")


def _fact(heard: Heard, said: Lookup) -> Evidence:
    return Evidence(f"`{said.name}`: {said.error or ', '.join(said.addresses)}", f"{said.source} {heard.where}")


def _untold(trace: Trace, heard: Heard, said: Lookup) -> Trace:
    """A trace whose name gives no address of its family; no client needs that of a host that has another one."""
    before = _doubted(trace) if said.error else trace.at(Hop.RESOLVE)
    known = before.status is Status.PASS and trace.target.host != LOCALHOST
    why = f"{UNRESOLVABLE}: {said.error}" if said.error else f"gives no {trace.family.title} address"
    reason = f", and {_sure(before.why)}" if before.why and not known and said.error else ""
    mark = _mark(before, said, known=known)
    facts = (_fact(heard, said), *before.evidence)
    strays = said.error and mark in (FOREIGN, ALIAS_ABROAD, UNLISTED)
    told = f"{before.why}; it {why}" if strays else f"`{said.name}` {why}{reason}"
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
    if said.error == _SILENCE:
        return UNANSWERED if known or before.mark == SILENT else UNFORWARDED
    return UNTOLD if known else UNRESOLVED


def _told(trace: Trace, heard: Heard, said: Lookup) -> Trace:
    """A trace to a host that nobody knew, at the addresses that its name gives."""
    found = tuple(x for x in said.addresses if family(x) is trace.family)
    why = f"`{said.name}` has {', '.join(found)}"
    hop = TracedHop(Hop.RESOLVE, Status.PASS, why, trace.family.record, (_fact(heard, said),))
    hops = tuple(hop if x.hop is Hop.RESOLVE else x for x in trace.hops)
    return replace(trace, hops=hops, addresses=trace.addresses or found)

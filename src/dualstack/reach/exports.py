"""Which flows are those of which clients: by the host, the port and the protocol that their variables name."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.model.address import Family, Protocol
from dualstack.model.exporter import NODES, Exporter
from dualstack.model.trace import Hop, Trace
from dualstack.reach.astray import LACKING
from dualstack.reach.forward import LOCAL, OPEN
from dualstack.reach.node_ports import HOST_PORT, NODE_PORT

_OWN = "pods of "

Ways = Mapping[tuple[str, int, Protocol], Sequence[int]]
"""The places of traces in their list, by where they lead."""


def ways(traces: Sequence[Trace]) -> Ways:
    """Traces by where they lead."""
    found = defaultdict[tuple[str, int, Protocol], list[int]](list)
    for place, trace in enumerate(traces):
        for name in hosts([trace]):
            found[name, trace.target.port, trace.protocol].append(place)
    return found


def hosts(traces: Iterable[Trace]) -> frozenset[str]:
    """The hosts of targets, also as clients write them, their addresses, and the nodes whose ports they are."""
    return frozenset(y for x in traces for y in (x.target.host, x.asked, *x.addresses, *_at_nodes(x)) if y)


def _at_nodes(trace: Trace) -> tuple[str, ...]:
    return trace.nodes if trace.vantage.startswith((HOST_PORT, NODE_PORT)) else ()


def clients(traces: Sequence[Trace], exporters: Iterable[Exporter]) -> Mapping[int, Sequence[Exporter]]:
    """Whose the traces are, by their places in the list; of one that is nobody's none."""
    known, named = ways(traces), hosts(traces)
    found = defaultdict[int, list[Exporter]](list)
    for exporter in exporters:
        for number in flows(exporter, destination(exporter, named), known, traces):
            found[number].append(exporter)
    return found


def met(traces: Sequence[Trace], exporters: Iterable[Exporter]) -> frozenset[str]:
    """The keys of the traces of clients that are known, of those on nodes the ones of their nodes."""
    found = clients(traces, exporters)
    near = (x for x, senders in found.items() if any(_is_near(y, traces[x]) for y in senders))
    return frozenset(traces[x].key for x in near)


def _is_near(exporter: Exporter, trace: Trace) -> bool:
    return not (exporter.nodes and trace.nodes) or bool(set(exporter.nodes) & set(trace.nodes))


def needed(traces: Sequence[Trace], exporters: Sequence[Exporter], expect: Collection[Family] = ()) -> Iterator[Trace]:
    """The traces; one that fails is required where clients are known on its nodes who have no other way.

    They have none where traffic stays on nodes without an endpoint, and where they send to an address. Of a family
    that pods there may have or not, it is where theirs have it. That nodes lack a family, or an endpoint of their own,
    is no fault of a target all of whose known clients are on others, but where the family is `expect`ed.
    """
    mine, named = clients(traces, exporters), hosts(traces)
    near = defaultdict[str, list[Sequence[str]]](list)
    for each in exporters:
        near[destination(each, named)].append(each.nodes if len(each.nodes) < NODES else ())
    for number, trace in enumerate(traces):
        known = near.get(trace.target.host, ())
        mark = trace.failing.mark if trace.failing else ""
        lost = not expect and (mark == LACKING or (mark == LOCAL and not _at_nodes(trace)))
        if lost and known and all(x and not {*x} & {*trace.nodes} for x in known):
            yield replace(trace, required=False)
            continue
        given = trace.at(Hop.ROUTE).mark == OPEN and not expect
        senders = mine.get(number, ()) if trace.failing else ()
        bound = (x for x in senders if mark == LOCAL or x.literal or (given and trace.family in x.families))
        there = {y for x in bound for y in x.nodes}.intersection(trace.nodes)
        yield replace(trace, required=True) if there else trace


def destination(exporter: Exporter, hosts: frozenset[str]) -> str:
    """The host of a target that a client means: of a Service the full name, else as it is written; empty for others."""
    namespace, name = exporter.service or ("", "")
    return next((x for x in (f"{name}.{namespace}.svc", exporter.host, *exporter.hosts) if x in hosts), "")


def flows(exporter: Exporter, host: str, known: Ways, traces: Sequence[Trace]) -> tuple[int, ...]:
    """The traces of a client: those to its `host`, or to those of its pods, over the families of these.

    Those of one owner alone are those of its own pods; others are of all the pods on some nodes.
    """
    target = exporter.target
    if not target:
        return ()
    every = dict.fromkeys((host, *exporter.hosts))
    near = dict.fromkeys(y for x in every for y in known.get((x, target.port, target.protocol), ()))
    return tuple(x for x in near if _is_his(exporter, traces[x]))


def is_of_pods(trace: Trace) -> bool:
    """Whether a flow is one of the pods that are asked about, and not of any on some nodes."""
    return trace.vantage.startswith(_OWN)


def whose(trace: Trace) -> str:
    """The pods that a flow is of by their owner, without their nodes; empty for any on some nodes."""
    return trace.vantage.partition(" on ")[0] if is_of_pods(trace) else ""


def _is_his(exporter: Exporter, trace: Trace) -> bool:
    mine = {f"{_OWN}{exporter.made_by(ambiguous=x)}" for x in (True, False)}
    who = whose(trace)
    over = exporter.literal or not exporter.families or trace.family in exporter.families
    return (not who or who in mine) and over

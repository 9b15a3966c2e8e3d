"""Connections that fail within the network of one pod: what else was exported around it says so."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import Protocol, family
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.inspection import Crossing
from dualstack.model.probe import Outcome
from dualstack.model.trace import Hop, Trace, TracedHop
from dualstack.reach.crossed import export_of, said_of
from dualstack.reach.outcomes import MEANINGS
from dualstack.reach.pods import Place, Places

_BESIDE = "from another pod on the node "
_WITHIN = "to itself, from inside the pod "
_NEAR = "from another pod beside it, on the node "
_SILENT = (Outcome.TIMED_OUT, Outcome.UNREACHABLE)
"""What is met where nobody takes the packets; the second is what a router says that has no answer of a neighbour."""
_LOST = (Hop.ROUTE, Hop.POLICY)


def confined(traces: Iterable[Trace], made: Sequence[Crossing], places: Places) -> Iterator[Trace]:
    """The traces, those that end on the way with what shows that they end in the network of a pod at one of its ends.

    `made` are the exports from inside of pods and by Jobs, those of clients that are asked about marked as their own.
    """
    for trace in traces:
        end = trace.failing
        facts = _facts(trace, end, made, places) if end and end.hop in _LOST else ()
        if not end or not facts:
            yield trace
            continue
        told = replace(end, evidence=(*end.evidence, *facts))
        yield replace(trace, hops=tuple(told if x is end else x for x in trace.hops))


def at_client(hop: TracedHop) -> bool:
    """Whether other pods on the node of a client get through."""
    return any(_BESIDE in x.source for x in hop.evidence)


def at_server(hop: TracedHop) -> bool:
    """Whether a pod does not reach itself either: what it sends to its own address never leaves it."""
    return any(_WITHIN in x.source for x in hop.evidence)


def near_server(hop: TracedHop) -> str:
    """The node of a pod that other pods on it do not reach either; empty where they do, or nobody tried."""
    near = (x.source.rpartition(_NEAR) for x in hop.evidence)
    return next((node for _, found, node in near if found), "")


def client_of(trace: Trace, made: Iterable[Crossing], places: Places) -> Place | None:
    """The pod of a client that a container looked into, whose own export found no way; None where there is none."""
    end = trace.failing
    if end is None or end.hop is not Hop.ROUTE:
        return None
    lost = (x for x in made if x.own and x.to in _ends(trace) and x.result.outcome == end.mark)
    found = (places.items.get((x.namespace, x.pod)) for x in lost)
    return next((x for x in found if x and x.observed is not None), None)


def _ends(trace: Trace) -> Collection[tuple[str, int, Protocol]]:
    return {(x, trace.target.port, trace.protocol) for x in trace.addresses}


def _facts(trace: Trace, end: TracedHop, made: Sequence[Crossing], places: Places) -> tuple[Evidence, ...]:
    """What others met at the same address, from beside the client and from inside the pod at the end."""
    there = [x for x in made if x.to in _ends(trace)]
    lost = [x.node for x in there if x.own and x.result.outcome == end.mark]
    near = [x for x in there if not x.pod and x.node in lost and MEANINGS[x.result.outcome].hop is None]
    if near:
        return (Evidence(said_of(near[0]), f"{export_of(near[0])} {_BESIDE}{near[0].node}", Layer.PROBED),)
    place = places.named(trace.server)
    if place is None or place.pod.spec.host_network or end.mark not in _SILENT:
        return ()
    held = [(x, trace.port, trace.protocol) for x in place.pod.addresses if family(x) is trace.family]
    silent = [x for x in made if x.to in held and x.result.outcome == end.mark]
    within = next((x for x in silent if _is_of(x, place)), None)
    beside = next((x for x in silent if not x.pod and x.node == place.pod.spec.node_name), None)
    found = within or beside
    where = f"{_WITHIN}{within.pod}" if within else f"{_NEAR}{beside.node}" if beside else ""
    return (Evidence(said_of(found), f"{export_of(found)} {where}", Layer.PROBED),) if found else ()


def _is_of(made: Crossing, place: Place) -> bool:
    """Whether an export was made inside of a pod."""
    about = place.pod.metadata
    return (made.namespace, made.pod) == (about.namespace, about.name)

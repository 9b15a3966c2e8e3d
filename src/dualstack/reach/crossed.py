"""Exports that containers on nodes made, against what is predicted for the clients of those nodes: a probe beats it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.inspection import Crossing
from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.arrival import STALE
from dualstack.reach.crowds import named
from dualstack.reach.node_ports import enters
from dualstack.reach.outcomes import MEANINGS, Meaning

_ORDER = tuple(Hop)
NOT_SERVED = "not-served"
"""Mark of the hop `service`: the cluster address refuses where a backend takes connections."""

_To = tuple[str, int, Protocol]


def crossed(traces: Iterable[Trace], seen: Sequence[Crossing], every: int) -> Iterator[Trace]:
    """The traces, those told apart whose nodes fared differently. `every` is how many nodes there are."""
    made: defaultdict[_To, dict[str, Crossing]] = defaultdict(dict)
    for crossing in seen:
        known = made[crossing.to].get(crossing.node)
        if crossing.result.outcome is not Outcome.CANCELLED and (known is None or (known.pod and not crossing.pod)):
            made[crossing.to][crossing.node] = crossing
    predicted = tuple(traces)
    parts = _parts(predicted)
    for trace in predicted:
        mine = [made.get((x, trace.target.port, trace.protocol), {}) for x in trace.addresses]
        if enters(trace):
            yield from _entered(trace, mine)
        else:
            yield from _told(trace, mine, every, parts.get(_way(trace), ()))


def _way(trace: Trace) -> tuple[object, ...]:
    """What the traces to several backends behind one address share."""
    return trace.vantage, trace.target, trace.protocol, trace.family, trace.addresses


def _parts(traces: Iterable[Trace]) -> Mapping[tuple[object, ...], Sequence[Trace]]:
    """The traces that are of some of several backends, which one export through the Service does not tell apart."""
    found: defaultdict[tuple[object, ...], list[Trace]] = defaultdict(list)
    for trace in traces:
        backends, direct = trace.at(Hop.ENDPOINTS), trace.at(Hop.SERVICE).status is Status.NOT_APPLICABLE
        if "-of-" in backends.mark and backends.status is Status.PASS and not direct:
            found[_way(trace)].append(trace)
    return found


def _entered(trace: Trace, made: Sequence[Mapping[str, Crossing]]) -> Iterator[Trace]:
    """A flow from outside to a node, by what the other nodes met there: who is near reaches it in another way.

    What a node sends to its own node port, and a pod to any, is not held to the traffic policy (kubernetes 1.34.4,
    pkg/proxy/iptables; measured).
    """
    others = [y for x in made for node, y in x.items() if node not in trace.nodes and not y.pod]
    got = [x for x in others if MEANINGS[x.result.outcome].hop is not Hop.ROUTE]
    best = min(got, key=lambda x: MEANINGS[x.result.outcome].hop is not None, default=None)
    yield _proved(trace, best, 1) if best else trace


def _told(trace: Trace, made: Sequence[Mapping[str, Crossing]], every: int, parts: Sequence[Trace]) -> Iterator[Trace]:
    """One trace for each way in which its nodes fared; those of which no export tells stay as predicted."""
    groups: dict[Outcome | None, list[str]] = {}
    known: dict[str, Crossing] = {}
    for node in trace.nodes:
        mine = [x[node] for x in made if node in x]
        if mine:
            known[node] = max(mine, key=lambda x: MEANINGS[x.result.outcome].hop is not None)
        told = mine and not _is_shared(trace, known[node].result.outcome, parts)
        groups.setdefault(known[node].result.outcome if told else None, []).append(node)
    for outcome, nodes in groups.items() or [(None, [])]:
        part = (
            replace(trace, vantage=f"pods on {named(nodes, every)}", nodes=tuple(nodes)) if len(groups) > 1 else trace
        )
        met = [
            known[x] for x in nodes if x in known and (outcome or _is_like(trace, MEANINGS[known[x].result.outcome]))
        ]
        yield _proved(part, met[0], len(met)) if met else part


def _is_shared(trace: Trace, outcome: Outcome, parts: Sequence[Trace]) -> bool:
    """Whether an export through a Service tells nothing new of this one of several ways behind it.

    One that was taken was taken by any of them. One that failed is of those of which just this is known.
    """
    meaning = MEANINGS[outcome]
    if trace not in parts or meaning.hop is Hop.ROUTE:
        return False
    return meaning.hop is None or any(_is_like(x, meaning) for x in parts)


def _is_like(trace: Trace, meaning: Meaning) -> bool:
    """Whether a trace is known to fail as an export did; what a policy denies, or nobody holds, is met as silence."""
    silent = (Disposition.DENIED, Disposition.NO_ENDPOINT) if meaning.hop is Hop.POLICY else ()
    return trace.failed and trace.disposition in (meaning.disposition, *silent)


def _proved(trace: Trace, made: Crossing, count: int) -> Trace:
    meaning = MEANINGS[made.result.outcome]
    fact = _sight(made, count)
    if meaning.hop is None:
        return replace(trace, hops=tuple(_passed(x, fact) for x in trace.hops), disposition=Disposition.ACCEPTED)
    failing = trace.failing
    at = _place(trace, made.result.outcome, meaning.hop)
    if failing:  # what is predicted explains what was met: kube-proxy rejects where there is no endpoint
        hops = tuple(replace(x, evidence=(fact, *x.evidence)) if x is failing else x for x in trace.hops)
        return replace(trace, hops=hops)
    mark, why = _reason(trace, made.result.outcome, at)
    stop = TracedHop(at, Status.FAIL, why, mark, (fact, *trace.at(at).evidence))
    before = tuple(_passed(x, None) if _ORDER.index(x.hop) < _ORDER.index(at) else x for x in trace.hops)
    hops = tuple(stop if x.hop is at else _unsure(x) if _ORDER.index(x.hop) > _ORDER.index(at) else x for x in before)
    return replace(trace, hops=hops, disposition=meaning.disposition, signals=made.result.signals)


def _reason(trace: Trace, outcome: Outcome, at: Hop) -> tuple[str, str]:
    if at is Hop.SERVICE:
        return NOT_SERVED, "the cluster address refuses, and the pods do not"
    if at is Hop.POD:
        held = trace.at(Hop.ENDPOINTS).why.removeprefix("ready: ")
        return STALE, f"no pod has {held}, and there {MEANINGS[outcome].why}"
    return str(outcome), MEANINGS[outcome].why


def _place(trace: Trace, outcome: Outcome, hop: Hop) -> Hop:
    """The hop that a failure is of.

    A reset of a cluster address, where the pods accept, is that of kube-proxy; where endpoints are of no pod, nobody is
    known to be there.
    """
    if not trace.server and trace.at(Hop.ENDPOINTS).status is Status.PASS and hop in (Hop.ROUTE, Hop.POLICY):
        return Hop.POD
    accepting = trace.at(Hop.LISTEN).status is Status.PASS
    served = trace.at(Hop.SERVICE).status is Status.PASS
    return Hop.SERVICE if outcome is Outcome.REFUSED and accepting and served else hop


def _passed(hop: TracedHop, fact: Evidence | None) -> TracedHop:
    if hop.status is Status.NOT_APPLICABLE:
        return hop
    evidence = (fact, *hop.evidence) if fact and hop.hop is Hop.EXPORT else hop.evidence
    why = "accepted" if fact and hop.hop is Hop.EXPORT else hop.why if hop.status is Status.PASS else ""
    return replace(hop, status=Status.PASS, why=why, evidence=evidence)


def _unsure(hop: TracedHop) -> TracedHop:
    """A hop behind the one that failed: what is predicted of it is not proved."""
    return replace(hop, status=Status.UNKNOWN) if hop.hop in (Hop.HANDSHAKE, Hop.EXPORT) else hop


def _sight(made: Crossing, count: int) -> Evidence:
    result = made.result
    said = "; ".join(x for x in (str(result.outcome), result.status or result.detail) if x)
    where = f"the node {made.node}" + (f" and {count - 1} more" if count > 1 else "")
    return Evidence(said, f"{result.task.protocol} export to {result.task.endpoint} from {where}", Layer.PROBED)

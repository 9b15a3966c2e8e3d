"""Exports that containers on nodes made, against what is predicted for the clients of those nodes: a probe beats it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.model.address import Family, Protocol, family
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.glimpse import End
from dualstack.model.inspection import Crossing
from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.arrival import STALE
from dualstack.reach.astray import LACKING
from dualstack.reach.cluster_dns import SHUT_IN
from dualstack.reach.crowds import named
from dualstack.reach.dialled import UNDIALLED
from dualstack.reach.exports import whose
from dualstack.reach.forward import OPEN
from dualstack.reach.localhost import LOCALHOST
from dualstack.reach.node_ports import ISOLATED, LOCAL, SPARED, enters
from dualstack.reach.outcomes import MEANINGS, Meaning, lacking
from dualstack.reach.pods import Place
from dualstack.reach.policy_marks import (
    CHOOSES,
    UNMEANT,
    is_chosen,
    is_of_nodes,
    is_unclear,
    lacks_family,
    named_in,
    shut_out,
    words,
)
from dualstack.reach.unheld import is_unheld

_ORDER = tuple(Hop)
NOT_SERVED = "not-served"
"""Mark of the hop `service`: the cluster address fails where the backends take connections."""

_FROM = ("from the node ", "from the pod ")
"""In the sources of exports that were made as those of clients."""

_To = tuple[str, int, Protocol]
_Near = tuple[str, Family, Protocol]
"""A node, and what is spoken from there."""


_OF_SENDERS = (Outcome.NO_ROUTE, Outcome.NO_SOURCE, Outcome.FAMILY_ABSENT)
"""How exports end that never left: whatever is behind them, their senders lack the family."""
_UNTRIED = (Outcome.TLS_UNTRUSTED, Outcome.TLS_NAME_MISMATCH, Outcome.TLS_REFUSED)
"""What nobody can say of clients: which authorities they trust, and what their TLS is like."""


def as_clients(made: Sequence[Crossing], pods: Collection[tuple[str, str]]) -> Iterator[Crossing]:
    """Exports as those of clients where `pods` are these: from inside of them, and of Jobs with the same resolver.

    What other pods sent says nothing of the names that clients use.
    """
    if not pods:
        yield from made
        return
    told = [x for x in made if x.result.outcome not in _UNTRIED or _lacks(x)]
    yield from (replace(x, own=True) for x in told if (x.namespace, x.pod) in pods)
    yield from (x for x in told if not x.pod)


def to_pods(seen: Iterable[Crossing], places: Iterable[Place]) -> dict[End, tuple[Crossing, ...]]:
    """The exports to pods from nodes that reach some pod over the same family."""
    holders = {y: x.name for x in places if not x.pod.spec.host_network for y in x.pod.addresses}
    made = defaultdict[End, list[Crossing]](list)
    for each in seen:
        address, port, protocol = each.to
        if address in holders and each.result.outcome is not Outcome.CANCELLED and not _is_inner(each):
            made[holders[address], port, protocol, family(address)].append(each)
    able = {(x.node, end[3]) for end, found in made.items() for x in found if _is_taken(x)}
    told = {end: tuple(x for x in found if (x.node, end[3]) in able) for end, found in made.items()}
    return {end: x for end, x in told.items() if x}


def unreached(direct: Mapping[End, Sequence[Crossing]]) -> dict[End, Outcome]:
    """How exports ended to the pods that none of these nodes reaches."""
    return {end: x[0].result.outcome for end, x in direct.items() if not any(map(_is_taken, x))}


def _is_taken(made: Crossing) -> bool:
    return MEANINGS[made.result.outcome].hop is None


def crossed(
    traces: Iterable[Trace], seen: Sequence[Crossing], every: int, near: Mapping[End, Sequence[Crossing]]
) -> Iterator[Trace]:
    """The traces, those told apart whose nodes fared differently. `every` is how many nodes there are.

    `near` are the exports to pods: they tell apart what an export through a Service does not.
    """
    made: defaultdict[_To, dict[str, Crossing]] = defaultdict(dict)
    for crossing in seen:
        known = made[crossing.to].get(crossing.node)
        if crossing.result.outcome is not Outcome.CANCELLED and (
            known is None or (_is_inner(known) and not _is_inner(crossing))
        ):
            made[crossing.to][crossing.node] = crossing
    predicted = tuple(traces)
    parts, direct = _parts(predicted), _direct(predicted, made)
    for trace in predicted:
        mine = [made.get((x, trace.target.port, trace.protocol), {}) for x in trace.addresses]
        own = near.get(_end(trace), ())
        taken, served = set(map(_is_taken, own)), any(_is_taken(y) for x in mine for y in x.values())
        others = parts.get(_way(trace), ())
        # What a Service leads to a pod that nobody reaches says nothing of the others.
        served = served or any(unreached({_end(x): near[_end(x)]}) for x in others if _end(x) in near)
        if not trace.failed and trace in others and (taken == {False} or (taken == {True} and served)):
            yield _proved(trace, own[0], len(own), past=False)
        elif enters(trace):
            yield from _entered(trace, mine)
        else:
            yield from _told(trace, mine, every, parts.get(_way(trace), ()), direct)


def _end(trace: Trace) -> End:
    return trace.server, trace.arrives, trace.protocol, trace.family


def spared(traces: Iterable[Trace], expect: Collection[Family]) -> Iterator[Trace]:
    """The traces; of the loopback by its name one family is enough: a refusal of one sends clients to the other."""
    every = tuple(traces)
    enough = {(x.vantage, x.target) for x in every if x.accepted and x.target.host == LOCALHOST and not expect}
    yield from (replace(x, required=False) if x.failed and (x.vantage, x.target) in enough else x for x in every)


def _is_inner(made: Crossing) -> bool:
    """Whether an export was made in a pod that is no client, such as that of the receiver."""
    return bool(made.pod) and not made.own


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


def _direct(traces: Iterable[Trace], made: Mapping[_To, Mapping[str, Crossing]]) -> Mapping[_Near, bool]:
    """Whether all exports to addresses of pods were accepted, by where they came from; Services lead to one of them."""
    of_services = {y for x in traces if x.at(Hop.SERVICE).status is not Status.NOT_APPLICABLE for y in x.addresses}
    found: dict[_Near, bool] = {}
    for (address, _, protocol), by_node in made.items():
        for node, crossing in by_node.items() if address not in of_services else ():
            key = (node, family(address), protocol)
            found[key] = found.get(key, True) and MEANINGS[crossing.result.outcome].hop is None
    return found


def _entered(trace: Trace, made: Sequence[Mapping[str, Crossing]]) -> Iterator[Trace]:
    """A flow from outside to a node, by what the other nodes met there: who is near reaches it in another way.

    What a node sends to its own node port, and a pod to any, is not held to the traffic policy (kubernetes 1.34.4,
    pkg/proxy/iptables; measured).
    """
    others = [y for x in made for node, y in x.items() if node not in trace.nodes and not _is_inner(y)]
    got = [x for x in others if MEANINGS[x.result.outcome].hop is not Hop.ROUTE]
    best = min(got, key=lambda x: MEANINGS[x.result.outcome].hop is not None, default=None)
    yield _proved(trace, best, 1) if best else trace


def _told(
    trace: Trace,
    made: Sequence[Mapping[str, Crossing]],
    every: int,
    parts: Sequence[Trace],
    direct: Mapping[_Near, bool],
) -> Iterator[Trace]:
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
        alone = replace(trace, vantage=f"{whose(trace) or 'pods'} on {named(nodes, every)}", nodes=tuple(nodes))
        part = alone if len(groups) > 1 else trace
        met = [
            known[x] for x in nodes if x in known and (outcome or _is_like(trace, MEANINGS[known[x].result.outcome]))
        ]
        met.sort(key=lambda x: not x.own)
        near = [direct.get((x, trace.family, trace.protocol)) for x in nodes]
        past = False if False in near else all(near) or None
        yield _proved(part, met[0], len(met), past) if met else part


def _is_shared(trace: Trace, outcome: Outcome, parts: Sequence[Trace]) -> bool:
    """Whether an export through a Service tells nothing new of this one of several ways behind it.

    One that was taken was taken by any of them. One that failed is of those of which just this is known.
    """
    meaning = MEANINGS[outcome]
    return trace in parts and (meaning.hop is None or any(_is_like(x, meaning) for x in parts))


def _is_like(trace: Trace, meaning: Meaning) -> bool:
    """Whether a trace is known to fail as an export did.

    What a policy denies, or nobody holds, is met as silence; where a pod lost its address its node may say so as well.
    """
    if trace.failing and trace.failing.hop is Hop.HOST:
        return meaning.hop in (Hop.ROUTE, Hop.POLICY)
    silent = (Disposition.DENIED, Disposition.NO_ENDPOINT) if meaning.hop is Hop.POLICY else ()
    return trace.failed and trace.disposition in (meaning.disposition, *silent)


def _proved(trace: Trace, made: Crossing, count: int, past: bool | None = None) -> Trace:  # noqa: FBT001 -- or untried
    """A trace as an export shows it; `past` says whether what the Service leads to took those of the same nodes."""
    meaning = MEANINGS[made.result.outcome]
    fact = _sight(made, count)
    if meaning.hop is None and (
        _is_unnamed(trace) or (is_chosen(trace.at(Hop.POLICY)) and not _is_theirs(trace, made))
    ):
        return trace
    if meaning.hop is None:
        return replace(trace, hops=tuple(_passed(x, fact) for x in trace.hops), disposition=Disposition.ACCEPTED)
    failing = trace.failing
    at = _place(trace, made.result.outcome, meaning.hop, past)
    open_ = trace.at(Hop.ROUTE).mark == OPEN and made.result.outcome in _OF_SENDERS
    if failing and not open_:  # what is predicted explains what was met: kube-proxy rejects where there is no endpoint
        hops = tuple(replace(x, evidence=(fact, *x.evidence)) if x is failing else x for x in trace.hops)
        return replace(trace, hops=hops)
    policy = trace.at(Hop.POLICY)
    if (at is Hop.POLICY or made.doubted) and not made.own and (policy.mark == CHOOSES or is_chosen(policy)):
        return _chosen(trace, made, fact)
    lacks = _lacks(made)
    if lacks:
        return _unproved(trace, TracedHop(at, Status.UNKNOWN, lacks, made.result.outcome, (fact,)))
    end, became = _end_of(trace, made.result.outcome, at, fact)
    return replace(trace, hops=_until(trace, end), disposition=became, signals=made.result.signals)


def _end_of(trace: Trace, outcome: Outcome, at: Hop, fact: Evidence) -> tuple[TracedHop, Disposition]:
    """The hop that fails of a flow of which that was not known, and what became of the flow."""
    kept = trace.at(Hop.ENDPOINTS)
    if _is_kept(trace, outcome):
        end = replace(kept, status=Status.FAIL, why=kept.why.removesuffix(SPARED), evidence=(fact, *kept.evidence))
        return end, Disposition.NO_ENDPOINT
    mark, why = _reason(trace, outcome, at)
    return TracedHop(at, Status.FAIL, why, mark, (fact, *trace.at(at).evidence)), MEANINGS[outcome].disposition


def _until(trace: Trace, end: TracedHop) -> tuple[TracedHop, ...]:
    """The hops of a flow that got to this one, and as an export shows not further."""
    at = _ORDER.index(end.hop)
    before = (_passed(x, None) if _ORDER.index(x.hop) < at else x for x in trace.hops)
    return tuple(end if x.hop is end.hop else _unsure(x) if _ORDER.index(x.hop) > at else x for x in before)


def _is_kept(trace: Trace, outcome: Outcome) -> bool:
    """Whether an export met the silence that a node port held to `Local` is known for: kube-proxy drops such packets.

    It proves nothing where a policy of the cluster may be what drops them.
    """
    known = trace.at(Hop.ENDPOINTS).mark == LOCAL and trace.at(Hop.POLICY).mark != ISOLATED
    return outcome is Outcome.TIMED_OUT and known


def _lacks(made: Crossing) -> str:
    """What an export lacked that clients may have."""
    return lacking(made.result.outcome, made.result.status, made.result.detail)


def _is_theirs(trace: Trace, made: Crossing) -> bool:
    """Whether an export was a client's own, and no other one of them may be chosen in another way."""
    return made.own and not is_unclear(trace.at(Hop.POLICY))


def _is_unnamed(trace: Trace) -> bool:
    """Whether no name gives the address that took an export, that of a pod which is not ready or any at all.

    Or the clients do not dial it.
    """
    end = trace.failing
    if end is not None and end.mark == UNDIALLED:
        return True
    direct = trace.at(Hop.SERVICE).status is Status.NOT_APPLICABLE
    return end is not None and (end.hop is Hop.RESOLVE or (end.hop is Hop.ENDPOINTS and direct))


def _unproved(trace: Trace, open_: TracedHop) -> Trace:
    """A flow of which an export shows all but a hop for which it lacked something that clients may have."""
    return replace(trace, hops=_until(trace, open_), disposition=Disposition.INSUFFICIENT_INFO)


def _chosen(trace: Trace, made: Crossing, fact: Evidence) -> Trace:
    """A flow that a policy lets some clients through of: what exported is not one of them, and proves nothing."""
    before = trace.at(Hop.POLICY)
    whom = before.why if is_unclear(before) else f"{named_in(before)} chooses whom it lets {words(before)}"
    why = f"{whom}, and what another pod than theirs exported on {made.node} does not get through"
    hops = (
        replace(x, status=Status.UNKNOWN, why=why, evidence=(fact, *x.evidence)) if x.hop is Hop.POLICY else _unsure(x)
        for x in trace.hops
    )
    return replace(trace, hops=tuple(hops), disposition=Disposition.INSUFFICIENT_INFO)


def _barred(trace: Trace, outcome: Outcome) -> tuple[str, str] | None:
    """What stops a flow where policies are known not to let its clients through, or seem not to mean them."""
    hop, met = trace.at(Hop.POLICY), MEANINGS[outcome].why
    if shut_out(hop) and hop.mark != SHUT_IN:
        over = f" over {trace.family.title}" if lacks_family(hop) else ""
        return hop.mark, f"no policy lets the {trace.vantage} {words(hop)} to port {trace.port}{over}, and {met}"
    if is_unclear(hop) and is_of_nodes(hop.mark):
        whom = f"{named_in(hop)} chooses by labels, which mean no pods in the network of their node here"
        return UNMEANT, f"{whom}, and {met}"
    return None


def _reason(trace: Trace, outcome: Outcome, at: Hop) -> tuple[str, str]:
    if at is Hop.POLICY and (barred := _barred(trace, outcome)):
        return barred
    if at is Hop.ROUTE and trace.at(at).mark == OPEN:
        return LACKING, f"the {trace.vantage} have no {trace.family.title}: {MEANINGS[outcome].why}"
    if at is Hop.SERVICE:
        return NOT_SERVED, f"the pods accept, and of the address of the Service {MEANINGS[outcome].why}"
    if at is Hop.POLICY and outcome is Outcome.REFUSED:
        return "reset", "a reset answers on the way, and the pods take connections"
    if at is Hop.POD:
        held = trace.at(Hop.ENDPOINTS).why.removeprefix("ready: ")
        return STALE, f"no pod has {held}, and there {MEANINGS[outcome].why}"
    return str(outcome), MEANINGS[outcome].why


def _place(trace: Trace, outcome: Outcome, hop: Hop, past: bool | None) -> Hop:  # noqa: FBT001 -- or untried
    """The hop that a failure is of.

    A cluster address that fails from where the pods are reached, or that resets where they accept, is not served by
    kube-proxy, unless the pods reset from there as well; where endpoints are of no pod, nobody is known to be there.
    """
    if not trace.server and trace.at(Hop.ENDPOINTS).status is Status.PASS and hop in (Hop.ROUTE, Hop.POLICY):
        return Hop.POD
    accepting = trace.at(Hop.LISTEN).status is Status.PASS
    served = trace.at(Hop.SERVICE).status is Status.PASS
    reset = outcome is Outcome.REFUSED and accepting
    if reset and served and past is False:
        return Hop.POLICY
    return Hop.SERVICE if served and (reset or (past and hop in (Hop.ROUTE, Hop.POLICY))) else hop


def _passed(hop: TracedHop, fact: Evidence | None) -> TracedHop:
    if hop.status is Status.NOT_APPLICABLE or (fact is None and is_unheld(hop)):
        return hop
    evidence = (fact, *hop.evidence) if fact and hop.hop is Hop.EXPORT else hop.evidence
    why = "accepted" if fact and hop.hop is Hop.EXPORT else hop.why if hop.status is Status.PASS else ""
    return replace(hop, status=Status.PASS, why=why, evidence=evidence)


def _unsure(hop: TracedHop) -> TracedHop:
    """A hop behind the one that failed: what is predicted of it is not proved."""
    return replace(hop, status=Status.UNKNOWN) if hop.hop in (Hop.HANDSHAKE, Hop.EXPORT) else hop


def is_crossing(fact: Evidence) -> bool:
    """Whether a fact is an export that was made as those of clients."""
    return any(x in fact.source for x in _FROM)


def is_over_tls(fact: Evidence) -> bool:
    """Whether a fact is an export that was made over TLS."""
    return " export over TLS " in fact.source


def said_of(made: Crossing) -> str:
    """How an export ended."""
    return "; ".join(x for x in (str(made.result.outcome), made.result.status or made.result.detail) if x)


def export_of(made: Crossing) -> str:
    """What was exported where."""
    task = made.result.task
    return f"{task.protocol} export{' over TLS' if task.tls else ''} to {task.endpoint}"


def _sight(made: Crossing, count: int) -> Evidence:
    node, pod = _FROM
    where = f"{pod}{made.pod} on {made.node}" if made.pod else f"{node}{made.node}"
    more = f" and {count - 1} more" if count > 1 else ""
    return Evidence(said_of(made), f"{export_of(made)} {where}{more}", Layer.PROBED)

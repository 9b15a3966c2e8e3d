"""Clients that are asked about and do not run: they send nothing, whatever their ways are like."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.trace import Disposition, Hop, Status, Trace, Traces
from dualstack.reach.exporting import asked, owner
from dualstack.reach.held_up import held_up
from dualstack.reach.idle import rests
from dualstack.reach.live import families_of, keys
from dualstack.reach.pods import Places
from dualstack.reach.states import halted, told_alike

HALTED = "halted"
"""Mark of the hop `endpoint`: the pods whose way it would be do not run."""


def standing(traces: Iterable[Trace], cluster: Cluster) -> Iterator[Trace]:
    """The traces; a way that works, or may, of pods that do not run is not known, apart from that of the others."""
    stopped = {(x.metadata.namespace, x.metadata.name) for x in cluster.askers if _why(x, cluster)}
    for trace in traces:
        pods = _of(trace, cluster.askers) if stopped and not trace.failed else ()
        down = [x for x in pods if (x.metadata.namespace, x.metadata.name) in stopped]
        if len(down) < len(pods) or not down:
            yield trace
        if down:
            yield _halted(trace, down, cluster, apart=len(down) < len(pods))


def at_rest(traces: Traces, cluster: Cluster) -> Iterator[tuple[str, Finding]]:
    """One finding, with the code of the nearest rule, of ways that are not known for pods that do not run."""
    flows = [x for x in traces.items if x.at(Hop.ENDPOINT).mark == HALTED]
    for why in dict.fromkeys(x.at(Hop.ENDPOINT).why for x in flows):
        mine = [x for x in flows if x.at(Hop.ENDPOINT).why == why]
        yield (
            "DS507",
            Finding(
                summary=_summary(cluster),
                detail=f"{why[:1].upper()}{why[1:]}. Nothing is sent from there.",
                hint="See to that first; their log and `kubectl describe pod` tell more.",
                severity=Severity.WARNING,
                confidence=Confidence.OBSERVED,
                families=families_of(mine),
                evidence=mine[0].at(Hop.ENDPOINT).evidence,
                flows=keys(mine),
                causes=(),
            ),
        )


def unmade(cluster: Cluster) -> Iterator[tuple[str, Finding]]:
    """One finding, with the same code, where no pod of the clients is there, and what makes them says why."""
    theirs = {(x.metadata.namespace, owner(x)) for x in cluster.askers if not x.metadata.name}
    mine = [x for x in cluster.makers if (x.metadata.namespace, f"{x.kind} {x.metadata.name}") in theirs]
    why = rests(mine, cluster.events)
    if why:
        yield (
            "DS507",
            Finding(
                summary="Nothing makes pods of the client",
                detail=f"{why.maker.called} {why.said}. Nothing is sent from there.",
                hint=why.hint,
                severity=Severity.WARNING,
                confidence=Confidence.OBSERVED,
                evidence=(Evidence(why.said, why.maker.called),),
                fix=Fix("Let it make pods", commands=(why.command,)) if why.command else None,
                causes=(),
            ),
        )


def _summary(cluster: Cluster) -> str:
    """That pods do not run, and how many of all, where others do."""
    every = [x for x in cluster.askers if not x.finished]
    down = len([x for x in every if _why(x, cluster)])
    some = f"{down} of the client's {len(every)} pods {'does' if down == 1 else 'do'} not run"
    return some if down < len(every) else "Pods of the client do not run"


def _of(trace: Trace, askers: Sequence[Pod]) -> Sequence[Pod]:
    """The pods whose way this is."""
    return [x for x in askers if not (trace.nodes and x.spec.node_name) or x.spec.node_name in trace.nodes]


def _why(pod: Pod, cluster: Cluster) -> str:
    """Why no container of a pod that exports runs; empty where one does, nobody says, or its time is over."""
    if pod.finished:
        return ""
    mine = {
        x.container
        for x in (*asked(pod, cluster.config_maps, cluster.services), *cluster.onward)
        if x.pod == pod.metadata.name
    }
    said = [halted(pod, x) for x in sorted(mine)]
    if said and all(said):
        return said[0]
    held = held_up(cluster, (pod,), (), Places({})) if said and pod.status.phase == "Pending" else None
    return f"does not run: {held.said[:1].lower()}{held.said[1:].rstrip('.')}" if held else ""


def _halted(trace: Trace, pods: Sequence[Pod], cluster: Cluster, *, apart: bool) -> Trace:
    why = told_alike([(x, _why(x, cluster)) for x in pods])
    facts = tuple(Evidence(_why(x, cluster), f"status of the {x.place}") for x in pods[:3])
    hops = (
        replace(x, status=Status.UNKNOWN, why=why, mark=HALTED, evidence=facts) if x.hop is Hop.ENDPOINT else x
        for x in trace.hops
    )
    vantage = f"{trace.vantage} that do not run" if apart else trace.vantage
    return replace(trace, vantage=vantage, hops=tuple(hops), disposition=Disposition.INSUFFICIENT_INFO)

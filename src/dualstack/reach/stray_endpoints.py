"""Endpoints of a Service that may take nothing of what others take: of another workload, or of no pod that is known.

Connections go to any of them, so some would fail; that they do is not certain.
"""

from collections.abc import Iterator, Sequence

from dualstack.model.cluster import Cluster, Service
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.trace import Hop, Status, Trace
from dualstack.reach.exporting import exporters
from dualstack.reach.live import families_of, keys, maker
from dualstack.reach.pods import Place, Places


def beside(cluster: Cluster, service: Service, flows: Sequence[Trace], places: Places) -> Iterator[Finding]:
    """A warning for each workload that a selector takes in beside the receiver, and for addresses that no pod has."""
    open_ = [x for x in flows if x.failing is None]
    behind = {y.name: y for x in open_ for name in x.servers if (y := places.named(name))}
    ports = dict.fromkeys(x.port for x in open_)
    takers = {maker(x.pod) for x in behind.values() if any(x.on(y) for y in ports)}
    rest = (x for x in behind.values() if maker(x.pod) not in takers and not x.opened)
    others = {x.name: x for x in rest if _names_others(x, ports) or _sends_there(x, service)}
    for other in dict.fromkeys(maker(x.pod) for x in others.values()) if takers else ():
        mine = [x for x in others.values() if maker(x.pod) == other]
        yield _stray(service, other, min(takers), mine, [x for x in open_ if {y.name for y in mine} & {*x.servers}])
    yield from _unheld(cluster, service, open_)


def _names_others(place: Place, ports: Sequence[int] | dict[int, None]) -> bool:
    """Whether a pod names ports, and none of these."""
    named = {y.container_port for x in place.pod.spec.containers or () for y in x.ports or ()}
    return bool(named) and not named & set(ports)


def _sends_there(place: Place, service: Service) -> bool:
    """Whether a pod names no port, and exports to the Service itself that leads to it."""
    about = service.metadata
    named = any(x.ports for x in place.pod.spec.containers or ())
    return not named and any(x.service == (about.namespace, about.name) for x in exporters(place.pod))


def _stray(service: Service, other: str, taker: str, pods: Sequence[Place], flows: Sequence[Trace]) -> Finding:
    named = dict.fromkeys(
        str(z.container_port) for x in pods for y in x.pod.spec.containers or () for z in y.ports or ()
    )
    they = f"They name port{'s' * (len(named) > 1)} {' and '.join(named)} alone" if named else "They export to it"
    selector = ", ".join(f"{k}: {v}" for k, v in (service.spec.selector or {}).items())
    return Finding(
        summary="The Service takes in another workload",
        detail=f"The selector of {service.called} takes in pods of {other} beside those of {taker}. {they}, "
        "so what is led to them may be refused.",
        hint=f"Narrow the selector to the pods of {taker}.",
        severity=Severity.WARNING,
        confidence=Confidence.INFERRED,
        families=families_of(flows),
        evidence=(Evidence(f"selector: {selector}", service.called),),
        fix=Fix("Narrow the selector"),
        flows=keys(flows),
    )


def _unheld(cluster: Cluster, service: Service, flows: Sequence[Trace]) -> Iterator[Finding]:
    for item in cluster.slices_of(service):
        lost = [y for x in item.endpoints or () if x.ready for y in x.addresses or () if y in cluster.unheld]
        mine = [x for x in flows if x.at(Hop.ENDPOINTS).status is Status.PASS and any(y in _shown(x) for y in lost)]
        if lost and mine:
            yield Finding(
                summary="An endpoint is of no pod that is known",
                detail=f"EndpointSlice {item.metadata.called} leads to {', '.join(lost)}, from the ranges of pods, and"
                " none of the pods that are known has it. What is led there may wait in vain.",
                hint=f"Take it out of EndpointSlice {item.metadata.called}, or see who writes that.",
                severity=Severity.WARNING,
                confidence=Confidence.INFERRED,
                families=families_of(mine),
                evidence=(Evidence(", ".join(lost), f"EndpointSlice {item.metadata.called}"),),
                fix=Fix("Correct the endpoints"),
                flows=keys(mine),
            )


def _shown(trace: Trace) -> str:
    return trace.at(Hop.ENDPOINTS).why

"""Who wrote the endpoints of a Service that has no selector, and where these lead one port to different ones."""

from collections.abc import Iterator, Sequence

from dualstack.model.address import BOTH, Family
from dualstack.model.cluster import Cluster, EndpointSlice, Service, ServicePort
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.probe import Outcome
from dualstack.model.trace import Trace
from dualstack.reach.lanes import carrying, of_family
from dualstack.reach.live import families_of, keys, titles

_CROSSED = (Outcome.HTTP1_SPOKEN, Outcome.HTTP2_SPOKEN, Outcome.REFUSED)
_MIRRORED = "Endpoints"


def written_as(item: EndpointSlice) -> str:
    """The object that somebody writes for the endpoints of a slice: the slice, or what it is a copy of.

    The controller that mirrors Endpoints makes them the owner of the slice (kubernetes 1.34.4,
    pkg/controller/endpointslicemirroring/utils.go newEndpointSlice).
    """
    made = (x for x in item.metadata.owner_references or () if x.kind == _MIRRORED)
    return next((f"Endpoints {item.metadata.beside(x.name)}" for x in made), f"EndpointSlice {item.metadata.called}")


def leading_to(cluster: Cluster, service: Service, shown: str) -> tuple[str, ...]:
    """The objects that lead a Service to addresses among those in a text such as `ready: 10.1.2.3, 10.1.2.4`."""
    there = set(shown.removeprefix("ready: ").split(", "))
    found = (x for x in cluster.slices_of(service) for y in x.endpoints or () if there & {*(y.addresses or ())})
    return tuple(dict.fromkeys(map(written_as, found)))


def uneven(cluster: Cluster, service: Service, flows: Sequence[Trace]) -> Iterator[Finding]:
    """One finding for each port that slices by hand lead to other numbers over one family than over the other.

    It is what is wrong where the flows of one family alone meet another protocol there; else it may be.
    """
    for port in service.spec.ports or () if not service.spec.selector else ():
        led = {x: tuple(_led(cluster, service, port, x)) for x in BOTH}
        numbers = {x: {n for _, n in y} for x, y in led.items()}
        mine = [x for x in flows if x.target.port == port.port and x.required]
        if all(numbers.values()) and not numbers[Family.IPV4] & numbers[Family.IPV6] and mine:
            yield _finding(service, port, led, mine)


def _led(cluster: Cluster, service: Service, port: ServicePort, family: Family) -> Iterator[tuple[EndpointSlice, int]]:
    """The slices of a family with ready endpoints, and the number that each leads a port to."""
    for item in of_family(cluster.slices_of(service), family):
        if any(x.ready for x in item.endpoints or ()):
            yield from ((item, x.port or port.port) for x in carrying(item, port))


def _finding(
    service: Service,
    port: ServicePort,
    led: dict[Family, tuple[tuple[EndpointSlice, int], ...]],
    flows: Sequence[Trace],
) -> Finding:
    crossed = [x for x in flows if x.failing and x.failing.mark in _CROSSED]
    families = families_of(crossed)
    surely = len(families) == 1 and any(x.accepted for x in flows if x.family not in families)
    mine = crossed if surely else [x for x in flows if not x.accepted]
    said = " and ".join(f"{written_as(x)} to {n} over {y.title}" for y in BOTH for x, n in led[y][:1])
    wrong = led[families[0]] if surely else ()
    meant = led[families[0].other][0][1] if surely else 0
    other = f"Lead it to {meant} in {written_as(wrong[0][0])}, as over {families[0].other.title}." if surely else ""
    return Finding(
        summary=f"Port {port.port} leads elsewhere over {titles(families)}"
        if surely
        else f"Slices lead port {port.port} to two ports",
        detail=f"Port {port.port} of {service.called} is led by {said}.",
        hint=other or "Lead the port to the same one of the receiver in both.",
        severity=Severity.ERROR if surely else Severity.WARNING,
        confidence=Confidence.OBSERVED if surely else Confidence.INFERRED,
        families=families_of(mine),
        evidence=(
            *(Evidence(f"{port.name or port.port}: {n}", written_as(x)) for y in BOTH for x, n in led[y]),
            *dict.fromkeys(y for x in mine if x.failing for y in x.failing.evidence),
        ),
        fix=Fix("Correct the endpoints"),
        flows=keys(mine),
    )

"""Ports of Services without pods of their own that nothing stands behind, and ports that are named and not there."""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding
from dualstack.model.gateway import Gates
from dualstack.model.kube import Service, ServicePort, Services, Slice, Slices
from dualstack.reach.landscape import Landscape
from dualstack.reach.ports import carries_otlp
from dualstack.reach.routes import Route, lost, routes, shown
from dualstack.reach.slices import backing, unmatched
from dualstack.reach.stacks import is_otlp


def unbacked(services: Services, slices: Slices, land: Landscape) -> Iterator[Finding]:
    """One finding for each port of a Service for OTLP that none of its EndpointSlices has."""
    for service in services.items if slices.items else ():
        mine = backing(service, slices, land)
        if mine and carries_otlp(service, land):
            yield from (_unbacked(service, x, mine) for x in service.ports if unmatched(x, mine))


def unled(gates: Gates, land: Landscape) -> Iterator[Finding]:
    """One finding for each way to a Service for OTLP, or to a port for it, that the Service does not have."""
    for route in routes(gates, land):
        service = lost(route, land)
        if service and (carries_otlp(service, land) or is_otlp(route.named)):
            yield _unled(route, service)


def unled_because(route: Route, service: Service) -> str:
    """Why a way leads nowhere, as a sentence part."""
    has = ", ".join(x.number.text for x in service.ports)
    return f"{route.gate.meta.called} leads to {shown(route)}, which has {has}"


def _unbacked(service: Service, each: ServicePort, mine: list[Slice]) -> Finding:
    has = " and ".join(map(_named, dict.fromkeys(y.name for x in mine for y in x.ports))) or "none"
    places = (f"{x.meta.called} ({x.meta.at.file}:{x.meta.at.line})" for x in mine)
    return Finding(
        summary="No EndpointSlice has this port",
        detail=f"Port {each.number.text} of {service.meta.called} has {_named(each.name)}, its slices have {has}.",
        hint="Give the port of the EndpointSlice the name and the protocol of the port of the Service.",
        confidence=Confidence.DECLARED,
        evidence=tuple(Evidence(f"ports: {has}", x, Layer.DECLARED) for x in places),
        location=each.number.at,
    )


def _named(name: str) -> str:
    return f"the name `{name}`" if name else "no name"


def _unled(route: Route, service: Service) -> Finding:
    has = ", ".join(x.number.text for x in service.ports)
    return Finding(
        summary="Service has no such port",
        detail=f"{unled_because(route, service)}.",
        hint="Name a port of the Service, or add this one to it.",
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"ports: {has}", service.meta.called, Layer.DECLARED),),
        location=(route.way.port or route.way.service).at,
    )

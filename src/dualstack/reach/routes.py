"""Where Ingresses and routes lead: from a name that clients use to a Service, and to the receivers behind it."""

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import OTLP_PORTS, Protocol
from dualstack.model.deployed import Sender
from dualstack.model.gateway import INGRESS, Gate, Gates, Way
from dualstack.model.kube import Service, ServicePort
from dualstack.model.otel import DeclaredEndpoint
from dualstack.reach.destination import read
from dualstack.reach.landscape import Landscape
from dualstack.reach.neighbours import nearness
from dualstack.reach.ports import otlp
from dualstack.reach.start import numbered, port
from dualstack.reach.wiring import same_namespace, target

_WEB = {"": "443", "http": "80", "https": "443"}
"""The port that a client dials where an address names none, by scheme (RFC 9110 section 4.2)."""

_PORT = re.compile(r"[A-Za-z0-9-]+")  # what stands for itself: no variable, no placeholder

_PATHS = (
    (re.compile(r"(?:/.*)?/v1(?:development)?/(?:traces|metrics|logs|profiles)/?"), Protocol.HTTP),
    (re.compile(r"/opentelemetry\.proto\.collector\..*"), Protocol.GRPC),
)
"""Paths of requests that one transport alone makes (OTLP specification, OTLP/HTTP Request; names of its services)."""


class Route(msgspec.Struct, frozen=True):
    """A way and whose it is, the Services of its name in the files, and the OTLP receivers that it ends at."""

    gate: Gate
    way: Way
    services: tuple[Service, ...] = ()
    receivers: tuple[DeclaredEndpoint, ...] = ()

    @property
    def named(self) -> str:
        """The port of the Service as the way names it."""
        return self.way.port.text if self.way.port else ""

    @property
    def ports(self) -> Iterator[tuple[Service, ServicePort]]:
        """The ports of the Services that are meant."""
        return ((x, y) for x in self.services for y in x.ports if _is_meant(y, self))


class Spoken(msgspec.Struct, frozen=True):
    """What a proxy speaks to a port. `row` is that of `knowledge/ingresses.table`; `tls` is None where it is open."""

    protocol: Protocol
    tls: bool | None
    row: Mapping[str, str]


def routes(gates: Gates, land: Landscape) -> Iterator[Route]:
    """Every way in the files with what it leads to."""
    for gate in gates.items:
        for way in gate.ways:
            services = tuple(x for x in land.titled.get(way.service.text, ()) if _is_there(x, way))
            route = Route(gate, way, services)
            yield msgspec.structs.replace(route, receivers=tuple(_receivers(route, land)))


def _is_there(service: Service, way: Way) -> bool:
    return same_namespace(service.meta.namespace, way.namespace)


def _is_meant(each: ServicePort, route: Route) -> bool:
    """Whether a way names this port: an Ingress by number or name, a route by its number."""
    by_name = route.gate.meta.kind == INGRESS and each.name == route.named
    return bool(route.named) and each.protocol == "TCP" and (each.number.text == route.named or by_name)


def _receivers(route: Route, land: Landscape) -> Iterator[DeclaredEndpoint]:
    """The OTLP receivers that the port of a way leads to, in whichever pods."""
    for item in land.leading.get(route.way.service.text, ()):
        mine = [x for x in item.services if _is_there(x, route.way) and x.meta.name == route.way.service.text]
        if item.workload and mine:
            ports = (y for x in mine for y in x.ports if _is_meant(y, route))
            wanted = {target(x, item.workload) for x in ports} - {0}
            yield from (x for x in otlp(item.config) if port(x) in wanted)


def lost(route: Route, land: Landscape) -> Service | None:
    """A Service that a way names without a port that it has; None where one of that name has it, or may have it.

    ingress-nginx takes a `targetPort` as well (internal/ingress/controller/controller.go serviceEndpoints); for a route
    the number is that of the Service (Gateway API, BackendObjectReference).
    """
    written = {id(x) for x in route.services}
    led = (y for x in land.leading.get(route.way.service.text, ()) for y in x.services if _is_there(y, route.way))
    made = any(id(x) not in written for x in led if x.meta.name == route.way.service.text)
    known = [x for x in route.services if x.ports]
    if not (known and _PORT.fullmatch(route.named)) or made or any(True for _ in route.ports):
        return None
    targets = {y.target.text for x in known for y in x.ports if y.target} if route.gate.meta.kind == INGRESS else ()
    external = any(x.type == "ExternalName" for x in known)
    return None if route.named in targets or external else known[0]


def requested(route: Route) -> Protocol | None:
    """What the requests for a path speak, where it is one of OTLP's; None for any other path."""
    return next((x for pattern, x in _PATHS if pattern.fullmatch(route.way.path)), None)


def spoken(route: Route) -> Spoken | None:
    """What the proxy speaks to the port behind it; None where the files do not tell."""
    behind = [*route.ports]
    said = {k: v.text for k, v in route.gate.meta.annotations.items()}
    said.update((k, v.text) for service, _ in behind for k, v in service.meta.annotations.items())
    row = next((x for x in _rows(route.gate, said) if _fits(x, said)), None)
    if row is None or not row["speaks"] or any(_excepted(row, x) for _, x in behind):
        return None
    return Spoken(Protocol(row["speaks"]), {"yes": True, "no": False}.get(row["tls"]), row)


def _excepted(row: Mapping[str, str], each: ServicePort) -> bool:
    """Whether a row says nothing of a port, for what the port itself says."""
    if each.speaks and not row["own"]:
        return True
    return any(re.fullmatch(row["unless"], x) for x in (each.name, each.number.text)) if row["unless"] else False


def _rows(gate: Gate, said: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """The rows for the controller of an object, by its class or else by the domain of its annotations."""
    rows = [x for x in table("ingresses") if x["kind"] == gate.meta.kind]
    wanted = gate.named("IngressClass")
    known = [x for x in rows if x["class"] in (wanted, "")]
    domains = {x.partition("/")[0] for x in said}
    others = [x for x in rows if x["domain"] in domains]
    return known or (others if len({x["class"] for x in others}) == 1 else [])


def _fits(row: Mapping[str, str], said: Mapping[str, str]) -> bool:
    held = said.get(row["annotation"])
    return not row["annotation"] or (held is not None and row["value"] in (held.strip().upper(), "*"))


def other(found: Spoken, wanted: Protocol) -> str:
    """The annotation with which the same controller speaks another protocol; empty where the table has none."""
    mine = (x for x in table("ingresses") if x["class"] and x["class"] == found.row["class"] and x["annotation"])
    row = next((x for x in mine if x["speaks"] == wanted), None)
    return f"{row['annotation']}: {row['value'].lower() if row['class'] == 'traefik' else row['value']}" if row else ""


def followed(sender: Sender, found: list[Route], gates: Gates) -> list[Route]:
    """The ways for the name that a client sends to, whatever their path; none where the client may mean another place.

    Another place is a port that the proxy has none of its own for, and a name in files that have little in common.
    """
    place = read(sender.destination.value, sender.destination.form)
    number, at = place.port or _WEB.get(place.scheme, ""), sender.destination.written.at
    if sender.service or place.fault or "." not in place.host:
        return []
    named = [x for x in found if any(covers(y, place.host) for y in hosts(x, gates))]
    near = [x for x in named if number in _ports(x, gates) and _together(x.gate.meta.at.file, at.file)]
    return near if len(near) == len(named) else []


def hosts(route: Route, gates: Gates) -> tuple[str, ...]:
    """The names that a way is for; those of its Gateways where it has none of its own (Gateway API, hostnames)."""
    return route.way.hosts or tuple(y for x in _parents(route, gates) for y in x.hosts)


def _ports(route: Route, gates: Gates) -> set[str]:
    return {y for x in _parents(route, gates) for y in x.ports} or {*_WEB.values()}


def _parents(route: Route, gates: Gates) -> Iterator[Gate]:
    return (x for x in gates.items if ("Gateway", x.meta.name) in route.gate.leads and x.meta.kind == "Gateway")


def covers(pattern: str, host: str) -> bool:
    """Whether a name of an Ingress or a route is for a host; a `*` stands for what is before the first dot, or more."""
    return host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _together(one: str, another: str) -> bool:
    """Whether two files are in one folder, in folders side by side, or one in a folder below that of the other."""
    return nearness(one, another) >= min(one.count("/"), another.count("/")) - 1


def misled(sender: Sender, ways: list[Route]) -> Protocol | None:
    """What all ways of a client end at instead of what it speaks; None where one fits, or is not known."""
    said = sender.destination.protocol
    ends = [y.protocol for x in ways for y in x.receivers]
    if said not in OTLP_PORTS.values() or not ends or not all(x.receivers for x in ways) or said in ends:
        return None
    return ends[0]


def place(route: Route) -> str:
    """The way as a reader knows it: host and path."""
    return f"{' and '.join(route.way.hosts) or 'any host'}{route.way.path}"


def shown(route: Route) -> str:
    """The port that it leads to: `port 4317 of Service otel-collector`."""
    said = f"port {route.named}" if numbered(route.named) else f"port `{route.named}`" if route.named else "no port"
    return f"{said} of Service {route.way.service.text}"

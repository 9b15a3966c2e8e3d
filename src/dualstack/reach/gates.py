"""The ways in through Ingresses and Gateways, by what their controllers say of them, to ports of Services for OTLP."""

import itertools
from collections.abc import Iterator, Sequence

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import BOTH, OTLP_PORTS, Family, Protocol, Target, family, is_address
from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence
from dualstack.model.front import Front, ListenerStatus, ParentRef, RouteParent
from dualstack.model.gateway import INGRESS
from dualstack.model.question import Question
from dualstack.model.slim import Condition
from dualstack.model.trace import Hop, Status, Trace, TracedHop
from dualstack.reach.entrance import ASIDE, LACKS, Entrance, entered, led_by
from dualstack.reach.landscape import Landscape
from dualstack.reach.mismatch import clashes
from dualstack.reach.resolved import UNTRIED
from dualstack.reach.routes import Route, lost, requested, shown
from dualstack.reach.stacks import is_otlp
from dualstack.reach.start import numbered
from dualstack.reach.unstripped import unstripped
from dualstack.reach.vacant import unled_because

INGRESSES, GATEWAYS = "ingress", "gateway"
"""How the vantage of such flows begins."""
REFUSED, UNGRANTED, NO_GATEWAY = "front-refused", "front-ungranted", "front-no-gateway"
ABSENT, NO_PORT, CLASH = "front-absent", "front-no-port", "front-clash"
"""Marks: a controller that does not lead there, for want of a ReferenceGrant, a Gateway that is not there, a Service
that is not there, a port that it lacks, and a proxy that speaks another protocol than what is behind it."""
_WEB, _WEB_TLS = 80, 443
_ENCRYPTED = ("HTTPS", "TLS")
_INVALID = "Invalid"
_NOT_PERMITTED = "RefNotPermitted"
"""The reason of a condition where a ReferenceGrant is missing (Gateway API, RouteReasonRefNotPermitted)."""
_CANARY = "nginx.ingress.kubernetes.io/canary"
"""The annotation of an Ingress that takes some requests of another one (ingress-nginx, Canary)."""
_PATHS = {
    Protocol.HTTP: "/v1/traces",
    Protocol.GRPC: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
}
"""What an export asks for first (OTLP specification, OTLP/HTTP Request; names of its services)."""


class Door(msgspec.Struct, frozen=True):
    """What clients come to: an Ingress, or a Gateway with the route that it leads on by. `shut` is why it does not.

    `port` is that which clients come to, and `proxy` who answers there, where it may answer by itself. `taken` says
    that an export of traces, as this tool makes it, is led on by this way. `kind` is the class of an Ingress, whose
    controller serves it if there is one.
    """

    vantage: str
    called: str
    published: tuple[str, ...]
    port: int
    tls: bool
    shut: TracedHop | None = None
    proxy: str = ""
    taken: bool = True
    kind: str = ""


def gated(
    cluster: Cluster, ways: Sequence[Route], land: Landscape, question: Question, inside: Sequence[Trace]
) -> Iterator[Trace]:
    """The traces from outside of every way to a port for OTLP, by the traces from inside."""
    fronts = {x.key: x for x in cluster.fronts}
    for route in ways:
        meta = route.gate.meta
        front = fronts.get((meta.kind, meta.namespace, meta.name))
        end = _end(route, land, cluster, inside) if front else None
        if front and end:
            # What its objects say of where a way ends is nearer to the reason than what a controller makes of it.
            lost = end.hop.status is Status.FAIL
            taken = is_taken(route, end.protocol, ways)
            for door in _doors(route, front, fronts, cluster):
                known = msgspec.structs.replace(door, taken=taken, shut=None if lost else door.shut)
                ended = () if lost or known.shut else tuple(unstripped(route, ways, door.proxy or door.kind))
                yield from _through(known, route, (end, ended), _families(door, end, cluster, question), inside)


class End(msgspec.Struct, frozen=True):
    """The port of a Service that a way leads to, what is spoken there, and the hop that says whether it gets there."""

    service: str
    port: int
    protocol: Protocol
    hop: TracedHop
    families: tuple[Family, ...] = ()
    clash: str = ""


def _end(route: Route, land: Landscape, cluster: Cluster, inside: Sequence[Trace]) -> End | None:
    """Where a way ends; None for one that has nothing to do with OTLP, or of which nothing is known."""
    name, namespace = route.way.service.text, route.way.namespace
    called, number = f"{name}.{namespace}.svc", numbered(route.named)
    protocol = requested(route) or (Protocol.GRPC if route.gate.meta.kind == "GRPCRoute" else None)
    if (namespace, name) in cluster.absent:
        why = f"{route.gate.meta.called} leads to Service `{name}`, and `{namespace}` has no such Service"
        hop = TracedHop(Hop.SERVICE, Status.FAIL, why, ABSENT, (Evidence(why, route.gate.meta.called),))
        return End(called, number, protocol or OTLP_PORTS.get(number, Protocol.HTTP), hop)
    lacking = lost(route, land)
    mine = [*led_by(called, inside)]
    if lacking:
        why = unled_because(route, lacking)
        hop = TracedHop(Hop.SERVICE, Status.FAIL, why, NO_PORT, (Evidence(why, lacking.meta.called),))
        known = protocol or OTLP_PORTS.get(number, Protocol.HTTP)
        return End(called, number, known, hop) if mine or is_otlp(name, route.named) else None
    for _, port in route.ports:
        there = [x for x in mine if x.target.port == numbered(port.number.text)]
        spoken = {x.protocol for x in there}
        if there:
            hop = TracedHop(Hop.SERVICE, Status.PASS, f"{route.gate.meta.called} leads to {shown(route)}")
            families = tuple(x for x in BOTH if x in {y.family for y in there})
            kept = protocol if protocol and (protocol in spoken or clashes(route)) else there[0].protocol
            return End(called, there[0].target.port, kept, hop, families, clashes(route))
    return None


def _doors(route: Route, front: Front, fronts: dict[tuple[str, str, str], Front], cluster: Cluster) -> Iterator[Door]:
    meta = route.gate.meta
    if meta.kind == INGRESS:
        hosts = [x.hosts or [] for x in front.spec.tls or ()]
        tls = any(not x or set(x) & set(route.way.hosts) for x in hosts)
        named = route.gate.named("IngressClass")
        proxy = _proxy(route, named)
        port = _WEB_TLS if tls else _WEB
        yield Door(f"{INGRESSES} {meta.name}", meta.called, front.published, port, tls, proxy=proxy, kind=named)
        return
    parents = [
        (x, (x.namespace or meta.namespace, x.name)) for x in front.spec.parent_refs or () if x.kind == "Gateway"
    ]
    nowhere = cluster.no_gateways.issuperset(x for _, x in parents)
    for parent, (namespace, name) in parents:
        door = _gateway(route, front, parent, fronts.get(("Gateway", namespace, name)))
        why = f"{meta.called} names Gateway `{name}`, and `{namespace}` has no such Gateway"
        none = TracedHop(Hop.POLICY, Status.FAIL, why, NO_GATEWAY, (Evidence(why, meta.called),))
        yield msgspec.structs.replace(door, shut=none) if nowhere else door


def _gateway(route: Route, front: Front, parent: ParentRef, gateway: Front | None) -> Door:
    listeners = (gateway.spec.listeners if gateway else None) or ()
    meant = [x for x in listeners if parent.section_name in ("", x.name)]
    first = next(iter(meant or listeners), None)  # clients come to the listeners that there are, whatever a route names
    mine = [x for x in front.status.parents or () if _is_of(x.parent_ref, parent)]
    controller = next((x.controller_name.partition("/")[0] for x in mine), "")
    return Door(
        f"{GATEWAYS} {parent.name}",
        f"Gateway {parent.name}",
        gateway.published if gateway else (),
        _exposed(controller, first.port) if first else _WEB,
        first is not None and first.protocol in _ENCRYPTED,
        next(itertools.starmap(_shut, _refusals(route, front, mine, gateway, parent)), None),
        _proxy(route, controller),
    )


def _is_of(said: ParentRef, parent: ParentRef) -> bool:
    known = not parent.section_name or said.section_name in ("", parent.section_name)
    return said.name == parent.name and known


def _exposed(controller: str, port: int) -> int:
    """The port of its Service that clients come to, for that of a listener."""
    mine = (x for x in table("gateway_ports") if (x["controller"], x["listener"]) == (controller, str(port)))
    return next((int(x["clients"]) for x in mine), port)


def _proxy(route: Route, controller: str) -> str:
    """The proxy of a controller, where nothing says that it answers on other ports, or so to some clients alone."""
    said = route.gate.meta.annotations
    mine = [x for x in table("front_answers") if controller in x["proxies"].split()]
    return "" if any(y in said for x in mine for y in x["unless"].split()) else controller


def _refusals(
    route: Route, front: Front, mine: Sequence[RouteParent], gateway: Front | None, parent: ParentRef
) -> Iterator[tuple[str, Condition]]:
    """Why a Gateway does not lead on by a route, and what says so: what is nearest to the reason comes first.

    Of several backends nobody says which one is wrong.
    """
    if gateway:
        own = gateway.denied(gateway.status.conditions, "Accepted")
        meant = [x for x in gateway.status.listeners or () if parent.section_name in ("", x.name)]
        found = [(x.name, _fault(gateway, x)) for x in meant if own or _is_shut(gateway, x)]
        if len(found) == len(meant):
            yield from ((f"listener {x} of Gateway {parent.name}", y) for x, y in found if y)
        yield from ((f"Gateway {parent.name}", x) for x in (own,) if x)
    alone = len({(x.namespace, x.service.text) for x in route.gate.ways}) == 1
    wanted = ("Accepted", "ResolvedRefs") if alone else ("Accepted",)
    refused = [front.denied(x.conditions, *wanted) for x in mine]
    if all(refused):
        yield from ((route.gate.meta.called, x) for x in refused if x)


def _shut(refuser: str, refusal: Condition) -> TracedHop:
    message = f": {refusal.message}" if refusal.message else ""
    said = f"{refusal.type} is False, {refusal.reason or 'without a reason'}{message}"
    evidence = (Evidence(said, f"status of {refuser}"),)
    mark = UNGRANTED if refusal.reason == _NOT_PERMITTED else REFUSED
    return TracedHop(Hop.POLICY, Status.FAIL, f"{refuser}: {said}", mark, evidence)


def _is_shut(gateway: Front, listener: ListenerStatus) -> bool:
    """Whether nobody listens; what is pending may yet be (Gateway API, ListenerConditionProgrammed)."""
    programmed = gateway.denied(listener.conditions, "Programmed")
    invalid = programmed is not None and programmed.reason == _INVALID
    return invalid or gateway.denied(listener.conditions, "Accepted") is not None


def _fault(gateway: Front, listener: ListenerStatus) -> Condition | None:
    """What is wrong with a listener, its own words before those of what follows."""
    found = (gateway.denied(listener.conditions, x) for x in ("Accepted", "ResolvedRefs", "Programmed"))
    return next(filter(None, found), None)


def _families(door: Door, end: End, cluster: Cluster, question: Question) -> tuple[Family, ...]:
    """The families that clients come over: those expected, else those of its addresses, or of what is behind it."""
    held = {family(x) for x in door.published if is_address(x)}
    known = tuple(x for x in BOTH if x in held)
    return question.expect or known or end.families or cluster.families or BOTH


def is_taken(route: Route, protocol: Protocol, ways: Sequence[Route]) -> bool:
    """Whether an export of traces takes a way by its path, and no other one to another Service that is as near to it.

    The name decides before the path, and a longer path before a shorter one (Ingress v1 networking.k8s.io, HTTPRoute).
    """
    mine = route.way
    rivals = [
        x.way
        for x in ways
        if (set(x.way.hosts) & set(mine.hosts) or x.way.hosts == mine.hosts)
        and (x.way.namespace, x.way.service.text) != (mine.namespace, mine.service.text)
        and len(x.way.path) >= len(mine.path)
    ]
    some = mine.narrow or _CANARY in route.gate.meta.annotations
    return not some and _covers(mine.path, protocol) and not any(_covers(x.path, protocol) for x in rivals)


def _covers(path: str, protocol: Protocol) -> bool:
    return f"{_PATHS[protocol]}/".startswith(f"{path.rstrip('/')}/")


def _through(
    door: Door,
    route: Route,
    led: tuple[End, tuple[TracedHop, ...]],
    families: tuple[Family, ...],
    inside: Sequence[Trace],
) -> Iterator[Trace]:
    end, ended = led
    name = next(iter(sorted(route.way.hosts, key=lambda x: x.startswith("*"))), "")
    for each in families:
        mine = tuple(x for x in door.published if is_address(x) and family(x) is each)
        called = name or next(iter((*mine, *door.published)), door.vantage)
        target = Target(called, called, door.port, end.protocol, tls=door.tls)
        hops = (*_hops(door, name, each), end.hop, *_clash(end), *ended)
        entrance = Entrance(door.vantage, target, each, mine[:1], hops, end.service, end.port)
        yield from entered(entrance, inside)


def _clash(end: End) -> Iterator[TracedHop]:
    if end.clash:
        yield TracedHop(Hop.HANDSHAKE, Status.FAIL, end.clash, CLASH, (Evidence(end.clash, end.service),))


def _hops(door: Door, name: str, wanted: Family) -> Iterator[TracedHop]:
    yield TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses")
    held = [family(x) for x in door.published if is_address(x)]
    named = name or len(held) < len(door.published) or not held
    lacks = f"{door.called}{f', of the class `{door.kind}`,' if door.kind else ''} shows no address"
    why = f"`{name}` {UNTRIED}{'' if door.published else f', and {lacks}'}" if name else lacks
    yield TracedHop(Hop.RESOLVE, Status.UNKNOWN if named else Status.NOT_APPLICABLE, why if named else "")
    yield TracedHop(Hop.SELECT, Status.NOT_APPLICABLE)
    yield TracedHop(Hop.ROUTE, Status.UNKNOWN, "nobody exported from outside")
    if door.shut:
        yield door.shut
    elif held and len(held) == len(door.published) and wanted not in held:
        why = f"{door.called} has no {wanted.title} address"
        fact = Evidence(", ".join(door.published), f"status of {door.called}")
        yield TracedHop(Hop.POLICY, Status.FAIL, why, LACKS, (fact,))
    else:
        mark = door.proxy if door.taken else ASIDE
        yield TracedHop(Hop.POLICY, Status.UNKNOWN, f"nobody says whom {door.called} lets in", mark)

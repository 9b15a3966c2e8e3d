"""The way from the pods of a cluster to the listeners behind a Service, family by family.

client pod > name > cluster address > endpoints of that family > pod > socket. What leads from one to the next is in the
objects of the API server, and what listens follows from the configuration in each pod; a probe beats both.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from dualstack.model.address import BOTH, OTLP_PORTS, Family, Protocol, Target, family, join
from dualstack.model.cluster import Cluster, Endpoint, EndpointSlice, Service, ServicePort
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from dualstack.model.sockets import Listener
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.bind import accepts, listen_mark
from dualstack.reach.crowds import Crowd, crowds
from dualstack.reach.outcomes import MEANINGS
from dualstack.reach.pods import Place

_ORDER = tuple(Hop)
_NOTHING = Glimpses()
_LOOPBACK = "127.0.0.1"
_SPOKEN = {"grpc": Protocol.GRPC, "http": Protocol.HTTP, "h2c": Protocol.GRPC}
_DISPOSITIONS = {
    Hop.RESOLVE: Disposition.NO_ADDRESS,
    Hop.ROUTE: Disposition.NO_ROUTE,
    Hop.POLICY: Disposition.DENIED,
    Hop.SERVICE: Disposition.NO_ENDPOINT,
    Hop.ENDPOINTS: Disposition.NO_ENDPOINT,
    Hop.POD: Disposition.NO_ENDPOINT,
    Hop.HOST: Disposition.NO_ROUTE,
    Hop.LISTEN: Disposition.REFUSED,
    Hop.HANDSHAKE: Disposition.HANDSHAKE_FAILED,
    Hop.EXPORT: Disposition.REJECTED,
}


class Backend(msgspec.Struct, frozen=True):
    """An endpoint of a Service in one family: its address, the port there, and the pod where there is one."""

    address: str
    port: int
    endpoint: Endpoint
    place: Place | None = None


class Lane(msgspec.Struct, frozen=True):
    """One port of a Service in one family for one group of clients."""

    crowd: Crowd
    service: Service
    port: ServicePort
    protocol: Protocol
    family: Family


def forward(
    cluster: Cluster, places: Mapping[tuple[str, str], Place], question: Question, seen: Glimpses = _NOTHING
) -> Iterator[Trace]:
    """The traces of every OTLP port of the Services of a question, with what was seen of the pods from outside."""
    for service in cluster.services:
        slices = cluster.slices_of(service)
        local = service.spec.internal_traffic_policy == "Local" and not service.headless
        near = frozenset(_nodes(slices)) if local else None
        for port in service.spec.ports or ():
            for protocol in spoken(service, port, slices, places):
                lanes = (Lane(x, service, port, protocol, y) for x in crowds(cluster, near) for y in BOTH)
                for lane in lanes:
                    yield from _traces(lane, slices, places, question, seen)


def spoken(
    service: Service, port: ServicePort, slices: Sequence[EndpointSlice], places: Mapping[tuple[str, str], Place]
) -> tuple[Protocol, ...]:
    """The OTLP protocols that clients speak to a port; none where it is for something else.

    What the receivers behind it speak counts most, then the port's number, its name, and its application protocol.
    """
    if port.protocol != "TCP":
        return ()
    behind = {x.port for y in BOTH for x in _backends(Lane(Crowd(""), service, port, Protocol.TCP, y), slices, places)}
    received = {
        x.endpoint.protocol
        for place in places.values()
        for x in place.opened
        if x.endpoint.component.startswith("receivers/otlp") and _port(x.value) in behind
    }
    known = [x for x in OTLP_PORTS.values() if x in received]
    if known:
        return tuple(known)
    if port.port in OTLP_PORTS:
        return (OTLP_PORTS[port.port],)
    words = f"{port.name}-{port.app_protocol or ''}".lower().split("-")
    named = [y for x, y in _SPOKEN.items() if x in words]
    return (named[0] if named else Protocol.GRPC,) if "otlp" in words else ()


def _port(value: str) -> int:
    text = value.rpartition(":")[2]
    return int(text) if text.isascii() and text.isdigit() else 0


def _nodes(slices: Iterable[EndpointSlice]) -> Iterator[str]:
    for item in slices:
        yield from (x.node_name for x in item.endpoints or () if x.ready and x.node_name)


def _backends(
    lane: Lane, slices: Iterable[EndpointSlice], places: Mapping[tuple[str, str], Place]
) -> tuple[Backend, ...]:
    """The endpoints of one family for a port, which its name joins (kube-proxy reads them so)."""
    found = []
    for item in slices:
        mine = [x for x in item.ports or () if (x.name or "") == lane.port.name and (x.protocol or "TCP") == "TCP"]
        if item.address_type.lower() != lane.family or not mine:
            continue
        for endpoint in item.endpoints or ():
            near = lane.crowd.nodes if lane.service.spec.internal_traffic_policy == "Local" else ()
            if near and endpoint.node_name not in near:
                continue
            number = mine[0].port or lane.port.port
            found += [Backend(x, number, endpoint, _place(item, endpoint, places)) for x in endpoint.addresses or ()]
    return tuple(found)


def _place(item: EndpointSlice, endpoint: Endpoint, places: Mapping[tuple[str, str], Place]) -> Place | None:
    about = endpoint.target_ref
    if about is None or about.kind != "Pod":
        return None
    return places.get((about.namespace or item.metadata.namespace, about.name))


def _traces(
    lane: Lane,
    slices: Sequence[EndpointSlice],
    places: Mapping[tuple[str, str], Place],
    question: Question,
    seen: Glimpses,
) -> Iterator[Trace]:
    """What becomes of a lane: one trace, or one for each way in which its backends differ."""
    if not _is_asked(lane, question):
        return
    before = tuple(_before(lane))
    if any(x.status is Status.FAIL for x in before):
        yield _trace(lane, before, (), question)
        return
    every = _backends(lane, slices, places)
    using = [x for x in every if x.endpoint.ready] or [x for x in every if x.endpoint.conditions.serving]
    ways: dict[tuple[object, ...], list[Backend]] = {}
    for backend in using:
        hops = tuple(_behind(lane, backend, seen))
        key = tuple((x.status, _alike(x.mark, backend)) for x in hops)
        ways.setdefault(key, []).append(backend)
    if not using:
        yield _trace(lane, (*before, _no_endpoint(lane, slices, every)), (), question)
    for backends in ways.values():
        counted = _counted(backends, using)
        shown = next((x for x in backends if x.place and _looked(lane, x, x.place, seen)), backends[0])
        hops = (*before, counted, *_behind(lane, shown, seen))
        yield _trace(lane, hops, (shown, *(x for x in backends if x is not shown)), question)


def _alike(mark: str, backend: Backend) -> str:
    """A mark with the pod's own addresses called by their families: pods of one template differ in nothing else."""
    held = backend.place.pod.addresses if backend.place else ()
    marks = {f"[{x}]" if ":" in x else x: str(family(x)) for x in held}
    return ",".join(marks.get(x, x) for x in mark.split(","))


def _is_asked(lane: Lane, question: Question) -> bool:
    return lane.family in lane.service.families or lane.family in question.expect


def _before(lane: Lane) -> Iterator[TracedHop]:
    """The hops up to the Service."""
    yield TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses")
    yield _resolve(lane)
    yield TracedHop(Hop.SELECT, Status.NOT_APPLICABLE)
    yield _route(lane)
    yield TracedHop(Hop.POLICY, Status.PASS)
    if lane.family in lane.service.families:
        yield _service(lane)


def _resolve(lane: Lane) -> TracedHop:
    """The cluster's DNS gives a record for each cluster address (Kubernetes DNS specification 1.1 section 2.3)."""
    has = lane.family in lane.service.families
    record, name = lane.family.record, host(lane.service)
    fact = Evidence(f"ipFamilies {', '.join(x.title for x in lane.service.families)}", lane.service.called)
    if has:
        return TracedHop(Hop.RESOLVE, Status.PASS, f"`{name}` has an {record} record", record, (fact,))
    return TracedHop(Hop.RESOLVE, Status.FAIL, f"`{name}` has no {lane.family.title} address", f"no-{record}", (fact,))


def _route(lane: Lane) -> TracedHop:
    crowd, title = lane.crowd, lane.family.title
    if not crowd.families:
        return TracedHop(Hop.ROUTE, Status.UNKNOWN, f"nobody could say whether the {crowd.name} have {title}")
    if lane.family in crowd.families:
        return TracedHop(Hop.ROUTE, Status.PASS, f"the {crowd.name} have {title} addresses")
    fact = Evidence(f"pods have {' and '.join(x.title for x in crowd.families)} addresses alone", _nodes_of(crowd))
    return TracedHop(Hop.ROUTE, Status.FAIL, f"the {crowd.name} have no {title} address", "no-source", (fact,))


def _nodes_of(crowd: Crowd) -> str:
    shown = ", ".join(crowd.nodes[:5])
    return f"nodes {shown}" + (f" and {len(crowd.nodes) - 5} more" if len(crowd.nodes) > 5 else "")


def _service(lane: Lane) -> TracedHop:
    service = lane.service
    if service.headless:
        return TracedHop(Hop.SERVICE, Status.NOT_APPLICABLE, "headless: clients get the addresses of the pods")
    address = _cluster_address(lane)
    fact = Evidence(join(address, lane.port.port) if address else "no cluster address", service.called)
    return TracedHop(Hop.SERVICE, Status.PASS, f"{service.called} has {address}", address, (fact,))


def _cluster_address(lane: Lane) -> str:
    return next((x for x in lane.service.addresses if family(x) is lane.family), "")


def _no_endpoint(lane: Lane, slices: Sequence[EndpointSlice], every: Sequence[Backend]) -> TracedHop:
    title, called = lane.family.title, lane.service.called
    mine = [x for x in slices if x.address_type.lower() == lane.family]
    ported = any((y.name or "") == lane.port.name for x in mine for y in x.ports or ())
    count = len({x.address for x in every})
    if lane.service.spec.internal_traffic_policy == "Local" and not every:
        why, mark = f"no endpoint on the nodes of the {lane.crowd.name}, and internalTrafficPolicy is Local", "local-0"
    elif count:
        why, mark = f"none of {count} {title} endpoints of {called} is ready", f"0-of-{count}"
    elif mine and not ported and any(x.endpoints for x in mine):
        why, mark = f"no {title} endpoint of {called} has the port `{lane.port.name or lane.port.port}`", "no-port"
    else:
        why, mark = f"{called} has no {title} endpoint", "0"
    names = ", ".join(x.metadata.name for x in mine) or "no EndpointSlice of this family"
    return TracedHop(Hop.ENDPOINTS, Status.FAIL, why, mark, (Evidence(why, names),))


def _counted(backends: Sequence[Backend], using: Sequence[Backend]) -> TracedHop:
    count = f"{len(backends)}-of-{len(using)}" if len(backends) < len(using) else str(len(using))
    shown = ", ".join(x.address for x in backends[:5])
    return TracedHop(Hop.ENDPOINTS, Status.PASS, f"ready: {shown}", count, (Evidence(shown, "EndpointSlice"),))


def _behind(lane: Lane, backend: Backend, seen: Glimpses) -> Iterator[TracedHop]:
    """The hops inside the pod."""
    place = backend.place
    if place is None:
        yield from (TracedHop(x, Status.UNKNOWN) for x in _ORDER[_ORDER.index(Hop.POD) :])
        return
    name = place.pod.metadata.name
    held = backend.address in place.pod.addresses
    why = f"the pod {name} has {backend.address}" if held else f"the pod {name} does not have {backend.address}"
    fact = Evidence(", ".join(place.pod.addresses) or "no address", f"status of the pod {name}")
    yield TracedHop(Hop.POD, Status.PASS if held else Status.FAIL, why, "" if held else "stale", (fact,))
    yield TracedHop(Hop.HOST, Status.PASS if held else Status.UNKNOWN)
    looked = _looked(lane, backend, place, seen)
    yield _listen(backend, place, looked)
    yield _later(Hop.HANDSHAKE, backend, place, looked)
    yield _later(Hop.EXPORT, backend, place, looked)


def _looked(lane: Lane, backend: Backend, place: Place, seen: Glimpses) -> Mapping[Way, Glimpse]:
    """What was seen of a port of a pod; of its addresses the API server dials the first one alone."""
    found = {x: seen.of(place.name, backend.port, lane.protocol, x) for x in Way}
    if backend.address != next(iter(place.pod.addresses), ""):
        found[Way.ADDRESS] = None
    return {k: v for k, v in found.items() if v}


def _listen(backend: Backend, place: Place, looked: Mapping[Way, Glimpse]) -> TracedHop:
    sockets = [x for x in place.sockets if x.port == backend.port]
    facts = tuple(Evidence(f"{listen_mark(x)} on port {x.port}", x.source, Layer.DECLARED) for x in sockets)
    mark = ",".join(dict.fromkeys(map(listen_mark, sockets)))
    direct = looked.get(Way.ADDRESS)
    if direct:
        facts = (_sight(direct), *facts)
        if direct.outcome is Outcome.REFUSED:
            return TracedHop(
                Hop.LISTEN, Status.FAIL, f"{backend.address} refuses connections", mark or "refused", facts
            )
        return TracedHop(Hop.LISTEN, Status.PASS, "a listener accepts", mark, facts)
    said = _taken(sockets, backend.address, place)
    inside = looked.get(Way.LOOPBACK)
    if said and inside and inside.outcome is Outcome.REFUSED and _taken(sockets, _LOOPBACK, place):
        why = f"nothing listens on port {backend.port}, whatever the configuration says"
        return TracedHop(Hop.LISTEN, Status.FAIL, why, "none", (_sight(inside), *facts))
    if said is not None:
        why = "a listener accepts" if said else f"no socket on port {backend.port} accepts {backend.address}"
        return TracedHop(Hop.LISTEN, Status.PASS if said else Status.FAIL, why, mark, facts)
    if not sockets and place.whole and not _unclear(backend, place):
        return TracedHop(Hop.LISTEN, Status.FAIL, f"nothing listens on port {backend.port}", "none")
    return TracedHop(Hop.LISTEN, Status.UNKNOWN, _unclear(backend, place), mark, facts)


def _taken(sockets: Sequence[Listener], address: str, place: Place) -> bool | None:
    """Whether one of these takes connections to an address; None where nobody can say, or there are none."""
    said = [accepts(x, address, place.space) for x in sockets]
    return True if True in said else None if None in said or not said else False


def _unclear(backend: Backend, place: Place) -> str:
    """Why nobody can say who listens on a port."""
    mine = (x for x in place.opened if _port(x.value) in (backend.port, 0))
    return next((x.bound.unknown or x.bound.error for x in mine if x.bound.unknown or x.bound.error), "")


def _later(hop: Hop, backend: Backend, place: Place, looked: Mapping[Way, Glimpse]) -> TracedHop:
    """Handshake and export: from a look at this address, or at the loopback where the same socket takes both."""
    direct, inside = looked.get(Way.ADDRESS), looked.get(Way.LOOPBACK)
    sockets = [x for x in place.sockets if x.port == backend.port]
    same = [x for x in sockets if accepts(x, backend.address, place.space) and accepts(x, _LOOPBACK, place.space)]
    through = bool(same) or (direct is not None and direct.outcome is not Outcome.REFUSED)
    tried = [x for x in (direct, inside if through else None) if x and x.outcome is not Outcome.REFUSED]
    told = [x for x in tried if x.outcome is not Outcome.CONNECTED]
    if not told:
        met = hop is Hop.HANDSHAKE and tried
        return TracedHop(hop, Status.PASS if met else Status.UNKNOWN, evidence=tuple(map(_sight, tried)))
    meaning = MEANINGS[told[0].outcome]
    facts = (_sight(told[0]),)
    if meaning.hop is hop:
        return TracedHop(hop, Status.FAIL, meaning.why, told[0].outcome, facts)
    passed = meaning.hop is None or _ORDER.index(meaning.hop) > _ORDER.index(hop)
    return TracedHop(hop, Status.PASS if passed else Status.UNKNOWN, "accepted" if passed else "", evidence=facts)


def _sight(look: Glimpse) -> Evidence:
    said = "; ".join(x for x in (str(look.outcome), look.detail) if x)
    return Evidence(said, look.source, Layer.PROBED)


def _trace(lane: Lane, hops: tuple[TracedHop, ...], backends: tuple[Backend, ...], question: Question) -> Trace:
    done = {x.hop for x in hops}
    whole = (*hops, *(TracedHop(x, Status.UNKNOWN) for x in _ORDER if x not in done))
    ordered = tuple(sorted(whole, key=lambda x: _ORDER.index(x.hop)))
    failing = next((x for x in ordered if x.status is Status.FAIL), None)
    unclear = any(x.status is Status.UNKNOWN for x in ordered)
    became = (
        _DISPOSITIONS[failing.hop] if failing else Disposition.INSUFFICIENT_INFO if unclear else Disposition.ACCEPTED
    )
    address, name = _cluster_address(lane), host(lane.service)
    first = backends[0] if backends else None
    addresses = tuple(x.address for x in backends) if lane.service.headless else (address,) if address else ()
    return Trace(
        lane.crowd.name,
        Target(name, name, lane.port.port, lane.protocol),
        lane.protocol,
        lane.family,
        addresses,
        ordered,
        became,
        required=_required(lane, question),
        server=first.place.name if first and first.place else "",
        arrives=first.port if first else 0,
    )


def _required(lane: Lane, question: Question) -> bool:
    """Whether these clients depend on the family: they are handed an address of it and have none of another to use."""
    if question.expect:
        return lane.family in question.expect
    usable = [x for x in lane.service.families if x in lane.crowd.families]
    return lane.family in usable or not usable


def host(service: Service) -> str:
    """The name of a Service inside the cluster."""
    return f"{service.metadata.name}.{service.metadata.namespace}.svc"

"""The ports of Services that clients send OTLP to, family by family, and the endpoints behind them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from dualstack.model.address import BOTH, OTLP_PORTS, Family, Protocol, family, is_address
from dualstack.model.cluster import Cluster, Endpoint, EndpointPort, EndpointSlice, Pod, Service, ServicePort
from dualstack.model.trace import TracedHop
from dualstack.reach.crowds import Crowd
from dualstack.reach.operator import misread, writer
from dualstack.reach.pods import Place

NO_SERVICE = "no-service"
"""Mark of the hop `resolve`: there is no Service of that name."""

Spots = Mapping[tuple[str, str], Place]
"""Pods as places, by namespace and name."""

_SPOKEN = {"grpc": Protocol.GRPC, "http": Protocol.HTTP, "h2c": Protocol.GRPC}


class Backend(msgspec.Struct, frozen=True):
    """An endpoint of a Service in one family: its address, the port there, and the pod where there is one.

    `vacant` is the hop at which what is sent there ends, where nobody has the address.
    """

    address: str
    port: int
    endpoint: Endpoint = Endpoint()
    place: Place | None = None
    vacant: TracedHop | None = None


class Lane(msgspec.Struct, frozen=True):
    """One port of a Service in one family for one group of clients, by its own name or by an alias."""

    crowd: Crowd
    service: Service
    port: ServicePort
    protocol: Protocol
    family: Family
    alias: Service | None = None

    @property
    def host(self) -> str:
        """The name that clients use: that of the Service, or of an alias of it."""
        return host(self.alias or self.service)

    @property
    def local(self) -> bool:
        """Whether clients are led to endpoints on their own node alone."""
        return self.service.spec.internal_traffic_policy == "Local" and not self.service.headless

    @property
    def address(self) -> str:
        """The cluster address of the Service in this family; empty where it has none."""
        return next((x for x in self.service.addresses if family(x) is self.family), "")


def host(service: Service) -> str:
    """The name of a Service inside the cluster."""
    return f"{service.metadata.name}.{service.metadata.namespace}.svc"


def spoken(service: Service, port: ServicePort, slices: Sequence[EndpointSlice], places: Spots) -> tuple[Protocol, ...]:
    """The OTLP protocols that clients speak to a port; none where it is for something else.

    The port's number counts most, then its name and its application protocol, then what the receivers behind it speak.
    """
    if port.protocol != "TCP":
        return ()
    if port.port in OTLP_PORTS:
        return (OTLP_PORTS[port.port],)
    behind = {x.port or port.port for item in slices for x in carrying(item, port)}
    received = received_on({*behind, *([port.port] if service.headless else ())}, places.values())
    named = is_named(port)
    if "otlp" in _words(port):
        return (named,) if named else received or (Protocol.GRPC,)
    return received


def is_named(port: ServicePort) -> Protocol | None:
    """The protocol of OTLP that the name or the application protocol of a port says; None where neither does."""
    words = _words(port)
    return next((y for x, y in _SPOKEN.items() if x in words), None)


def _words(port: ServicePort) -> list[str]:
    return f"{port.name}-{port.app_protocol or ''}".lower().split("-")


def received_on(ports: Iterable[int], places: Iterable[Place]) -> tuple[Protocol, ...]:
    """The OTLP protocols that receivers of these places speak on some ports."""
    ends = (x.endpoint for place in places for y in ports for x in place.on(y))
    found = {x.protocol for x in ends if x.otlp or x.component.startswith("receivers/otlp")}
    return tuple(x for x in OTLP_PORTS.values() if x in found)


def near(slices: Sequence[EndpointSlice]) -> Mapping[Family, frozenset[str]]:
    """The nodes that have a ready endpoint, by its family."""
    return {x: frozenset(_nodes(of_family(slices, x))) for x in BOTH}


def _nodes(slices: Iterable[EndpointSlice]) -> Iterator[str]:
    for item in slices:
        yield from (x.node_name for x in item.endpoints or () if x.ready and x.node_name)


def of_family(slices: Iterable[EndpointSlice], wanted: Family) -> list[EndpointSlice]:
    """The slices of a family."""
    return [x for x in slices if _family(x) is wanted]


def _family(item: EndpointSlice) -> Family | None:
    return next((x for x in BOTH if x.title == item.address_type), None)


def backends(lane: Lane, slices: Iterable[EndpointSlice], places: Spots) -> tuple[Backend, ...]:
    """The endpoints of one family for a port, which its name joins (kube-proxy reads them so).

    Of a headless Service the name gives the addresses of all endpoints, also of those without such a port (CoreDNS,
    plugin/kubernetes, ToEndpoints), and clients connect there to the port that they name.
    """
    found = []
    direct = lane.service.headless
    for item in of_family(slices, lane.family):
        mine = carrying(item, lane.port)
        for endpoint in item.endpoints or () if mine or direct else ():
            if lane.local and lane.crowd.nodes and endpoint.node_name not in lane.crowd.nodes:
                continue
            number = lane.port.port if direct else mine[0].port or lane.port.port
            held = [x for x in endpoint.addresses or () if is_address(x) and family(x) is lane.family]
            found += [Backend(x, number, endpoint, _place(item, endpoint, places)) for x in held]
    return tuple(found)


def carrying(item: EndpointSlice, port: ServicePort) -> list[EndpointPort]:
    """The ports of a slice that belong to a port of the Service."""
    return [x for x in item.ports or () if (x.name or "") == port.name and (x.protocol or "TCP") == "TCP"]


def in_use(every: Sequence[Backend]) -> list[Backend]:
    """The endpoints that get connections: those that are ready, or else those that still serve while they end.

    kubernetes 1.34.4, pkg/proxy/topology.go CategorizeEndpoints.
    """
    said = ((x, x.endpoint.conditions) for x in every)
    return [x for x in every if x.endpoint.ready] or [x for x, y in said if y.serving and y.terminating]


def _place(item: EndpointSlice, endpoint: Endpoint, places: Spots) -> Place | None:
    about = endpoint.target_ref
    if about is None or about.kind != "Pod":
        return None
    return places.get((about.namespace or item.metadata.namespace, about.name))


def misread_behind(cluster: Cluster, service: Service, places: Spots) -> Mapping[int, int]:
    """The ports of receivers behind a Service of the Operator, with those that it reads in their addresses instead."""
    about = [x.metadata for x in selected(cluster, service)] if writer(service.metadata.name, service.metadata) else []
    held = [x for y in about if (x := places.get((y.namespace, y.name)))]
    return misread(y.config for x in held for y in x.configs)


def selected(cluster: Cluster, service: Service) -> tuple[Pod, ...]:
    """The pods that a Service selects, without those that have ended."""
    return tuple(x for x in _with_labels(cluster, service) if not x.finished)


def leaving(cluster: Cluster, service: Service) -> tuple[Pod, ...]:
    """The pods that a Service selects and that somebody deletes, which have not ended."""
    return tuple(x for x in _with_labels(cluster, service) if x.finished and not x.ended)


def over(cluster: Cluster, service: Service) -> tuple[Pod, ...]:
    """The pods that a Service would select, where all of them have ended: they are no endpoints any more."""
    every = tuple(_with_labels(cluster, service))
    return every if all(x.ended for x in every) else ()


def _with_labels(cluster: Cluster, service: Service) -> Iterator[Pod]:
    wanted, mine = (service.spec.selector or {}).items(), service.metadata.namespace
    found = (x for x in cluster.pods if wanted and x.metadata.namespace == mine)
    yield from (x for x in found if wanted <= (x.metadata.labels or {}).items())

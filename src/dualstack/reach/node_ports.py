"""The ways in through the addresses of nodes: NodePorts, host ports of pods, and pods in the network of their node."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from dualstack.model.address import BOTH, OTLP_PORTS, Family, Protocol, Target, family, is_address
from dualstack.model.cluster import Cluster, EndpointSlice, Node, Pod, Service, ServicePort
from dualstack.model.container import ContainerPort
from dualstack.model.evidence import Evidence
from dualstack.model.glimpse import Glimpses
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Status, Trace, TracedHop
from dualstack.reach.arrival import Flow, alike, led, traced
from dualstack.reach.blame import is_loopback
from dualstack.reach.crowds import Crowd, listed, named
from dualstack.reach.lanes import Backend, Lane, Spots, backends, in_use, near, received_on, spoken
from dualstack.reach.netpol import Way, isolating
from dualstack.reach.pods import Opened, Place
from dualstack.reach.sidecars import together
from dualstack.reach.states import unscheduled

NODE_PORT, HOST_PORT = "node port", "host port"
"""How the vantage of such flows begins."""
SINGLE, HOST_IP, LOCAL, POD_LACKS = "single", "host-ip", "local-0", "no-address"
"""Marks: a Service, or a host port, of the other family alone; no endpoint on these nodes; a pod without the family."""
SPARED = ", which kube-proxy may not ask of pods"
"""What is open of a pod that sends to a node port which is held to `Local`."""
ISOLATED = "isolated"
"""Mark of the hop `policy`: the clients are under policies for what they send."""


def is_by_node(trace: Trace) -> bool:
    """Whether a flow comes in by a port of a node, from clients that may be no pods."""
    return trace.vantage.startswith((NODE_PORT, HOST_PORT))


def enters(trace: Trace) -> bool:
    """Whether a flow comes to an address of a node, by a node port or a host port."""
    return trace.vantage.startswith((NODE_PORT, HOST_PORT))


class Door(msgspec.Struct, frozen=True):
    """A port on the addresses of some nodes in one family."""

    kind: str
    nodes: tuple[Node, ...]
    port: int
    protocol: Protocol
    family: Family
    every: int

    @property
    def names(self) -> tuple[str, ...]:
        """What these nodes are called."""
        return tuple(x.metadata.name for x in self.nodes)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of these nodes in this family."""
        return tuple(y for x in self.nodes for y in x.addresses if family(y) is self.family)

    def flow(self, *, required: bool) -> Flow:
        """Who asks there."""
        host = named(self.names, self.every)
        target = Target(host, host, self.port, self.protocol)
        return Flow(f"{self.kind} of {host}", self.names, target, self.family, self.addresses[:1], required)

    def route(self) -> TracedHop:
        """Whether the nodes have an address of this family."""
        if self.addresses:
            return TracedHop(Hop.ROUTE, Status.PASS, f"{listed(self.names)}: {self.addresses[0]}")
        why = f"no {self.family.title} address on {listed(self.names)}"
        return TracedHop(Hop.ROUTE, Status.FAIL, why, "no-address", (Evidence(why, "status of the nodes"),))


def node_ports(cluster: Cluster, places: Spots, question: Question, seen: Glimpses) -> Iterator[Trace]:
    """The traces of every OTLP port that nodes offer."""
    for service in cluster.services:
        slices = cluster.slices_of(service)
        for port in service.spec.ports or () if service.spec.type == "NodePort" else ():
            for protocol in spoken(service, port, slices, places) if port.node_port else ():
                for door in _doors(cluster, slices, service, port, protocol):
                    yield from _of_service(door, (service, port, slices), places, question, seen)
    for held in _held(cluster, places):
        yield from _of_pods(held, question, seen)
    yield from _of_nobody(cluster, places, question)


Behind = tuple[Service, ServicePort, Sequence[EndpointSlice]]
"""A port of a Service, with what the Service has behind it."""


def _doors(
    cluster: Cluster, slices: Sequence[EndpointSlice], service: Service, port: ServicePort, protocol: Protocol
) -> Iterator[Door]:
    """The nodes in groups that fare alike; those without an endpoint that keep pods out are apart from others."""
    local = near(slices) if service.spec.external_traffic_policy == "Local" else None
    groups: defaultdict[tuple[object, ...], list[Node]] = defaultdict(list)
    for node in cluster.nodes:
        has = tuple(x in map(family, node.addresses) for x in BOTH)
        at_home = tuple(local is None or node.metadata.name in local[x] for x in BOTH)
        groups[has, at_home, node.keeps_out and not any(at_home)].append(node)
    every = len(cluster.nodes) + cluster.more_nodes
    for nodes in groups.values():
        yield from (Door(NODE_PORT, tuple(nodes), port.node_port or 0, protocol, x, every) for x in BOTH)


def _of_service(door: Door, behind: Behind, places: Spots, question: Question, seen: Glimpses) -> Iterator[Trace]:
    service, port, slices = behind
    has, there = door.family in service.families, bool(door.addresses)
    if not (has and there) and door.family not in question.expect:
        return
    every = backends(Lane(Crowd(""), service, port, door.protocol, door.family), slices, places)
    local = service.spec.external_traffic_policy == "Local"
    home = _at_home(every, door.names) if local else every
    # Balancers ask the other nodes alone, by their health checks, and who else comes to a node is not known here.
    spared = local and not home and (all(x.keeps_out for x in door.nodes) or bool(in_use(every)))
    flow = door.flow(required=not spared and (not question.expect or door.family in question.expect))
    before = [*_arrived(), door.route(), _service(service, door.port, door.family)]
    if not has or not there:
        yield traced(flow, before)
        return
    if home:
        yield from led(flow, before, home, in_use(home), seen)
    elif every:
        why = f"no endpoint on {listed(flow.nodes)}, and externalTrafficPolicy is Local"
        yield traced(
            flow, (*before, TracedHop(Hop.ENDPOINTS, Status.FAIL, why, LOCAL, (Evidence(why, "EndpointSlice"),)))
        )


def behind(number: int, cluster: Cluster) -> Behind | None:
    """The port of a Service that nodes offer under a number."""
    found = ((x, x.by_node_port(number)) for x in cluster.services)
    return next(((x, port, cluster.slices_of(x)) for x, port in found if port), None)


def up_to(pods: Iterable[Pod], cluster: Cluster) -> TracedHop:
    """The hop before the node for pods that send to one; what policies of these make of that is not followed."""
    others = {x for _, x in cluster.other_policies}
    about = [(x.metadata.namespace, x.metadata.labels or {}) for x in pods]
    said = any({"", x} & others or isolating(cluster.policies, x, y, Way.OUT) for x, y in about)
    return TracedHop(Hop.POLICY, Status.PASS, mark=ISOLATED if said else "")


def from_pods(
    flow: Flow, before: Sequence[TracedHop], node: str, behind: Behind, places: Spots, seen: Glimpses
) -> Iterator[Trace]:
    """The traces of pods that send to a node port of a node, with the hops before the Service.

    Those are not held to the policy `Local` where kube-proxy knows the addresses of pods (its --cluster-cidr).
    """
    service, port, slices = behind
    before = (*before, _service(service, flow.target.port, flow.family))
    every = backends(Lane(Crowd(""), service, port, flow.target.protocol, flow.family), slices, places)
    if before[-1].status is Status.FAIL or not every:
        yield traced(flow, before)
    elif service.spec.external_traffic_policy == "Local" and not _at_home(every, (node,)):
        why = f"no endpoint on {node}, and externalTrafficPolicy is Local{SPARED}"
        yield traced(flow, (*before, TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, why, LOCAL)))
    else:
        yield from led(flow, before, every, in_use(every), seen)


def _service(service: Service, number: int, wanted: Family) -> TracedHop:
    if wanted in service.families:
        return TracedHop(Hop.SERVICE, Status.PASS, f"{service.called} has the node port {number}")
    why = f"the NodePort of {service.called} serves {' and '.join(x.title for x in service.families)} alone"
    return TracedHop(Hop.SERVICE, Status.FAIL, why, SINGLE, (Evidence(why, service.called),))


def _at_home(every: Sequence[Backend], nodes: Sequence[str]) -> tuple[Backend, ...]:
    return tuple(x for x in every if x.endpoint.node_name in nodes)


def _arrived() -> Iterator[TracedHop]:
    yield TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses")
    yield from (TracedHop(x, Status.NOT_APPLICABLE) for x in (Hop.RESOLVE, Hop.SELECT))
    yield TracedHop(Hop.POLICY, Status.PASS)


class Held(msgspec.Struct, frozen=True):
    """A port that pods of one kind hold on their nodes; `address` is the only one of the node, where it is one."""

    door: Door
    port: int
    places: tuple[Place, ...]
    address: str = ""


def _held(cluster: Cluster, places: Spots) -> Iterator[Held]:
    """The host ports of pods in groups that fare alike, and the receivers of pods in the network of their node."""
    groups: defaultdict[tuple[object, ...], list[tuple[Place, Node]]] = defaultdict(list)
    doors: dict[tuple[object, ...], tuple[int, int, Protocol, str]] = {}
    nodes_by_name = {x.metadata.name: x for x in cluster.nodes}
    for place in places.values():
        node = nodes_by_name.get(place.pod.spec.node_name or "")
        if node is None or not place.pod.addresses or place.pod.finished:
            continue
        for said in _ports(place, alone=not cluster.services):
            key: tuple[object, ...] = (said, *map(family, node.addresses), place.pod.families, place.pod.ready)
            doors[key] = said
            groups[key].append((place, node))
    for key, members in groups.items():
        outside, inside, protocol, address = doors[key]
        nodes, mine = tuple(x for _, x in members), tuple(x for x, _ in members)
        for each in BOTH:
            door = Door(HOST_PORT, nodes, outside, protocol, each, len(cluster.nodes) + cluster.more_nodes)
            yield Held(door, inside, mine, address)


def _ports(place: Place, *, alone: bool) -> Iterator[tuple[int, int, Protocol, str]]:
    """The ports of the node that lead to OTLP receivers of a pod: outside, inside, what is spoken, on which address."""
    if place.pod.spec.host_network:
        numbers = dict.fromkeys(x.port for x in place.opened if x.port and _is_offered(x, place)) if alone else {}
        for number in numbers:
            yield from ((number, number, x, "") for x in received_on((number,), (place,)))
        return
    for each in (y for x in together(place.pod) for y in x.ports or ()):
        for protocol in _spoken(each, place) if each.host_port and each.protocol == "TCP" else ():
            bound = each.host_ip if each.host_ip and is_address(each.host_ip) else ""
            yield each.host_port or 0, each.container_port, protocol, bound


def _is_offered(opened: Opened, place: Place) -> bool:
    """Whether others than those in the network of the node are meant to come to a port there: it is named, or open."""
    named = {x.container_port for y in together(place.pod) for x in y.ports or ()}
    inner = opened.bound.sockets and all(is_loopback(x.address) for x in opened.bound.sockets)
    return opened.port in named or not inner


def _spoken(port: ContainerPort, place: Place) -> tuple[Protocol, ...]:
    known = OTLP_PORTS.get(port.container_port)
    return received_on((port.container_port,), (place,)) or ((known,) if known else ())


def _of_pods(held: Held, question: Question, seen: Glimpses) -> Iterator[Trace]:
    """What becomes of a port that pods hold: clients use the first address of their node, and the other if asked to.

    Each comes to the pod of its node, so nodes whose pods fare alike are apart from others.
    """
    door = held.door
    first = next((family(y) for x in door.nodes for y in x.addresses), None)
    if door.family not in (question.expect or (first,)):
        return
    every = [Backend(y, held.port, place=x) for x in held.places for y in x.pod.addresses if family(y) is door.family]
    for group in alike(door.protocol, every, seen) if door.addresses else ():
        names = {x.place.pod.spec.node_name for x in group if x.place}
        part = replace(door, nodes=tuple(x for x in door.nodes if x.metadata.name in names))
        yield from _of_group(replace(held, door=part), group, seen)
    if not every or not door.addresses:
        yield from _of_group(held, (), seen)


def _of_group(held: Held, every: Sequence[Backend], seen: Glimpses) -> Iterator[Trace]:
    """What becomes of the host port of some nodes, whose pods fare alike."""
    door = held.door
    flow, before = door.flow(required=True), [*_arrived(), door.route()]
    if not door.addresses:
        yield traced(flow, before)
    elif held.address and not _takes(held.address, door):
        why = f"the host port is bound to {held.address} alone"
        yield traced(flow, (*before, TracedHop(Hop.SERVICE, Status.FAIL, why, HOST_IP, (Evidence(why, "the pod"),))))
    elif every:
        yield from led(flow, (*before, TracedHop(Hop.SERVICE, Status.NOT_APPLICABLE)), every, every, seen)
    else:
        why = f"the pod has no {door.family.title} address"
        fact = Evidence(why, f"status of the {held.places[0].name}")
        hops = (
            TracedHop(Hop.SERVICE, Status.NOT_APPLICABLE),
            TracedHop(Hop.ENDPOINTS, Status.FAIL, why, POD_LACKS, (fact,)),
        )
        yield traced(flow, (*before, *hops))


def _of_nobody(cluster: Cluster, places: Spots, question: Question) -> Iterator[Trace]:
    """What becomes of the host ports of pods that are on no node."""
    first = [x for node in cluster.nodes for x in map(family, node.addresses)][:1] or list(cluster.families[:1])
    for place in places.values():
        why = unscheduled(place.pod)
        if not why or place.pod.finished:
            continue
        for outside, _, protocol, _ in _ports(place, alone=not cluster.services):
            for each in question.expect or first or (Family.IPV4,):
                target = Target(place.name, place.name, outside, protocol)
                flow = Flow(f"{HOST_PORT} of {place.name}", (), target, each, ())
                fact = Evidence(why, f"condition PodScheduled of the {place.name}")
                hop = TracedHop(Hop.POD, Status.FAIL, f"it is not scheduled: {why}", "unscheduled", (fact,))
                yield replace(traced(flow, (*_arrived(), hop)), servers=(place.name,))


def _takes(address: str, door: Door) -> bool:
    """Whether a host port on one address, or on the wildcard of a family, takes what comes to a node's address."""
    return family(address) is door.family and any(is_bound_to(address, x) for x in door.addresses)


def is_bound_to(host_ip: str, address: str) -> bool:
    """Whether a host port on this `hostIP`, or on the wildcard of a family, takes what comes to an address."""
    if not is_address(host_ip):
        return True
    return family(host_ip) is family(address) and (host_ip in ("0.0.0.0", "::") or host_ip == address)

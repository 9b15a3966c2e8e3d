"""The way from the pods of a cluster to the listeners behind a Service, family by family.

client pod > name > cluster address > endpoints of that family > pod > socket. What leads from one to the next is in the
objects of the API server, and what listens follows from the configuration in each pod; a probe beats both.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from dualstack.model.address import BOTH, OTLP_PORTS, Family, Protocol, Target, family, is_address, join
from dualstack.model.cluster import Cluster, EndpointSlice, Node, Pod, Service, ServicePort
from dualstack.model.evidence import Evidence
from dualstack.model.glimpse import Glimpses
from dualstack.model.kube import KubeProxy
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Status, Trace, TracedHop
from dualstack.model.world import BY_OTHERS
from dualstack.reach.aliases import End, end_of
from dualstack.reach.arrival import Flow, led, traced
from dualstack.reach.astray import LACKING
from dualstack.reach.crowds import Crowd, crowds, listed
from dualstack.reach.engines import EGRESS
from dualstack.reach.lanes import (
    NO_SERVICE,
    Lane,
    Spots,
    backends,
    host,
    in_use,
    misread_behind,
    near,
    of_family,
    over,
    selected,
    spoken,
)
from dualstack.reach.node_ports import node_ports
from dualstack.reach.nowhere import nobody_at
from dualstack.reach.resolved import ALIAS_ABROAD, UNTRIED
from dualstack.reach.states import troubles

_NOTHING = Glimpses()
UNSERVED = "unserved"
"""Mark of the hop `service`: kube-proxy makes no rules for the family."""
OPEN = "open"
"""Mark of the hop `route`: nobody could say whether the clients have the family."""
_WEB_TLS = 443
_EKS = "eks.amazonaws.com/"
"""How labels of nodes begin that Amazon's managed Kubernetes gives them."""
_EKS_BUILD = "-eks-"
"""What the versions of its kubelets have."""
_GLOBAL = ("service.cilium.io/global", "io.cilium/global-service")
"""Annotations by which a Service leads to pods of other clusters as well (Cilium documentation, Cluster Mesh)."""
LOCAL, NO_PORT, NO_POD, NO_ADDRESS, NOBODY = "local-0", "no-port", "no-pod", "no-address", "0"
"""Marks of the hop `endpoints`: no endpoint on these nodes, none with the port, no pod is selected, the pods lack the
family, there is none for another reason."""


def forward(cluster: Cluster, places: Spots, question: Question, seen: Glimpses = _NOTHING) -> Iterator[Trace]:
    """The traces of every OTLP port of the Services of a question, with what was seen of the pods from outside."""
    world = (cluster, places, question, seen)
    led_to = {x.alias for x in cluster.services}
    for service in cluster.services:
        about = service.metadata
        if service.spec.type == "ExternalName":
            yield from _by_alias(service, world)
        elif (about.namespace, about.name) not in led_to:
            yield from _of_service(service, None, world)
    yield from node_ports(cluster, places, question, seen)


World = tuple[Cluster, Spots, Question, Glimpses]
"""What there is to reason on: the objects, the pods as places, the question, and what was seen from outside."""


def _of_service(service: Service, alias: Service | None, world: World) -> Iterator[Trace]:
    cluster, places, _, _ = world
    spare = _spare(service, cluster, places)
    for port in (x for x in service.spec.ports or () if x.port not in spare):
        for protocol in spoken(service, port, cluster.slices_of(service), places):
            yield from of_port(service, port, protocol, world, alias)


def _spare(service: Service, cluster: Cluster, places: Spots) -> frozenset[int]:
    """The ports that the Operator read in addresses of receivers whose own ports the Service has as well.

    Nobody means them, and nothing listens there.
    """
    ports = {x.port for x in service.spec.ports or ()}
    read = {v for k, v in misread_behind(cluster, service, places).items() if k in ports}
    return frozenset(read - {y.port for x in places.values() for y in x.opened})


def of_port(
    service: Service, port: ServicePort, protocol: Protocol, world: World, alias: Service | None = None
) -> Iterator[Trace]:
    """The traces to one port of a Service, by its own name or by an alias."""
    cluster = world[0]
    slices = cluster.slices_of(service)
    local = service.spec.internal_traffic_policy == "Local" and not service.headless
    groups = crowds(cluster, near(slices) if local else None)
    for lane in (Lane(x, service, port, protocol, y, alias) for x in groups for y in BOTH):
        yield from _traces(lane, slices, world)


def _by_alias(alias: Service, world: World) -> Iterator[Trace]:
    """The ways by a name that stands for another: those to that Service; to a host elsewhere nothing is known."""
    cluster, _, question, _ = world
    end = end_of(alias, cluster)
    if end.service:
        yield from _of_service(end.service, alias, world)
        return
    for number, protocol in _offered(alias).items():
        for each in question.expect or cluster.families or BOTH:
            target = Target(host(alias), host(alias), number, protocol, tls=number == _WEB_TLS)
            hops = (TracedHop(Hop.ENDPOINT, Status.PASS), unresolved(alias, end))
            yield traced(Flow("pods", (), target, each, ()), hops)


def _offered(alias: Service) -> Mapping[int, Protocol]:
    """The ports that an alias of a host elsewhere names, those for OTLP before others, and what is spoken there.

    Nothing leads to them but what clients say, as it is with the usual ones where it names none.
    """
    every = [x for x in alias.spec.ports or () if x.protocol == "TCP"]
    for_otlp = {x.port: y for x in every for y in spoken(alias, x, (), {})}
    return for_otlp or {x.port: Protocol.HTTP for x in every} or OTLP_PORTS


NO_NAME = "no-name"
"""Mark of the hop `resolve`: a name stands for an address."""


def unresolved(alias: Service, end: End) -> TracedHop:
    """What is known of the name of an alias that leads to no Service."""
    fact = (Evidence(f"externalName: {end.said[0]}", alias.called),)
    stands = f"`{host(alias)}` stands for {', which stands for '.join(f'`{x}`' for x in end.said)}"
    if end.dead:
        mark = NO_NAME if is_address(end.said[-1]) else ALIAS_ABROAD if end.abroad else NO_SERVICE
        return TracedHop(Hop.RESOLVE, Status.FAIL, f"{stands}, {end.dead}", mark, fact)
    why, mark = (end.abroad, ALIAS_ABROAD) if end.abroad else (f"which {UNTRIED}", "")
    return TracedHop(Hop.RESOLVE, Status.UNKNOWN, f"{stands}, {why}", mark, fact)


def _traces(lane: Lane, slices: Sequence[EndpointSlice], world: World) -> Iterator[Trace]:
    """What becomes of a lane: one trace, or one for each way in which its backends differ."""
    cluster, places, question, seen = world
    if lane.family not in (*lane.service.families, *question.expect):
        return
    flow, before = _flow(lane, question, cluster), tuple(_before(lane, cluster.proxy))
    if any(x.status is Status.FAIL for x in before):
        yield traced(flow, before)
        return
    every = tuple(replace(x, vacant=nobody_at(x.address, cluster)) for x in backends(lane, slices, places))
    if every:
        yield from led(flow, before, every, in_use(every), seen)
    else:
        yield traced(flow, (*before, *_nobody(lane, slices, cluster)))


def _flow(lane: Lane, question: Question, cluster: Cluster) -> Flow:
    name, required = lane.host, _required(lane, question)
    # Clients that are asked about are where they are, whatever the DaemonSet was meant for.
    spared = lane.local and not cluster.askers and _is_spared(lane, selected(cluster, lane.service))
    return Flow(
        lane.crowd.name,
        lane.crowd.nodes,
        Target(name, name, lane.port.port, lane.protocol),
        lane.family,
        (lane.address,) if lane.address else (),
        required and not spared,
        lane.service.headless,
    )


def _is_spared(lane: Lane, pods: Sequence[Pod]) -> bool:
    """Whether these nodes are left out on purpose: a DaemonSet puts a pod on each node that it is meant for."""
    made = all(any(x.kind == "DaemonSet" for x in pod.metadata.owner_references or ()) for pod in pods)
    return bool(pods) and made and not any(x.spec.node_name in lane.crowd.nodes for x in pods)


def _required(lane: Lane, question: Question) -> bool:
    """Whether these clients depend on the family: they are handed an address of it and have none of another to use."""
    if question.expect:
        return lane.family in question.expect
    usable = [x for x in lane.service.families if x in lane.crowd.families]
    return lane.family in usable or not usable


def _before(lane: Lane, proxy: KubeProxy | None) -> Iterator[TracedHop]:
    """The hops up to the Service."""
    yield TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses")
    yield _resolve(lane)
    yield TracedHop(Hop.SELECT, Status.NOT_APPLICABLE)
    yield route(lane.crowd, lane.family)
    yield TracedHop(Hop.POLICY, Status.PASS)
    if lane.family in lane.service.families:
        yield _service(lane, proxy)


def _resolve(lane: Lane) -> TracedHop:
    """The cluster's DNS gives a record for each cluster address (Kubernetes DNS specification 1.1 section 2.3)."""
    has = lane.family in lane.service.families
    record, name = lane.family.record, lane.host
    fact = Evidence(f"ipFamilies {', '.join(x.title for x in lane.service.families)}", lane.service.called)
    if has:
        return TracedHop(Hop.RESOLVE, Status.PASS, f"`{name}` has an {record} record", record, (fact,))
    return TracedHop(Hop.RESOLVE, Status.FAIL, f"`{name}` has no {lane.family.title} address", f"no-{record}", (fact,))


def route(crowd: Crowd, family: Family) -> TracedHop:
    """Whether some clients have a family to send from."""
    title = family.title
    if family in crowd.families:
        return TracedHop(Hop.ROUTE, Status.PASS, f"the {crowd.name} have {title} addresses")
    if family in crowd.open or not crowd.families:  # a node that shows neither address nor range
        unread = "" if crowd.nodes else ": no node could be read"
        why = f"nobody could say whether the {crowd.name} have {title}{unread}"
        return TracedHop(Hop.ROUTE, Status.UNKNOWN, why, OPEN)
    fact = Evidence(f"pods have {' and '.join(x.title for x in crowd.families)} addresses alone", _nodes_of(crowd))
    return TracedHop(Hop.ROUTE, Status.FAIL, f"the {crowd.name} have no {title} address", LACKING, (fact,))


def outward(crowd: Crowd, address: str, cluster: Cluster) -> TracedHop:
    """The same for an address that no Service has: the Amazon VPC CNI may lead pods to it by their nodes.

    amazon-vpc-cni-k8s README, ENABLE_V4_EGRESS, which is on by default, as ENABLE_V6_EGRESS is not.
    """
    wanted = family(address)
    found = route(crowd, wanted)
    usual = wanted is Family.IPV4 and any(map(_is_of_eks, cluster.nodes))
    if found.status is not Status.FAIL or not (usual or f"{EGRESS}{wanted}" in cluster.engines):
        return found
    why = f"the Amazon VPC CNI may lead pods to {wanted.title} by the address of their node"
    return TracedHop(Hop.ROUTE, Status.UNKNOWN, why, OPEN)


def _is_of_eks(node: Node) -> bool:
    """Whether it says so: its groups and its profiles label a node, its images name their kubelet."""
    return _EKS_BUILD in node.status.node_info.kubelet_version or any(
        x.startswith(_EKS) for x in node.metadata.labels or {}
    )


def _nodes_of(crowd: Crowd) -> str:
    return f"nodes {listed(crowd.nodes)}"


def _service(lane: Lane, proxy: KubeProxy | None) -> TracedHop:
    service = lane.service
    if service.headless:
        return TracedHop(Hop.SERVICE, Status.NOT_APPLICABLE, "headless: clients get the addresses of the pods")
    if not lane.address:
        return TracedHop(Hop.SERVICE, Status.UNKNOWN, f"{service.called} shows no {lane.family.title} address")
    if proxy and proxy.left_out is lane.family:
        why = f"kube-proxy is told to leave out {lane.family.title}: {proxy.said}"
        return TracedHop(Hop.SERVICE, Status.FAIL, why, UNSERVED, (Evidence(proxy.said, "ConfigMap kube-proxy"),))
    fact = Evidence(join(lane.address, lane.port.port), service.called)
    return TracedHop(Hop.SERVICE, Status.PASS, f"{service.called} has {lane.address}", lane.address, (fact,))


def _nobody(lane: Lane, slices: Sequence[EndpointSlice], cluster: Cluster) -> Iterator[TracedHop]:
    """Why there is no endpoint for a lane, and what is wrong with the pods where it is them."""
    title, called, pods = lane.family.title, lane.service.called, selected(cluster, lane.service)
    mine = of_family(slices, lane.family)
    by_others = not lane.service.spec.selector and BY_OTHERS in cluster.unseen
    if not mine and ("EndpointSlice" in cluster.unseen or by_others):
        yield TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, "the endpoints could not be read")
        return
    filled = [x for x in mine if x.endpoints]
    spread = [x for x in _GLOBAL if (lane.service.metadata.annotations or {}).get(x, "").lower() == "true"]
    if spread and not filled:
        why = f"by `{spread[0]}` {called} may lead to pods of another cluster; it has none in this one"
        yield TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, why)
        return
    ended = ""
    if lane.local and any((x.name or "") == lane.port.name for y in filled for x in y.ports or ()):
        why, mark = f"no endpoint on the nodes of the {lane.crowd.name}, and internalTrafficPolicy is Local", LOCAL
    elif filled:
        why, mark = f"no {title} endpoint of {called} has the port `{lane.port.name or lane.port.port}`", NO_PORT
    elif lane.service.spec.selector and not pods and "Pod" not in cluster.unseen:
        past = troubles(over(cluster, lane.service))
        why, mark = f"no endpoint is ready: {past}" if past else f"{called} selects no pod", NO_POD
    elif _lack(pods, lane):
        which = f"none of the {len(pods)} pods of {called} has an" if len(pods) > 1 else f"the pod of {called} has no"
        why, mark = f"{which} {title} address", NO_ADDRESS
    else:
        ended = troubles(pods)
        why, mark = f"{called} has no {title} endpoint{f': {ended}' if ended else ''}", NOBODY
    names = ", ".join(x.metadata.called for x in mine) or f"no EndpointSlice of {title}"
    yield TracedHop(Hop.ENDPOINTS, Status.FAIL, why, mark, (Evidence(why.partition(": ")[0], names),))
    if ended:
        yield TracedHop(Hop.POD, Status.FAIL, ended, "unready", (Evidence(ended, "status of the pods"),))


def _lack(pods: Sequence[Pod], lane: Lane) -> bool:
    """Whether there are pods with addresses, and none of this family."""
    found = [x for x in pods if x.addresses]
    return bool(found) and not any(lane.family is y for x in found for y in x.families)

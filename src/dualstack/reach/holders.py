"""Which pods hold a port of their node, by a host port or in its network, and who takes what comes to a loopback."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from msgspec.structs import replace

from dualstack.model.address import Protocol, family
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Evidence
from dualstack.model.glimpse import Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.trace import Hop, Status, TracedHop
from dualstack.reach.aims import Aim
from dualstack.reach.exporting import COLLECTOR, is_collector
from dualstack.reach.lanes import Backend, Spots
from dualstack.reach.node_ports import POD_LACKS, is_bound_to
from dualstack.reach.pods import Place
from dualstack.reach.sidecars import together


def names(pod: Pod, port: int, protocol: str = "TCP") -> bool:
    """Whether a pod says that it holds a port of its node; OTLP is sent over TCP."""
    mine = [y for x in together(pod) for y in x.ports or () if y.protocol == protocol]
    there = bool(pod.spec.host_network)
    return not pod.finished and any(x.host_port == port or (there and x.container_port == port) for x in mine)


def may_hold(pod: Pod) -> bool:
    """Whether a pod may hold any port of its node: the configuration of a Collector in its network tells."""
    return not pod.finished and bool(pod.spec.host_network) and is_collector(pod)


def on_node(name: str, port: int, address: str, cluster: Cluster, places: Spots) -> Iterator[Backend]:
    """The pods of a node that hold a port on one of its addresses, by what they say or what they read."""
    for pod, place in _there(name, cluster, places):
        if pod.spec.host_network:
            yield from (Backend(x, port, place=place) for x in pod.addresses if _listens(pod, place, port))
            continue
        mine = [y for x in together(pod) for y in x.ports or () if y.host_port == port and y.protocol == "TCP"]
        numbers = [x.container_port for x in mine if is_bound_to(x.host_ip or "", address)]
        yield from (Backend(x, numbers[0], place=place) for x in pod.addresses if numbers and not pod.finished)


def without(held: Sequence[Backend], address: str) -> TracedHop:
    """The hop before pods of a node, which no host port leads to where they have no address of this family."""
    pods = [x.place.pod for x in held if x.place]
    own = any(family(x.address) is family(address) for x in held)
    if own or len(pods) < len(held) or any(x.spec.host_network for x in pods):
        return TracedHop(Hop.ENDPOINTS, Status.NOT_APPLICABLE)
    why = f"the pod has no {family(address).title} address"
    fact = Evidence(", ".join(x.address for x in held), f"status of the pod {pods[0].metadata.called}")
    return TracedHop(Hop.ENDPOINTS, Status.FAIL, why, POD_LACKS, (fact,))


def in_network(name: str, port: int, cluster: Cluster, places: Spots) -> Iterator[Place]:
    """The pods in the network of a node that hold a port there."""
    for pod, place in _there(name, cluster, places):
        if place and pod.spec.host_network and _listens(pod, place, port):
            yield place


def within(
    pods: Iterable[Pod], address: str, aim: Aim, cluster: Cluster, places: Spots, seen: Glimpses
) -> Iterator[Backend]:
    """Who takes what pods send to their loopback."""
    for pod in pods:
        if not pod.spec.host_network:
            place = places.get((pod.metadata.namespace, pod.metadata.name))
            yield Backend(address, aim.port, place=_beside(place, aim) if place else None)
            continue
        at, spoken_by = pod.spec.node_name or "", aim.exporter.target
        surely = in_network(at, aim.port, cluster, places)
        maybe = guessed(at, aim.port, spoken_by.protocol, cluster, places, seen) if spoken_by else ()
        yield Backend(address, aim.port, place=next(chain(surely, maybe), None))


def _beside(place: Place, aim: Aim) -> Place:
    """The pod of a client: who sends to a port of its own pod does not listen there, unless it names that port."""
    running = together(place.pod)
    known = {x.container.name for x in place.configs if x.container and x.config.whole and not x.config.unread}
    others = {x.name for x in running if x.name != aim.exporter.container}
    mine = [y.container_port for x in running if x.name == aim.exporter.container for y in x.ports or ()]
    return replace(place, whole=bool(known) and others == known and aim.port not in mine)


def guessed(
    name: str, port: int, protocol: Protocol, cluster: Cluster, places: Spots, seen: Glimpses
) -> Iterator[Place]:
    """The Collectors in the network of a node of which nobody can say that they do not listen on a port."""
    there = tuple(_there(name, cluster, places))
    told = any(names(x, port) for x, _ in there)
    for _, place in there:
        if place and is_guess(place, port) and not _is_refuted(place, port, protocol, seen, told=told):
            yield place


def _listens(pod: Pod, place: Place | None, port: int) -> bool:
    return names(pod, port) or bool(may_hold(pod) and place and place.on(port))


def is_guess(place: Place, port: int) -> bool:
    """Whether a pod holds a port of its node only as far as nobody knows what its Collector reads."""
    return may_hold(place.pod) and not names(place.pod, port) and not place.on(port) and not _is_read(place)


def _there(name: str, cluster: Cluster, places: Spots) -> Iterator[tuple[Pod, Place | None]]:
    for pod in cluster.pods:
        if pod.spec.node_name == name:
            yield pod, places.get((pod.metadata.namespace, pod.metadata.name))


def _is_read(place: Place) -> bool:
    """Whether all is known of what the Collectors of a pod listen on."""
    whole = {x.container.name for x in place.configs if x.container and x.config.whole and not x.config.unread}
    mine = {x.name for x in place.pod.spec.containers or () if COLLECTOR.search(x.image)}
    return mine <= whole and all(x.port for x in place.opened)


def _is_refuted(place: Place, port: int, protocol: Protocol, seen: Glimpses, *, told: bool) -> bool:
    """Whether looks show that nobody listens in the network of a node, or only who a pod says that it does.

    `told` says that a pod names the port: what answers at the loopback alone is led to that one. What a container that
    does not run would listen on nobody knows.
    """
    looks = [seen.of(place.name, port, protocol, x) for x in (Way.ADDRESS, Way.LOOPBACK)]
    refused = [x is not None and x.outcome is Outcome.REFUSED for x in looks]
    return bool(place.stopped) or (refused[0] and (refused[1] or looks[1] is None or told))


def others(port: int, node: str, cluster: Cluster) -> Sequence[Pod]:
    """The pods of other nodes that say that they hold a port there."""
    return tuple(x for x in cluster.pods if x.spec.node_name not in (None, node) and names(x, port))

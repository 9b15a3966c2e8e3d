"""Which pods and nodes lack a family that clients use."""

from collections.abc import Iterable, Iterator

import msgspec

from dualstack.model.address import BOTH, Family, Scope, scope
from dualstack.model.cluster import Cluster, Node, Pod
from dualstack.model.evidence import Evidence
from dualstack.model.host import Namespace
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.crowds import families_on
from dualstack.reach.live import (
    LOCAL,
    NO_ADDRESS,
    behind,
    by_service,
    failing,
    is_of_host_port,
    lacking,
    lacks,
    without,
)

_NEAR = (Scope.LOOPBACK, Scope.LINK_LOCAL)


class Lack(msgspec.Struct, frozen=True):
    """Pods that stand behind some flows and lack their family; `called` is what leads to them."""

    called: str
    family: Family
    pods: tuple[Pod, ...]
    flows: tuple[Trace, ...]

    @property
    def restart(self) -> tuple[str, ...]:
        """The commands that make them anew."""
        about = self.pods[0].metadata
        if not about.owner_references:
            return ()
        names = " ".join(x.metadata.name for x in self.pods[:5])
        return (f"kubectl delete pod -n {about.namespace} {names}",)


def lacks_of_pods(cluster: Cluster, traces: Traces) -> Iterator[Lack]:
    """The pods behind each Service, and behind host ports, without a family for which flows fail."""
    ended = failing(traces, Hop.ENDPOINTS, NO_ADDRESS, LOCAL)
    for service, mine in by_service(cluster, ended):
        for family in BOTH:
            flows = tuple(x for x in mine if x.family is family)
            pods = lacking(behind(cluster, service, flows), family) if flows else ()
            if pods:
                yield Lack(service.called, family, pods, flows)
    for family in BOTH:
        flows = tuple(x for x in ended if x.family is family and is_of_host_port(x))
        pods = lacking(behind_host_ports(cluster, flows), family)
        if pods:
            yield Lack("the host port", family, pods, flows)


def behind_host_ports(cluster: Cluster, flows: Iterable[Trace]) -> Iterator[Pod]:
    """The pods that flows to ports of nodes come to: those that are known to be meant, or else all of these nodes."""
    known, nodes = set[str](), set[str]()
    for flow in flows:
        known.update(flow.servers)
        nodes.update(() if flow.servers else flow.nodes)
    yield from (x for x in cluster.pods if x.place in known or x.spec.node_name in nodes)


def unseen_nodes(cluster: Cluster, pods: Iterable[Pod]) -> tuple[str, ...]:
    """The nodes of some pods that could not be read, so that nobody knows which families they have."""
    names = dict.fromkeys(x.spec.node_name for x in pods if x.spec.node_name)
    return tuple(x for x in names if cluster.node(x) is None)


class Poor(msgspec.Struct, frozen=True):
    """Nodes that lack a family for which flows fail, and nodes in the same use that have it.

    `who` is who needs it there, as a sentence begins. Pods may have `shared` the network of their nodes.
    """

    who: str
    family: Family
    nodes: tuple[Node, ...]
    others: tuple[Node, ...]
    flows: tuple[Trace, ...]
    shared: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(x.metadata.name for x in self.nodes)


def poor_nodes(cluster: Cluster, traces: Traces) -> Iterator[Poor]:
    """The nodes of pods that lack a family for which flows fail, those of clients, and those whose address is asked."""
    for lack in lacks_of_pods(cluster, traces):
        nodes = without(cluster, lack.pods, lack.family)
        if len(nodes) == len({x.spec.node_name for x in lack.pods}):
            used = {x.spec.node_name for x in cluster.pods if not x.finished} - {x.metadata.name for x in nodes}
            others = (x for x in cluster.nodes if x.metadata.name in used)
            rich = tuple(x for x in others if lack.family in families_on(x))
            shared = all(x.spec.host_network for x in lack.pods)
            yield Poor(f"Pods of {lack.called} run", lack.family, nodes, rich, lack.flows, shared)
    for family in BOTH:
        flows = tuple(x for x in failing(traces, Hop.ROUTE) if x.family is family)
        names = {y for x in flows for y in x.nodes}
        nodes = tuple(x for x in cluster.nodes if x.metadata.name in names and lacks(x, family))
        if nodes:
            rich = tuple(x for x in cluster.nodes if x.metadata.name not in names and not lacks(x, family))
            yield Poor(_who(flows), family, nodes, rich, flows)


def told_of(nodes: Iterable[Node], lack: Family, cluster: Cluster) -> Iterator[Evidence]:
    """What the status of nodes says, and why they lack a family as far as a container there saw it."""
    for node in nodes:
        name = node.metadata.name
        yield Evidence(f"InternalIP {', '.join(node.addresses)}", f"status of the node {name}")
        for space in (x for x in cluster.observed if x.place == f"node {name}"):
            yield from _lacking(space, lack)


def _lacking(space: Namespace, wanted: Family) -> Iterator[Evidence]:
    if wanted is Family.IPV6 and space.ipv6_absent:
        yield Evidence("socket(AF_INET6): EAFNOSUPPORT", f"socket(2) in the network of the {space.place}")
    elif wanted is Family.IPV6 and space.disable_ipv6_all:
        yield Evidence("net.ipv6.conf.all.disable_ipv6 = 1", f"sysctl of the {space.place}")
    elif all(scope(x) in _NEAR for x in space.addresses(wanted)):
        yield Evidence(
            f"no {wanted.title} address but of the loopback and the links", f"interfaces of the {space.place}"
        )


def _who(flows: Iterable[Trace]) -> str:
    return "Clients use the port of the node" if any(is_of_host_port(x) for x in flows) else "Clients run"

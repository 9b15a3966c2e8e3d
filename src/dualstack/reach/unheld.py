"""Clients that send to their node, where no pod is known to hold the port."""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster, Node
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.trace import Hop, Status, TracedHop, Traces
from dualstack.reach.exporting import is_collector
from dualstack.reach.live import keys
from dualstack.reach.node_ports import HOST_IP, is_bound_to

UNHELD, IDLE = "unheld", "idle"
"""Marks of the hop `endpoints`: no pod of the node holds the port, though a process of the node itself may; and the
same where a Collector runs there."""


def unheld(node: Node, port: int, address: str, cluster: Cluster) -> TracedHop:
    """The hop at which what is sent to a port of a node ends, or may end, that no pod holds on this address."""
    name = node.metadata.name
    there = [x for x in cluster.pods if x.spec.node_name == name and not x.finished]
    bound = [z.host_ip for x in there for y in x.spec.containers or () for z in y.ports or () if z.host_port == port]
    if others := [x for x in bound if x and not is_bound_to(x, address)]:
        why = f"the host port is bound to {others[0]} alone"
        return TracedHop(Hop.SERVICE, Status.FAIL, why, HOST_IP, (Evidence(why, f"pods on the node {name}"),))
    if name not in cluster.surveyed:
        return TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, f"no pod is known to hold the port on the node {name}")
    idle = next((x for x in there if is_collector(x)), None)
    why = f"no pod on the node {name} has a host port {port}, or is known to listen there in its network"
    why += f"; the pod {idle.metadata.called} is a Collector without such a port" if idle else ""
    fact = Evidence(f"no host port {port}", f"pods on the node {name}")
    return TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, why, IDLE if idle else UNHELD, (fact,))


def doubted(traces: Traces) -> Iterator[Finding]:
    """One finding for each reason why nobody may listen at the addresses of nodes."""
    mine = [x for x in traces.items if x.at(Hop.ENDPOINTS).mark in (UNHELD, IDLE)]
    for hop in dict.fromkeys(x.at(Hop.ENDPOINTS) for x in mine):
        flows = [x for x in mine if x.at(Hop.ENDPOINTS) == hop]
        port = flows[0].target.port
        agent = f"Give the Collector `hostPort: {port}`, or `hostNetwork`" if hop.mark == IDLE else ""
        agent = agent or "Let a Collector that holds the port run on each node that clients run on"
        yield Finding(
            summary=f"No pod of the node is known to hold port {port}",
            detail=f"Clients send to {flows[0].target.endpoint}: {hop.why}. Only a process of the node itself could.",
            hint=f"{agent}; or let the clients send to the name of a Service.",
            severity=Severity.WARNING,
            confidence=Confidence.INFERRED,
            families=tuple(dict.fromkeys(x.family for x in flows)),
            evidence=hop.evidence,
            flows=keys(flows),
        )

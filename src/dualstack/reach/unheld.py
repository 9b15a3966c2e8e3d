"""Clients that send to their node, where no pod is known to hold the port."""

from collections.abc import Iterator, Sequence

from dualstack.model.address import OTLP_PORTS, Protocol, Target
from dualstack.model.cluster import Cluster, Node, Pod, Service
from dualstack.model.container import ContainerPort
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.trace import Hop, Status, Trace, TracedHop, Traces
from dualstack.reach.crowds import listed
from dualstack.reach.exporting import is_collector, owner
from dualstack.reach.holders import others
from dualstack.reach.kept_out import kept_out
from dualstack.reach.lanes import Spots
from dualstack.reach.live import keys
from dualstack.reach.node_ports import HOST_IP, is_bound_to
from dualstack.reach.onward import is_agent
from dualstack.reach.sidecars import together
from dualstack.reach.trace import is_refused

UNHELD, IDLE, HELD_BY, OTHER = "unheld", "idle: ", "held on other nodes by ", "other port "
LACKING, OVER_UDP = "without it there: ", "over UDP: "
"""Mark of the hop `endpoints` where no pod of the node holds the port, though a process of the node itself may; and how
it begins where an agent of a workload runs there, where pods of one hold it on other nodes, where a Collector is behind
another port of the node, where the pod there lacks it that such a workload has on this node as well, or where the agent
has it for UDP."""
_BEGINNINGS = (IDLE, HELD_BY, OTHER, LACKING, OVER_UDP)
_SCALED = ("Deployment", "ReplicaSet", "Rollout", "StatefulSet")
"""What puts pods on whatever node there is: clients that send to theirs mean none of these."""

_SOME = "that are known "


def unheld(node: Node, target: Target, address: str, cluster: Cluster, places: Spots) -> TracedHop:
    """The hop at which what is sent to a port of a node ends, or may end, that no pod holds on this address."""
    name, port = node.metadata.name, target.port
    there = [x for x in cluster.pods if x.spec.node_name == name and not x.finished]
    bound = [y.host_ip for x in there for y in _host_ports(x) if y.host_port == port and y.protocol == "TCP"]
    if astray := [x for x in bound if x and not is_bound_to(x, address)]:
        why = f"the host port is bound to {astray[0]} alone"
        return TracedHop(Hop.SERVICE, Status.FAIL, why, HOST_IP, (Evidence(why, f"pods on the node {name}"),))
    idle, whole = _idle(there, port, cluster, places), name in cluster.surveyed
    if not whole and idle is None and not any(kept_out(x, node) for x in others(port, name, cluster)):
        return TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, f"no pod is known to hold the port on the node {name}")
    why = f"no pod on the node {name} has a host port {port}, or is known to listen there in its network"
    why = why if whole else f"no pod is known to hold the port on the node {name}"
    said, mark = _instead(node, port, (target.protocol, address), idle, cluster)
    fact = Evidence(f"no host port {port}", f"pods {'' if whole else _SOME}on the node {name}")
    return TracedHop(Hop.ENDPOINTS, Status.UNKNOWN, f"{why}{said}", mark, (fact,))


def _instead(node: Node, port: int, sent: tuple[Protocol, str], idle: Pod | None, cluster: Cluster) -> tuple[str, str]:
    """Who may be meant instead of nobody, as the end of a sentence, and the mark for that."""
    elsewhere = others(port, node.metadata.name, cluster)
    if twin := _twin(elsewhere, node, cluster):
        said = f"; {_held_on(elsewhere)}, and its pod on this node, {twin.metadata.called}, has no such port"
        return said, f"{LACKING}{maker(twin)}, {twin.metadata.called}"
    if elsewhere:
        return f"; {_elsewhere(elsewhere, node)}", f"{HELD_BY}{maker(elsewhere[0])}"
    if idle and (own := _by_another(idle, port, *sent)):
        return own
    for service, number in _node_ports(sent[0], cluster):
        return f"; {service.called} has the node port {number} for it", f"{OTHER}{number}"
    if idle is None:
        return "", UNHELD
    what = "a Collector" if is_collector(idle) else "an agent"
    return f"; the pod {idle.metadata.called} is {what} without such a port", f"{IDLE}{maker(idle)}"


def _twin(holders: Sequence[Pod], node: Node, cluster: Cluster) -> Pod | None:
    """The pod of a node that is of the workload which holds the port on others; one may be of another template."""
    there = (x for x in cluster.pods if x.spec.node_name == node.metadata.name and not x.finished)
    return next((x for x in there if holders and maker(x) == maker(holders[0])), None)


def _elsewhere(holders: Sequence[Pod], node: Node) -> str:
    """Who holds the port on other nodes, and what keeps it from this one, where that is known."""
    barred = kept_out(holders[0], node)
    return f"{_held_on(holders)}, and {barred}" if barred else _held_on(holders)


def _held_on(holders: Sequence[Pod]) -> str:
    where = listed(sorted({x.spec.node_name or "" for x in holders if maker(x) == maker(holders[0])}))
    return f"{maker(holders[0])} holds it on {where}"


def maker(pod: Pod) -> str:
    """What made a pod, with its namespace where that is needed."""
    kind, _, name = owner(pod).partition(" ")
    return f"{kind} {pod.metadata.beside(name)}"


def is_scaled(pod: Pod) -> bool:
    """Whether a pod is on its node by chance, so that clients that send to the node do not mean it.

    Where it has a port of the node, somebody meant it for that.
    """
    return owner(pod).partition(" ")[0] in _SCALED and not any(_host_ports(pod))


def _host_ports(pod: Pod) -> Iterator[ContainerPort]:
    return (y for x in together(pod) for y in x.ports or () if y.host_port)


def _idle(there: Sequence[Pod], port: int, cluster: Cluster, places: Spots) -> Pod | None:
    """The agent of a node that clients may mean: one of their namespace, or the only one.

    Those that listen on the port go before Collectors of which that is not known.
    """
    own = [x for x in there if not is_scaled(x)]
    mine = [x for x in own if _hears(x, port, places)] or [x for x in own if is_collector(x)]
    near = {x.metadata.namespace for x in cluster.askers}
    alone = mine if len({maker(x) for x in mine}) == 1 else []
    return next(iter((*(x for x in mine if x.metadata.namespace in near), *alone)), None)


def _hears(pod: Pod, port: int, places: Spots) -> bool:
    """Whether a pod is there for an agent that listens on a port, by its configuration or its own words."""
    place = places.get((pod.metadata.namespace, pod.metadata.name))
    named = any(y.container_port == port for x in together(pod) for y in x.ports or ())
    return is_agent(pod) and (named or bool(place and place.on(port)))


def _by_another(idle: Pod, port: int, protocol: Protocol, address: str) -> tuple[str, str] | None:
    """The same of an agent with a port of the node that is another one, or is for UDP."""
    if other := _host_port(idle, protocol, address):
        return f"; the pod {idle.metadata.called} has the host port {other} for it", f"{OTHER}{other}"
    if any((x.host_port, x.protocol) == (port, "UDP") for x in _host_ports(idle)):
        return f"; the pod {idle.metadata.called} has it for UDP alone", f"{OVER_UDP}{maker(idle)}"
    return None


def _host_port(pod: Pod, protocol: Protocol, address: str) -> int:
    """The port of its node at which a pod takes a protocol by its usual port; 0 where there is none."""
    mine = (x for x in _host_ports(pod) if x.protocol == "TCP")
    usual = (x for x in mine if OTLP_PORTS.get(x.container_port) is protocol and is_bound_to(x.host_ip or "", address))
    return next((x.host_port for x in usual if x.host_port), 0)


def _node_ports(protocol: Protocol, cluster: Cluster) -> Iterator[tuple[Service, int]]:
    """The ports of nodes behind which Services take a protocol by its usual port."""
    for service in cluster.services:
        usual = (x for x in service.spec.ports or () if OTLP_PORTS.get(x.port) is protocol)
        yield from ((service, x.node_port) for x in usual if x.node_port)


def doubted(traces: Traces) -> Iterator[Finding]:
    """One finding for each reason why nobody may listen at the addresses of nodes; a probe may have shown it.

    Of nodes of which the same is true the first one is told, and the others named.
    """
    alike: dict[tuple[str, str, int, bool, bool], list[Trace]] = {}
    for trace in (x for x in traces.items if is_unheld(x.at(Hop.ENDPOINTS))):
        hop = trace.at(Hop.ENDPOINTS)
        some = any(_SOME in x.source for x in hop.evidence)
        barred = hop.why.partition("; ")[2] if hop.mark.startswith(HELD_BY) else ""
        alike.setdefault((hop.mark, barred, trace.target.port, is_refused(trace), some), []).append(trace)
    for (mark, _, port, refused, some), flows in alike.items():
        hop, sent = flows[0].at(Hop.ENDPOINTS), list(dict.fromkeys(x.target.endpoint for x in flows))
        met = tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.LISTEN).evidence)) if refused else ()
        end = "One that is not known here could." if some else "Only a process of the node itself could."
        end = "Connections are refused." if refused else end
        more = f" The same is true of {listed(sent[1:])}." if sent[1:] else ""
        yield Finding(
            summary=f"No pod of the node is known to hold port {port}",
            detail=f"Clients send to {sent[0]}: {hop.why}. {end}{more}",
            hint=f"{_agent(mark, port)}; or let the clients send to the name of a Service.",
            severity=Severity.ERROR if refused else Severity.WARNING,
            confidence=Confidence.INFERRED,
            families=tuple(dict.fromkeys(x.family for x in flows)),
            evidence=(*met, *dict.fromkeys(y for x in flows for y in x.at(Hop.ENDPOINTS).evidence)),
            flows=keys(flows),
        )


def is_unheld(hop: TracedHop) -> bool:
    """Whether it is the hop at which no pod is known to hold the port of a node."""
    return hop.hop is Hop.ENDPOINTS and (hop.mark == UNHELD or hop.mark.startswith(_BEGINNINGS))


def _agent(mark: str, port: int) -> str:
    if mark.startswith(IDLE):
        return f"Give {mark.removeprefix(IDLE)} `hostPort: {port}`, or `hostNetwork`"
    if mark.startswith(OVER_UDP):
        return f"Write `protocol: TCP` beside `hostPort: {port}` of {mark.removeprefix(OVER_UDP)}"
    if mark.startswith(OTHER):
        return f"Send to port {mark.removeprefix(OTHER)} of the node, if that is the Collector that clients mean"
    if mark.startswith(LACKING):
        who, _, pod = mark.removeprefix(LACKING).partition(", ")
        return f"See that the template of {who} has `hostPort: {port}`, and delete the pod {pod}, which then gets it"
    who = mark.removeprefix(HELD_BY) if mark.startswith(HELD_BY) else "a Collector that holds the port"
    return f"Let {who} run on each node that clients run on"

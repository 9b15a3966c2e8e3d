"""Pods that no node takes as a port of the node is taken, who holds it, and the clients that it is taken from."""

from collections.abc import Iterator, Sequence

import msgspec

from dualstack.model.cluster import Cluster, Pod
from dualstack.model.trace import Trace, Traces
from dualstack.reach.exporting import is_collector
from dualstack.reach.holders import names
from dualstack.reach.live import owner_of, waiting_for
from dualstack.reach.sidecars import together
from dualstack.reach.states import unscheduled
from dualstack.reach.unheld import maker

TAKEN = "didn't have free ports"
"""kubernetes 1.34.4 pkg/scheduler/framework/plugins/nodeports/node_ports.go ErrReason."""


Port = tuple[int, str]
"""The number of a port and its protocol."""


class Waiting(msgspec.Struct, frozen=True):
    """The pods of one owner that wait for `ports` of a node, who holds one where that is known, and what fails by it.

    `astray` are the flows of clients that send to the port and come to a holder that is no Collector.
    """

    pods: tuple[Pod, ...]
    ports: tuple[Port, ...]
    holders: tuple[Pod, ...]
    flows: tuple[Trace, ...]
    astray: tuple[Trace, ...]

    @property
    def held(self) -> str:
        """Who holds the port, as a sentence; empty where nobody knows."""
        if not self.holders:
            said = ((bound_to(x), y.holder) for x in self.pods for y in x.status.conditions or () if y.holder)
            return next((f" On {node} {holder}." for node, holder in said), "")
        pod = self.holders[0]
        came = f" What clients send to {self.astray[0].target.endpoint} comes to it." if self.astray else ""
        return f" On {pod.spec.node_name} {told(pod, pod.metadata.called, self.ports)}.{came}"


def told(pod: Pod, name: str, ports: Sequence[Port]) -> str:
    """What holds one of these ports of its node, as the end of a sentence."""
    port = next(x for x in ports if names(pod, *x))
    return (
        f"the pod {name}, of {maker(pod)}, holds {spelled(port)}{'' if is_collector(pod) else ', and is no Collector'}"
    )


def spelled(port: Port) -> str:
    """A port as it is told: TCP goes without saying."""
    number, protocol = port
    return str(number) if protocol == "TCP" else f"{number}/{protocol}"


def waiting(cluster: Cluster, traces: Traces) -> Iterator[Waiting]:
    """The pods that wait for a port, by their owner; where clients are asked about those that keep one from them."""
    every = [x for x in cluster.pods if _waits(x)]
    for owner in dict.fromkeys(map(owner_of, every)):
        mine = tuple(x for x in every if owner_of(x) == owner)
        ports = wanting(mine[0])
        nodes = {*map(bound_to, mine)}
        held = (x for x in cluster.pods if x.spec.node_name and any(names(x, *y) for y in ports))
        holders = tuple(x for x in held if "" in nodes or x.spec.node_name in nodes)
        astray = tuple(_astray(holders, ports, cluster, traces))
        flows = (*waiting_for(cluster, traces, mine), *astray)
        if flows or not (cluster.askers and holders):
            yield Waiting(mine, ports, _first(holders, astray), flows, astray)


def bound_to(pod: Pod) -> str:
    """The only node that a pod may come to, as one of a DaemonSet; empty where there are others.

    Source: kubernetes 1.34.4 pkg/controller/daemon/util ReplaceDaemonSetPodNodeNameNodeAffinity.
    """
    near = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    terms = (near.required.node_selector_terms if near and near.required else None) or ()
    fields = [y for x in terms for y in x.match_fields or ()]
    named = [x.values or [] for x in fields if (x.key, x.operator) == ("metadata.name", "In")]
    return named[0][0] if len(terms) == 1 and [len(x) for x in named] == [1] else ""


def wanting(pod: Pod) -> tuple[Port, ...]:
    """The ports of a node that a pod asks for, where no node has them free."""
    asked = (y for x in together(pod) for y in x.ports or ())
    named = dict.fromkeys((x.host_port, x.protocol) for x in asked if x.host_port)
    return tuple(named) if _waits(pod) else ()


def _waits(pod: Pod) -> bool:
    return not pod.finished and TAKEN in unscheduled(pod)


def _astray(holders: Sequence[Pod], ports: Sequence[Port], cluster: Cluster, traces: Traces) -> Iterator[Trace]:
    """The flows to a port of a node that end at somebody else than the Collectors that wait for it."""
    strange = {x.place for x in holders if not is_collector(x)}
    nodes = {y for x in cluster.nodes for y in x.addresses}
    for trace in traces.broken:
        if trace.target.host in nodes and (trace.target.port, "TCP") in ports and strange.intersection(trace.servers):
            yield trace


def _first(holders: Sequence[Pod], astray: Sequence[Trace]) -> tuple[Pod, ...]:
    """The holders, those that clients come to first."""
    met = {y for x in astray for y in x.servers}
    return tuple(sorted(holders, key=lambda x: x.place not in met))

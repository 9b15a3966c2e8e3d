"""The clients of a cluster, in groups that fare alike: the pods of the nodes with the same families."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from dualstack.model.address import BOTH, Family, family
from dualstack.model.cluster import Cluster, Node, Pod


class Crowd(msgspec.Struct, frozen=True):
    """The pods of some nodes. `families` are those that they have, empty where nobody could say."""

    name: str
    nodes: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()


def crowds(cluster: Cluster, near: frozenset[str] | None = None) -> tuple[Crowd, ...]:
    """The groups of clients, the largest first.

    `near` are the nodes that have a backend of their own, where that decides; None where it does not.
    """
    groups: defaultdict[tuple[tuple[Family, ...], bool], list[str]] = defaultdict(list)
    living = _by_node(cluster.pods)
    for node in cluster.nodes:
        name = node.metadata.name
        groups[_families(node, living.get(name, ())), near is None or name in near].append(name)
    if not groups:
        return (Crowd("pods", (), cluster.families),)
    ordered = sorted(groups.items(), key=lambda x: -len(x[1]))
    whole = len(ordered) == 1
    return tuple(Crowd(_name(names, len(cluster.nodes), whole), tuple(names), has) for (has, _), names in ordered)


def _name(names: list[str], every: int, whole: bool) -> str:  # noqa: FBT001 -- one caller
    if whole:
        return "pods"
    return f"pods on {' and '.join(names)}" if len(names) < 3 else f"pods on {len(names)} of {every} nodes"


def _by_node(pods: Iterable[Pod]) -> Mapping[str, list[Pod]]:
    found: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        if not pod.spec.host_network and not pod.finished and pod.addresses:
            found[pod.spec.node_name or ""].append(pod)
    return found


def _families(node: Node, pods: Iterable[Pod]) -> tuple[Family, ...]:
    """The families of the pods of a node, as their own addresses say, else the ranges of the node, else its addresses.

    A network plugin with ranges of its own leaves those of the node empty.
    """
    spec = node.spec
    ranges = spec.pod_cidrs or ([spec.pod_cidr] if spec.pod_cidr else [])
    seen = {family(y) for x in pods for y in x.addresses}
    known = seen or {family(x.partition("/")[0]) for x in ranges} or {family(x) for x in node.addresses}
    return tuple(x for x in BOTH if x in known)

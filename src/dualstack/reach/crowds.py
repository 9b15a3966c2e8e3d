"""The clients of a cluster, in groups that fare alike: the pods of the nodes with the same families."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from dualstack.model.address import BOTH, Family, family, is_address
from dualstack.model.cluster import Cluster, Node, Pod

Near = Mapping[Family, frozenset[str]]
"""The nodes that have a backend of their own, by its family."""


_Has = tuple[tuple[Family, ...], tuple[Family, ...]]
"""Families that pods surely have, and those that they may have or not."""


class Crowd(msgspec.Struct, frozen=True):
    """The pods of some nodes. `families` are those that they surely have, `open` those that they may have or not."""

    name: str
    nodes: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    open: tuple[Family, ...] = BOTH


def crowds(cluster: Cluster, near: Near | None = None) -> tuple[Crowd, ...]:
    """The groups of clients, the largest first. `near` is None where it does not decide.

    Where it does, nodes that keep pods out by a taint and have no backend are taken to have no clients either, unless
    some are known there. Pods that are asked about and are on no node yet may come to every one that takes them.
    """
    if any(x.is_placed for x in cluster.askers):
        return tuple(_of_askers(cluster, near))
    who = f"pods of {_owner(cluster)}" if cluster.askers else "pods"
    groups: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    living = _by_node(cluster.pods)
    has: dict[str, tuple[tuple[Family, ...], tuple[Family, ...]]] = {}
    may = {x.metadata.name: [y.may_come_to(x) for y in cluster.askers] or [True] for x in cluster.nodes}
    if any(None in x for x in may.values()):
        return (Crowd(who),)
    for node in (x for x in cluster.nodes if True in may[x.metadata.name]):
        pods = living.get(node.metadata.name, ())
        if near is None or not node.keeps_out or _is_near(node, near) or node.metadata.name in cluster.inhabited:
            sure = families_on(node, pods)
            has[node.metadata.name] = (sure, families_open(node, sure, pods))
    for name in sorted(has):
        groups[has[name], *(near is None or name in near.get(x, ()) for x in BOTH)].append(name)
    ordered = sorted(groups.values(), key=lambda x: -len(x))
    every = len(has) + cluster.more_nodes
    if not ordered:
        return (Crowd(who),)
    if len(ordered) == 1:
        return (Crowd(who, tuple(ordered[0]), *has[ordered[0][0]]),)
    return tuple(Crowd(f"{who} on {named(x, every)}", tuple(x), *has[x[0]]) for x in ordered)


def _of_askers(cluster: Cluster, near: Near | None) -> Iterator[Crowd]:
    """The pods that are asked about, in groups of one set of families, and of nodes where these decide.

    Those that are on no node send nothing, and are not among them.
    """
    groups: defaultdict[tuple[_Has, tuple[bool, ...]], list[Pod]] = defaultdict(list)
    held = {x.metadata.name: x for x in cluster.nodes}
    living = _by_node((*cluster.pods, *cluster.askers))
    for pod in (x for x in cluster.askers if x.is_placed):
        name = pod.spec.node_name or ""
        has = _of_pod(pod, held.get(name), living.get(name, ()))
        groups[has, tuple(near is None or name in near.get(x, ()) for x in BOTH)].append(pod)
    owner = _owner(cluster)
    for (has, _), pods in sorted(groups.items(), key=lambda x: -len(x[1])):
        nodes = tuple(sorted({x.spec.node_name for x in pods if x.spec.node_name}))
        where = f" on {named(nodes, len(cluster.nodes) + cluster.more_nodes)}" if len(groups) > 1 and nodes else ""
        yield Crowd(f"pods of {owner}{where}", nodes, *has)


def _of_pod(pod: Pod, node: Node | None, beside: Sequence[Pod]) -> _Has:
    """The families of a pod; of one that has no address yet those that its node gives."""
    if pod.families or node is None:
        return pod.families, () if pod.families else BOTH
    if pod.spec.host_network:
        found = tuple(dict.fromkeys(map(family, node.addresses)))
        return found, () if found else BOTH
    sure = families_on(node, beside)
    return sure, families_open(node, sure, beside)


def _owner(cluster: Cluster) -> str:
    return next((x.made_by(ambiguous=cluster.ambiguous) for x in cluster.exporters), "the target")


def _is_near(node: Node, near: Near) -> bool:
    return any(node.metadata.name in x for x in near.values())


def named(nodes: Sequence[str], every: int) -> str:
    """Some nodes in few words: `n1 and n2`, `12 of 40 nodes`."""
    return " and ".join(nodes) if len(nodes) < 3 else f"{len(nodes)} of {every} nodes"


def told(nodes: Sequence[str], every: int) -> str:
    """Some nodes by number and name."""
    return named(nodes, every) if len(nodes) < 3 else f"{named(nodes, every)} ({listed(nodes)})"


def there(names: Sequence[str]) -> str:
    """That there are some, as a part of a sentence."""
    return f"there {'are' if len(names) > 1 else 'is'} {' and '.join(names)}"


def listed(nodes: Sequence[str], most: int = 6) -> str:
    """The names of nodes, the first ones where there are many."""
    return ", ".join(nodes[:most]) + (f" and {len(nodes) - most} more" if len(nodes) > most else "")


def ranges(cluster: Cluster, nodes: Iterable[str], wanted: Family) -> tuple[str, ...]:
    """The ranges in a family that some nodes give their pods addresses from."""
    there = filter(None, map(cluster.node, nodes))
    held = [y for x in there for y in x.spec.pod_cidrs or ([x.spec.pod_cidr] if x.spec.pod_cidr else [])]
    known = (x for x in held if is_address(x.partition("/")[0]))
    return tuple(x for x in known if family(x.partition("/")[0]) is wanted)


def _by_node(pods: Iterable[Pod]) -> Mapping[str, list[Pod]]:
    found: defaultdict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        if not pod.spec.host_network and not pod.finished and pod.addresses:
            found[pod.spec.node_name or ""].append(pod)
    return found


def families_on(node: Node, pods: Iterable[Pod] = ()) -> tuple[Family, ...]:
    """The families that pods of a node surely have: those of pods that are there, else what its own addresses say.

    Where it shows no addresses its ranges tell; a controller gives ranges of both families to nodes that have one.
    """
    seen = {family(y) for x in pods for y in x.addresses}
    ranges, held = set(node.ranges), {family(x) for x in node.addresses}
    known = seen or (ranges & held if ranges and held else ranges or held)
    return tuple(x for x in BOTH if x in known)


def families_open(node: Node, sure: Collection[Family], pods: Iterable[Pod] = ()) -> tuple[Family, ...]:
    """The families that pods of a node may have or not: it has a range for them and no address, or the reverse.

    Also those of which it has both, and pods there have none: these may be older than that. Those that they have for
    `sure` are left out.
    """
    ranges, addresses = set(node.ranges), {family(x) for x in node.addresses}
    shown = any(x.addresses for x in pods)
    held = ranges & addresses if shown else ranges | addresses
    return tuple(x for x in BOTH if x in held and x not in sure)


def first_families(pods: Sequence[Pod]) -> Mapping[str, tuple[Family, ...]]:
    """The families that the first addresses of pods and of their nodes have, and those of the nodes alone."""
    nodes = [x.status.host_ip or "" for x in pods]
    every = {"first": [*nodes, *(y for x in pods for y in x.addresses[:1])], "nodes": nodes}
    met = {k: {*map(family, filter(is_address, v))} for k, v in every.items()}
    return {k: tuple(x for x in BOTH if x in v) for k, v in met.items()}

"""Looks from inside of a cluster: in pods of the target, and from its nodes as clients. Both start containers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from dualstack.gather.facts import plainly
from dualstack.gather.inspect import IMAGE, NoAnswer, inspect, why
from dualstack.gather.kube_api import Api
from dualstack.gather.kube_objects import Refused
from dualstack.gather.matrix import Order, matrix
from dualstack.model.cluster import Pod
from dualstack.model.evidence import Missing
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Options
from dualstack.model.snapshot import Snapshot

PODS = 4
"""Pods that are looked into, one of each kind."""


class Inside(msgspec.Struct, frozen=True):
    """What may be started: an ephemeral container in pods of the target, and Jobs on nodes.

    `nodes` are those that the user chose; without any it is the first `most` of the cluster. `hosts` are nodes of which
    the network is looked at.
    """

    pods: bool = False
    jobs: bool = False
    image: str = IMAGE
    nodes: tuple[str, ...] = ()
    most: int = 20
    hosts: tuple[str, ...] = ()


class Errand(msgspec.Struct, frozen=True):
    """What is looked at: pods, the nodes of clients, and the targets of exports; Jobs are made in the `namespace`.

    `askers` are pods of clients, which export to the targets of their `own` loopback as well. `resolver` are the fields
    of a pod that say how it looks names up, for the Jobs.
    """

    namespace: str
    pods: tuple[Pod, ...]
    nodes: tuple[str, ...]
    targets: tuple[str, ...]
    options: Options
    askers: tuple[Pod, ...] = ()
    own: tuple[str, ...] = ()
    resolver: Mapping[str, Any] = {}


def inspections(
    api: Api, allowed: Inside, errand: Errand, tell: Callable[[str], None]
) -> tuple[list[Inspection], list[Missing]]:
    """What containers saw, and why others saw nothing. Raises Unreachable."""
    found: list[Inspection] = []
    gaps: list[Missing] = []
    for kept, gap in (y for x in (_in_pods, _on_nodes, _at_hosts) for y in x(api, allowed, errand, tell)):
        found += [kept] if kept else []
        gaps += [gap] if gap else []
    return found, gaps


Looks = Iterator[tuple[Inspection | None, Missing | None]]


def _in_pods(api: Api, allowed: Inside, errand: Errand, tell: Callable[[str], None]) -> Looks:
    others = tuple(x for x in errand.pods if x not in errand.askers)
    for pod in (*errand.askers, *others)[:PODS] if allowed.pods else ():
        targets = (*errand.targets, *(errand.own if pod in errand.askers else ()))
        if errand.options.headers:  # an ephemeral container stays in its pod, with its words
            targets = ()
            yield None, Missing(f"exports from inside the {pod.place}", "a header would stay there to be read")
        about = pod.metadata
        tell(f"the sockets of the {pod.place} and exports from it, by an ephemeral container of {allowed.image}")
        try:
            seen = inspect(api, about.namespace, about.name, allowed.image, targets, errand.options)
        except (Refused, NoAnswer) as error:
            yield None, Missing(f"a look into the {pod.place}", why(error, "inspect"))
        else:
            yield Inspection(pod.spec.node_name or "", about.namespace, about.name, plainly(seen)), None


def _on_nodes(api: Api, allowed: Inside, errand: Errand, tell: Callable[[str], None]) -> Looks:
    if not allowed.jobs:
        return
    chosen = allowed.nodes or errand.nodes[: allowed.most]
    left = len(errand.nodes) - len(chosen)
    if left > 0 and not allowed.nodes:
        yield None, Missing("exports from nodes", f"made from {len(chosen)} of {len(errand.nodes)}; see `--max-nodes`")
    if not chosen:
        yield None, Missing("exports from nodes", "no node is known; name some with `--nodes`")
        return
    if errand.options.cert:
        yield None, Missing("exports from nodes with your certificate", "its file is not in the Jobs")
    order = Order(errand.namespace, allowed.image, errand.targets, errand.options, resolver=errand.resolver)
    yield from _by_jobs(api, order, chosen, tell, "exports from")


def _at_hosts(api: Api, allowed: Inside, errand: Errand, tell: Callable[[str], None]) -> Looks:
    if allowed.hosts:
        order = Order(errand.namespace, allowed.image, errand.targets, errand.options, host=True)
        yield from _by_jobs(api, order, allowed.hosts, tell, "the network of")


def _by_jobs(api: Api, order: Order, nodes: Sequence[str], tell: Callable[[str], None], what: str) -> Looks:
    try:
        for node, seen in matrix(api, order, nodes, tell):
            if isinstance(seen, Snapshot):
                yield Inspection(node, "" if order.host else order.namespace, "", plainly(seen), order.host), None
            else:
                yield None, Missing(f"{what} the node {node}", seen)
    except Refused as error:
        yield None, Missing(f"{what} nodes", why(error, "matrix"))

"""Ports of nodes that the pods of a workload take for themselves."""

from collections.abc import Iterator, Mapping
from itertools import combinations, islice, product
from typing import TypeAlias

import msgspec

from dualstack.model.address import is_address
from dualstack.model.deployed import Deployments
from dualstack.model.kube import Meta, Workload, Workloads
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.source import Location
from dualstack.reach.callers import host_of
from dualstack.reach.localhost import LOCALHOST
from dualstack.reach.start import port

_ANY = ("", "0.0.0.0")
"""Host addresses that stand for every one (scheduler framework, HostPortInfo); to the scheduler `::` is one address."""
_WILDCARDS = ("0.0.0.0", "::")
_GENERATIONS = 3
"""Of makers: a pod, a ReplicaSet, a Deployment, what an operator made it of."""
_Owner: TypeAlias = tuple[str, str, str]


class Claim(msgspec.Struct, frozen=True):
    """A port of every node that a pod of a workload runs on; `address` is the one of the node that it is taken on.

    It is the `hostIP`, or what a listener in the network of the node binds; empty for every address.
    """

    workload: Workload
    number: int
    protocol: str
    at: Location
    address: str = ""

    @property
    def is_everywhere(self) -> bool:
        """Whether the workload has a pod on every node."""
        return self.workload.meta.kind == "DaemonSet"


def rivals(workloads: Workloads, deployments: Deployments) -> Iterator[tuple[Claim, Claim]]:
    """Pairs of claims to one port, of workloads in one folder that nothing keeps from meeting on a node.

    What was made by one of them is no other workload.
    """
    every = {(x.meta.kind, x.meta.namespace, x.meta.name): x.meta for x in workloads.items}
    by_port = dict[tuple[int, str, str], dict[_Owner, list[Claim]]]()
    for claim in _claims(workloads, deployments):
        meta = claim.workload.meta
        folder = meta.at.file.rpartition("/")[0]
        here = by_port.setdefault((claim.number, claim.protocol, folder), {})
        here.setdefault(_root(meta, every), []).append(claim)
    for here in by_port.values():
        for one, other in combinations(here.values(), 2):
            yield from islice((x for x in product(one, other) if _meet(*x)), 1)


def _root(meta: Meta, every: Mapping[_Owner, Meta]) -> _Owner:
    """What made a workload in the end; a ReplicaSet that is not there is called after its Deployment and a hash."""
    key = (meta.kind, meta.namespace, meta.name)
    for _ in range(_GENERATIONS):
        made = every.get(key)
        if made is None or not made.owners:
            break
        kind, name = made.owners[0]
        key = (kind, made.namespace, name)
        hashed = made.labels.get("pod-template-hash")
        if key not in every and hashed and name.endswith(f"-{hashed}"):
            key = ("Deployment", made.namespace, name.removesuffix(f"-{hashed}"))
    return key


def _meet(one: Claim, other: Claim) -> bool:
    same = one.workload.meta.name == other.workload.meta.name and one.workload.meta.kind == other.workload.meta.kind
    apart = one.address != other.address and not {one.address, other.address} & set(_ANY)
    return not (same or apart)


def _claims(workloads: Workloads, deployments: Deployments) -> Iterator[Claim]:
    for workload in workloads.items:
        if workload.pod and not workload.pinned:
            yield from _of_ports(workload)
    for item in deployments.items:
        host = item.workload
        if host is not None and host.pod and host.host_network and not host.pinned:
            listening = ((x, x.location) for x in item.config.endpoints if port(x))
            yield from (Claim(host, port(x), x.transport.upper(), at, _bound(x)) for x, at in listening if at)


def _bound(endpoint: DeclaredEndpoint) -> str:
    """The one address that a listener binds, that of `localhost` as Go takes it; empty for any other."""
    host = "127.0.0.1" if host_of(endpoint) == LOCALHOST else host_of(endpoint)
    return host if is_address(host) and host not in _WILDCARDS else ""


def _of_ports(workload: Workload) -> Iterator[Claim]:
    """A hostPort, and in the network of the host every port of a container (Pod v1 core, ContainerPort)."""
    for each in (y for x in workload.containers for y in x.ports):
        said = each.host or (each.number if workload.host_network else None)
        if said and said.text.isdigit() and int(said.text):
            yield Claim(workload, int(said.text), each.protocol, said.at, each.address)

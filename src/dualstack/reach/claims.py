"""Ports of nodes that the pods of a workload take for themselves."""

from collections.abc import Iterator
from itertools import combinations

import msgspec

from dualstack.model.deployed import Deployments
from dualstack.model.kube import Workload, Workloads
from dualstack.model.source import Location
from dualstack.reach.start import port

_EVERYWHERE = ("", "0.0.0.0", "::", "127.0.0.1", "::1")


class Claim(msgspec.Struct, frozen=True):
    """A port of every node that a pod of a workload runs on; `address` is the `hostIP` that it is taken on."""

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
    """Pairs of claims to one port, of workloads in one folder that nothing keeps from meeting on a node."""
    by_port = dict[tuple[int, str, str], dict[tuple[str, str, str, str], Claim]]()
    for claim in _claims(workloads, deployments):
        meta = claim.workload.meta
        folder = meta.at.file.rpartition("/")[0]
        here = by_port.setdefault((claim.number, claim.protocol, folder), {})
        here.setdefault((meta.kind, meta.namespace, meta.name, meta.at.file), claim)
    for here in by_port.values():
        yield from (x for x in combinations(here.values(), 2) if _meet(*x))


def _meet(one: Claim, other: Claim) -> bool:
    same = one.workload.meta.name == other.workload.meta.name and one.workload.meta.kind == other.workload.meta.kind
    apart = one.address != other.address and not {one.address, other.address} & set(_EVERYWHERE)
    return not (same or apart)


def _claims(workloads: Workloads, deployments: Deployments) -> Iterator[Claim]:
    for workload in workloads.items:
        if workload.pod and not workload.pinned:
            yield from _of_ports(workload)
    for item in deployments.items:
        host = item.workload
        if host is not None and host.pod and host.host_network and not host.pinned:
            listening = ((x, x.location) for x in item.config.endpoints if port(x))
            yield from (Claim(host, port(x), x.transport.upper(), at) for x, at in listening if at)


def _of_ports(workload: Workload) -> Iterator[Claim]:
    """A hostPort, and in the network of the host every port of a container (Pod v1 core, ContainerPort)."""
    for each in (y for x in workload.containers for y in x.ports):
        said = each.host or (each.number if workload.host_network else None)
        if said and said.text.isdigit() and int(said.text):
            yield Claim(workload, int(said.text), each.protocol, said.at, each.address)

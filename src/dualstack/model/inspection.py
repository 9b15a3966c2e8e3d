"""What containers inside of a cluster saw: in a pod of the target, or on a node as a client."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from dualstack.model.address import Protocol
from dualstack.model.probe import ProbeResult, Probes
from dualstack.model.snapshot import Snapshot


class Inspection(msgspec.Struct, frozen=True):
    """One such container: the node that it ran on, the pod whose network it shared (empty for one of its own).

    `facts` is its evidence, as `dualstack gather` of a host writes it. With `host` it shared the network of the node.
    """

    node: str
    namespace: str = ""
    pod: str = ""
    facts: Mapping[str, Any] = {}
    host: bool = False


class Crossing(msgspec.Struct, frozen=True):
    """One export that a container on a node made; `pod` is that of the `namespace` in which it ran, if any.

    It is the client's `own` where that pod is one whose way is asked about. A refusal is `doubted` where a policy may
    have said it in the place of a port.
    """

    node: str
    namespace: str
    pod: str
    result: ProbeResult
    own: bool = False
    doubted: bool = False

    @property
    def to(self) -> tuple[str, int, Protocol]:
        """The address, the port and the protocol."""
        task = self.result.task
        return task.address, task.port, task.protocol


def crossings(inspection: Inspection, seen: Snapshot) -> Iterator[Crossing]:
    """The exports of one container."""
    for result in (seen.having(Probes) or Probes()).items:
        yield Crossing(inspection.node, inspection.namespace, inspection.pod, result)

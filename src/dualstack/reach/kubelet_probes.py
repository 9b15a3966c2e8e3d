"""Probes of the kubelet that ask a port on which nobody listens, as far as the files tell."""

from collections.abc import Iterator, Sequence

import msgspec

from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.kube import Container, Probe, Workload
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.sockets import Transport
from dualstack.model.source import Location
from dualstack.reach.callers import is_health, is_loopback
from dualstack.reach.hint import use
from dualstack.reach.landscape import landscape
from dualstack.reach.ports import silent
from dualstack.reach.start import numbered, port

LIVENESS, READINESS = "livenessProbe", "readinessProbe"


class Unheard(msgspec.Struct, frozen=True):
    """The probes of a container that ask one port, and what is meant.

    `idle` is what would listen there and is not in use, `health` where a health check listens instead.
    """

    container: Container
    probes: tuple[Probe, ...]
    number: int
    idle: DeclaredEndpoint | None = None
    health: DeclaredEndpoint | None = None

    @property
    def at(self) -> Location:
        """The place of the probe that a pod which is ready has passed, where there is one."""
        return min(self.probes, key=lambda x: x.name == LIVENESS).port.at

    @property
    def hint(self) -> str:
        """What to do."""
        if self.idle:
            return use(self.idle)
        if self.health:
            return f"Ask port {port(self.health)}, where `{self.health.component}` listens."
        return "Ask a port where the Collector listens; the extension `health_check` is made for that."


def unheard(deployments: Deployments) -> Iterator[Unheard]:
    """The probes of pods that ask a port on which surely nobody listens."""
    land, told = landscape(deployments), set[int]()
    for item in deployments.items:
        workload, container = item.workload, item.container
        if workload is None or container is None or id(container) in told or not _is_judged(workload):
            continue
        told.add(id(container))
        asked = [(_asked(x, container), x) for x in container.probes]
        for number in dict.fromkeys(x for x, _ in asked if x):
            if silent(workload, number, Transport.TCP, land):
                mine = tuple(x for y, x in asked if y == number)
                yield _found(container, mine, number, land.read_by(workload))


def _is_judged(workload: Workload) -> bool:
    """Whether a pod has a network of its own, and probes that somebody wrote for it."""
    return workload.pod and not workload.host_network and workload.holds is None


def _asked(probe: Probe, container: Container) -> int:
    """The port of the pod that a probe asks; 0 where it asks another host, or a name that no port has."""
    names = {x.name: numbered(x.number.text) for x in container.ports if x.name}
    return 0 if probe.host else numbered(probe.port.text) or names.get(probe.port.text, 0)


def _found(container: Container, probes: tuple[Probe, ...], number: int, read: Sequence[Deployed]) -> Unheard:
    idle = next((y for x in read for y in x.config.idle if port(y) == number), None)
    heard = (y for x in read for y in x.config.endpoints if is_health(y) and not is_loopback(y) and port(y))
    return Unheard(container, probes, number, idle, next(heard, None))

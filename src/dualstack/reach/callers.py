"""Who connects to a listener from elsewhere, as far as the files tell."""

from collections.abc import Iterator

import msgspec

from dualstack.model.address import Scope, is_address, scope
from dualstack.model.deployed import Deployed, Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.kube import Container, ContainerPort, Service, Workload
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.sockets import Runtime
from dualstack.model.source import Location
from dualstack.reach.destination import read
from dualstack.reach.heard import Heard, heard
from dualstack.reach.start import port
from dualstack.reach.wiring import target

_SCRAPED = "prometheus.io/port"
_MADE = ("receivers/", "exporters/")
_HEALTH = "extensions/health"


class Caller(msgspec.Struct, frozen=True):
    """One sign of clients elsewhere: `said` begins a sentence. Of one that is not `sure` nobody may ever come."""

    said: str
    at: Location
    sure: bool = True


def host_of(endpoint: DeclaredEndpoint) -> str:
    """The host that a listener binds, without brackets; empty where there is none or a variable."""
    return read(endpoint.effective, "hostport").host


def is_loopback(endpoint: DeclaredEndpoint) -> bool:
    """Whether a listener binds the loopback alone, as far as it is known and can be bound at all."""
    reading = read(endpoint.effective, "hostport")
    return reading.loopback and not (endpoint.problem or endpoint.cause or reading.fault)


def is_literal(endpoint: DeclaredEndpoint) -> bool:
    """Whether a listener binds one address of the host, neither a wildcard nor a loopback address."""
    host, broken = host_of(endpoint), endpoint.problem or read(endpoint.effective, "grpc").fault
    return not broken and is_address(host) and scope(host) not in (Scope.WILDCARD, Scope.LOOPBACK)


def is_health(endpoint: DeclaredEndpoint) -> bool:
    """Whether this is what the kubelet asks."""
    return endpoint.component.startswith(_HEALTH)


def serves(endpoint: DeclaredEndpoint) -> bool:
    """Whether clients bring or fetch telemetry there; the others are for people and for what watches over it.

    Of another agent than the Collector, which goes by the name of its product, these endpoints alone are read.
    """
    return endpoint.component.startswith(_MADE) or "/" not in endpoint.component


def services(item: Deployed, endpoint: DeclaredEndpoint) -> Iterator[tuple[Service, Location]]:
    """The Services that lead to a listener, and the places of their ports."""
    number = port(endpoint)
    for service in item.services if item.workload and number else ():
        for each in service.ports:
            same = each.protocol.lower() == endpoint.transport
            if item.workload and same and target(each, item.workload) == number:
                yield service, (each.target or each.number).at


class Local(msgspec.Struct, frozen=True):
    """A listener on the loopback, who reads its configuration, and the signs of clients elsewhere, at least one."""

    deployed: Deployed
    endpoint: DeclaredEndpoint
    callers: tuple[Caller, ...]

    @property
    def sure(self) -> bool:
        """Whether clients that bring or fetch telemetry are turned away."""
        return self.callers[0].sure and serves(self.endpoint)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The endpoint, and who speaks of clients elsewhere."""
        signs = (Evidence(x.said, f"{x.at.file}:{x.at.line}", Layer.DECLARED) for x in self.callers)
        return (Evidence(self.endpoint.effective, self.endpoint.field, Layer.DECLARED), *signs)


def locals_called(deployments: Deployments, senders: Senders) -> Iterator[Local]:
    """The listeners on the loopback that somebody connects to from elsewhere.

    Of other agents those that are written, and that Go binds: its wildcard is told.
    """
    told = heard(senders)
    others = ((x, y) for x in deployments.foreign for y in x.config.endpoints if y.written and y.runtime == Runtime.GO)
    every = (*((x, y) for x in deployments.items for y in x.config.endpoints), *others)
    for item, endpoint in every:
        if is_loopback(endpoint):
            found = callers(item, endpoint, told)
            if found:
                yield Local(item, endpoint, found)


def callers(item: Deployed, endpoint: DeclaredEndpoint, told: Heard) -> tuple[Caller, ...]:
    """Every sign of clients that are not in the same network namespace, the surest first."""
    if item.workload is None or item.container is None or not port(endpoint):
        return ()
    found = (
        *_of_services(item, endpoint),
        *_of_senders(item.workload, endpoint, told),
        *_of_nodes(item.workload, endpoint, told),
        *_of_ports(item.workload, item.container, endpoint, told),
        *_of_watchers(item.workload, item.container, endpoint),
    )
    return tuple(sorted(found, key=lambda x: not x.sure))


def _of_services(item: Deployed, endpoint: DeclaredEndpoint) -> Iterator[Caller]:
    for service, at in services(item, endpoint):
        yield Caller(f"{service.meta.called} leads to port {port(endpoint)} of the pod", at)


def _of_senders(workload: Workload, endpoint: DeclaredEndpoint, told: Heard) -> Iterator[Caller]:
    """Those of other services of a Compose file, which know each other by name."""
    for name, sender in told.from_elsewhere(workload, port(endpoint)) if not workload.host_network else ():
        yield Caller(f"{sender.destination.owner} sends to `{name}`", sender.destination.written.at)


def _of_nodes(workload: Workload, endpoint: DeclaredEndpoint, told: Heard) -> Iterator[Caller]:
    """Those that send to the node that they run on, where this may be the one that listens there on every node."""
    if workload.host_network and workload.meta.kind == "DaemonSet":
        for sender in told.at_nodes.get(str(port(endpoint)), ()):
            said = sender.destination
            yield Caller(f"{said.owner} sends to that port at the address of its node", said.written.at, sure=False)


def _of_ports(workload: Workload, container: Container, endpoint: DeclaredEndpoint, told: Heard) -> Iterator[Caller]:
    """Those that the ports of the container speak of; of a host's network nothing follows from them.

    Where somebody beside it sends to the loopback it is there for them, and the names of its ports say nothing.
    """
    if workload.host_network:
        return
    for each in container.ports:
        if not _is_on(each, endpoint):
            continue
        if each.host:
            kind = "hostPort" if workload.pod else "published port"
            yield Caller(f"The {kind} `{each.host.text}` leads there", each.host.at)
        elif serves(endpoint) and not told.beside(workload, container):
            yield Caller(f"The container names port {each.number.text}", each.number.at, sure=False)


def _is_on(each: ContainerPort, endpoint: DeclaredEndpoint) -> bool:
    return each.number.text == str(port(endpoint)) and each.protocol.lower() == endpoint.transport


def _of_watchers(workload: Workload, container: Container, endpoint: DeclaredEndpoint) -> Iterator[Caller]:
    """The kubelet, and a Prometheus that the annotations speak to."""
    for at in () if is_health(endpoint) else probes(container, endpoint):
        yield Caller("The kubelet probes that port at the address of the pod", at)
    scraped = workload.annotations.get(_SCRAPED)
    if scraped and scraped.text == str(port(endpoint)):
        yield Caller("Prometheus is told to scrape that port", scraped.at)


def probes(container: Container, endpoint: DeclaredEndpoint) -> Iterator[Location]:
    """The probes of the kubelet that ask a listener at the address of the pod."""
    number = str(port(endpoint))
    names = {x.name: x.number.text for x in container.ports if x.name}
    for probe in container.probes:
        if not probe.host and names.get(probe.port.text, probe.port.text) == number:
            yield probe.port.at

"""What clients aim at: each destination that they name, with the pods that do, and their resolver."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from dualstack.model.address import OTLP_PORTS, Scope, is_address, scope
from dualstack.model.cluster import Cluster, Pod, Service
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.reach.client_dns import ClusterName, Resolver, intended, is_surely_within, names, resolver
from dualstack.reach.exporting import asked

_OWN = (Scope.LOOPBACK, Scope.WILDCARD)
"""Linux takes the wildcard as a destination for the loopback."""
_WORLDLY = 2
"""Dots in the names of most hosts that are not of the cluster."""


class Aim(msgspec.Struct, frozen=True):
    """One destination of some pods that look names up alike."""

    exporter: Exporter
    pods: tuple[Pod, ...]
    resolver: Resolver

    @property
    def host(self) -> str:
        """The host as it is written."""
        return self.exporter.host

    @property
    def said(self) -> Evidence:
        """Where the client names it."""
        exporter = self.exporter
        return Evidence(exporter.says, exporter.place, Layer.DECLARED)

    @property
    def port(self) -> int:
        """The port, 0 where none is known."""
        return self.exporter.target.port if self.exporter.target else 0

    @property
    def plain(self) -> bool:
        """Whether it is a port of OTLP, without TLS."""
        target = self.exporter.target
        return target is not None and target.port in OTLP_PORTS and not target.tls

    @property
    def own(self) -> bool:
        """Whether it leads to the loopback of the pod."""
        host = self.host.lower()
        return host == "localhost" or (is_address(host) and scope(host) in _OWN)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The address that it is, or those of the hosts file."""
        return (self.host,) if is_address(self.host) else self.resolver.addresses(self.host)

    @property
    def names(self) -> tuple[ClusterName, ...]:
        """The names of the cluster that it is, and those that it is meant to be."""
        if self.own or self.addresses or not self.host:
            return ()
        usual = intended(self.host, self.exporter.namespace)
        return tuple(dict.fromkeys((*names(self.host, self.resolver), *usual)))

    @property
    def likely(self) -> bool:
        """Whether the host looks like a name of the cluster more than like one of the world."""
        return is_likely(self.host)

    @property
    def literals(self) -> tuple[str, ...]:
        """The addresses of others that it leads to; those of the nodes where the loopback is theirs."""
        if self.own:
            found = {x.status.host_ip: None for x in self.pods if x.spec.host_network and x.status.host_ip}
            return tuple(found)
        return self.addresses


def is_likely(host: str) -> bool:
    """Whether a host looks like a name of the cluster more than like one of the world."""
    return is_surely_within(host) or host.count(".") < _WORLDLY


def of_pod(pod: Pod, sent: Iterable[Exporter]) -> list[Exporter]:
    """Those of some exporters that are a pod's."""
    return [x for x in sent if (x.namespace, x.pod) == (pod.metadata.namespace, pod.metadata.name)]


def with_onward(own: Sequence[Exporter], onward: Iterable[Exporter]) -> tuple[Exporter, ...]:
    """What the pods of a workload send: what is their `own`, and what Collectors beside it send on within the cluster.

    Where nothing is theirs, all that the Collectors send on.
    """
    return (*own, *(x for x in onward if not own or x.literal or is_likely(x.host)))


def aims(cluster: Cluster) -> tuple[Aim, ...]:
    """What the pods that are asked about aim at."""
    found = dict[tuple[object, ...], list[tuple[Exporter, Pod, Resolver]]]()
    owner = next((x.owner for x in cluster.exporters), "")
    for pod in cluster.askers:
        how = resolver(pod, cluster.ranges, cluster.nameservers, cluster.vacant)
        own = asked(pod, cluster.config_maps, cluster.services)
        for each in with_onward(own, of_pod(pod, cluster.onward)):
            key = (each.endpoint, each.protocol, each.container, each.held, each.host_network, how)
            found.setdefault(key, []).append((replace(each, owner=owner or each.owner), pod, how))
    return tuple(Aim(x[0][0], tuple({y.metadata.name: y for _, y, _ in x}.values()), x[0][2]) for x in found.values())


def is_otlp(service: Service) -> bool:
    """Whether a Service has a port that is for OTLP, by its number or its name."""
    ports = (x for x in service.spec.ports or () if x.protocol == "TCP")
    return any(x.port in OTLP_PORTS or "otlp" in x.name.lower().split("-") for x in ports)

"""Kubernetes objects, and programs that other files describe: what the rules read of them and nothing else.

A program of a Compose file or a systemd unit is a workload with one container, too.
"""

from collections.abc import Mapping

import msgspec

from dualstack.model.source import Location, Written


class Meta(msgspec.Struct, frozen=True):
    """What every object has. `at` is the place of its name, or of the object where it has none."""

    kind: str
    name: str
    namespace: str
    at: Location
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, Written] = {}

    @property
    def called(self) -> str:
        """The object as a user names it: `Service otel-collector`."""
        return f"{self.kind} {self.name}"


class ServicePort(msgspec.Struct, frozen=True):
    """One port of a Service; `target` is its `targetPort`, a number or a name, None where it is the same."""

    name: str
    number: Written
    target: Written | None = None
    protocol: str = "TCP"


class Service(msgspec.Struct, frozen=True):
    """A Service. `spec` is the place of the key `spec`, `families_at` that of the list `ipFamilies`.

    `cluster_ips` are the addresses that the file itself names, `None` among them for a headless one.
    """

    meta: Meta
    spec: Location
    type: str = "ClusterIP"
    policy: Written | None = None
    families: tuple[Written, ...] = ()
    families_at: Location | None = None
    selector: Mapping[str, str] = {}
    ports: tuple[ServicePort, ...] = ()
    cluster_ips: tuple[Written, ...] = ()
    external_name: Written | None = None

    @property
    def headless(self) -> bool:
        """Whether clients get the addresses of the pods."""
        return any(x.text == "None" for x in self.cluster_ips)


class Variable(msgspec.Struct, frozen=True):
    """An environment variable. `field` is the path of the downward API that it comes from, such as `status.podIP`.

    Both `value` and `field` are empty where it comes from elsewhere, such as a Secret.
    """

    name: str
    at: Location
    value: Written | None = None
    field: str = ""


class ContainerPort(msgspec.Struct, frozen=True):
    """A port that a container names; `host` is its `hostPort`."""

    name: str
    number: Written
    host: Written | None = None
    protocol: str = "TCP"


class Probe(msgspec.Struct, frozen=True):
    """A probe of the kubelet: `kind` is `httpGet`, `tcpSocket` or `grpc`; `host` is empty where the pod is meant."""

    name: str
    kind: str
    port: Written
    host: str = ""


class Mount(msgspec.Struct, frozen=True):
    """Where a volume is seen; `part` is the `subPath`."""

    path: str
    volume: str
    part: str = ""


class Container(msgspec.Struct, frozen=True):
    """A container: `words` are its command and arguments, `sources` the files that its environment comes from, too."""

    name: str
    at: Location
    image: str = ""
    words: tuple[Written, ...] = ()
    variables: tuple[Variable, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    probes: tuple[Probe, ...] = ()
    mounts: tuple[Mount, ...] = ()
    init: bool = False
    sources: tuple[str, ...] = ()

    def variable(self, name: str) -> Variable | None:
        """A variable by its name; the last one of that name counts."""
        return next((x for x in reversed(self.variables) if x.name == name), None)


class Volume(msgspec.Struct, frozen=True):
    """A volume that holds a ConfigMap or a Secret; `paths` are the file names by key, empty where they are the keys."""

    name: str
    kind: str
    source: str
    paths: Mapping[str, str] = {}


class Workload(msgspec.Struct, frozen=True):
    """What runs containers: the labels of its pods, their containers and the volumes.

    `pinned` says that it runs on some nodes alone; `pod` is false outside Kubernetes.
    """

    meta: Meta
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, Written] = {}
    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    host_network: bool = False
    pinned: bool = False
    pod: bool = True


class Block(msgspec.Struct, frozen=True):
    """An `ipBlock` of a NetworkPolicy and what it leaves out; `rule` tells the rules of one policy apart."""

    direction: str
    rule: int
    cidr: Written
    excepts: tuple[Written, ...] = ()


class NetworkPolicy(msgspec.Struct, frozen=True):
    """A NetworkPolicy: whom it selects, its blocks, and the ports of each rule; none means every port."""

    meta: Meta
    selector: Mapping[str, str] = {}
    blocks: tuple[Block, ...] = ()
    ports: Mapping[int, tuple[str, ...]] = {}


class Services(msgspec.Struct, frozen=True):
    """Every Service in the files."""

    items: tuple[Service, ...] = ()


class Workloads(msgspec.Struct, frozen=True):
    """Every workload in the files that has to do with telemetry."""

    items: tuple[Workload, ...] = ()


class NetworkPolicies(msgspec.Struct, frozen=True):
    """Every NetworkPolicy in the files that names addresses."""

    items: tuple[NetworkPolicy, ...] = ()

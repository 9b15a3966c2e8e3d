"""Kubernetes objects, and programs that other files describe: what the rules read of them and nothing else.

A program of a Compose file or a systemd unit is a workload with one container, too.
"""

from collections.abc import Mapping

import msgspec

from dualstack.model.address import Family
from dualstack.model.otel import Holder
from dualstack.model.source import Location, Room, Written

TEMPLATES = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Where a kind has the template of its pods."""
SLICES = ("EndpointSlice", "Endpoints")


class Meta(msgspec.Struct, frozen=True):
    """What every object has. `at` is the place of its name, or of the object where it has none.

    `stored` says that it is a copy of what an API server holds: it has a `uid` or a `resourceVersion`. `owners` are the
    kinds and names of what made it.
    """

    kind: str
    name: str
    namespace: str
    at: Location
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, Written] = {}
    stored: bool = False
    owners: tuple[tuple[str, str], ...] = ()

    @property
    def called(self) -> str:
        """The object as a user names it: `Service otel-collector`."""
        return f"{self.kind} {self.name}"


class ServicePort(msgspec.Struct, frozen=True):
    """One port of a Service; `target` is its `targetPort`, a number or a name, None where it is the same.

    `speaks` is its `appProtocol`.
    """

    name: str
    number: Written
    target: Written | None = None
    protocol: str = "TCP"
    speaks: str = ""


class Service(msgspec.Struct, frozen=True):
    """A Service. `spec` is the place of the key `spec`, `families_at` that of the list `ipFamilies`.

    `cluster_ips` are the addresses that the file itself names, `None` among them for a headless one. `listed` are the
    items of `ipFamilies` as one text, from the first to the last, and `balancer` is the `loadBalancerClass`. `room` is
    where a field of `spec` can be added, `ports_room` where a port can.
    """

    meta: Meta
    spec: Location
    type: str = "ClusterIP"
    policy: Written | None = None
    families: tuple[Written, ...] = ()
    families_at: Location | None = None
    selector: Mapping[str, str] = {}
    selector_at: Location | None = None
    ports: tuple[ServicePort, ...] = ()
    cluster_ips: tuple[Written, ...] = ()
    external_name: Written | None = None
    listed: Written | None = None
    balancer: str = ""
    room: Room | None = None
    ports_room: Room | None = None

    @property
    def headless(self) -> bool:
        """Whether clients get the addresses of the pods."""
        return any(x.text == "None" for x in self.cluster_ips)


class Variable(msgspec.Struct, frozen=True):
    """An environment variable. `field` is the path of the downward API that it comes from, such as `status.podIP`.

    `held` is the ConfigMap or the Secret, and the key in it, that it comes from; `value` is what stands there, where
    the files have it. All are empty where it comes from elsewhere.
    """

    name: str
    at: Location
    value: Written | None = None
    field: str = ""
    held: Holder | None = None


class Given(msgspec.Struct, frozen=True):
    """A ConfigMap or a Secret all of whose keys are variables of a container, with a prefix before their names."""

    kind: str
    name: str
    prefix: str = ""


class ContainerPort(msgspec.Struct, frozen=True):
    """A port that a container names; `host` is its `hostPort`, and `address` the `hostIP`."""

    name: str
    number: Written
    host: Written | None = None
    protocol: str = "TCP"
    address: str = ""


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
    """A container: `words` are its command and arguments.

    `sources` are the files that its environment comes from as well, `given` the objects.
    """

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
    given: tuple[Given, ...] = ()

    def variable(self, name: str) -> Variable | None:
        """A variable by its name; the last one of that name counts."""
        return next((x for x in reversed(self.variables) if x.name == name), None)


class Volume(msgspec.Struct, frozen=True):
    """A volume that holds a ConfigMap or a Secret; `paths` are the file names by key, empty where they are the keys.

    Outside Kubernetes its `kind` is `file` for a file or a folder of the host, or `config` for one of Compose.
    """

    name: str
    kind: str
    source: str
    paths: Mapping[str, str] = {}


class Workload(msgspec.Struct, frozen=True):
    """What runs containers: the labels of its pods, their containers and the volumes.

    `pinned` says that it runs on some nodes alone; `pod` is false outside Kubernetes. `names` are those that others
    reach it by, and `shares` is the name of the one whose network it uses, both of Compose. `holds` is the
    configuration that the object has in itself, as a resource of the Operator and the values of a chart do; `made` are
    the Services that come with it, without ports where those follow from the configuration. `families` are the only
    ones that its sockets can have, empty where it says nothing of them, and `restricts` the lines of a unit that say
    so. `hosts` are patterns of the names that the hosts file of its pods has.
    """

    meta: Meta
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, Written] = {}
    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    host_network: bool = False
    pinned: bool = False
    pod: bool = True
    names: tuple[str, ...] = ()
    shares: str = ""
    holds: Holder | None = None
    made: tuple[Service, ...] = ()
    restricts: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def isolated(self) -> bool:
        """Whether it has a network namespace of its own, so that its loopback is no other's."""
        return not self.host_network and (self.pod or bool(self.names))


class Except(msgspec.Struct, frozen=True):
    """What an `ipBlock` leaves out; `whole` is the text to take away with it, its line or its comma included."""

    written: Written
    whole: Written | None = None


class Block(msgspec.Struct, frozen=True):
    """An `ipBlock` of a NetworkPolicy and what it leaves out."""

    cidr: Written
    excepts: tuple[Except, ...] = ()


class PolicyPort(msgspec.Struct, frozen=True):
    """A port of a rule, a number or a name, or the numbers up to `last`."""

    first: str
    last: str = ""
    protocol: str = "TCP"


class PolicyRule(msgspec.Struct, frozen=True):
    """A rule of a NetworkPolicy: `direction` is `ingress` or `egress`. No port means every port.

    `open` says that it names no peers and so allows all, `others` that some of them are pods. `room` is where a peer
    can be added.
    """

    direction: str
    blocks: tuple[Block, ...] = ()
    ports: tuple[PolicyPort, ...] = ()
    open: bool = False
    others: bool = False
    room: Room | None = None


class NetworkPolicy(msgspec.Struct, frozen=True):
    """A NetworkPolicy: whom it selects and its rules. `plain` is false where it selects by expressions, too."""

    meta: Meta
    selector: Mapping[str, str] = {}
    rules: tuple[PolicyRule, ...] = ()
    plain: bool = True


class SliceAddress(msgspec.Struct, frozen=True):
    """An address of an EndpointSlice; `ready` is false where its conditions say so."""

    written: Written
    ready: bool = True


class SlicePort(msgspec.Struct, frozen=True):
    """A port of an EndpointSlice: that of the Service with the same name and protocol leads to it."""

    name: str
    number: str
    protocol: str = "TCP"


class Slice(msgspec.Struct, frozen=True):
    """An EndpointSlice, or a subset of Endpoints, of which the control plane makes slices.

    `service` is the name of the Service that it is for, empty where its label is missing. `type` is the `addressType`,
    None for Endpoints.
    """

    meta: Meta
    service: str
    type: Written | None = None
    addresses: tuple[SliceAddress, ...] = ()
    ports: tuple[SlicePort, ...] = ()


class Slices(msgspec.Struct, frozen=True):
    """Every EndpointSlice in the files."""

    items: tuple[Slice, ...] = ()


class Services(msgspec.Struct, frozen=True):
    """Every Service in the files."""

    items: tuple[Service, ...] = ()


class Workloads(msgspec.Struct, frozen=True):
    """Every workload in the files that has to do with telemetry."""

    items: tuple[Workload, ...] = ()


class NetworkPolicies(msgspec.Struct, frozen=True):
    """Every NetworkPolicy in the files that names addresses."""

    items: tuple[NetworkPolicy, ...] = ()


class KubeProxy(msgspec.Struct, frozen=True):
    """A configuration of kube-proxy that leaves out one family of two: what it says, and where."""

    said: str = ""
    left_out: Family = Family.IPV6
    at: Location | None = None

"""Kubernetes objects as an API server holds them: the fields that decide, in the server's spelling, and nothing else.

What an object may leave out is None or empty here, whatever the version of the server: a list that is `null` and one
that is not there are the same. Field names and meanings are those of the Kubernetes API reference 1.34.
"""

import re
from collections.abc import Mapping
from functools import cached_property

import msgspec

from dualstack.model.address import Family, family, is_address
from dualstack.model.container import Affinity, Container, DnsConfig, HostAlias, Taint, Toleration
from dualstack.model.event import Event
from dualstack.model.exporter import ABROAD, Exporter
from dualstack.model.front import Front, LoadBalancer
from dualstack.model.host import Namespace
from dualstack.model.kube import KubeProxy
from dualstack.model.maker import Instrumentation, Maker, Space
from dualstack.model.mutual import MeshRule, PeerAuthentication
from dualstack.model.netpol import Policy
from dualstack.model.slim import (
    OVER,
    Claim,
    Condition,
    ConfigMap,
    ObjectMeta,
    ObjectReference,
    PodStatus,
    ServiceCIDR,
    Slim,
    Volume,
    families_of,
)

_IN_CLUSTER = re.compile(rf"(?P<name>[^.]+)\.(?P<namespace>[^.]+)\.(?!{ABROAD}\.?$)svc\.[^.]")
"""Kubernetes DNS specification 1.1 section 2.3. An alias is a whole name: no search domain is added to it."""


class ServicePort(Slim, frozen=True):
    """One port of a Service; `target_port` is a number or the name of a container's port."""

    name: str = ""
    port: int = 0
    target_port: int | str | None = None
    node_port: int | None = None
    protocol: str = "TCP"
    app_protocol: str | None = None


class ServiceSpec(Slim, frozen=True):
    """What is asked of a Service, and what the server made of it."""

    type: str = "ClusterIP"
    cluster_ip: str | None = msgspec.field(name="clusterIP", default=None)
    cluster_ips: list[str] | None = msgspec.field(name="clusterIPs", default=None)
    ip_families: list[str] | None = None
    ip_family_policy: str | None = None
    selector: Mapping[str, str] | None = None
    ports: list[ServicePort] | None = None
    internal_traffic_policy: str | None = None
    external_traffic_policy: str | None = None
    publish_not_ready_addresses: bool | None = None
    external_name: str | None = None
    external_ips: list[str] | None = msgspec.field(name="externalIPs", default=None)
    load_balancer_source_ranges: list[str] | None = None


class ServiceStatus(Slim, frozen=True):
    """What became of a Service of type LoadBalancer."""

    load_balancer: LoadBalancer | None = None


class Service(Slim, frozen=True):
    """A Service."""

    metadata: ObjectMeta
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus | None = None

    @property
    def headless(self) -> bool:
        """Whether clients get the addresses of the pods."""
        return self.spec.cluster_ip == "None"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its cluster addresses, the primary one first; none for a headless one."""
        found = self.spec.cluster_ips or [self.spec.cluster_ip or ""]
        return tuple(x for x in found if is_address(x))

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that it has, the primary one first; those of its addresses where the server says none."""
        said = tuple(Family(x.lower()) for x in self.spec.ip_families or () if x in ("IPv4", "IPv6"))
        return said or tuple(map(family, self.addresses))

    @property
    def alias(self) -> tuple[str, str] | None:
        """The namespace and name of the Service that it is another name for; None where it is none, or of a host."""
        found = _IN_CLUSTER.match(self.spec.external_name or "") if self.spec.type == "ExternalName" else None
        return (found["namespace"], found["name"]) if found else None

    def is_meant_by(self, one: Exporter) -> bool:
        """Whether a client sends to it, by its name or by one of its cluster addresses."""
        about = self.metadata
        return one.service == (about.namespace, about.name) or one.host in self.addresses

    def by_node_port(self, number: int) -> ServicePort | None:
        """The port that nodes offer under a number."""
        return next((x for x in self.spec.ports or () if x.node_port == number and x.protocol == "TCP"), None)

    @property
    def called(self) -> str:
        """The Service as a user names it."""
        return f"Service {self.metadata.called}"


class Conditions(Slim, frozen=True):
    """What a slice says of an endpoint; what is not said of `ready` counts as true (discovery.k8s.io/v1)."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(Slim, frozen=True):
    """One pod, or other backend, of a slice."""

    addresses: list[str] | None = None
    conditions: Conditions = Conditions()
    node_name: str | None = None
    target_ref: ObjectReference | None = None
    zone: str | None = None
    hostname: str | None = None

    @property
    def ready(self) -> bool:
        """Whether kube-proxy sends new connections there while any such endpoint is left."""
        return self.conditions.ready is not False


class EndpointPort(Slim, frozen=True):
    """One port of a slice. `port` is None where it stands for every port."""

    name: str | None = None
    port: int | None = None
    protocol: str | None = None


class EndpointSlice(Slim, frozen=True):
    """An EndpointSlice."""

    metadata: ObjectMeta
    address_type: str = ""
    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None

    @property
    def service(self) -> str:
        """The name of the Service that it belongs to."""
        return (self.metadata.labels or {}).get("kubernetes.io/service-name", "")


class PodSpec(Slim, frozen=True):
    """What is asked of a pod."""

    node_name: str | None = None
    host_network: bool | None = None
    hostname: str | None = None
    subdomain: str | None = None
    dns_policy: str | None = None
    dns_config: DnsConfig | None = None
    host_aliases: list[HostAlias] | None = None
    enable_service_links: bool | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    node_selector: dict[str, str] | None = None
    tolerations: list[Toleration] | None = None
    affinity: Affinity | None = None


class Pod(Slim, frozen=True):
    """A pod."""

    metadata: ObjectMeta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def asks_cluster_dns(self) -> bool:
        """Whether it asks the nameserver of the cluster; in the network of a node only where it is told to.

        Kubernetes documentation, DNS for Services and Pods, Pod's DNS Policy.
        """
        kept = ("ClusterFirstWithHostNet",) if self.spec.host_network else ("ClusterFirstWithHostNet", "ClusterFirst")
        return (self.spec.dns_policy or "ClusterFirst") in kept

    @property
    def place(self) -> str:
        """The pod as a place of sockets."""
        return f"pod {self.metadata.called}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses, the primary one first."""
        found = [x.ip for x in self.status.pod_ips or ()] or [self.status.pod_ip or ""]
        return tuple(x for x in found if is_address(x))

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of its addresses, that of the primary one first."""
        return tuple(dict.fromkeys(map(family, self.addresses)))

    def has(self, address: str) -> bool | None:
        """Whether an address is its own; None where nobody says: `podIP` alone tells nothing of the other family."""
        held, all_of_them = self.addresses, self.status.pod_ips or ()
        said = len(held) == len(all_of_them) or family(address) in self.families
        return address in held if held and said else None

    @property
    def ready(self) -> bool:
        """Whether the kubelet calls it ready."""
        return any(x.type == "Ready" and x.status == "True" for x in self.status.conditions or ())

    @property
    def ended(self) -> bool:
        """Whether it has ended, and is still there."""
        return self.status.phase in OVER

    @property
    def finished(self) -> bool:
        """Whether it has ended or is about to."""
        return self.ended or self.metadata.deletion_timestamp is not None

    @property
    def is_placed(self) -> bool:
        """Whether it is on a node; one of a template may come to any that takes it."""
        return bool(self.spec.node_name or self.addresses)

    def barred_from(self, node: "Node") -> Taint | None:
        """The taint of a node that keeps it out, where one does."""
        held = self.spec.tolerations or ()
        return next((x for x in node.spec.taints or () if x.bars and not any(y.is_for(x) for y in held)), None)

    def may_come_to(self, node: "Node") -> bool | None:
        """Whether it may be on a node, None where an affinity decides."""
        wanted, labels = self.spec.node_selector or {}, node.metadata.labels or {}
        if not wanted.items() <= labels.items() or self.barred_from(node):
            return False
        near = self.spec.affinity.node_affinity if self.spec.affinity else None
        return None if near and near.required else True


class NodeAddress(Slim, frozen=True):
    """One address of a node."""

    type: str = ""
    address: str = ""


class NodeSpec(Slim, frozen=True):
    """What is asked of a node."""

    pod_cidr: str | None = msgspec.field(name="podCIDR", default=None)
    pod_cidrs: list[str] | None = msgspec.field(name="podCIDRs", default=None)
    taints: list[Taint] | None = None


class NodeInfo(Slim, frozen=True):
    """What runs a node."""

    kubelet_version: str = ""


class NodeStatus(Slim, frozen=True):
    """What the kubelet says of its node."""

    addresses: list[NodeAddress] | None = None
    conditions: list[Condition] | None = None
    node_info: NodeInfo = NodeInfo()


class Node(Slim, frozen=True):
    """A node."""

    metadata: ObjectMeta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def ranges(self) -> tuple[Family, ...]:
        """The families of its ranges for pods."""
        return families_of(self.spec.pod_cidrs or [self.spec.pod_cidr or ""])

    @property
    def keeps_out(self) -> bool:
        """Whether pods come there only if they tolerate it."""
        return any(x.bars for x in self.spec.taints or ())

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its internal addresses."""
        found = (x.address for x in self.status.addresses or () if x.type == "InternalIP")
        return tuple(x for x in found if is_address(x))

    @property
    def names(self) -> tuple[str, ...]:
        """Its name, and those that its status shows, in lower case."""
        shown = (x.address for x in self.status.addresses or () if not is_address(x.address))
        return tuple(dict.fromkeys(x.lower() for x in (self.metadata.name, *shown) if x))


class Cluster(msgspec.Struct, frozen=True, dict=True):
    """What was gathered of a cluster for one question.

    `name` is that of the context. `families` are those of the Service ranges, the default one first, empty where nobody
    could say. `nodes` are all the nodes unless `more_nodes` were left out. `unseen` are the kinds of which some may be
    missing here. `proxy` is kube-proxy where it serves one family alone. `askers` are the pods whose way is asked
    about, empty for all that there may be, and `exporters` say where these send to. Where more than one namespace is in
    question names are `ambiguous`. `observed` are the networks of nodes that a container saw; each is called `node
    NAME`. `fronts` stand in front of the Services; `absent` are Services by namespace and name that one of them or a
    client names, and that are not there, and `no_gateways` Gateways of routes. `vacant` are addresses that clients name
    and nobody has. `namespaces` are some that there are, `meant` are Services that are like absent ones, or ones that
    select nothing: namespace and name of both. `surveyed` are nodes all of whose pods were looked at, `nameservers` are
    those that pods name and a Service has. `domains` are those of its Services, where somebody names another one than
    the usual, and `slips` are that one misspelt. `spaces` are namespaces whose labels are known, `makers` workloads,
    `events` what is said of these and of pods. `unheld` are addresses of endpoints that no pod has.
    `other_policies`, `engines` and `dns` are those of `World`, `mutual` what Istio demands of clients, and `mesh_rules`
    what else it decides by. `onward` is where Collectors among the askers send on to, that of each pod by itself.
    `claims` are those for storage. `operated` are Collectors that the Operator makes with a Service, `instrumentations`
    are what it would put into pods by now, None where nobody looked. `inhabited` are nodes with pods that are known to
    be clients.
    """

    name: str = ""
    families: tuple[Family, ...] = ()
    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    pods: tuple[Pod, ...] = ()
    nodes: tuple[Node, ...] = ()
    more_nodes: int = 0
    ranges: tuple[ServiceCIDR, ...] = ()
    config_maps: tuple[ConfigMap, ...] = ()
    unseen: frozenset[str] = frozenset()
    proxy: KubeProxy | None = None
    askers: tuple[Pod, ...] = ()
    exporters: tuple[Exporter, ...] = ()
    policies: tuple[Policy, ...] = ()
    ambiguous: bool = False
    observed: tuple[Namespace, ...] = ()
    fronts: tuple[Front, ...] = ()
    no_gateways: frozenset[tuple[str, str]] = frozenset()
    absent: frozenset[tuple[str, str]] = frozenset()
    vacant: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    meant: tuple[tuple[str, str, str, str], ...] = ()
    surveyed: frozenset[str] = frozenset()
    nameservers: frozenset[str] = frozenset()
    domains: tuple[str, ...] = ()
    slips: frozenset[str] = frozenset()
    spaces: tuple[Space, ...] = ()
    makers: tuple[Maker, ...] = ()
    events: tuple[Event, ...] = ()
    onward: tuple[Exporter, ...] = ()
    unheld: frozenset[str] = frozenset()
    other_policies: tuple[tuple[str, str], ...] = ()
    engines: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    mutual: tuple[PeerAuthentication, ...] = ()
    claims: tuple[Claim, ...] = ()
    mesh_rules: tuple[MeshRule, ...] = ()
    operated: frozenset[tuple[str, str]] = frozenset()
    instrumentations: tuple[Instrumentation, ...] | None = None
    inhabited: frozenset[str] = frozenset()

    def labels_of(self, namespace: str) -> Mapping[str, str] | None:
        """The labels of a namespace; None where they are not known."""
        return next((x.metadata.labels or {} for x in self.spaces if x.metadata.name == namespace), None)

    def slices_of(self, service: Service) -> tuple[EndpointSlice, ...]:
        """The slices of a Service."""
        mine = service.metadata
        return tuple(x for x in self.slices if (x.metadata.namespace, x.service) == (mine.namespace, mine.name))

    def service(self, namespace: str, name: str) -> Service | None:
        """A Service by its name."""
        return next((x for x in self.services if (x.metadata.namespace, x.metadata.name) == (namespace, name)), None)

    def node(self, name: str) -> Node | None:
        """A node by its name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> Mapping[str, Node]:
        return {x.metadata.name: x for x in reversed(self.nodes)}

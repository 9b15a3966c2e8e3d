"""What objects of Kubernetes are made of: fields that many kinds share, and small kinds."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from dualstack.model.address import Family, family, is_address


def families_of(ranges: Iterable[str]) -> tuple[Family, ...]:
    """The families of ranges such as `10.244.0.0/24`, each once; what is no range is passed over."""
    addresses = (x.partition("/")[0] for x in ranges)
    return tuple(dict.fromkeys(family(x) for x in addresses if is_address(x)))


class Slim(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What every part of an object is made of."""


class OwnerReference(Slim, frozen=True):
    """What made an object."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class ManagedFields(Slim, frozen=True):
    """When somebody last wrote fields of an object, and which: `{"f:data": {"f:KEY": {}}}`."""

    time: str | None = None
    fields: Mapping[str, Any] | None = msgspec.field(name="fieldsV1", default=None)

    def holds(self, part: str, key: str) -> bool:
        """Whether it is about a key of a part, as far as it says which."""
        mine = (self.fields or {}).get(f"f:{part}")
        return f"f:{key}" in mine if isinstance(mine, Mapping) else True


class ObjectMeta(Slim, frozen=True):
    """What every object has.

    Two are no fields of Kubernetes: `ambiguous` says that other namespaces have objects in question, too, `unmanaged`
    that the Operator leaves alone what it was made of.
    """

    name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    owner_references: list[OwnerReference] | None = None
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    managed_fields: list[ManagedFields] | None = None
    ambiguous: bool = False
    unmanaged: bool = False

    @property
    def called(self) -> str:
        """The name, behind its namespace where the name alone may be that of another object."""
        return self.beside(self.name)

    def beside(self, name: str) -> str:
        """What another object of the same namespace is called."""
        return f"{self.namespace}/{name}" if self.ambiguous and self.namespace else name

    @property
    def changed(self) -> str:
        """When it was last written, as far as is known: times of Kubernetes are in UTC and sort as texts (RFC 3339)."""
        return self._last(self.managed_fields or ())

    def written(self, part: str, key: str) -> str:
        """The same of one key of a part of it."""
        return self._last(x for x in self.managed_fields or () if x.holds(part, key))

    def _last(self, times: Iterable[ManagedFields]) -> str:
        return max((x.time or "" for x in times), default="") or self.creation_timestamp or ""


class Named(Slim, frozen=True):
    """A name in a list of names."""

    name: str = ""


class Projected(Slim, frozen=True):
    """A volume that is made of several."""

    sources: list["Volume"] | None = None


class KeyToPath(Slim, frozen=True):
    """A key of a ConfigMap that becomes a file."""

    key: str = ""


AUTHORITY = "kube-root-ca.crt"
"""The ConfigMap that every pod mounts and nobody asks for (kube-controller-manager, root-ca-certificate-publisher)."""


class ConfigMapVolume(Slim, frozen=True):
    """A ConfigMap as a volume: all of its keys, or `items` alone."""

    name: str = ""
    items: list[KeyToPath] | None = None
    optional: bool | None = None


class SecretVolume(Slim, frozen=True):
    """A Secret as a volume: `name` is what a part of a projected one says."""

    secret_name: str = ""
    name: str = ""

    @property
    def called(self) -> str:
        """The name of the Secret."""
        return self.secret_name or self.name


class ClaimVolume(Slim, frozen=True):
    """A PersistentVolumeClaim as a volume."""

    claim_name: str = ""


class Volume(Slim, frozen=True):
    """A volume of a pod, as far as it holds ConfigMaps and Secrets, or waits for storage."""

    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    persistent_volume_claim: ClaimVolume | None = None
    projected: Projected | None = None

    @property
    def parts(self) -> tuple["Volume", ...]:
        """What it is made of."""
        return tuple((self.projected.sources if self.projected else None) or ())


class ObjectReference(Slim, frozen=True):
    """The object that another one speaks of."""

    kind: str = ""
    name: str = ""
    namespace: str = ""
    uid: str = ""


class Condition(Slim, frozen=True):
    """One condition of an object.

    `holder` is no field of Kubernetes: who holds the port of the only node that a pod may come to.
    """

    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None
    observed_generation: int | None = None
    holder: str | None = None


class ServiceCidrSpec(Slim, frozen=True):
    """The ranges of a ServiceCIDR."""

    cidrs: list[str] | None = None


class ServiceCIDR(Slim, frozen=True):
    """A ServiceCIDR (networking.k8s.io/v1, Kubernetes 1.33)."""

    metadata: ObjectMeta
    spec: ServiceCidrSpec = ServiceCidrSpec()

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of its ranges, in their order."""
        return families_of(self.spec.cidrs or ())


class ConfigMap(Slim, frozen=True):
    """A ConfigMap."""

    metadata: ObjectMeta
    data: Mapping[str, str] | None = None
    binary_data: Mapping[str, str] | None = None


class ClaimSpec(Slim, frozen=True):
    """The StorageClass that a claim names."""

    storage_class_name: str | None = None


class ClaimStatus(Slim, frozen=True):
    """Whether a claim has a volume."""

    phase: str | None = None


class Claim(Slim, frozen=True):
    """A PersistentVolumeClaim."""

    metadata: ObjectMeta
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class ProbedPort(Slim, frozen=True):
    """What a probe of the kubelet connects to: a number or the name of a port, of the pod where no `host` is named."""

    port: int | str | None = None
    host: str | None = None


class Probe(Slim, frozen=True):
    """A probe of the kubelet; one that runs a program in the container has none of these."""

    http_get: ProbedPort | None = None
    tcp_socket: ProbedPort | None = None
    grpc: ProbedPort | None = None

    @property
    def asked(self) -> ProbedPort | None:
        """What it connects to."""
        return self.http_get or self.tcp_socket or self.grpc


class Waiting(Slim, frozen=True):
    """Why a container does not run: as a state, or as the last one that it had.

    Two are no fields of Kubernetes: `log` are the last lines of the container's log, where it left no message, and
    `holder` is who says that it has the port of the node which the container wanted.
    """

    reason: str | None = None
    message: str | None = None
    exit_code: int | None = None
    log: str | None = None
    holder: str | None = None


class Running(Slim, frozen=True):
    """Since when a container runs."""

    started_at: str | None = None


class ContainerState(Slim, frozen=True):
    """The state of a container."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Waiting | None = None


class ContainerStatus(Slim, frozen=True):
    """What the kubelet says of a container."""

    name: str = ""
    ready: bool | None = None
    state: ContainerState | None = None
    last_state: ContainerState | None = None


OVER = ("Succeeded", "Failed")
"""The phases of pods that have ended (Kubernetes documentation, Pod Lifecycle)."""


class PodAddress(Slim, frozen=True):
    """One address of a pod or of its node."""

    ip: str = ""


class PodStatus(Slim, frozen=True):
    """What the kubelet says of a pod."""

    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    pod_ip: str | None = msgspec.field(name="podIP", default=None)
    pod_ips: list[PodAddress] | None = msgspec.field(name="podIPs", default=None)
    host_ip: str | None = msgspec.field(name="hostIP", default=None)
    host_ips: list[PodAddress] | None = msgspec.field(name="hostIPs", default=None)
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None

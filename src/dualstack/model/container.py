"""What a pod is made of: containers, their variables and ports, how they look names up, and where they may run.

Field names and meanings are those of the Kubernetes API reference 1.34; see `model/cluster.py`.
"""

import msgspec

from dualstack.model.slim import Named, Probe, Slim


class FieldRef(Slim, frozen=True):
    """A field of the pod."""

    field_path: str = ""


class KeyRef(Slim, frozen=True):
    """A key of a ConfigMap or a Secret; a container starts without an `optional` one that is not there."""

    name: str = ""
    key: str = ""
    optional: bool | None = None


class ValueFrom(Slim, frozen=True):
    """Where a variable has its value from; all None where that is another place."""

    field_ref: FieldRef | None = None
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None


class EnvVar(Slim, frozen=True):
    """An environment variable of a container."""

    name: str = ""
    value: str | None = None
    value_from: ValueFrom | None = None


class EnvFrom(Slim, frozen=True):
    """Variables that are the keys of a ConfigMap or a Secret, each behind a prefix."""

    prefix: str | None = None
    config_map_ref: Named | None = None
    secret_ref: Named | None = None


class ContainerPort(Slim, frozen=True):
    """A port that a container names."""

    name: str = ""
    container_port: int = 0
    host_port: int | None = None
    host_ip: str | None = msgspec.field(name="hostIP", default=None)
    protocol: str = "TCP"


class Resources(Slim, frozen=True):
    """What a container may use at most; quantities are texts or numbers."""

    limits: dict[str, str | int | float] | None = None


class Container(Slim, frozen=True):
    """A container of a pod."""

    name: str = ""
    image: str = ""
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[EnvVar] | None = None
    env_from: list[EnvFrom] | None = None
    ports: list[ContainerPort] | None = None
    restart_policy: str | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    resources: Resources | None = None


class DnsOption(Slim, frozen=True):
    """An option of resolv.conf."""

    name: str = ""
    value: str | None = None


class DnsConfig(Slim, frozen=True):
    """What is added to the resolver's settings of a pod, or is all of them."""

    nameservers: list[str] | None = None
    searches: list[str] | None = None
    options: list[DnsOption] | None = None


class HostAlias(Slim, frozen=True):
    """A line of the hosts file of a pod."""

    ip: str = ""
    hostnames: list[str] | None = None


class Taint(Slim, frozen=True):
    """What keeps pods from a node that do not tolerate it."""

    key: str = ""
    value: str = ""
    effect: str = ""

    @property
    def bars(self) -> bool:
        """Whether pods come to the node only if they tolerate it; else it is the scheduler's last choice."""
        return self.effect in ("NoSchedule", "NoExecute")


class Toleration(Slim, frozen=True):
    """What lets a pod come to nodes with a taint. Without an `operator` the value has to be equal."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""

    def is_for(self, taint: Taint) -> bool:
        """Whether it is for a taint (kubernetes 1.34.4, staging core/v1 toleration.go, ToleratesTaint)."""
        if self.effect not in ("", taint.effect) or self.key not in ("", taint.key):
            return False
        return self.operator == "Exists" or (bool(self.key) and self.value == taint.value)


class NodeRequirement(Slim, frozen=True):
    """What a field of a node has to be."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class NodeTerm(Slim, frozen=True):
    """What a node has to be, as far as its fields are concerned; its labels are not read."""

    match_fields: list[NodeRequirement] | None = None


class NodeSelector(Slim, frozen=True):
    """Which nodes a pod demands: those of any term."""

    node_selector_terms: list[NodeTerm] | None = None


class NodeAffinity(Slim, frozen=True):
    """Which nodes a pod demands."""

    required: NodeSelector | None = msgspec.field(name="requiredDuringSchedulingIgnoredDuringExecution", default=None)


class Affinity(Slim, frozen=True):
    """What a pod wants to be near to."""

    node_affinity: NodeAffinity | None = None

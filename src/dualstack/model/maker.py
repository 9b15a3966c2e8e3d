"""Workloads that make pods, and namespaces, as an API server holds them: the fields that decide, and nothing else.

Field names and meanings are those of the Kubernetes API reference 1.34.
"""

from collections.abc import Mapping

from dualstack.model.slim import Condition, ObjectMeta, Slim


class Image(Slim, frozen=True):
    """A container, as far as it tells which program it runs."""

    image: str = ""


class TemplateSpec(Slim, frozen=True):
    """What runs in pods."""

    containers: list[Image] | None = None


class Template(Slim, frozen=True):
    """What pods are made of."""

    metadata: ObjectMeta = ObjectMeta()
    spec: TemplateSpec = TemplateSpec()


class MakerSpec(Slim, frozen=True):
    """How many pods are asked for, where that is said, and of which template."""

    replicas: int | None = None
    paused: bool | None = None
    template: Template | None = None


class MakerStatus(Slim, frozen=True):
    """What a controller says of the pods that it makes; `desired_number_scheduled` is that of a DaemonSet.

    `updated_replicas` are the pods of the template that stands there now.
    """

    conditions: list[Condition] | None = None
    desired_number_scheduled: int | None = None
    updated_replicas: int | None = None


class Maker(Slim, frozen=True):
    """A workload that makes pods."""

    metadata: ObjectMeta
    kind: str = ""
    spec: MakerSpec = MakerSpec()
    status: MakerStatus = MakerStatus()

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of its pods."""
        return (self.spec.template.metadata.labels if self.spec.template else None) or {}

    @property
    def images(self) -> tuple[str, ...]:
        """The images of its pods."""
        return tuple(x.image for x in (self.spec.template.spec.containers if self.spec.template else None) or ())

    @property
    def called(self) -> str:
        """The workload as a user names it."""
        return f"{self.kind} {self.metadata.called}"


class Space(Slim, frozen=True):
    """A Namespace."""

    metadata: ObjectMeta

"""What makes pods or decides over them, as an API server holds it: the fields that matter, and nothing else.

Field names and meanings are those of the Kubernetes API reference 1.34.
"""

from collections.abc import Mapping
from typing import Any

from dualstack.model.netpol import LabelSelector
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


class Strategy(Slim, frozen=True):
    """How the pods of a DaemonSet or a StatefulSet come to a newer template."""

    type: str = ""


class MakerSpec(Slim, frozen=True):
    """How many pods are asked for, which are its own, of which template they are, and how they come to a newer one.

    What is `paused` brings no newer template to pods, and what is suspended makes nothing: no pods, or no Jobs.
    """

    replicas: int | None = None
    selector: LabelSelector = LabelSelector()
    template: Template | None = None
    update_strategy: Strategy | None = None
    paused: bool | None = None
    suspend: bool | None = None


class MakerStatus(Slim, frozen=True):
    """What a controller says of the pods that it makes; `desired_number_scheduled` is that of a DaemonSet.

    `updated_replicas` are the pods of the template that stands there now, and `ready_replicas` those that are ready.
    """

    conditions: list[Condition] | None = None
    desired_number_scheduled: int | None = None
    updated_replicas: int | None = None
    ready_replicas: int | None = None


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
    def own(self) -> Mapping[str, str]:
        """The labels by which it knows its pods: these stay, while others may change with each version."""
        return self.spec.selector.match_labels or self.labels

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


class Instrumentation(Slim, frozen=True):
    """What the Operator puts into pods while they are made (operator apis/v1alpha1/instrumentation_types.go)."""

    metadata: ObjectMeta
    spec: Mapping[str, Any] = {}

    @property
    def endpoint(self) -> str:
        """Where it lets them send to; empty where its variables may say another place."""
        parts = (self.spec, *(x for x in self.spec.values() if isinstance(x, Mapping)))
        named = (y.get("name") for x in parts for y in x.get("env") or () if isinstance(y, Mapping))
        said = self.spec.get("exporter")
        told = said.get("endpoint") if isinstance(said, Mapping) else None
        return str(told or "") if "OTEL_EXPORTER_OTLP_ENDPOINT" not in named else ""

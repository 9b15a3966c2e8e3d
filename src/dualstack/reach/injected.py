"""Pods that the Operator instruments: which of them an Instrumentation in the files is for, and what they then send."""

from collections.abc import Iterator, Sequence

from dualstack.model.deployed import Sender
from dualstack.model.kube import Container, Workload, Workloads
from dualstack.reach.neighbours import nearness
from dualstack.reach.operator import INSTRUMENTED
from dualstack.reach.wiring import same_namespace

_GROUP = "instrumentation.opentelemetry.io/"
_INJECT, _NAMES = f"{_GROUP}inject-", "container-names"


def aimed(sender: Sender, workloads: Workloads) -> Iterator[Sender]:
    """A sender as those who send: itself, and for an Instrumentation each container that it is injected into.

    What a container sets itself the Operator leaves alone (operator internal/instrumentation/sdk.go).
    """
    source = sender.workload
    if source is None or source.meta.kind != INSTRUMENTED:
        yield sender
        return
    resources = [x for x in workloads.items if x.meta.kind == INSTRUMENTED]
    for pod in workloads.items:
        if pod.pod and _is_for(source, pod, resources):
            for container in _chosen(source, pod):
                if container.variable(sender.destination.field) is None:
                    yield Sender(sender.destination, pod, container)


def _is_for(source: Workload, pod: Workload, resources: Sequence[Workload]) -> bool:
    """Whether pods ask for a resource, and for no other one that is nearer, or as near."""
    if not _asks(pod, source):
        return False
    others = (x for x in resources if x.meta != source.meta and _asks(pod, x))
    mine = nearness(source.meta.at.file, pod.meta.at.file)
    return all(nearness(x.meta.at.file, pod.meta.at.file) < mine for x in others)


def _asks(pod: Workload, source: Workload) -> bool:
    """Whether an annotation of pods names a resource; one that names none means that of the namespace."""
    keys = [x for x in source.annotations if x.startswith(_INJECT)] or pod.annotations
    said = next((pod.annotations[x].text for x in keys if x.startswith(_INJECT) and x in pod.annotations), "")
    where, _, name = said.rpartition("/")
    if said in ("", "false"):
        return False
    if said == "true":
        return _is_together(pod, source)
    return name == source.meta.name and same_namespace(where or pod.meta.namespace, source.meta.namespace)


def _is_together(pod: Workload, source: Workload) -> bool:
    """Whether they are surely applied to one namespace: they name it, or neither does and they share a folder."""
    if pod.meta.namespace or source.meta.namespace:
        return pod.meta.namespace == source.meta.namespace
    return pod.meta.at.file.rpartition("/")[0] == source.meta.at.file.rpartition("/")[0]


def _chosen(source: Workload, pod: Workload) -> Iterator[Container]:
    """The containers that are instrumented: those that an annotation names, or else the first one."""
    there = [x for x in pod.containers if not x.init]
    languages = [x.removeprefix(_INJECT) for x in source.annotations if x.startswith(_INJECT)]
    keys = (*(f"{_GROUP}{x}-{_NAMES}" for x in languages), f"{_GROUP}{_NAMES}")
    said = next((pod.annotations[x].text for x in keys if x in pod.annotations), "")
    names = [x.strip() for x in said.split(",") if x.strip()]
    yield from (x for x in there if x.name in names) if names else there[:1]

"""Which configurations the pods of a cluster run with, and which are those of templates that are not in use."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dualstack.model.cluster import Pod
from dualstack.model.deployed import Deployed, Deployments, Lag, Lags
from dualstack.model.kube import Workload
from dualstack.model.maker import Maker
from dualstack.model.slim import ContainerState
from dualstack.model.snapshot import Snapshot
from dualstack.reach.operator import OPERATED, resource
from dualstack.reach.pods import Place


def runs(pod: Pod, said: Snapshot) -> Iterator[Deployed]:
    """The configurations that a pod's containers read: those of the workloads whose template its labels come from.

    What a resource of the Operator says is none where the pod mounts what was written of it before.
    """
    older = {(OPERATED, x.resource) for x in _older(pod, said)}
    every = said.having(Deployments) or Deployments()
    for item in (*every.items, *every.foreign):
        holder = item.config.holder
        if _is_of(item, pod) and (not holder or (holder.kind, holder.name) not in older):
            yield item


def _older(pod: Pod, said: Snapshot) -> Iterator[Lag]:
    """The ConfigMaps of a pod that are behind their resource."""
    mounted = {y.config_map.name for x in pod.spec.volumes or () for y in (x, *x.parts) if y.config_map}
    for lag in (said.having(Lags) or Lags()).items:
        if lag.namespace == pod.metadata.namespace and lag.config_map in mounted:
            yield lag


def left_alone(pods: Iterable[Pod], said: Snapshot) -> Iterator[Pod]:
    """Pods, with word of it where the Operator leaves alone what they were made of."""
    names = {(x.namespace, x.resource) for x in (said.having(Lags) or Lags()).items if x.unmanaged}
    for pod in pods:
        about = pod.metadata
        mine = (about.namespace, resource(about).rpartition(" ")[2].rpartition("/")[2]) in names
        yield replace(pod, metadata=replace(about, unmanaged=True)) if mine else pod


def is_of(pod: Pod, work: Workload) -> bool:
    """Whether a pod has the labels of a template."""
    labels = (pod.metadata.labels or {}).items()
    return bool(work.labels) and work.meta.namespace == pod.metadata.namespace and work.labels.items() <= labels


def _is_of(item: Deployed, pod: Pod) -> bool:
    return item.workload is not None and is_of(pod, item.workload)


def foretold(places: Iterable[Place], said: Snapshot) -> frozenset[str]:
    """The files of templates, and of what they read, that no pod runs with while pods of another template do."""
    living = [x for x in places if _runs(x.pod)]
    used = {y for x in living for item in x.configs for y in _files(item)}
    idle = set[str]()
    for item in (said.having(Deployments) or Deployments()).items:
        mine = [x for x in living if _is_of(item, x.pod) and x.configs]
        if mine and not any(item in x.configs for x in mine):
            idle.update(_files(item))
    return frozenset(idle - used)


def resting(coming: frozenset[str], said: Snapshot, makers: Iterable[Maker]) -> frozenset[str]:
    """Of the files of templates that are not in use those of paused workloads: nobody has asked for these yet."""
    paused = {(x.metadata.namespace, x.kind, x.metadata.name) for x in makers if x.spec.paused}
    every = ((x, x.workload.meta) for x in (said.having(Deployments) or Deployments()).items if x.workload)
    return coming & {y for x, about in every if (about.namespace, about.kind, about.name) in paused for y in _files(x)}


def _runs(pod: Pod) -> bool:
    """Whether a container of a pod runs."""
    every = (x.state or ContainerState() for x in pod.status.container_statuses or ())
    return not pod.finished and any(x.running for x in every)


def _files(item: Deployed) -> tuple[str, ...]:
    return (item.config.file, item.workload.meta.at.file if item.workload else item.config.file)

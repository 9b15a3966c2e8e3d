"""Containers that are in pods and not in the template of their maker: an admission webhook put them there.

A mesh, the Operator and others do so while pods are made, and a sidecar that only runs shares their loopback as well.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.gather.kube_objects import parts, text, texts
from dualstack.model.kube import TEMPLATES, Workload
from dualstack.model.slim import OVER
from dualstack.model.world import Object

Read = Callable[[Object], Workload | None]
"""Gives a pod as its own file has it."""
_NAMED = {"Deployment": "ReplicaSet", "CronJob": "Job"}
"""What makes the pods of a kind, and is called after it: `cart-6f9c`, `cart-29000000`."""
_HASHES = ("pod-template-hash", "controller-revision-hash")


def with_put_in(work: Workload, pods: Sequence[Object], read: Read) -> Workload:
    """A workload with the containers, and the volumes, that pods of it which run have beside those of its template.

    The pods are those of the template of the newest; what an older one had is not put in. Of several containers of one
    name it is that of the newest pod.
    """
    if work.meta.kind not in TEMPLATES or work.meta.kind == "Pod":
        return work
    known = {x.name for x in work.containers}
    mine = sorted(_running(work, pods), key=lambda x: text(x, "metadata", "creationTimestamp"), reverse=True)
    for pod in mine:
        if _template(pod) == _template(mine[0]) and _names(pod) - known:
            work, known = _joined(work, read(pod)), known | _names(pod)
    return work


def _template(pod: Object) -> list[str]:
    """What tells the template of a pod from others."""
    return [text(pod, "metadata", "labels", x) for x in _HASHES]


def _joined(work: Workload, pod: Workload | None) -> Workload:
    if pod is None:
        return work
    containers, volumes = {x.name for x in work.containers}, {x.name for x in work.volumes}
    return replace(
        work,
        containers=(*work.containers, *(x for x in pod.containers if x.name not in containers)),
        volumes=(*work.volumes, *(x for x in pod.volumes if x.name not in volumes)),
    )


def _names(pod: Object) -> set[str]:
    return {text(x, "name") for y in ("initContainers", "containers") for x in parts(pod, "spec", y)}


def _running(work: Workload, pods: Sequence[Object]) -> Iterator[Object]:
    """The pods that a workload made, but those that have ended or are told to."""
    about, labels = work.meta, work.labels.items()
    for pod in pods:
        ends = text(pod, "status", "phase") in OVER or text(pod, "metadata", "deletionTimestamp")
        mine = text(pod, "metadata", "namespace") == about.namespace and (about.kind, about.name) in _makers(pod)
        if mine and not ends and labels <= texts(pod, "metadata", "labels").items():
            yield pod


def _makers(pod: Object) -> Iterator[tuple[str, str]]:
    for owner in parts(pod, "metadata", "ownerReferences"):
        kind, name = text(owner, "kind"), text(owner, "name")
        yield kind, name
        yield from ((x, name.rpartition("-")[0]) for x, made in _NAMED.items() if made == kind)

"""What makes pods and has none now: who exports by its template is a client all the same."""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from http import HTTPStatus

import msgspec

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import Refused, key, parts, text
from dualstack.gather.stored import Stored
from dualstack.model.cluster import Pod
from dualstack.model.decoders import converted
from dualstack.model.world import Object, of_template, part

Key = tuple[str, str]


def busy(pods: Iterable[Pod]) -> set[Key]:
    """The Jobs, by namespace and name, of which one of these pods is at work, or is to begin."""
    made = ((pod, y) for pod in pods if not pod.finished for y in pod.metadata.owner_references or ())
    return {(pod.metadata.namespace, y.name) for pod, y in made if y.kind == "Job"}


def waiting(ask: Asker, namespace: str, jobs: Collection[Key] | None) -> Iterator[tuple[Object, Pod]]:
    """CronJobs that are on and have no pod, and without stored pods all that makes some, with a pod that they make.

    They are those of a namespace, or of all. Of the `jobs` there is a pod; where nobody knows of which there is, those
    of which a Job is active are left out: it has none between two tries.
    """
    unseen = isinstance(ask.api, Stored) and kinds.PODS.kind in ask.world.unseen
    for kind in kinds.WORKLOADS.values() if unseen else ():
        with contextlib.suppress(Refused):
            for item in ask.api.objects(kind, namespace):
                if not parts(item, "metadata", "ownerReferences"):
                    yield from _unmade(item)
    try:
        found = ask.api.objects(kinds.CRON_JOBS, namespace, "")
    except Refused as error:
        if error.status == HTTPStatus.FORBIDDEN:
            ask.refused(kinds.CRON_JOBS, namespace, "list", error)
        return
    for item in found:
        active = [(key(item)[0], text(x, "name")) for x in parts(item, "status", "active")]
        here = active if jobs is None else [x for x in active if x in jobs]
        if not (here or part(item, "spec").get("suspend")):
            yield from _unmade(item)


def _unmade(item: Object) -> Iterator[tuple[Object, Pod]]:
    """A workload with the pod that it would make."""
    with contextlib.suppress(msgspec.ValidationError):
        yield item, converted(of_template(item), Pod)

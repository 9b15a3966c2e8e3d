"""What makes pods and has none now: who exports by its template is a client all the same."""

import contextlib
from collections.abc import Iterator
from http import HTTPStatus

import msgspec

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import Refused, parts
from dualstack.gather.stored import Stored
from dualstack.model.cluster import Pod
from dualstack.model.decoders import converted
from dualstack.model.world import Object, of_template, part


def waiting(ask: Asker, namespace: str) -> Iterator[tuple[Object, Pod]]:
    """CronJobs that are on and of which no Job runs, and without stored pods all that makes some, with such a pod.

    They are those of a namespace, or of all.
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
        if not (parts(item, "status", "active") or part(item, "spec").get("suspend")):
            yield from _unmade(item)


def _unmade(item: Object) -> Iterator[tuple[Object, Pod]]:
    """A workload with the pod that it would make."""
    with contextlib.suppress(msgspec.ValidationError):
        yield item, converted(of_template(item), Pod)

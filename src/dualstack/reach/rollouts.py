"""Pods that serve while newer ones of the same workload do not come up."""

from collections.abc import Iterator
from typing import NamedTuple

from dualstack.model.cluster import Pod
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.slim import ContainerState, ContainerStatus
from dualstack.model.trace import Traces
from dualstack.reach.pods import Opened, Place, Places
from dualstack.reach.states import trouble, unscheduled

_BEGINNING = ("ContainerCreating", "PodInitializing")
_HASHES = ("pod-template-hash", "controller-revision-hash")
"""Labels that tell the template of a pod: of Deployments, and of DaemonSets and StatefulSets."""


_LONGEST = 60
"""Letters of a summary."""


class Revision(NamedTuple):
    """What made a pod, and of which template."""

    kind: str
    name: str
    of: str


def stuck(traces: Traces, places: Places) -> Iterator[Finding]:
    """One finding for each pod that serves, of whose workload a newer pod of another template does not come up."""
    for name in dict.fromkeys(x.server for x in traces.items if not x.failed and x.required):
        place = places.named(name)
        newer = next((x for x in places.items.values() if place and _replaces(x, place.pod)), None)
        mine = revision(place.pod) if place else None
        if place and newer and mine:
            flows = [x for x in traces.items if x.server == name and not x.failed]
            yield _finding(place, newer, mine, tuple(x.key for x in flows))


def revision(pod: Pod) -> Revision | None:
    """The template of a pod; None where nothing says it. A ReplicaSet is named after its Deployment and the hash."""
    labels = pod.metadata.labels or {}
    of = next((labels[x] for x in _HASHES if x in labels), "")
    made = next(iter(pod.metadata.owner_references or ()), None)
    if not of or made is None:
        return None
    name = made.name.removesuffix(f"-{of}")
    return Revision("Deployment" if name != made.name else made.kind, name, of)


def _replaces(place: Place, older: Pod) -> bool:
    """Whether a pod is of a later template than another one of its workload, and does not come up."""
    newer = place.pod
    one, other = revision(newer), revision(older)
    if not one or not other or one[:2] != other[:2] or one.of == other.of:
        return False
    times = (newer.metadata.creation_timestamp or "", older.metadata.creation_timestamp or "")
    later = newer.metadata.namespace == older.metadata.namespace and times[0] > times[1] and not newer.finished
    return later and (bool(unscheduled(newer)) or _ends(newer) or (not newer.ready and bool(place.crashes)))


def _ends(pod: Pod) -> bool:
    """Whether a container of a pod ended, or cannot be started."""
    every = (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ()))
    return not pod.ready and any(_is_down(x) for x in every)


def _is_down(status: ContainerStatus) -> bool:
    state, last = status.state or ContainerState(), status.last_state or ContainerState()
    refused = state.waiting is not None and state.waiting.reason not in _BEGINNING
    ended = (x for x in (state.terminated, last.terminated) if x)
    return not status.ready and (refused or any(x.exit_code != 0 for x in ended))


def _finding(place: Place, newer: Place, made: Revision, flows: tuple[str, ...]) -> Finding:
    pod, why = newer.pod.metadata, trouble(newer.pod)
    ends = newer.crashes if not unscheduled(newer.pod) and not _ends(newer.pod) else ()
    why += f" and cannot start by its configuration: `{ends[0].bound.error}`" if ends else ""
    at = next((x.workload.meta.at for x in newer.configs if x.workload), None)
    undo = f"kubectl rollout undo {made.kind.lower()} {made.name} -n {pod.namespace}"
    whole = f"The rollout of {made.kind} {made.name} is stuck"
    return Finding(
        summary=whole if len(whole) <= _LONGEST else f"The rollout of a {made.kind} is stuck",
        detail=f"The {place.name} serves, and is of an older template. The newer {newer.name} {why}, so what its"
        " template says is not in use.",
        hint=_corrected(ends[0]) if ends else "Mend the newer template, or take it back.",
        severity=Severity.WARNING,
        confidence=Confidence.OBSERVED,
        evidence=(Evidence(why, f"status of the {newer.name}"),),
        location=at,
        fix=None if ends else Fix("Take the newer template back", commands=(undo,)),
        flows=flows,
    )


def _corrected(end: Opened) -> str:
    """What to do about a configuration: pods of an older template may read the same one when they start again."""
    return f"Correct `{end.endpoint.field}`, which is `{end.value}` in the pod."

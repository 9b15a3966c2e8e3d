"""What the kubelet and the scheduler say of pods that serve nobody."""

from collections import Counter
from collections.abc import Iterator, Sequence

from dualstack.model.cluster import Pod
from dualstack.model.slim import ContainerState, ContainerStatus, Waiting
from dualstack.reach.pods import Place
from dualstack.reach.start import numbered

_LONGEST = 300  # characters of what a container or the scheduler said


def trouble(pod: Pod) -> str:
    """Why a pod is not ready, in words that go on after its name; empty where it is, or nobody says."""
    if pod.ready:
        return ""
    waits = unscheduled(pod)
    if waits:
        return f"is not scheduled: {waits}"
    every = (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ()))
    said = next(filter(None, map(_state, every)), "")
    if said or pod.status.phase in (None, "Running"):
        return said or ("is not ready" if pod.status.phase else "")
    return f"is {pod.status.phase}"


def unscheduled(pod: Pod) -> str:
    """Why the scheduler finds no node for a pod; empty where it has one."""
    said = (x for x in pod.status.conditions or () if x.type == "PodScheduled" and x.status == "False")
    return next((_cut(x.message or x.reason or "no reason is given").rstrip(".") for x in said), "")


def _state(status: ContainerStatus) -> str:
    state = status.state or ContainerState()
    waiting = state.waiting or Waiting()
    told = last_words(status)
    ended = f", which ended with: {_cut(told)}" if told else ""
    if waiting.reason and waiting.reason not in ("ContainerCreating", "PodInitializing"):
        message = f": {_cut(waiting.message)}" if waiting.message and not told else ""
        return f"waits with {waiting.reason} for its container {status.name}{message}{ended}"
    return f"has the container {status.name}{ended}" if ended and not status.ready else ""


def last_words(status: ContainerStatus) -> str:
    """The message with which a container ended, where it left one (`terminationMessagePath`)."""
    states = (status.state, status.last_state)
    return next((x.terminated.message for x in states if x and x.terminated and x.terminated.message), "")


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}…"


def troubles(pods: Sequence[Pod], most: int = 3) -> str:
    """The same of several pods as a sentence part; those that fare alike are counted."""
    said = Counter(trouble(x) for x in pods)
    first = {trouble(x): x.metadata.called for x in reversed(pods)}
    parts = [f"{f'the pod {first[x]}' if n == 1 else f'{n} pods such as {first[x]}'} {x}" for x, n in said.items() if x]
    return "; ".join(parts[:most])


def probed(place: Place) -> Iterator[int]:
    """The ports of a pod that the kubelet has to reach, at its first address, before it calls the pod ready."""
    for container in place.pod.spec.containers or ():
        asked = container.readiness_probe.asked if container.readiness_probe else None
        if asked is None or asked.host:
            continue
        names = {x.name: x.container_port for x in container.ports or () if x.name}
        yield numbered(str(asked.port)) or names.get(str(asked.port), 0)

"""What the kubelet and the scheduler say of pods that serve nobody."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from dualstack.model.cluster import Pod
from dualstack.model.slim import ContainerState, ContainerStatus, Waiting
from dualstack.reach.sidecars import sidecar
from dualstack.reach.start import numbered

_LONGEST = 300  # characters of what a container or the scheduler said
GATED = "ReadinessGatesNotReady"
"""The reason of the condition `Ready` of a pod whose containers are ready, and something else is not."""
_BEGINNING = ("ContainerCreating", "PodInitializing")
_HEAD, _TAIL = 90, 200
"""The same of the two ends of an error that is longer: what it is, and what was wrong."""
_ERROR = re.compile(r"^(?:error|fatal|panic)\b", re.IGNORECASE)
_BACK_OFF = "CrashLoopBackOff"
_KILLED = (0, 137, 143)
_PLURALS = {"is": "are", "waits": "wait", "has": "have", "does": "do"}
_NO_MEMORY = "OOMKilled"
_TAKEN = re.compile(r"(?P<host>\[[\da-fA-F:.]+\]|[\d.]+)?:(?P<port>\d{1,5})(?=\W[^\n]*address already in use)")
"""EADDRINUSE, in the words of strerror(3) behind the address, which Go and most others write; a time may be before."""


def trouble(pod: Pod) -> str:
    """Why a pod is not ready, in words that go on after its name; empty where it is, or nobody says."""
    if pod.ready:
        return ""
    waits = unscheduled(pod)
    if waits:
        return f"is not scheduled: {waits}"
    if pod.ended and pod.status.reason:
        return f"is {pod.status.phase} ({pod.status.reason}){_told(pod.status.message or '')}"
    every = (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ()))
    said = next(filter(None, map(_state, every)), "")
    if pod.metadata.deletion_timestamp and not pod.ended:
        return f"is being deleted since {pod.metadata.deletion_timestamp}"
    if said or pod.status.phase in (None, "Running"):
        return said or (f"is not ready{_gated(pod)}" if pod.status.phase else "")
    begun = initialising(pod)
    return f"waits for its init container {begun}, which has not ended" if begun else f"is {pod.status.phase}"


def initialising(pod: Pod) -> str:
    """The init container that runs in a pod before its containers do; empty where none does.

    One that is restarted always runs beside them (KEP-753).
    """
    beside = {x.name for x in pod.spec.init_containers or () if x.restart_policy == "Always"}
    running = (x.name for x in pod.status.init_container_statuses or () if x.state and x.state.running)
    return next((x for x in running if x not in beside), "") if pod.status.phase == "Pending" else ""


def halted(pod: Pod, name: str) -> str:
    """Why a container of a pod does not run, in words that go on after the name of the pod.

    Empty where it runs, has done its work, is about to begin, or nobody says.
    """
    waits = unscheduled(pod)
    if waits:
        return f"is not scheduled: {waits}"
    before, beside = pod.status.init_container_statuses or (), pod.status.container_statuses or ()
    mine = [x for x in (*before, *beside) if x.name == name]
    if any(x.state and x.state.running for x in mine):
        return ""
    return next(filter(None, map(_state, (*before, *mine))), "")


def _told(message: str) -> str:
    return f": {cut(message).rstrip('.')}" if message else ""


def _gated(pod: Pod) -> str:
    """What the kubelet says of readiness gates that hold a pod back (kubernetes 1.34.4, pkg/kubelet/status)."""
    said = (x.message for x in pod.status.conditions or () if x.type == "Ready" and x.reason == GATED)
    return next((f": {cut(x).rstrip('.')}" for x in said if x), "")


def unscheduled(pod: Pod) -> str:
    """Why the scheduler finds no node for a pod; empty where it has one."""
    said = (x for x in pod.status.conditions or () if x.type == "PodScheduled" and x.status == "False")
    return next((cut(x.message or x.reason or "no reason is given").rstrip(".") for x in said), "")


def _state(status: ContainerStatus) -> str:
    state = status.state or ContainerState()
    waiting = state.waiting or Waiting()
    ended = _ended(status)
    if waiting.reason and waiting.reason not in _BEGINNING:
        silent = not waiting.message or last_words(status) or waiting.reason == _BACK_OFF
        message = "" if silent else f": {cut(waiting.message or '')}"
        return f"waits with {waiting.reason} for its container {status.name}{message}{ended}"
    return f"has the container {status.name}{ended}" if ended and not status.ready else ""


def _ended(status: ContainerStatus) -> str:
    """How a container ended that does not run, or ran before; empty where it did its work or did not end at all."""
    last, told = _last(status), last_words(status)
    waiting = (status.state and status.state.waiting) or Waiting()
    if last and not last.exit_code and not told and waiting.reason == _BACK_OFF:
        return ", which ended with code 0"
    if last is None or (not last.exit_code and not told):
        return ""
    reason = f" ({last.reason})" if last.reason and last.reason != "Error" else ""
    code = f" code {last.exit_code}{reason}" if last.exit_code else ""
    return f", which ended with{code}{f': {cut(told)}' if told else ''}"


def has_ended(status: ContainerStatus) -> bool:
    """Whether a container ran before, so that it can have said why it ended."""
    return _last(status) is not None


def ended_well(status: ContainerStatus) -> bool:
    """Whether a container ended last without an error and without a word of one."""
    last = _last(status)
    return last is not None and not last.exit_code and not complains(status)


def complains(status: ContainerStatus) -> bool:
    """Whether a container named an error when it ended."""
    return bool(_ERROR.search(last_words(status)))


def status_of(name: str, pod: Pod) -> ContainerStatus:
    """What the kubelet says of a container; an empty status where it says nothing."""
    every = (*(pod.status.container_statuses or ()), *(pod.status.init_container_statuses or ()))
    return next((x for x in every if x.name == name), ContainerStatus())


def since_when(name: str, pod: Pod) -> str:
    """When a container of a pod started; empty where it does not run."""
    running = (status_of(name, pod).state or ContainerState()).running
    return (running and running.started_at) or ""


def was_killed(pod: Pod, name: str) -> bool:
    """Whether the kubelet can have ended a container because a probe failed.

    It sends SIGTERM, and SIGKILL after the grace period: the container ends well, or with 128 and the signal's number.
    """
    probed = (
        x.liveness_probe or x.startup_probe
        for x in (*(pod.spec.containers or ()), *(pod.spec.init_containers or ()))
        if x.name == name
    )
    every = (*(pod.status.container_statuses or ()), *(pod.status.init_container_statuses or ()))
    ends = [end for x in every if x.name == name and (end := _last(x))]
    return any(probed) and any(x.exit_code in _KILLED and x.reason != _NO_MEMORY for x in ends)


def lacked_memory(pod: Pod, name: str) -> bool:
    """Whether the kernel ended a container because it had no more memory."""
    last = _last(status_of(name, pod))
    return last is not None and last.reason == _NO_MEMORY


def _last(status: ContainerStatus) -> Waiting | None:
    """The last end of a container, that with words before that without."""
    ends = [x.terminated for x in (status.state, status.last_state) if x and x.terminated]
    return next((x for x in ends if x.message or x.log), next(iter(ends), None))


def last_words(status: ContainerStatus) -> str:
    """The message with which a container ended (`terminationMessagePath`), or else what its log says of that."""
    last = _last(status) or Waiting()
    return last.message or last.log or ""


def taken(said: str) -> int:
    """The port of which a container said at its end that somebody else has it; 0 where it said no such thing."""
    found = [*_TAKEN.finditer(said)]
    return numbered(found[-1]["port"]) if found else 0


def taken_at(said: str) -> str:
    """The address of that port; empty where it was not said."""
    found = [*_TAKEN.finditer(said)]
    return (found[-1]["host"] or "") if found else ""


def holder(pod: Pod) -> str:
    """Who says that it has a port of the node which a container of this pod wanted; empty where nobody does."""
    ends = (y.terminated for x in pod.status.container_statuses or () for y in (x.state, x.last_state) if y)
    return next((x.holder for x in ends if x and x.holder), "")


def error_in(log: str) -> str:
    """The end of a log from the line that speaks of an error on; the last line where none does.

    The Collector writes `Error: …`, the reason on the lines below (0.161, measured), and Go `panic: …`.
    """
    lines = [x.strip() for x in log.splitlines() if x.strip()]
    first = max((n for n, x in enumerate(lines) if _ERROR.search(x)), default=len(lines) - 1)
    said = " ".join(lines[max(first, 0) :])
    return said if len(said) <= _LONGEST else f"{said[:_HEAD]} … {said[-_TAIL:]}"


def stopped(status: ContainerStatus) -> str:
    """Why a container that was started, or cannot be, does not run; empty where it runs, begins, or nobody says."""
    state = status.state or ContainerState()
    reason = state.waiting.reason if state.waiting else None
    if reason in _BEGINNING or not (reason or state.terminated):
        return ""
    said = _ended(status).removeprefix(", which ")
    return f"the container {status.name} {said or f'waits with {reason}' if reason else said or 'has ended'}"


def starting_again(status: ContainerStatus) -> str:
    """How a container ended that runs again by now and is not ready; empty for another one."""
    again = status.state is not None and status.state.running is not None and not status.ready
    said = _ended(status).removeprefix(", which ") if again else ""
    return f"the container {status.name} {said}" if said else ""


def held_back(pod: Pod) -> tuple[str, str]:
    """The init container for whose end those of a pod wait, and how it fares; both empty where there is none.

    One that is restarted always is not waited for (KEP-753).
    """
    every = [x.state or ContainerState() for x in pod.status.container_statuses or ()]
    if not every or any((x.waiting or Waiting()).reason not in _BEGINNING for x in every):
        return "", ""
    beside = {x.name for x in pod.spec.init_containers or () if x.restart_policy == "Always"}
    for status in pod.status.init_container_statuses or ():
        state = status.state or ContainerState()
        past = state.running if status.name in beside else state.terminated and not state.terminated.exit_code
        fares = _ended(status).removeprefix(", which ") or "has not ended"
        why = f"the init container {status.name} {fares}" if state.running else stopped(status)
        if why and not past:
            return status.name, why
    return "", ""


def cut(text: str) -> str:
    """A text in one line, and not too long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}…"


def troubles(pods: Sequence[Pod], most: int = 3) -> str:
    """The same of several pods as a sentence part; those that fare alike are counted."""
    return told_alike([(x, trouble(x)) for x in pods], most)


def told_alike(every: Sequence[tuple[Pod, str]], most: int = 3) -> str:
    """What is said of each of several pods as a sentence part; those of whom the same is said are counted."""
    said = Counter(x for _, x in every)
    first = {x: pod.metadata.called for pod, x in reversed(every)}
    parts = [
        f"the pod {first[x]} {x}" if n == 1 else f"{n} pods such as {first[x]} {_of_several(x)}"
        for x, n in said.items()
        if x
    ]
    return "; ".join(parts[:most])


def _of_several(said: str) -> str:
    """What is said of one pod, of several."""
    verb, space, rest = said.partition(" ")
    return f"{_PLURALS.get(verb, verb)}{space}{rest}".replace(" for its ", " for their ", 1)


def reached(pod: Pod, name: str) -> tuple[int, ...]:
    """The ports at which the kubelet surely reached a container, at the first address of the pod: it is ready by them.

    In the network of a node somebody else can answer there, and in a mesh its proxy.
    """
    others = pod.spec.host_network or sidecar(pod)
    return () if others or not status_of(name, pod).ready else tuple(probed(pod, name))


def probed(pod: Pod, name: str = "") -> Iterator[int]:
    """The ports of a pod that the kubelet has to reach, at its first address, before it calls the pod ready.

    With a `name` they are those of this container.
    """
    for container in (x for x in pod.spec.containers or () if name in ("", x.name)):
        asked = container.readiness_probe.asked if container.readiness_probe else None
        if asked is None or asked.host:
            continue
        names = {x.name: x.container_port for x in container.ports or () if x.name}
        yield numbered(str(asked.port)) or names.get(str(asked.port), 0)

"""Pods that ask the Operator for an agent, and got none: from which Instrumentation it would be, and what is wrong.

Pods get it while they are made, and never later (operator internal/instrumentation/podmutator.go).
"""

from collections.abc import Iterator, Mapping, Sequence

from dualstack.model.cluster import Cluster, Pod
from dualstack.model.maker import Instrumentation
from dualstack.reach.crowds import listed
from dualstack.reach.exporting import owner
from dualstack.reach.operator import INSTRUMENTED

ASKING = "asks the Operator for an agent"
"""What is said of such pods, where all of them do."""

_INJECT = "instrumentation.opentelemetry.io/inject-"
_MARKS = ("opentelemetry-auto-instrumentation", "otel-agent", "OTEL_RESOURCE_ATTRIBUTES_")
"""How containers and variables begin that it puts into pods (operator internal/instrumentation, sdk.go and others)."""
_ROLLED = ("deploy/", "ds/", "sts/")
_SHOWN = 3


def uninjected(cluster: Cluster, target: str) -> str:
    """Why the pods of a workload have no agent, though they ask for one; empty where that is not so."""
    if any(map(_has, cluster.pods)):
        return ""
    for pod in cluster.pods:
        for key, said in _asks(pod, cluster):
            head = f"`{key}: {said}` {ASKING} in the pods of `{target}`, and they have none"
            return f"{head}{_why(said, pod, cluster, _anew(target, pod.metadata.namespace))}"
    return next(_misplaced(cluster, target), "")


def _asks(pod: Pod, cluster: Cluster) -> Iterator[tuple[str, str]]:
    """The annotations that ask for an agent; what a namespace says counts where the pod does not name one itself."""
    near = (x.metadata.annotations or {} for x in cluster.spaces if x.metadata.name == pod.metadata.namespace)
    own, whole = pod.metadata.annotations or {}, next(near, {})
    for key in dict.fromkeys((*own, *whole)):
        said = own.get(key) or whole.get(key, "")
        named = whole.get(key, "") if said.lower() == "true" and whole.get(key, "").lower() != "false" else ""
        if key.startswith(_INJECT) and (named or said).lower() not in ("", "false"):
            yield key, named or said


def _has(pod: Pod) -> bool:
    every = [*(pod.spec.containers or ()), *(pod.spec.init_containers or ())]
    return any(x.name.startswith(_MARKS) or any(y.name.startswith(_MARKS) for y in x.env or ()) for x in every)


def _misplaced(cluster: Cluster, target: str) -> Iterator[str]:
    """What is said of an annotation of the workload itself, which is none of its pods."""
    mine = {(x.metadata.namespace, owner(x)) for x in cluster.pods}
    for maker in cluster.makers:
        about: Mapping[str, str] = maker.metadata.annotations or {}
        key = next((k for k, v in about.items() if k.startswith(_INJECT) and v.lower() != "false"), "")
        if key and (maker.metadata.namespace, f"{maker.kind} {maker.metadata.name}") in mine:
            where = f"but stands in the annotations of {maker.called} itself, where the Operator does not look"
            head = f"`{key}: {about[key]}` {ASKING} in the pods of `{target}`, {where}"
            yield f"{head}. Write it into `spec.template.metadata.annotations`."


def _anew(target: str, space: str) -> str:
    restart = f"`kubectl rollout restart {target} -n {space}`"
    return restart if target.startswith(_ROLLED) else "make the pods anew"


def _why(said: str, pod: Pod, cluster: Cluster, anew: str) -> str:
    """Why a pod has no agent by what it asks for, as the end of a sentence, and what to do."""
    where, _, name = said.rpartition("/") if said.lower() != "true" else ("", "", "")
    where = where or pod.metadata.namespace
    who = f"{INSTRUMENTED} {where}/{name}" if name else f"{INSTRUMENTED} in the namespace {where}"
    if cluster.instrumentations is None:
        ask = f"whether there is an {who} is not known here, `kubectl get instrumentations -n {where}` shows it"
        return f": {ask}. Pods get an agent while they are made: if it is there by now, {anew}."
    mine = [x for x in cluster.instrumentations if x.metadata.namespace == where and name in ("", x.metadata.name)]
    if not mine:
        return f": there is no {who}{_others(cluster.instrumentations, said)}, and then {anew}."
    if len(mine) > 1:
        names = listed([f"`{x.metadata.name}`" for x in mine], _SHOWN)
        return f": `{said}` does not say which Instrumentation of the namespace {where}. Name one of {names}."
    made = mine[0].metadata.creation_timestamp or ""
    if (pod.metadata.creation_timestamp or made) < made:
        return f": they are older than the {who}, and pods get an agent while they are made. Let them: {anew}."
    return f", though the {who} is there. See what the Operator says of it (its log, events of the pods), then {anew}."


def _others(resources: Sequence[Instrumentation], said: str) -> str:
    """What there is in the place of an Instrumentation, and what to do."""
    names = [f"`{x.metadata.namespace}/{x.metadata.name}`" for x in resources]
    there = f", but {listed(names, _SHOWN)}" if names else ""
    mend = f"Make one, or write {names[0]} in the place of `{said}`" if names else "Make one"
    return f" among what was stored{there}. {mend}"

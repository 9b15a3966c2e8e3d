"""Clients whose containers cannot be made: what their environment is to have is not there, and nothing is sent."""

from collections.abc import Iterator, Sequence

from dualstack.model.cluster import Cluster, Pod
from dualstack.model.container import Container
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.reach.crowds import listed
from dualstack.reach.exporting import owner, receives
from dualstack.reach.sidecars import sidecar
from dualstack.reach.states import halted, status_of, told_alike

_UNMADE = "CreateContainerConfigError"
"""Why the kubelet makes no container: a key, a ConfigMap or a Secret is not there (kubernetes 1.34.4,
pkg/kubelet/kuberuntime/kuberuntime_container.go, ErrCreateContainerConfig)."""
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def unbegun(cluster: Cluster) -> Iterator[Finding]:
    """One finding for each workload of clients of which such a pod is known."""
    found = dict[tuple[str, str], list[Pod]]()
    for pod in _clients(cluster):
        found.setdefault((pod.metadata.namespace, owner(pod)), []).append(pod)
    for pods in found.values():
        waiting = [x for x in pods if waits(x)]
        if waiting:
            yield _finding(waiting, f"{len(waiting)} of the client's {len(pods)}" if waiting != pods else "", cluster)


def _finding(pods: Sequence[Pod], some: str, cluster: Cluster) -> Finding:
    told, keyless = told_alike([(x, waits(x)) for x in pods]), next(lacking(pods, cluster), "")
    verb = "does" if len(pods) == 1 else "do"
    key = f"{keyless}. Correct the key, in the pods or there."
    return Finding(
        summary=f"{some} pods {verb} not run" if some else "Pods of the client do not run",
        detail=f"{told[:1].upper()}{told[1:]}. Nothing is sent from there.",
        hint=key if keyless else "Make what they wait for, or correct its name in the pods.",
        severity=Severity.WARNING,
        confidence=Confidence.OBSERVED,
        evidence=tuple(Evidence(waits(x), f"status of the {x.place}") for x in pods[:3]),
        causes=(),
    )


def waiting_in(cluster: Cluster) -> str:
    """How the clients that are asked about fare where none of them can begin; empty else."""
    said = [(x, waits(x)) for x in _clients(cluster)]
    return told_alike(said) if all(x for _, x in said) else ""


def _clients(cluster: Cluster) -> Sequence[Pod]:
    return [x for x in cluster.askers or cluster.pods if not receives(x) and not x.finished]


def waits(pod: Pod) -> str:
    """How a pod fares none of whose containers that may export can be made, in words that go on after its name.

    Empty for others. Where variables speak of exports in some, or may, it is those; the proxy of a mesh is none.
    """
    mesh = sidecar(pod)
    every = [x for x in pod.spec.containers or () if mesh is None or x.name != mesh.container]
    mine = [x for x in every if x.env_from or any(y.name.startswith("OTEL_") for y in x.env or ())] or every
    unmade = [x for x in mine if _is_unmade(x, pod)]
    return next((halted(pod, x.name) for x in unmade if unmade == mine), "")


def _is_unmade(container: Container, pod: Pod) -> bool:
    state = status_of(container.name, pod).state
    return state is not None and state.waiting is not None and state.waiting.reason == _UNMADE


def lacking(pods: Sequence[Pod], cluster: Cluster) -> Iterator[str]:
    """The ConfigMaps that were to give the endpoint of pods, and have no such key."""
    maps = {(x.metadata.namespace, x.metadata.name): x.data or {} for x in cluster.config_maps}
    for pod in pods:
        every = (y for x in pod.spec.containers or () for y in x.env or () if y.name == _ENDPOINT)
        refs = (x.value_from.config_map_key_ref for x in every if x.value_from)
        for ref, data in ((x, maps.get((pod.metadata.namespace, x.name))) for x in refs if x):
            if data is not None and ref.key not in data:
                has = f"; it has {listed([f'`{x}`' for x in data], 3)}" if data else ""
                yield f"ConfigMap {ref.name} has no key `{ref.key}`, where they read it{has}"

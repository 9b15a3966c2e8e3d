"""What keeps pods from being ready that their own status does not say: nodes, mounts, the kubelet, who comes next."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Evidence
from dualstack.model.slim import AUTHORITY, ConfigMapVolume
from dualstack.model.trace import Trace
from dualstack.reach.pods import Opened, Places
from dualstack.reach.probe_events import UNHEALTHY
from dualstack.reach.rollouts import revision
from dualstack.reach.states import GATED, complains, cut, stopped, trouble, troubles, unscheduled

_MOUNT = "Make what the pod mounts, or correct the name of it in the pod."
_SANDBOX = "Mend what the network plugin, or the container runtime, of the node says."
_BEGINNING = {
    "FailedMount": _MOUNT,
    "FailedAttachVolume": _MOUNT,
    "FailedCreatePodSandBox": _SANDBOX,
    "FailedCreatePodContainer": _SANDBOX,
    "NetworkNotReady": _SANDBOX,
}
"""What to do, by the reason of an event of a pod that does not run yet (kubernetes 1.34.4, pkg/kubelet/events)."""
_RUNNING = {UNHEALTHY: "See why that fails: the kubelet asks at the first address of the pod, from its node."}
"""The same of a pod that runs."""
_ENDING = {"FailedPostStartHook": "Mend the postStart hook: the kubelet ends a container whose hook fails."}
"""The same of a pod whose containers end, and name no error; where one ends by itself its hook may fail for that."""

_STORAGE = re.compile("persistent ?volume", re.IGNORECASE)
"""What the scheduler says of these (kubernetes 1.34.4, pkg/scheduler/framework/plugins/volumebinding)."""


class Reason(NamedTuple):
    """One reason in a sentence, and what to do about it."""

    said: str
    hint: str
    evidence: tuple[Evidence, ...] = ()


def held_up(cluster: Cluster, pods: Sequence[Pod], flows: Iterable[Trace], places: Places) -> Reason | None:
    """Why some pods are not ready, where something else than they says it; None where nothing does."""
    found = (
        *_nodes(cluster, pods),
        *_labels(cluster, pods),
        *_paused(cluster, pods),
        *_mounts(cluster, pods),
        *_claims(cluster, pods),
        *_gates(pods),
        *_told(cluster, pods),
    )
    return next(iter((*found, *_next(pods, flows, places), *_foretold(pods, places))), None)


def _nodes(cluster: Cluster, pods: Iterable[Pod]) -> Iterator[Reason]:
    """Nodes that do not report (Kubernetes documentation, Nodes, Node status), where no pod ends on another one."""
    down = [(x, _silence(cluster, x)) for x in pods if not x.ready]
    if any(not said and any(map(stopped, x.status.container_statuses or ())) for x, said in down):
        return
    for pod, words in ((x, said) for x, said in down if said):
        name = pod.spec.node_name
        said = f"The node {name} of the pod {pod.metadata.called} is not ready: {words}"
        yield Reason(f"{said}.", f"See why the kubelet of {name} does not report, or move the pods elsewhere.")


def _silence(cluster: Cluster, pod: Pod) -> str:
    """Why the node of a pod does not report; empty where it does, or the pod is on none that is known."""
    node = cluster.node(pod.spec.node_name or "")
    silent = (x for x in (node.status.conditions or () if node else ()) if x.type == "Ready" and x.status != "True")
    return next(((x.message or x.reason or "nobody says why").rstrip(".") for x in silent), "")


def _labels(cluster: Cluster, pods: Iterable[Pod]) -> Iterator[Reason]:
    """Labels that a pod which is on no node asks for, and that none of the nodes has; every node has some."""
    held = [x.metadata.labels or {} for x in cluster.nodes]
    known = all(held) and not cluster.more_nodes
    for pod in pods:
        for key, value in (pod.spec.node_selector or {}).items() if known and unscheduled(pod) else ():
            values = dict.fromkeys(x[key] for x in held if key in x)
            if held and value not in values:
                others = f"; there are nodes with {' and '.join(f'`{key}={x}`' for x in values)}" if values else ""
                said = f"The nodeSelector of the pod {pod.metadata.called} asks for `{key}={value}`"
                yield Reason(f"{said}, which no node has{others}.", "Give a node that label, or correct the selector.")


def _paused(cluster: Cluster, pods: Iterable[Pod]) -> Iterator[Reason]:
    """Deployments that are kept from making pods of the template that they have by now.

    Kubernetes documentation, Deployments, Pausing and Resuming a rollout of a Deployment.
    """
    made = {(x.metadata.namespace, *of[:2]) for x in pods if not x.ready and (of := revision(x))}
    for each in cluster.makers:
        mine = (each.metadata.namespace, each.kind, each.metadata.name) in made
        if mine and each.spec.paused and not each.status.updated_replicas:
            said = f"{each.called} is paused, and its template is another one by now than that of its pods."
            resume = f"kubectl rollout resume deployment/{each.metadata.name} -n {each.metadata.namespace}"
            yield Reason(said, f"Run `{resume}`, if the template is well by now.")


def _mounts(cluster: Cluster, pods: Iterable[Pod]) -> Iterator[Reason]:
    """ConfigMaps and keys of them that a pod waits for (kubernetes 1.34.4, pkg/volume/configmap)."""
    maps = {(x.metadata.namespace, x.metadata.name): x for x in cluster.config_maps}
    for pod in pods:
        waits = not pod.ready and pod.status.phase == "Pending" and pod.spec.node_name
        for volume in _sources(pod) if waits else ():
            called = f"ConfigMap {pod.metadata.beside(volume.name)}"
            held = maps.get((pod.metadata.namespace, volume.name))
            if held is None:
                if "ConfigMap" not in cluster.unseen:
                    yield Reason(
                        f"The pod {pod.metadata.called} waits for {called}, which was not found.", f"Make {called}."
                    )
                continue
            known = {**(held.data or {}), **(held.binary_data or {})}
            for key in (x.key for x in volume.items or () if x.key not in known):
                has = " and ".join(f"`{x}`" for x in known) or "none"
                said = f"The pod {pod.metadata.called} waits for the key `{key}` of {called}, which has {has}."
                yield Reason(said, f"Correct the key in the volume or in {called}.")


def _claims(cluster: Cluster, pods: Iterable[Pod]) -> Iterator[Reason]:
    """PersistentVolumeClaims without a volume of pods that the scheduler keeps back for that.

    One alone says nothing: it may wait for the pod (Kubernetes documentation, Storage Classes, WaitForFirstConsumer).
    """
    known = {(x.metadata.namespace, x.metadata.name): x for x in cluster.claims if x.status.phase != "Bound"}
    for pod in pods:
        volumes = (x.persistent_volume_claim for x in pod.spec.volumes or () if _STORAGE.search(unscheduled(pod)))
        for name in (x.claim_name for x in volumes if x):
            claim = known.get((pod.metadata.namespace, name))
            if claim:
                called = f"PersistentVolumeClaim {pod.metadata.beside(name)}"
                of = f" of the StorageClass `{claim.spec.storage_class_name}`" if claim.spec.storage_class_name else ""
                said = f"The pod {pod.metadata.called} waits for {called}{of}, which is {claim.status.phase or 'new'}."
                look = f"kubectl describe pvc {name} -n {pod.metadata.namespace}"
                whether = "whether its StorageClass is there, and what the provisioner of that says"
                yield Reason(said, f"See why {called} gets no volume: {whether} (`{look}`).")


def _gates(pods: Iterable[Pod]) -> Iterator[Reason]:
    """Readiness gates: conditions that a controller of somebody else has to set (Kubernetes documentation, Pod)."""
    for pod in pods:
        if any(x.type == "Ready" and x.reason == GATED for x in pod.status.conditions or ()):
            said = f"The containers of the pod {pod.metadata.called} are ready, and a readiness gate of it is not."
            yield Reason(said, "See why the controller that has to set this condition of the pods does not.")


def _told(cluster: Cluster, pods: Iterable[Pod]) -> Iterator[Reason]:
    """What the kubelet said last of a pod that is not ready."""
    for pod in pods:
        hints = _BEGINNING if pod.status.phase == "Pending" else _RUNNING if _runs(pod) else _ending(pod)
        mine = (x for x in cluster.events if x.is_about("Pod", pod.metadata) and x.reason in hints)
        last = max(mine, key=lambda x: x.last, default=None) if not pod.ready else None
        if last:
            said = f"The kubelet says of the pod {pod.metadata.called}: {cut(last.said).rstrip('.')}."
            fact = Evidence(f"{last.reason} at {last.last}", f"events of the {pod.place}")
            yield Reason(said, hints[last.reason], (fact,))


def _ending(pod: Pod) -> Mapping[str, str]:
    return {} if any(map(complains, pod.status.container_statuses or ())) else _ENDING


def _runs(pod: Pod) -> bool:
    """Whether all containers of a pod run: of one that does not its end says more than a probe."""
    held = [x.state for x in pod.status.container_statuses or ()]
    return bool(held) and all(x and x.running for x in held)


def _sources(pod: Pod) -> Iterator[ConfigMapVolume]:
    every = (y for x in pod.spec.volumes or () for y in (x, *x.parts))
    named = (x.config_map for x in every if x.config_map and not x.config_map.optional)
    yield from (x for x in named if x.name not in ("", AUTHORITY))


def to_end(pods: Sequence[Pod], places: Places) -> Sequence[Opened]:
    """The endpoints that end the Collectors of some pods, one of each; none where one of these may start."""
    every = [places.items.get((x.metadata.namespace, x.metadata.name)) for x in pods]
    ends = [x.crashes[0] for x in every if x and x.crashes]
    return ends if len(ends) == len(every) else ()


def _foretold(pods: Sequence[Pod], places: Places) -> Iterator[Reason]:
    """An endpoint that ends the Collector of each of some pods, as far as its configuration tells."""
    ends = to_end(pods, places)
    if ends:
        said = f"By its configuration the Collector cannot start: `{ends[0].bound.error}`."
        yield Reason(said, f"Correct `{ends[0].endpoint.field}`, which is `{ends[0].value}` in the pod.")


def _next(pods: Sequence[Pod], flows: Iterable[Trace], places: Places) -> Iterator[Reason]:
    """Pods that are to take the place of those that end."""
    behind = [y for x in flows for name in x.servers if (y := places.named(name))]
    if behind and all(x.pod.finished for x in behind) and any(map(trouble, pods)):
        said = troubles(pods)
        yield Reason(
            f"What is to take its place is not ready: {said}.", "See what keeps the new pods from being ready."
        )

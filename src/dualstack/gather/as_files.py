"""Objects of a cluster as the files that `kubectl get -o yaml` would make of them, and what these declare.

So everything that judges files judges a cluster as well, and a finding has the line that the user sees.
"""

from collections.abc import Container, Iterator, Mapping, Sequence

import yaml
from msgspec.structs import replace

from dualstack.gather.cluster import config_maps_of
from dualstack.gather.evidence import evidence_of
from dualstack.gather.files import Included, Text
from dualstack.gather.kube_objects import parts, text, texts
from dualstack.gather.lags import lags, resource_of
from dualstack.gather.put_in import with_put_in
from dualstack.gather.recognise import Found, document
from dualstack.gather.yaml_tree import Origin
from dualstack.model.deployed import Lags
from dualstack.model.evidence import Missing
from dualstack.model.kube import Workload
from dualstack.model.mutual import MESH_RULES
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.world import CLAIMS, PEERS, Object, World, is_managed, part
from dualstack.reach.operator import CONTAINER, INJECTED, OPERATED

_INJECT = "sidecar.opentelemetry.io/inject"
"""By what pods ask the Operator for a Collector beside them (operator internal/webhook/podmutation)."""
_GENERATIONS = 3
"""Of makers: a pod, a ReplicaSet, a Deployment, a Collector of the Operator."""
_LEFT_OUT = ("Node", "EndpointSlice", "ServiceCIDR", "Instrumentation", PEERS, CLAIMS, *MESH_RULES)
"""Kinds that say nothing of what was asked for."""


class _Dumper(yaml.CSafeDumper):
    """Writes as kubectl does: keys in order, texts of several lines as blocks, no references."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 -- the signature of its base
        """Whether equal parts are written out each time."""
        return True


def _text(dumper: _Dumper, data: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _text)


def declared(world: World, question: Question) -> tuple[Snapshot, dict[str, Text]]:
    """What the objects declare, and their texts by the names that locations have."""
    found, texts = Found(), {}
    pods, behind = world.objects.get("Pod", ()), Lags(tuple(lags(world)))
    for path, item in _files(world, behind):
        shown = _written(_told(item, pods), world)
        texts[path] = Text(path, shown, named=False)
        document(Origin(path, shown, 0), found)

    def read(pod: Object) -> Workload | None:
        path, alone = _path(pod), Found()
        texts[path] = Text(path, _written(pod, world), named=False)
        document(Origin(path, texts[path].text, 0), alone)
        return next(iter(alone.workloads), None)

    found.workloads[:] = [with_put_in(_imaged(x, pods), pods, read) for x in found.workloads]
    snapshot = evidence_of(found, question, {}, "", Included(set(), {}))
    gaps = (*found.notes, *(Missing(x.file, x.sentence) for x in found.errors))
    return Snapshot({**snapshot.facts, Lags: behind}, (*snapshot.gaps, *gaps)), texts


def _written(item: Object, world: World) -> str:
    """An object as a file."""
    return yaml.dump(
        _shown(item), Dumper=_Dumper, width=2**31 - 1, allow_unicode=True, sort_keys=not world.pseudonymised
    )


def _shown(item: Object) -> Object:
    """An object as `kubectl get -o yaml` shows it, which leaves out who wrote its fields."""
    return {**item, "metadata": {k: v for k, v in _about(item).items() if k != "managedFields"}}


def _told(item: Object, pods: Sequence[Object]) -> Object:
    """A workload that asks for a sidecar as one that does not, where its pods are there and got none.

    The Operator puts it into pods while they are made, and never later.
    """
    template = part(item, "spec", "template")
    notes, labels = part(template, "metadata", "annotations"), texts(template, "metadata", "labels").items()
    if _INJECT not in notes or not labels:
        return item
    near = [x for x in pods if _about(x).get("namespace") == _about(item).get("namespace")]
    mine = [x for x in near if labels <= texts(x, "metadata", "labels").items()]
    if not mine or any(_has_sidecar(x) for x in mine):
        return item
    about = {**part(template, "metadata"), "annotations": {**notes, _INJECT: "false"}}
    return {**item, "spec": {**part(item, "spec"), "template": {**template, "metadata": about}}}


def _imaged(work: Workload, pods: Sequence[Object]) -> Workload:
    """A resource of the Operator that names no image, with that of all its pods: the Operator chose it."""
    if work.meta.kind != OPERATED or work.containers[0].image:
        return work
    near = [x for x in pods if _about(x).get("namespace") == work.meta.namespace]
    mine = [x for x in near if work.labels.items() <= texts(x, "metadata", "labels").items()]
    images = {text(y, "image") for x in mine for y in parts(x, "spec", "containers") if text(y, "name") == CONTAINER}
    first = replace(work.containers[0], image=images.pop()) if len(images) == 1 else work.containers[0]
    return replace(work, containers=(first, *work.containers[1:]))


def _has_sidecar(pod: Object) -> bool:
    names = {text(x, "name") for y in ("containers", "initContainers") for x in parts(pod, "spec", y)}
    return CONTAINER in names or INJECTED in part(pod, "metadata", "labels")


def _files(world: World, behind: Lags) -> Iterator[tuple[str, Object]]:
    """The objects with their paths, but those whose maker is there, too: it says more than the copy.

    Pods of an older template than that of their maker are none: one of each template is kept. What the Operator has not
    written anew is none either, and a resource that it leaves alone makes nothing.
    """
    left = (x for x in world.objects.get(OPERATED, ()) if not is_managed(x))
    idle = {_key(x, OPERATED, _about(x).get("name")) for x in left}
    older = {(x.namespace, x.config_map) for x in behind.items}
    objects = [y for x in world.objects.values() for y in x]
    every = {k: x for x in objects if (k := _key(x, x.get("kind"), _about(x).get("name"))) not in idle}
    for kind, items in world.objects.items():
        known = set[str]()
        for item in items if kind not in _LEFT_OUT else ():
            space, _, name = key = _key(item, kind, _about(item).get("name"))
            made = next((every[x] for x in _makers(item) if x in every), None)
            told = _otherwise(item, every, older) if made and kind == "Pod" else ""
            alone = made is None or (kind == "ConfigMap" and (space, name) in older)
            if key not in idle and (alone or (told and told not in known)):
                known.add(told)
                yield _path(item), item


def _otherwise(pod: Object, every: Mapping[tuple[str, ...], Object], older: Container[tuple[str, str]]) -> str:
    """What a pod reads, if that is not what its maker would let it read; else empty."""
    maker = _highest(pod, every)
    template, space = _template(maker), str(_about(pod).get("namespace") or "")
    if maker.get("kind") == OPERATED:
        behind = any((space, x) in older for x in config_maps_of(_pod(pod)))
    else:
        behind = bool(template) and _differs(_pod(pod), template)
    return repr((_read(_pod(pod), _pod(pod)), part(pod, "metadata", "labels"))) if behind else ""


def _highest(item: Object, every: Mapping[tuple[str, ...], Object]) -> Object:
    """What stands for an object among the files: the maker of its makers."""
    for _ in range(_GENERATIONS):
        item = next((every[x] for x in _makers(item) if x in every), item)
    return item


def _template(item: Object) -> Object:
    """The spec of the pods that an object makes; empty where it has no template."""
    return part(item, "spec", "template", "spec")


def _pod(item: Object) -> Object:
    return part(item, "spec")


def _differs(pod: Object, template: Object) -> bool:
    """Whether a pod reads otherwise than its template says; what an admission controller adds does not count."""
    return _read(pod, template) != _read(template, template)


def _read(pod: Object, like: Object) -> list[object]:
    """What decides what the containers of a pod read, as far as those of another one have it, too."""
    names = {text(x, "name") for x in parts(like, "containers")}
    volumes = {text(x, "name") for x in parts(like, "volumes")}
    found: list[object] = [_container(x, like) for x in parts(pod, "containers") if text(x, "name") in names]
    held = (x for x in parts(pod, "volumes") if text(x, "name") in volumes)
    return [*found, *((text(x, "name"), text(x, "configMap", "name"), part(x, "projected")) for x in held)]


def _container(item: Object, like: Object) -> tuple[object, ...]:
    same = next((x for x in parts(like, "containers") if text(x, "name") == text(item, "name")), {})
    known = {text(x, "name") for x in parts(same, "env")}
    env = [x for x in parts(item, "env") if text(x, "name") in known]
    return text(item, "name"), text(item, "image"), item.get("command"), item.get("args"), env, item.get("envFrom")


def _path(item: Object) -> str:
    about = _about(item)
    said = (about.get("namespace"), str(item.get("kind")).lower(), about.get("name"))
    return f"{'/'.join(str(x) for x in said if x)}.yaml"


def _makers(item: Object) -> Iterator[tuple[str, ...]]:
    """What made an object is in the same namespace (Kubernetes documentation, Owners and Dependents)."""
    written = resource_of(item) if item.get("kind") == "ConfigMap" else ""
    if written:
        yield _key(item, OPERATED, written)
    owners = _about(item).get("ownerReferences")
    for owner in owners if isinstance(owners, list) else ():
        if isinstance(owner, Mapping):
            yield _key(item, owner.get("kind"), owner.get("name"))


def _key(item: Object, kind: object, name: object) -> tuple[str, ...]:
    return str(_about(item).get("namespace") or ""), str(kind), str(name)


def _about(item: Object) -> Object:
    about = item.get("metadata")
    return about if isinstance(about, Mapping) else {}

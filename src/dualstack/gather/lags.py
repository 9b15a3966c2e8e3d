"""ConfigMaps of the Operator that pods run with, and that are not what it would write of its resources now.

It does not write where it does not run, or where a resource is `unmanaged` (operator apis/v1beta1, ManagementState);
what it has written anew runs only when the pods are. What a container mounts is what it reads, and not the resource.
"""

from collections.abc import Iterator, Mapping

import msgspec

from dualstack.gather import kinds
from dualstack.gather.cluster import config_maps_of
from dualstack.gather.collector_config import Reader, listening, uses
from dualstack.gather.collector_sends import destinations
from dualstack.gather.errors import BadFile
from dualstack.gather.kube_objects import key, parts, text, texts
from dualstack.gather.yaml_tree import Origin, compose
from dualstack.model.deployed import Lag
from dualstack.model.slim import AUTHORITY, ObjectMeta, OwnerReference
from dualstack.model.world import MAKERS, Object, World, is_managed, part
from dualstack.reach.operator import OPERATED, completed, resource

_ENDED = ("Succeeded", "Failed")
_GENERATIONS = 2
"""Of makers below the resource: a ReplicaSet and a Deployment."""


def lags(world: World) -> Iterator[Lag]:
    """Each of them that a pod mounts."""
    mounted: dict[tuple[str, str], Object] = {}
    for pod in world.objects.get("Pod", ()):
        if text(pod, "status", "phase") not in _ENDED:
            space = text(pod, "metadata", "namespace")
            mounted.update({(space, x): pod for x in config_maps_of(part(pod, "spec"))})
    resources = {key(x): x for x in world.objects.get(OPERATED, ())}
    for held in world.objects.get(kinds.CONFIG_MAPS.kind, ()) if resources else ():
        space, name = key(held)
        said = resources.get((space, resource_of(held)))
        reader = mounted.get((space, name))
        here = _of_config_map(held) if said and reader else {}
        if said and reader and here and (not is_managed(said) or here != _of_resource(said)):
            yield Lag(space, name, key(said)[1], not is_managed(said), _moved_on(reader, name, world))


def resource_of(held: Object) -> str:
    """The OpenTelemetryCollector that the Operator wrote a ConfigMap from; empty for others.

    Who stored it may have left out its owners; its labels say the same.
    """
    owners = [
        OwnerReference(kind=text(x, "kind"), name=text(x, "name")) for x in parts(held, "metadata", "ownerReferences")
    ]
    labels = texts(held, "metadata", "labels")
    about = ObjectMeta(namespace=key(held)[0], labels=labels, owner_references=owners)
    return resource(about).rpartition(" ")[2]


def templates_in(whole: World, world: World) -> None:
    """Note, of a world that holds more, what the templates of workloads mount that no pod is made of yet."""
    made = (y for x in MAKERS for y in world.objects.get(x, ()))
    held = ((text(x, "metadata", "namespace"), part(x, "spec", "template", "spec")) for x in made)
    wanted = {(space, y) for space, x in held for y in config_maps_of(x) if y not in ("", AUTHORITY)}
    for item in whole.objects.get(kinds.CONFIG_MAPS.kind, ()):
        if key(item) in wanted:
            world.keep(kinds.CONFIG_MAPS.kind, item)


def _of_config_map(item: Object) -> Mapping[str, str]:
    """What the first Collector configuration in it listens on and sends to; nothing where it holds none."""
    texts = (x for x in part(item, "data").values() if isinstance(x, str))
    return next(filter(None, (_addresses(x, made=False) for x in texts)), {})


def _of_resource(item: Object) -> Mapping[str, str]:
    """The same of a resource, of either version, as the Operator completes it."""
    said = part(item, "spec").get("config")
    return _addresses(said if isinstance(said, str) else msgspec.json.encode(said).decode(), made=True)


def _addresses(said: str, *, made: bool) -> Mapping[str, str]:
    """Addresses of a configuration by fields, empty for one without receivers; variables have two spellings.

    What is `made` of it the Operator completes.
    """
    origin = Origin(OPERATED, said)
    try:
        root = compose(origin)
    except BadFile:
        root = None
    if root is None:
        return {}
    every = listening(root, origin, {}, Reader())
    taken = [completed(x) if made else x for x in every if x.component.startswith("receivers/")]
    sent = destinations(root, origin, {}, uses(root)) if taken else ()
    held = {**{x.field: x.effective for x in taken}, **{x.field: x.value for x in sent if x.otlp}}
    return {k: v.replace("${env:", "${") for k, v in held.items()}


def _moved_on(pod: Object, name: str, world: World) -> str:
    """The workload of a pod, where its template mounts another ConfigMap than this one; else empty."""
    every = {(str(x.get("kind")), *key(x)): x for y in MAKERS for x in world.objects.get(y, ())}
    for _ in range(_GENERATIONS):
        owners = parts(pod, "metadata", "ownerReferences")
        keys = ((text(x, "kind"), text(pod, "metadata", "namespace"), text(x, "name")) for x in owners)
        pod = next((every[x] for x in keys if x in every), pod)
    template = part(pod, "spec", "template", "spec")
    mounts = set(config_maps_of(template)) - {""}
    return f"{pod.get('kind')} {key(pod)[1]}" if mounts and name not in mounts else ""

"""Where the Collectors and other agents among some pods send on to, by the ConfigMaps that these read."""

import contextlib
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from dualstack.gather import kinds
from dualstack.gather.as_files import declared
from dualstack.gather.cluster import Asker, config_maps_of
from dualstack.gather.kube_objects import Refused, key, text
from dualstack.gather.pages import page
from dualstack.model.cluster import Pod
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Exporter
from dualstack.model.question import Question
from dualstack.model.world import Object, World, part
from dualstack.reach.exporting import owner
from dualstack.reach.onward import onward, sends_on
from dualstack.reach.runs import runs

Find = Callable[[str, str], Object | None]
"""Gives an object by its namespace and name; None where there is none, or it may not be read."""
_OTHERS = 8
"""Workloads of agents that are asked where they send on to, beside those of the question."""


def sent_on(pods: Sequence[Object], find: Find, made_by: Object | None = None) -> list[Exporter]:
    """What each of some pods sends on; with `made_by` they are pods that this workload would make.

    `find` gives a ConfigMap.
    """
    maps = [x for x in (find(*y) for y in _named(pods)) if x]
    files = {str(made_by.get("kind")): [made_by]} if made_by else {kinds.PODS.kind: [*pods]}
    world = World(objects={**files, kinds.CONFIG_MAPS.kind: maps})
    said, _ = declared(world, Question())
    held = world.cluster().config_maps
    return [y for x in page(pods, kinds.PODS).items if x for y in onward(x, runs(x, said), held)]


def _named(pods: Iterable[Object]) -> dict[tuple[str, str], None]:
    """The ConfigMaps that pods read, by namespace and name."""
    named = ((text(x, "metadata", "namespace"), y) for x in pods for y in config_maps_of(part(x, "spec")) if y)
    return dict.fromkeys(named)


def by_others(ask: Asker, pods: Iterable[Pod]) -> list[Exporter]:
    """What agents among the pods of a namespace send on, but those of the question. Raises Unreachable."""
    known = {text(x, "metadata", "name") for x in ask.world.objects.get(kinds.PODS.kind, ())}
    first = [x for x in _first_ones(pods) if x.metadata.name not in known]
    for pod in first[:_OTHERS]:
        ask.soon("objects", kinds.PODS, ask.namespace, "", _field(pod.metadata.name))
    if len(first) > _OTHERS:
        why = f"where {len(first) - _OTHERS} more agents in {ask.namespace} send on to was not read"
        ask.world.gaps.append(Missing("clients", why))

    def find(namespace: str, name: str) -> Object | None:
        with contextlib.suppress(Refused):
            return ask.api.object(kinds.CONFIG_MAPS, namespace, name)
        return None

    raw = [y for x in first[:_OTHERS] for y in ask.peek(kinds.PODS, ask.namespace, fields=_field(x.metadata.name))]
    for named in _named(raw):
        ask.soon("object", kinds.CONFIG_MAPS, *named)
    return _counted(sent_on(raw, find), pods)


def by_all(world: World) -> list[Exporter]:
    """What the agents of a world send on."""
    held = world.objects.get(kinds.PODS.kind, [])
    pods = [x for x in page(held, kinds.PODS).items if x]
    first = {(x.metadata.namespace, x.metadata.name) for x in _first_ones(pods)}
    maps = {key(x): x for x in world.objects.get(kinds.CONFIG_MAPS.kind, ())}
    raw = [x for x in held if key(x) in first]
    return _counted(sent_on(raw, lambda *key: maps.get(key)), pods) if raw else []


def _first_ones(pods: Iterable[Pod]) -> list[Pod]:
    """One pod for each workload of agents."""
    found = dict[tuple[str, str], Pod]()
    for pod in pods:
        if sends_on(pod) and not pod.finished:
            found.setdefault((pod.metadata.namespace, owner(pod)), pod)
    return [*found.values()]


def _counted(found: Iterable[Exporter], pods: Iterable[Pod]) -> list[Exporter]:
    """Exporters of the pods of a workload each, with the number of these."""
    alive = [(x.metadata.namespace, owner(x)) for x in pods if not x.finished]
    return [replace(x, pods=alive.count((x.namespace, x.owner))) for x in found]


def _field(name: str) -> str:
    return f"metadata.name={name}"

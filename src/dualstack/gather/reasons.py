"""Why pods are not there, or not ready, where others say it than the pods themselves: their workloads, and events."""

from collections.abc import Callable, ItemsView, Iterable, Iterator

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker, config_maps_of
from dualstack.gather.kube_objects import key, parts, text
from dualstack.model.cluster import Pod
from dualstack.model.evidence import Missing
from dualstack.model.slim import OVER
from dualstack.model.world import MAKERS, Object, World, part
from dualstack.reach.exporting import COLLECTOR
from dualstack.reach.idle import astray, idle
from dualstack.reach.operator import resource_for

_SPACES = 8
"""Namespaces whose workloads are listed."""
_OBJECTS = 8
"""Pods, one of each workload, and workloads whose events are asked for."""
_MAKING = tuple(kinds.WORKLOADS[x] for x in ("Deployment", "StatefulSet", "DaemonSet"))


def reasons(ask: Asker, tell: Callable[[str], None], target: str = "") -> None:
    """Note the workloads of Services without pods, and the events of those and of pods that are not ready.

    Those of a workload that is the target as well, where it has no pods, and of Collectors of the Operator of which it
    has not made a Service. Raises Unreachable.
    """
    world = ask.world
    spaces = list(dict.fromkeys(x for x, _ in _lonely(world)))
    for space in spaces[:_SPACES]:
        tell(f"workloads of the namespace {space}, for a Service that selects no pods")
        _makers(Asker(ask.api, space, world))
    if len(spaces) > _SPACES:
        why = f"those of {len(spaces) - _SPACES} more namespaces were not listed; `-n` asks about one"
        world.gaps.append(Missing("workloads of Services without pods", why))
    silent = [y for x in (_unready(world), _failing(world, target), _unserved(world)) for y in [*x][:_OBJECTS]]
    for space, name in silent:
        ask.soon("objects", kinds.EVENTS, space, "", _about(name))
    for space, name in silent:
        tell(f"what is said of {name}")
        each = Asker(ask.api, space, world)
        for item in each.peek(kinds.EVENTS, space, fields=_about(name)):
            world.keep(kinds.EVENTS.kind, item)


def reasons_in(whole: World, world: World) -> None:
    """Note the same from a world that holds more."""
    if kinds.PODS.kind in world.unseen:
        _templates(whole, world)
    spaces = {x for x, _ in _lonely(world)}
    for kind in MAKERS:
        there = [x for x in whole.objects.get(kind, ()) if text(x, "metadata", "namespace") in spaces]
        for item in (*_idle(there, world), *filter(_is_collector, there)):
            world.keep(kind, item)
    read = {*_meant(world)}
    for item in whole.objects.get(kinds.CONFIG_MAPS.kind, ()):
        if key(item) in read:
            world.keep(kinds.CONFIG_MAPS.kind, item)
    silent = {*_unready(world), *_failing(world, world.target), *_unserved(world)}
    for item in whole.objects.get(kinds.EVENTS.kind, ()):
        if (text(item, "involvedObject", "namespace"), text(item, "involvedObject", "name")) in silent:
            world.keep(kinds.EVENTS.kind, item)


def _templates(whole: World, world: World) -> None:
    """Note the workloads whose pods Services would select: where no pods were stored, these tell what would run."""
    services = world.objects.get(kinds.SERVICES.kind, ())
    wanted = [(key(x)[0], part(x, "spec", "selector").items()) for x in services]
    for kind in MAKERS:
        for item in whole.objects.get(kind, ()):
            labels = part(item, "spec", "template", "metadata", "labels").items()
            if any(y and x == key(item)[0] and y <= labels for x, y in wanted):
                world.keep(kind, item)


def _meant(world: World) -> Iterator[tuple[str, str]]:
    """The ConfigMaps of the Collectors that Services without pods seem to mean, by namespace and name."""
    lonely, known = {*map(key, alone(world))}, world.cluster()
    mine = (x for x in known.services if (x.metadata.namespace, x.metadata.name) in lonely and not idle(known, x))
    for maker, _ in filter(None, (astray(known, x) for x in mine)):
        space, name = maker.metadata.namespace, maker.metadata.name
        made = (x for x in world.objects[maker.kind] if key(x) == (space, name))
        yield from ((space, x) for y in made for x in config_maps_of(part(y, "spec", "template", "spec")))


def _about(name: str) -> str:
    return f"involvedObject.name={name}"


def _idle(found: Iterable[Object], world: World) -> Iterator[Object]:
    """Of some workloads those that make pods for Services of a world which has none of their pods."""
    alone = [*_lonely(world)]
    for item in found if alone else ():
        labels = part(item, "spec", "template", "metadata", "labels").items()
        if any(x == text(item, "metadata", "namespace") and y <= labels for x, y in alone):
            yield item


def _lonely(world: World) -> Iterator[tuple[str, ItemsView[str, object]]]:
    """The namespaces and the selectors of Services without pods."""
    for service in alone(world):
        yield text(service, "metadata", "namespace"), part(service, "spec", "selector").items()


def alone(world: World) -> Iterator[Object]:
    """The Services of a world that select none of its pods that has not ended, where these are known."""
    if kinds.PODS.kind in world.unseen:
        return
    pods = (x for x in world.objects.get(kinds.PODS.kind, ()) if text(x, "status", "phase") not in OVER)
    there = [part(x, "metadata", "labels").items() for x in pods]
    for service in world.objects.get(kinds.SERVICES.kind, ()):
        wanted = part(service, "spec", "selector").items()
        if wanted and not any(wanted <= x for x in there):
            yield service


def _makers(ask: Asker) -> None:
    """Note the workloads of a namespace whose pods a Service would select."""
    for kind in _MAKING:
        ask.soon("objects", kind, ask.namespace, "")
    for kind in _MAKING:
        there = ask.peek(kind, ask.namespace)
        for item in (*_idle(there, ask.world), *filter(_is_collector, there)):
            ask.world.keep(kind.kind, item)


def _is_collector(item: Object) -> bool:
    """Whether a workload makes Collectors, which a Service without pods may be meant to lead to."""
    return any(COLLECTOR.search(text(x, "image")) for x in parts(item, "spec", "template", "spec", "containers"))


def _unready(world: World) -> Iterator[tuple[str, str]]:
    """The namespaces and the names of pods that are not ready, one for each workload."""
    known = set[tuple[str, ...]]()
    for pod in World(objects={"Pod": world.objects.get("Pod", [])}).cluster().pods:
        made_by = _made_by(pod)
        if not (pod.ready or pod.finished or made_by in known):
            known.add(made_by)
            yield pod.metadata.namespace, pod.metadata.name


def _made_by(pod: Pod) -> tuple[str, ...]:
    owners = (x.name for x in pod.metadata.owner_references or ())
    return pod.metadata.namespace, next(owners, pod.metadata.name)


def _failing(world: World, target: str) -> Iterator[tuple[str, str]]:
    """The namespaces and the names of workloads that make no pods for a Service, or none at all, and do not say why."""
    makers = [y for x in _MAKING for y in world.objects.get(x.kind, ())]
    name = "" if world.objects.get(kinds.PODS.kind) else target.partition("/")[2]
    for item in makers:
        if part(item, "spec").get("replicas") != 0 and (key(item)[1] == name or any(_idle([item], world))):
            yield key(item)


def _unserved(world: World) -> Iterator[tuple[str, str]]:
    """The namespaces and the names of Collectors of the Operator of which it would make Services that are not there."""
    known = {*map(key, world.objects.get(kinds.COLLECTORS.kind, ()))}
    yield from dict.fromkeys((x, resource_for(y)) for x, y in world.absent if (x, resource_for(y)) in known)

"""What the variables of clients come from: ConfigMaps, Services of their namespace, and what nobody here may read."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator

from dualstack.gather import kinds
from dualstack.gather.cluster import Asker
from dualstack.gather.kube_objects import Kind, Refused
from dualstack.gather.pages import page
from dualstack.gather.stored import Stored
from dualstack.model.cluster import Pod
from dualstack.model.evidence import Missing
from dualstack.model.exporter import Exporter
from dualstack.model.slim import ConfigMap
from dualstack.model.world import Object
from dualstack.reach.declarative import is_file, unread_file
from dualstack.reach.exporting import exporters
from dualstack.reach.links import service_of
from dualstack.reach.redacted import HIDDEN
from dualstack.reach.variables import AS_THEN, LINKED, references

_READ_MAPS = Kind("", "v1", "configmaps", "ConfigMap", ConfigMap)
_OF_ALL = "kubernetes"
"""The Service of the namespace `default` of which the pods of all namespaces have variables."""


def hidden(what: str) -> str:
    """Why nobody knows what a client reads from something."""
    why = "and was changed since" if what.endswith(AS_THEN) else "and Secrets are never read"
    return f"{what} may hold where it exports to, {why}"


def held(sent: Iterable[Exporter], absent: Collection[tuple[str, str]]) -> Iterator[Missing]:
    """What holds endpoints that nobody here may read, but for the Services that are `absent`: these hold nothing."""
    for one in sent:
        since = one.held.endswith(AS_THEN)
        why = f"{one.held} holds it, {'and was changed since' if since else 'which was not read'}"
        why = "its value was hidden by who stored it" if one.held == HIDDEN else why
        why = unread_file(one.held) if is_file(one.held) else why
        if one.held and not any(x in absent for x in made_of([one])):
            yield Missing(f"{one.variable} of {one.owner}", why)


def config_maps(ask: Asker, pods: Iterable[Pod]) -> list[ConfigMap]:
    """The ConfigMaps that variables of these pods come from."""
    found = (ask.one(kinds.CONFIG_MAPS, x) for x in _named(pods))
    return [x for x in page(filter(None, found), _READ_MAPS).items if x]


def _named(pods: Iterable[Pod]) -> Iterable[str]:
    named = dict[str, None]()
    for container in (y for x in pods for y in x.spec.containers or ()):
        refs = [x.value_from.config_map_key_ref for x in container.env or () if x.value_from]
        named |= {x.name: None for x in (*refs, *(x.config_map_ref for x in container.env_from or ())) if x}
    return named


def teller(source: object) -> Callable[[Pod], Iterable[Exporter]]:
    """What says where a pod exports to: with the ConfigMaps that give it variables, where these were stored."""
    near = {}
    with contextlib.suppress(Refused):
        raw = source.objects(kinds.CONFIG_MAPS) if isinstance(source, Stored) else ()
        near = {(x.metadata.namespace, x.metadata.name): x for x in page(raw, _READ_MAPS).items if x}

    def of_pod(pod: Pod) -> Iterable[Exporter]:
        named = ((pod.metadata.namespace, x) for x in _named([pod]))
        return exporters(pod, [x for y in named if (x := near.get(y))])

    return of_pod if near else exporters


def linked(ask: Asker, pods: Iterable[Pod]) -> list[Object]:
    """The Services of whose variables these pods speak; that one is not there is noted."""
    every = (z for x in pods for y in x.spec.containers or () for z in y.env or ())
    named = dict.fromkeys(filter(None, (service_of(y) for x in every for y in references(x.value or ""))))
    found = list[Object | None]()
    for name in named:
        with contextlib.suppress(Refused):
            found.append(ask.api.object(kinds.SERVICES, ask.namespace, name))
            if not found[-1] and name != _OF_ALL:
                ask.world.absent = list(dict.fromkeys((*ask.world.absent, (ask.namespace, name))))
    return [x for x in found if x]


def made_of(sent: Iterable[Exporter]) -> Iterator[tuple[str, str]]:
    """The Services, by namespace and name, of which the variables in endpoints would be that nobody could fill in."""
    mine = (x for x in sent if x.held == LINKED)
    yield from ((x.namespace, y) for x in mine for y in map(service_of, references(x.endpoint)) if y)

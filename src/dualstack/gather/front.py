"""What stands in front of Services: the Ingresses and routes that lead to them, and the Gateways of the routes.

An API server that does not have the Gateway API is no gap, and a world that was stored without any of these says
nothing of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dualstack.gather import kinds
from dualstack.gather.kube_objects import Kind, Refused, key, parts, text
from dualstack.gather.stored import Stored
from dualstack.model.evidence import Missing
from dualstack.model.gateway import ROUTES
from dualstack.model.world import Object, part
from dualstack.reach.stacks import is_otlp

if TYPE_CHECKING:
    from dualstack.gather.cluster import Asker

T = TypeVar("T")

_DENIED = 403
_FAILED = 500  # and whatever is above it: the server, and not what it was asked for
_HOLDS_A_BACKEND = ("service", "backendRefs")
"""Keys of what names a Service, in an Ingress and in a route."""


class _Backend(NamedTuple):
    """A Service that something leads to, and the words for the port."""

    key: tuple[str, str]
    ports: tuple[str, ...]


def begin(ask: "Asker") -> None:
    """Ask for what may lead to Services of the namespace."""
    for kind in kinds.WAYS:
        ask.soon("objects", kind, ask.namespace, "")


def fronts(ask: "Asker", services: Iterable[Object], there: Callable[[tuple[str, str]], bool] | None = None) -> None:
    """Note what leads to Services. `there` tells whether another one exists, where that has not to be asked."""
    mine = {*map(key, services)}
    absent = dict.fromkeys(ask.world.absent)
    for kind in kinds.WAYS:
        ask.world.objects.setdefault(kind.kind, [])
        # Of routes of other namespaces, which a ReferenceGrant may let in, files tell without being asked for more.
        where = "" if isinstance(ask.api, Stored) and kind.kind in ROUTES else ask.namespace
        for item in _told(ask, kind, "list", partial(ask.api.objects, kind, where, "")) or ():
            led = list(_backends(item))
            asked = ask.namespace in ("", key(item)[0])
            lost = [x.key for x in led if asked and x.key not in mine and _is_lost(ask, x, there)]
            absent.update(dict.fromkeys(lost))
            if lost or mine.intersection(x.key for x in led):
                ask.world.keep(kind.kind, item)
                _gateways(ask, item)
    ask.world.absent = list(absent)


def leading(ask: "Asker", hosts: Iterable[str]) -> Iterator[Missing]:
    """What leads hosts on to Services for OTLP that clients name, by what was stored: nobody followed them there."""
    every = [x for kind in kinds.WAYS for x in _told(ask, kind, "list", partial(ask.api.objects, kind, "", "")) or ()]
    for host in dict.fromkeys(hosts):
        for item in every:
            mine = any(fnmatchcase(host, x) for x in _hosts(item))
            for namespace, name in dict.fromkeys(
                x.key for x in _backends(item) if mine and is_otlp(x.key[1], *x.ports)
            ):
                said = f"{text(item, 'kind')} {'/'.join(key(item))} leads there to Service {namespace}/{name}"
                yield Missing(
                    f"the way to {host}", f"{said}; `dualstack diagnose svc/{name} -n {namespace}` asks about it"
                )


def _hosts(item: Object) -> Iterator[str]:
    """The names that an Ingress or a route is for."""
    yield from (text(x, "host") for x in parts(item, "spec", "rules") if text(x, "host"))
    names = part(item, "spec").get("hostnames")
    yield from (x for x in (names if isinstance(names, list) else ()) if isinstance(x, str))


def _told(ask: "Asker", kind: Kind[Any], verb: str, asked: Callable[[], T], name: str = "") -> T | None:
    try:
        return asked()
    except Refused as error:
        if error.status == _DENIED or error.status >= _FAILED:
            ask.refused(kind, ask.namespace, verb, error, name)
        return None


def _is_lost(ask: "Asker", backend: _Backend, there: Callable[[tuple[str, str]], bool] | None) -> bool:
    """Whether a Service for OTLP is known not to be there."""
    namespace, name = backend.key
    if not is_otlp(name, *backend.ports):
        return False
    if there:
        return not there(backend.key)
    with suppress(Refused):
        return backend.key in ask.world.absent or ask.api.absent(kinds.SERVICES, namespace, name)
    return False


def _backends(item: Object) -> Iterator[_Backend]:
    namespace = _text(item.get("metadata"), "namespace")
    for said in _named(item.get("spec")):
        port = said.get("port")
        words = tuple(map(str, port.values())) if isinstance(port, Mapping) else (str(port),)
        yield _Backend((_text(said, "namespace") or namespace, _text(said, "name")), words)


def _named(said: Any, key: str = "") -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 -- JSON
    if isinstance(said, Mapping):
        if key in _HOLDS_A_BACKEND and _text(said, "name"):
            yield said
        for name, value in said.items():
            yield from _named(value, name)
    elif isinstance(said, list):
        for each in said:
            yield from _named(each, key)


def _gateways(ask: "Asker", route: Object) -> None:
    spec = route.get("spec")
    parents = spec.get("parentRefs") if isinstance(spec, Mapping) else None
    for each in parents if isinstance(parents, list) else ():
        name, namespace = _text(each, "name"), _text(each, "namespace") or _text(route.get("metadata"), "namespace")
        if name and (_text(each, "kind") or kinds.GATEWAYS.kind) == kinds.GATEWAYS.kind:
            found = _told(ask, kinds.GATEWAYS, "get", partial(_gateway, ask, namespace, name), name)
            ask.world.keep(kinds.GATEWAYS.kind, found)


def _gateway(ask: "Asker", namespace: str, name: str) -> Object | None:
    """A Gateway; that there is none is noted, unless it may have been left out of a file."""
    found = ask.api.object(kinds.GATEWAYS, namespace, name)
    source, key = ask.api, (namespace, name)
    if not found and (not isinstance(source, Stored) or source.lists(kinds.GATEWAYS, namespace)):
        ask.world.no_gateways = list(dict.fromkeys((*ask.world.no_gateways, key)))
    return found


def _text(said: Any, key: str) -> str:  # noqa: ANN401 -- JSON
    found = said.get(key) if isinstance(said, Mapping) else None
    return found if isinstance(found, str) else ""

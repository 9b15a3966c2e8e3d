"""What stands in front of Services: the Ingresses and routes that lead to them, and the Gateways of the routes.

An API server that does not have the Gateway API is no gap, and a world that was stored without any of these says
nothing of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dualstack.gather import kinds
from dualstack.gather.kube_objects import Kind, Refused, key, parts, text
from dualstack.gather.stored import Stored
from dualstack.model.evidence import Missing
from dualstack.model.gateway import ROUTES
from dualstack.model.world import Object, part
from dualstack.reach.routes import covers
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
            mine = any(covers(x, host) for x in _hosts(item))
            for namespace, name in dict.fromkeys(
                x.key for x in _backends(item) if mine and is_otlp(x.key[1], *x.ports) and x.key not in ask.world.absent
            ):
                said = f"{text(item, 'kind')} {'/'.join(key(item))} leads there to Service {namespace}/{name}"
                yield Missing(
                    f"the way to {host}", f"{said}; `dualstack diagnose svc/{name} -n {namespace}` asks about it"
                )


def _hosts(item: Object) -> Iterator[str]:
    """The names that an Ingress or a route is for."""
    yield from (text(x, "host") for x in parts(item, "spec", "rules") if text(x, "host"))
    yield from _strings(part(item, "spec").get("hostnames"))


def meeting(ask: "Asker", sent: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Note what stands where clients send to, a host with an address, and the Services behind it.

    An API server is asked for what is in their own namespace alone. What may not be read is no gap: nobody is known
    then to have the address.
    """
    found = dict[tuple[str, str], None]()
    for kind, item in _ways(ask) if sent else ():
        wanted = {address for host, address in sent if _is_for(kind, item, host)}
        gateways = [*_parents(ask, item)] if wanted else []
        if wanted.intersection(y for x in (item, *gateways) for y in _published(x)):
            ask.world.keep(kind.kind, item)
            ask.world.keep(kinds.GATEWAYS.kind, *gateways)
            led = list(_backends(item))
            alone = len({x.key for x in led}) == 1
            found |= {x.key: None for x in led if alone or is_otlp(x.key[1], *x.ports)}
    addresses = {x for _, x in sent}
    services = _quietly(ask, kinds.SERVICES) if sent else ()
    found |= {key(x): None for x in services if addresses.intersection(_outer(x))}
    return list(found)


def _ways(ask: "Asker") -> Iterator[tuple[Kind[Any], Object]]:
    yield from ((kind, x) for kind in kinds.WAYS for x in _quietly(ask, kind))


def _quietly(ask: "Asker", kind: Kind[Any]) -> list[Object]:
    with suppress(Refused):
        return ask.api.objects(kind, "" if isinstance(ask.api, Stored) else ask.namespace, "")
    return []


def _is_for(kind: Kind[Any], item: Object, host: str) -> bool:
    """Whether an Ingress or a route may lead on what is sent to a host; one that names none is for any."""
    names = [text(x, "host") for x in parts(item, "spec", "rules")]
    if kind is not kinds.INGRESSES:
        names = _strings(part(item, "spec").get("hostnames"))
    return not (names and all(names)) or any(covers(x, host.lower()) for x in names)


def _strings(said: object) -> list[str]:
    return [x for x in said if isinstance(x, str)] if isinstance(said, list) else []


def _parents(ask: "Asker", route: Object) -> Iterator[Object]:
    """The Gateways that a route names, as far as they may be read."""
    for namespace, name in _named_gateways(route):
        with suppress(Refused):
            yield from filter(None, [ask.api.object(kinds.GATEWAYS, namespace, name)])


def _published(front: Object) -> Iterator[str]:
    """The addresses that the status of an Ingress or a Gateway has."""
    yield from (text(x, "ip") for x in parts(front, "status", "loadBalancer", "ingress"))
    yield from (text(x, "value") for x in parts(front, "status", "addresses"))


def _outer(service: Object) -> Iterator[str]:
    """The addresses of a Service for those who come from outside."""
    yield from _published(service)
    yield from _strings(part(service, "spec").get("externalIPs"))


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
    for namespace, name in _named_gateways(route):
        found = _told(ask, kinds.GATEWAYS, "get", partial(_gateway, ask, namespace, name), name)
        ask.world.keep(kinds.GATEWAYS.kind, found)


def _named_gateways(route: Object) -> Iterator[tuple[str, str]]:
    for each in parts(route, "spec", "parentRefs"):
        name, namespace = text(each, "name"), text(each, "namespace") or text(route, "metadata", "namespace")
        if name and (text(each, "kind") or kinds.GATEWAYS.kind) == kinds.GATEWAYS.kind:
            yield namespace, name


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

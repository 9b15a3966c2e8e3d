"""What a question about a cluster needs, asked of its API server by names and label selectors.

Whatever the server refuses is a gap that names the right which would allow it, and the rest goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from dualstack.gather import kinds
from dualstack.gather.errors import BadInput
from dualstack.gather.kube_api import Api, Kind, Refused
from dualstack.model.evidence import Missing
from dualstack.model.world import Object, World

T = TypeVar("T")

NODES = 500
"""Nodes that are looked at for a question about one Service: one page."""

_DENIED = 403
_OWNED = ("ReplicaSet", "Deployment", "DaemonSet", "StatefulSet", "Job")


class Asker:
    """Asks one API server, and notes what it refuses."""

    def __init__(self, api: Api, namespace: str) -> None:
        """Begin with nothing known."""
        self.api, self.namespace = api, namespace
        self.world = World(context=api.access.context)

    def one(self, kind: Kind[Any], name: str, namespace: str = "") -> Object | None:
        """One object, noted; None where there is none or it may not be read."""
        where = namespace or self.namespace
        found = self._try(kind, where, "get", lambda: self.api.object(kind, where, name), name)
        self.world.keep(kind.kind, found)
        return found

    def some(self, kind: Kind[Any], namespace: str, labels: Mapping[str, str] | str = "") -> list[Object]:
        """The objects with these labels, noted."""
        said = labels if isinstance(labels, str) else ",".join(f"{k}={v}" for k, v in sorted(labels.items()))
        found: list[Object] | None = self._try(
            kind, namespace, "list", lambda: self.api.objects(kind, namespace, labels=said)
        )
        self.world.keep(kind.kind, *(found or ()))
        return found or []

    def _try(self, kind: Kind[Any], namespace: str, verb: str, ask: Callable[[], T], name: str = "") -> T | None:
        try:
            return ask()
        except Refused as error:
            if error.status != 404:
                self.refused(kind, namespace, verb, error, name)
            return None

    def refused(self, kind: Kind[Any], namespace: str, verb: str, error: Refused, name: str = "") -> None:
        """Note what the server would not give, and the right that would allow it."""
        where = f" in the namespace {namespace}" if namespace and kind.namespaced else ""
        called = f"{kind.called} {name}".strip()
        right = f"; a role with the verb `{verb}` on `{kind.plural}` of the group `{kind.group}` allows it"
        why = f"not allowed{where}{right}" if error.status == _DENIED else f"{error.why}{where}"
        self.world.gaps.append(Missing(called, why))


def of_service(ask: Asker, name: str) -> World:
    """What leads to a Service and what is behind it. Raises BadInput where there is no such."""
    found = ask.one(kinds.SERVICES, name)
    if found is None and not ask.world.gaps:
        raise BadInput(_not_there(ask, name))
    if found is not None:
        ask.some(kinds.SLICES, ask.namespace, {"kubernetes.io/service-name": name})
        selector = (found.get("spec") or {}).get("selector") or {}
        pods = ask.some(kinds.PODS, ask.namespace, selector) if selector else []
        _behind(ask, pods)
    _around(ask)
    return ask.world


def _not_there(ask: Asker, name: str) -> str:
    others = [x["metadata"]["name"] for x in ask.some(kinds.SERVICES, ask.namespace)]
    shown = ", ".join(f"`{x}`" for x in others[:10]) or "none"
    return f"There is no Service `{name}` in the namespace `{ask.namespace}`. There are: {shown}. Use `-n` for another."


def _behind(ask: Asker, pods: Iterable[Object]) -> None:
    """What makes these pods, and the configurations that they read."""
    owners = dict.fromkeys(x for pod in pods for x in _owners(pod))
    for kind, name in owners:
        _owner(ask, kind, name)
    specs = [(pod.get("spec") or {}) for pod in pods]
    for name in dict.fromkeys(x for spec in specs for x in _config_maps(spec)):
        ask.one(kinds.CONFIG_MAPS, name)
    for name in dict.fromkeys(filter(None, (x.get("nodeName") for x in specs))):
        ask.one(kinds.NODES, name)


def _owners(item: Object) -> Iterator[tuple[str, str]]:
    for owner in (item.get("metadata") or {}).get("ownerReferences") or ():
        yield str(owner.get("kind")), str(owner.get("name"))


def _owner(ask: Asker, kind: str, name: str) -> None:
    if kind == "OpenTelemetryCollector":
        ask.one(kinds.COLLECTORS, name)
    elif kind in kinds.WORKLOADS:
        found = ask.one(kinds.WORKLOADS[kind], name)
        for above in _owners(found or {}):
            _owner(ask, *above)


def _config_maps(spec: Mapping[str, Any]) -> Iterator[str]:
    """The ConfigMaps that the containers of a pod see, as files or as variables; never a Secret."""
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        yield from (x["configMap"]["name"] for x in sources if (x.get("configMap") or {}).get("name"))
    for container in spec.get("containers") or ():
        held = [(x.get("valueFrom") or {}).get("configMapKeyRef") for x in container.get("env") or ()]
        held += [x.get("configMapRef") for x in container.get("envFrom") or ()]
        yield from (x["name"] for x in held if x and x.get("name"))


def _around(ask: Asker) -> None:
    """What decides for every Service of the namespace: policies, ranges, nodes."""
    ask.some(kinds.POLICIES, ask.namespace)
    ask.some(kinds.RANGES, "")
    try:
        found = ask.api.listed(kinds.NODES, most=NODES)
    except Refused as error:
        ask.refused(kinds.NODES, "", "list", error)
        return
    ask.world.keep(kinds.NODES.kind, *map(msgspec.to_builtins, found.items))
    ask.world.left_out[kinds.NODES.kind] = found.more

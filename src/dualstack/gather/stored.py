"""Objects of a cluster that were stored, asked as an API server is asked."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from dualstack.gather.kinds import SERVICES
from dualstack.gather.kube_objects import NOT_STORED, Kind, Listed, Refused, parts, text
from dualstack.gather.pages import Page, page
from dualstack.model.address import Network, is_address, network, parse
from dualstack.model.decoders import converted
from dualstack.model.world import Object, World, part

T = TypeVar("T")

_TERM = re.compile(
    r"(?P<key>[^\s!=,()]+)(?:\s*(?P<sign>==?|!=)\s*(?P<value>[^,\s]*)|\s+(?P<set>in|notin)\s+\((?P<values>[^)]*)\))?"
)
_ABSENT = 0
"""The status of an answer that no server gave."""


class Stored:
    """A world as a source of objects. A kind of which it holds none, and did not look for, is refused.

    `complete` says that it holds all Services that there are, and not only those of some question.
    """

    def __init__(self, world: World, *, complete: bool = False) -> None:
        """Nothing is copied."""
        self._world, self.complete = world, complete
        self.context = world.context

    def object(self, kind: Kind[Any], namespace: str, name: str) -> Object | None:
        """One object, None where there is no such. Raises Refused for a kind that is not there.

        Of a Service that nobody asked for, or of a namespace of which no Service was stored, nobody knows.
        """
        mine = (x for x in self._all(kind) if not kind.namespaced or _at(x, "namespace") == namespace)
        found = next((x for x in mine if _at(x, "name") == name), None)
        known = found or self.lists(kind, namespace) or self.absent(kind, namespace, name)
        if kind.kind == SERVICES.kind and not known:
            raise Refused(_ABSENT, NOT_STORED)
        return found

    def lists(self, kind: Kind[Any], namespace: str = "") -> bool:
        """Whether it holds all objects of a kind, in a namespace or in all, as far as anybody can tell.

        What was stored for a question holds those of the question alone.
        """
        if self.complete or self._world.target:
            return self.complete
        some = namespace and any(_at(x, "namespace") == namespace for x in self._world.objects.get(kind.kind, ()))
        return bool(some) or kind.kind in self._world.whole

    def surveys(self, node: str) -> bool:
        """Whether it holds all pods of a node."""
        return self.complete or (not self._world.target and node in self._world.surveyed)

    def holds(self, kind: str) -> bool:
        """Whether it holds an object of a kind."""
        return bool(self._world.objects.get(kind))

    @property
    def namespaces(self) -> set[str]:
        """Those of which it holds an object."""
        return {_at(x, "namespace") for y in self._world.objects.values() for x in y} - {""}

    def objects(self, kind: Kind[Any], namespace: str = "", labels: str = "", fields: str = "") -> list[Object]:
        """Objects with these labels and this field. Raises Refused for a kind that is not there."""
        wanted = list(terms(labels))
        path, _, value = fields.partition("=")
        mine = (x for x in self._all(kind) if not namespace or not kind.namespaced or _at(x, "namespace") == namespace)
        near = (x for x in mine if not fields or _held(x, path) == value)
        return [x for x in near if all(test(part(x, "metadata", "labels")) for test in wanted)]

    def listed(self, kind: Kind[T], namespace: str = "", most: int = 0) -> Listed[T]:  # noqa: ARG002 -- all are at hand
        """Objects by their fields that matter. Raises Refused for a kind that is not there."""
        items: list[T] = []
        odd: list[str] = []
        for each in self.objects(kind, namespace):
            try:
                items.append(converted(each, kind.type))
            except msgspec.ValidationError as error:
                odd.append(str(error))
        return Listed(tuple(items), self._world.left_out.get(kind.kind, 0), tuple(odd))

    def places(self, kind: Kind[Any], name: str) -> list[str]:
        """The namespaces that have an object of this name. Raises Refused for a kind that is not there."""
        return [_at(x, "namespace") for x in self._all(kind) if _at(x, "name") == name]

    def families(self, namespace: str) -> tuple[str, ...]:  # noqa: ARG002 -- they are those of the cluster
        """The families that a new Service would have got."""
        return self._world.learned

    def absent(self, kind: Kind[Any], namespace: str, name: str) -> bool:
        """Whether the server said, when it was asked, that there is no such Service."""
        return kind.kind == SERVICES.kind and (namespace, name) in self._world.absent

    def every(self, kind: Kind[T], namespace: str = "") -> Iterator[Page[T]]:
        """All objects in one page. Raises Refused for a kind that is not there."""
        yield page(self.objects(kind, namespace), kind)

    def _all(self, kind: Kind[Any]) -> list[Object]:
        if kind.kind not in self._world.objects:
            raise Refused(_ABSENT, NOT_STORED)
        return self._world.objects[kind.kind]


def unheld(whole: World, world: World) -> Iterator[str]:
    """The addresses of endpoints that are from the ranges of nodes whose pods are there, and that none of these has.

    What is of no pod by its own word is looked at alone. Whether all pods of a cluster are among those of a file nobody
    can say; they are of more than one namespace, and some are on such a node.
    """
    pods, busy, spaces = set[str](), set[str](), set[str]()
    for pod in whole.objects.get("Pod", ()):
        pods |= {text(x, "ip") for x in parts(pod, "status", "podIPs")} | {text(pod, "status", "podIP")}
        busy.add(text(pod, "spec", "nodeName"))
        spaces.add(_at(pod, "namespace"))
    known = [x for x in whole.objects.get("Node", ()) if len(spaces) > 1 and _at(x, "name") in busy]
    ranges = [y for x in known for y in _ranges(x)]
    for item in (y for x in world.objects.get("EndpointSlice", ()) for y in parts(x, "endpoints")):
        said = item.get("addresses")
        for address in said if isinstance(said, list) and not part(item, "targetRef") else ():
            at = parse(address) if isinstance(address, str) and is_address(address) else None
            if at and address not in pods and any(at in x for x in ranges):
                yield address


def _ranges(node: Object) -> Iterator[Network]:
    found = part(node, "spec").get("podCIDRs")
    said = found if isinstance(found, list) else [text(node, "spec", "podCIDR")]
    yield from filter(None, (network(x) for x in said if isinstance(x, str)))


def _at(item: Object, field: str) -> str:
    about = item.get("metadata")
    return str(about.get(field) or "") if isinstance(about, Mapping) else ""


def _held(item: Object, path: str) -> str:
    """A field of an object by its path; empty where it has none."""
    found: Any = item
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return str(found or "")


def terms(selector: str) -> Iterator[Callable[[Mapping[str, str]], bool]]:
    """The terms of a label selector, each as a test of labels (apimachinery, labels.Parse)."""
    for found in _TERM.finditer(selector):
        key, before = found["key"], selector[: found.start()]
        if before.endswith("!"):
            yield lambda has, key=key: key not in has  # type: ignore[misc]
        elif found["sign"]:
            yield _equals(key, found["value"], found["sign"])
        elif found["set"]:
            yield _among(key, [x.strip() for x in found["values"].split(",")], found["set"])
        else:
            yield lambda has, key=key: key in has  # type: ignore[misc]


def _equals(key: str, value: str, sign: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda has: (has.get(key) == value) is (sign != "!=")


def _among(key: str, values: list[str], word: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda has: (has.get(key) in values) is (word == "in")

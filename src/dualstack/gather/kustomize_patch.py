"""Patches of kustomize: what a strategic merge and a JSON patch make of an object.

Lists that the API merges by a key are those of `_KEYS`; every other list is replaced, and so are those of kinds that
are not built in (kyaml/yaml/merge2; RFC 6902; Kubernetes API, x-kubernetes-patch-merge-key).
"""

import re
from collections.abc import Iterator, Mapping

from dualstack.gather.graft import Grafts, drop, within
from dualstack.gather.yaml_tree import MappingNode, Node, Origin, SequenceNode, is_null, items, pairs, scalar, text_at

_KEYS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers", "volumes", "env"), ("name",)),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_DIRECTIVE = "$patch"
_INDEX = re.compile(r"0|[1-9][0-9]*")


class Refused(ValueError):
    """A patch that cannot be made."""


def strategic(grafts: Grafts, root: Node, patch: Node, origin: Origin, kind: str) -> bool:
    """Merge a patch into an object; whether there is an object left."""
    if text_at(patch, _DIRECTIVE) == "delete":
        return False
    _merge(grafts, root, grafts.copy(patch, origin), kind)
    return True


def _merge(grafts: Grafts, base: Node, patch: Node, kind: str) -> None:
    """Merge one mapping into another; an empty `kind` is one that is not built in."""
    if not isinstance(base, MappingNode) or not isinstance(patch, MappingNode):
        return
    if text_at(patch, _DIRECTIVE) == "replace":
        base.value[:] = []
    for key, said in patch.value:
        name = scalar(key)
        before = within(base, name)
        if name.startswith("$"):
            if name != _DIRECTIVE:
                raise Refused(name)
        elif is_null(said) or text_at(said, _DIRECTIVE) == "delete":
            drop(base, name)
        elif isinstance(before, MappingNode) and isinstance(said, MappingNode):
            _merge(grafts, before, said, kind)
        elif isinstance(before, SequenceNode) and isinstance(said, SequenceNode) and _keys(name, kind):
            before.value[:] = _listed(grafts, before, said, name, kind)
        else:
            drop(base, name)
            base.value.append((key, _plain(said)))


def _keys(name: str, kind: str) -> tuple[str, ...]:
    """What tells the items of a list apart; nothing for a list that is replaced as a whole."""
    if name == "ports" and kind:
        return ("port", "protocol") if kind == "Service" else ("containerPort", "protocol")
    return _KEYS.get(name, ()) if kind else ()


def _listed(grafts: Grafts, base: SequenceNode, patch: SequenceNode, name: str, kind: str) -> list[Node]:
    """The items of a list with those of a patch, which stand first."""
    wanted = [x for x in patch.value if text_at(x, _DIRECTIVE) != "replace" or len(list(pairs(x))) > 1]
    if len(wanted) < len(patch.value):
        return [_plain(x) for x in wanted]
    left, first = list(base.value), list[Node]()
    keys = tuple(x for x in _keys(name, kind) if any(text_at(y, x) for y in (*left, *wanted)))
    for item in wanted:
        before = next((x for x in left if _is_same(x, item, keys)), None)
        if text_at(item, _DIRECTIVE) == "delete":
            left = [x for x in left if x is not before]
        elif before is None:
            first.append(_plain(item))
        else:
            _merge(grafts, before, item, kind)
            if len(keys) == 1:
                left = [x for x in left if x is not before]
                first.append(before)
    return [*first, *left]


def _is_same(one: Node, other: Node, keys: tuple[str, ...]) -> bool:
    """Whether two items are one: by their first key, and the others as far as both have them."""
    both = [(text_at(one, x), text_at(other, x)) for x in keys]
    return bool(both) and both[0][0] == both[0][1] and all(x == y or not (x and y) for x, y in both)


def _plain(node: Node) -> Node:
    """What is added, without what it says of how, and without null."""
    if isinstance(node, MappingNode):
        node.value[:] = [(k, _plain(v)) for k, v in node.value if scalar(k) != _DIRECTIVE and not is_null(v)]
    elif isinstance(node, SequenceNode):
        node.value[:] = [_plain(x) for x in node.value if text_at(x, _DIRECTIVE) != "delete"]
    return node


def json(grafts: Grafts, root: Node, patch: Node, origin: Origin) -> None:
    """Make the operations of a JSON patch. Raises Refused where one of them cannot be made (RFC 6902)."""
    for step in items(patch):
        kind, path = text_at(step, "op"), _path(text_at(step, "path"))
        if kind in ("move", "copy"):
            body = _at(root, _path(text_at(step, "from")))
            if kind == "move":
                _remove(root, _path(text_at(step, "from")))
            _add(grafts, root, path, grafts.copy(body, grafts.origins(origin)))
        elif kind == "remove":
            _remove(root, path)
        elif kind in ("add", "replace"):
            said = next((v for k, v in pairs(step) if scalar(k) == "value"), None)
            if said is None:
                raise Refused("value")
            if kind == "replace":
                _at(root, path)
            _add(grafts, root, path, grafts.copy(said, origin), instead=kind == "replace")
        elif kind != "test":
            raise Refused(kind)


def _path(pointer: str) -> tuple[str, ...]:
    """The steps of a JSON pointer (RFC 6901)."""
    steps = tuple(x.replace("~1", "/").replace("~0", "~") for x in pointer.split("/"))
    if len(steps) < 2 or steps[0]:
        raise Refused(pointer)
    return steps[1:]


def _at(root: Node, path: tuple[str, ...]) -> Node:
    node = root
    for step in path:
        node = _child(node, step)
    return node


def _child(node: Node, step: str) -> Node:
    if isinstance(node, SequenceNode) and _INDEX.fullmatch(step) and int(step) < len(node.value):
        return items(node)[int(step)]
    found = next(_values(node, step), None)
    if found is None:
        raise Refused(step)
    return found


def _values(node: Node, name: str) -> Iterator[Node]:
    yield from (v for k, v in node.value if scalar(k) == name) if isinstance(node, MappingNode) else ()


def _remove(root: Node, path: tuple[str, ...]) -> None:
    node, last = _at(root, path[:-1]), path[-1]
    _child(node, last)
    if isinstance(node, SequenceNode):
        del node.value[int(last)]
    else:
        drop(node, last)


def _add(grafts: Grafts, root: Node, path: tuple[str, ...], body: Node, *, instead: bool = False) -> None:
    node, last = root, path[-1]
    for step in path[:-1]:
        if not instead and isinstance(node, MappingNode) and within(node, step) is None:
            grafts.put(node, (step,), grafts.mapping(grafts.location(body)))
        node = _child(node, step)
    if isinstance(node, MappingNode):
        grafts.put(node, (last,), body)
    elif isinstance(node, SequenceNode) and last == "-":
        node.value.append(body)
    elif isinstance(node, SequenceNode) and _INDEX.fullmatch(last) and int(last) <= len(node.value):
        node.value[int(last) : int(last) + instead] = [body]
    else:
        raise Refused(last)

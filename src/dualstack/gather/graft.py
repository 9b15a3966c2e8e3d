"""Trees of YAML that are put together from several texts: copies that may be changed, each node with its place.

A copy has no aliases and no `<<` any more, so that a change in one place is none in another.
"""

from collections.abc import Mapping

import msgspec

from dualstack.gather.errors import BadFile
from dualstack.gather.merge import Origins
from dualstack.gather.yaml_tree import (
    DEPTH,
    MappingNode,
    Mark,
    Node,
    Origin,
    ScalarNode,
    SequenceNode,
    is_null,
    pairs,
    scalar,
)
from dualstack.model.source import Location

MOST = 1_000_000
"""Nodes of all trees of one build."""

_NOWHERE = Mark("", 0, 0, 0, None, 0)


class Held(Origin, frozen=True):
    """The origin of a scalar that is the text of a whole file."""

    def inner(self, node: ScalarNode) -> Origin:  # noqa: ARG002 -- one node stands for the file
        """The file itself."""
        return Origin(self.file, self.text)


class Grafts(msgspec.Struct):
    """The nodes of one build and where each of them was read."""

    of: dict[int, tuple[Node, Origin]] = {}

    def origins(self, first: Origin) -> Origins:
        """The origin of a tree of these nodes that begins in a text."""
        return Origins(first.file, first.text, first.line, first.column, first.whole, self.of)

    def copy(self, node: Node, origin: Origin, depth: int = 0) -> Node:
        """A node and all below it. Raises BadFile where that is too much."""
        if depth > DEPTH or len(self.of) > MOST:
            raise BadFile(origin.file, f"nests deeper than {DEPTH} levels, or holds more than {MOST} values in a build")
        made: Node
        if isinstance(node, MappingNode):
            held = dict[str, tuple[Node, Node]]()
            for key, body in pairs(node):
                held.setdefault(scalar(key), (key, body))
            both = [(self.copy(k, origin, depth + 1), self.copy(v, origin, depth + 1)) for k, v in held.values()]
            made = MappingNode(node.tag, both, node.start_mark, node.end_mark, node.flow_style)
        elif isinstance(node, SequenceNode):
            items = [self.copy(x, origin, depth + 1) for x in node.value]
            made = SequenceNode(node.tag, items, node.start_mark, node.end_mark, node.flow_style)
        else:
            style = node.style if isinstance(node, ScalarNode) else None
            made = ScalarNode(node.tag, node.value, node.start_mark, node.end_mark, style)
        return self._kept(made, origin.at(node))

    def text(self, said: str, at: Location) -> ScalarNode:
        """A text that another one at a place brings about, and that cannot be changed there."""
        made = ScalarNode("", said, _NOWHERE, _NOWHERE)
        self._kept(made, Origin(at.file, said, whole=at))
        return made

    def file(self, path: str, said: str) -> ScalarNode:
        """The text of a file."""
        made = ScalarNode("", said, _NOWHERE, Mark("", len(said), 0, 0, None, 0))
        self._kept(made, Held(path, said))
        return made

    def mapping(self, at: Location, held: Mapping[str, Node] = {}) -> MappingNode:
        """A mapping that something at a place brings about."""
        both = [(self.text(k, at), v) for k, v in held.items()]
        made = MappingNode("", both, _NOWHERE, _NOWHERE, flow_style=False)
        self._kept(made, Origin(at.file, "", whole=at))
        return made

    def location(self, node: Node) -> Location:
        """The place of a node."""
        return self.of[id(node)][1].location(node)

    def put(self, root: Node | None, path: tuple[str, ...], body: Node) -> None:
        """Set a value of a mapping, with the mappings on the way to it."""
        for name in path[:-1]:
            inner = within(root, name)
            if inner is None:
                inner = self.mapping(self.location(body))
                self._set(root, name, inner)
            root = inner
        self._set(root, path[-1], body)

    def _set(self, node: Node | None, name: str, body: Node) -> None:
        if not isinstance(node, MappingNode):
            return
        for i, (key, _) in enumerate(node.value):
            if scalar(key) == name:
                node.value[i] = (key, body)
                return
        node.value.append((self.text(name, self.location(body)), body))

    def _kept(self, node: Node, origin: Origin) -> Node:
        self.of[id(node)] = (node, origin)
        return node


def within(node: Node | None, name: str) -> Node | None:
    """The value of a key of a mapping that was copied; None where it is not there, or null."""
    held = (v for k, v in node.value if scalar(k) == name) if isinstance(node, MappingNode) else iter(())
    found: Node | None = next(held, None)
    return None if is_null(found) else found


def drop(node: Node | None, name: str) -> None:
    """Take a key of a mapping away."""
    if isinstance(node, MappingNode):
        node.value[:] = [(k, v) for k, v in node.value if scalar(k) != name]

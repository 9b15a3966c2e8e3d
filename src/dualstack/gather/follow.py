"""References in a Collector configuration that stand for more than a text: `${file:x}`, `${yaml:x}`, and variables.

A reference that is a whole value can bring a mapping or a list; one inside a text brings a text. What cannot be
followed stays as it is written (confmap, expand.go and its providers).
"""

import os
import re
from collections.abc import Callable

import msgspec

from dualstack.gather.errors import BadFile
from dualstack.gather.expand import INNERMOST, ROUNDS, Environ, variable
from dualstack.gather.files import Text
from dualstack.gather.merge import MOST, Origins, Part, origins
from dualstack.gather.yaml_tree import (
    DEPTH,
    BadYaml,
    MappingNode,
    Mark,
    Node,
    Origin,
    ScalarNode,
    SequenceNode,
    compose,
)
from dualstack.model.evidence import Missing

_WHOLE = re.compile(r"\$\{([^$}]*)\}")
_BROUGHT = re.compile(r"\$\{(?:file|yaml):")
_LISTED = "service"
"""The section whose texts are names of components, and whose variables can hold a list of them."""


class Follower(msgspec.Struct):
    """What references are followed with: variables, and what gives the text of a file, None for one out of reach.

    `notes` say what was not followed, `errors` what refers to itself.
    """

    environ: Environ
    read: Callable[[str], Text | None]
    notes: dict[Missing, None] = {}
    errors: dict[str, BadFile] = {}

    def follow(self, root: Node, origin: Origin) -> Part:
        """The configuration with what its references stand for."""
        if "${" not in origin.text and not isinstance(origin, Origins):
            return root, origin
        known = origins(origin)
        return _Pass(self, known, (os.path.normpath(origin.file),)).node(root, listed=False), known


class _Pass(msgspec.Struct):
    """The walk through one text; `chain` are the files that led to it, `depth` how deep in all of them it is."""

    follower: Follower
    known: Origins
    chain: tuple[str, ...]
    depth: int = 0
    done: dict[int, Node] = {}

    def node(self, node: Node, *, listed: bool) -> Node:
        """The node with what is in it followed; the same one where nothing is."""
        if id(node) not in self.done:
            self.done[id(node)] = node
            self.depth += 1
            if self.depth > 2 * DEPTH:
                raise BadFile(self.chain[0], f"nests deeper than {2 * DEPTH} levels with what it refers to")
            self.done[id(node)] = self._node(node, listed=listed)
            self.depth -= 1
        return self.done[id(node)]

    def _node(self, node: Node, *, listed: bool) -> Node:
        if isinstance(node, ScalarNode):
            return self._scalar(node, listed=listed)
        if isinstance(node, MappingNode):
            held = [(k, self.node(v, listed=listed or k.value == _LISTED)) for k, v in node.value]
            changed = any(x is not y for (_, x), (_, y) in zip(held, node.value, strict=True))
            return self._kept(MappingNode(node.tag, held, *_shape(node)), node) if changed else node
        if not isinstance(node, SequenceNode):
            return node
        parts = [self.node(x, listed=listed) for x in node.value]
        changed = any(x is not y for x, y in zip(parts, node.value, strict=True))
        return self._kept(SequenceNode(node.tag, parts, *_shape(node)), node) if changed else node

    def _kept(self, made: Node, like: Node) -> Node:
        if len(self.known.of) > MOST:
            raise BadFile(self.chain[0], f"holds more than {MOST} values with what it refers to; refer to fewer")
        self.known.of[id(made)] = (made, self.known.at(like))
        return made

    def _scalar(self, node: ScalarNode, *, listed: bool) -> Node:
        text = node.value
        if "${" not in text or not (listed or _WHOLE.fullmatch(text) or _BROUGHT.search(text)):
            return node
        for _ in range(ROUNDS):
            found = self._first(text, node)
            if found is None or len(text) > MOST:
                break
            written, said, path = found
            if written == text:
                brought = self._brought(said, path, node, listed=listed)
                if brought or not (path or listed or _BROUGHT.match(text)):
                    return brought or node
            text = text.replace(written, said)
        return node if text == node.value else self._in_place(text, node)

    def _first(self, text: str, node: Node) -> tuple[str, str, str] | None:
        """The first reference that can be followed: its spelling, what it stands for, and the file that has it."""
        for found in INNERMOST.finditer(text):
            reference = found[2]
            scheme, colon, rest = reference.partition(":")
            if scheme == "file" and colon:
                held = self._file(os.path.normpath(rest), node)
                said, path = (held.text, held.path) if held else (None, "")
            else:
                said, path = rest if scheme == "yaml" and colon else variable(reference, self.follower.environ), ""
            if said is not None:
                return f"${{{reference}}}", said, path
        return None

    def _brought(self, said: str, path: str, node: ScalarNode, *, listed: bool) -> Node | None:
        """The mapping or the list that stands in the place of a value; None where a text does."""
        origin = Origin(path, said) if path else Origin(self.known.file, said, whole=self.known.location(node))
        try:
            root = compose(origin)
        except BadYaml:
            return None  # the Collector takes it as a text
        # A list in a variable has a text as well, and that is what an endpoint takes (confmap, ExpandedValue).
        wanted = (MappingNode, SequenceNode) if path or listed or _BROUGHT.match(node.value) else (MappingNode,)
        if not isinstance(root, wanted):
            return None
        self.known.hold(root, origin)
        chain = (*self.chain, os.path.normpath(path)) if path else self.chain
        return _Pass(self.follower, self.known, chain, self.depth).node(root, listed=listed)

    def _in_place(self, text: str, node: ScalarNode) -> Node:
        """A text that stands where another is written, and that cannot be changed there."""
        made = ScalarNode(node.tag, text, node.start_mark, node.end_mark)
        self.known.of[id(made)] = (made, Origin(self.known.file, text, whole=self.known.location(node)))
        return made

    def _file(self, path: str, node: Node) -> Text | None:
        """A file; None where it is out of reach, or where it led here."""
        at = self.known.location(node)
        if path in self.chain:  # the Collector goes on until nobody waits for it any more
            said = " > ".join((*self.chain, path))
            error = BadFile(at.file, f"takes in a file that leads back to itself: {said}", at.line, at.column)
            self.follower.errors[str(error)] = error
            return None
        found = self.follower.read(path)
        if found is None:
            said = f"takes in `{path}`, which is not at hand; what it holds is not known"
            self.follower.notes[Missing(f"{at.file}:{at.line}", said)] = None
        return found


def _shape(node: MappingNode | SequenceNode) -> tuple[Mark, Mark, bool]:
    """Where a node begins and ends, and whether it is written in brackets."""
    return node.start_mark, node.end_mark, node.flow_style

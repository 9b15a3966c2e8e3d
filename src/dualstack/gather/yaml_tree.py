"""YAML as nodes with their places: one document at a time, bounded, and the texts inside texts.

A ConfigMap holds a configuration as a text of many lines. `Origin.inner` gives that text an origin of its own, so that
what is found in it has its line and column in the outer file.
"""

import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec
import yaml
from yaml import nodes
from yaml.reader import ReaderError

from dualstack.gather.errors import BadFile
from dualstack.model.otel import Holder
from dualstack.model.patterns import pattern
from dualstack.model.source import Location, Room, Written
from dualstack.model.text import LINE_BREAK

Node: TypeAlias = nodes.Node
ScalarNode: TypeAlias = nodes.ScalarNode
SequenceNode: TypeAlias = nodes.SequenceNode
MappingNode: TypeAlias = nodes.MappingNode
Mark: TypeAlias = yaml.Mark

DEPTH, ALIASES = 100, 1000
_SEPARATOR = pattern("---(?<![^\n\r\x85\u2028\u2029]---)(?=[ \t\r\n\x85\u2028\u2029]|\\Z)")
_DEEP = pattern(r"^[ ]{200}|(?:[-?:] ){50}", re.MULTILINE)
_PROPERTIES = pattern(r"(?:[&!]\S*[ \t]+)+")
_MERGE = "<<"
_NULL = "tag:yaml.org,2002:null"
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))  # YAML 1.1, https://yaml.org/type/null.html


class BadYaml(BadFile):
    """A text that is no YAML. `near` are the lines of the text, from 0, that the parser was at."""

    def __init__(self, file: str, line: int, column: int, sentence: str, near: tuple[int, ...] = ()) -> None:
        super().__init__(file, sentence, line, column)
        self.near = near

    def __reduce__(self) -> tuple[object, ...]:
        """How it is handed to another process."""
        return type(self), (self.file, self.line, self.column, self.sentence, self.near), {"held": self.held}


class Chunk(NamedTuple):
    """One document of a file, and the line of the file that it begins on, from 0."""

    text: str
    line: int


class Origin(msgspec.Struct, frozen=True):
    """Where a text stands in a file: the line and the column that each of its lines begins at, from 0.

    `whole` is the place that stands for all of it, where its lines are not those of the file.
    """

    file: str
    text: str
    line: int = 0
    column: int = 0
    whole: Location | None = None

    @property
    def holder(self) -> Holder:
        """What holds a configuration that is a file of its own."""
        return Holder("file", "", os.path.normpath(self.file))

    def at(self, node: Node) -> "Origin":  # noqa: ARG002 -- of a tree that several texts make it depends on the node
        """The text that a node stands in."""
        return self

    def location(self, node: Node) -> Location:
        """The place of a node in the file."""
        if self.whole:
            return self.whole
        start, end = node.start_mark, node.end_mark
        line, column = self.line + 1, self.column + 1 + self._properties(node)
        end_column = end.column + self.column + 1
        return Location(self.file, start.line + line, start.column + column, end.line + line, end_column)

    def _properties(self, node: Node) -> int:
        """The length of the anchor and the tag before a value on its line, which its mark begins with."""
        begin = node.start_mark.index
        if self.text[begin : begin + 1] not in ("&", "!"):
            return 0
        found = _PROPERTIES.match(self.text, begin, node.end_mark.index)
        return found.end() - begin if found else 0

    def written(self, node: Node | None) -> Written | None:
        """A scalar with its place and its spelling; None for anything else."""
        if not isinstance(node, ScalarNode):
            return None
        if self.whole or node.style in (">", "|"):
            return Written(scalar(node), self.location(node))
        raw = self.text[node.start_mark.index + self._properties(node) : node.end_mark.index]
        return Written(scalar(node), self.location(node), "" if raw.startswith(("&", "!")) else raw)

    def span(self, first: Node, last: Node) -> Written | None:
        """The text from one node to the end of another; without a spelling where a comment stands in it."""
        if self.whole:
            return None
        start, end = self.location(first), self.location(last)
        at = Location(self.file, start.line, start.column, end.end_line, end.end_column)
        raw = self.text[first.start_mark.index : last.end_mark.index]
        return Written(raw, at, "" if "#" in raw else raw)

    def room(self, node: Node | None) -> Room | None:
        """Where an entry can be written before the first one of a mapping or a list; None where that is not plain."""
        if self.whole or not isinstance(node, MappingNode | SequenceNode) or not node.value:
            return None
        first = node.value[0][0] if isinstance(node, MappingNode) else node.value[0]
        index = first.start_mark.index
        before = self.text[index - first.start_mark.column : index]
        start = self.location(first)
        at = Location(self.file, start.line, start.column, start.line, start.column)
        quote = '"' if self.text[index : index + 1] == '"' else ""
        if node.flow_style:
            return Room(at, ", ", quote)
        if not before.strip(" -") and (isinstance(node, SequenceNode) or not before.strip()):
            end = LINE_BREAK.search(self.text, index)
            return Room(at, (end[0] if end else "\n") + " " * self.column + before, quote)
        return None

    def removal(self, node: Node, among: Node | None) -> Written | None:
        """The text to take away with an item of a list: its whole line, or its comma; None where that is not plain."""
        siblings = items(among)
        if self.whole or not isinstance(among, SequenceNode):
            return None
        if among.flow_style:
            index = siblings.index(node)
            first = node if index + 1 < len(siblings) or not index else siblings[index - 1]
            begin = first.start_mark if first is node else first.end_mark
            end = siblings[index + 1].start_mark if index + 1 < len(siblings) else node.end_mark
            return self._cut(begin, end)
        begin = node.start_mark
        before = self.text[begin.index - begin.column : begin.index]
        found = LINE_BREAK.search(self.text, node.end_mark.index)
        rest = self.text[node.end_mark.index : found.start() if found else len(self.text)]
        if before.strip() != "-" or rest.strip() or not found:
            return None
        line, column = self.line + begin.line + 1, 1
        raw = " " * self.column + self.text[begin.index - begin.column : found.end()]
        return Written(raw, Location(self.file, line, column, line + 1, column), raw)

    def _cut(self, begin: yaml.Mark, end: yaml.Mark) -> Written:
        raw = self.text[begin.index : end.index]
        line, column = self.line + 1, self.column + 1
        at = Location(self.file, begin.line + line, begin.column + column, end.line + line, end.column + column)
        return Written(raw, at, raw)

    def inner(self, node: ScalarNode) -> "Origin":
        """The origin of the text that a scalar holds."""
        if node.style != "|" or self.whole:
            return Origin(self.file, node.value, whole=self.location(node))
        first = node.start_mark.line + 1
        lines = LINE_BREAK.split(self.text[node.start_mark.index : node.end_mark.index])[1:]
        held = LINE_BREAK.split(node.value)
        pairs = ((outer, inner) for outer, inner in zip(lines, held, strict=False) if inner.strip())
        indent = next((len(outer) - len(inner) for outer, inner in pairs), 0)
        return Origin(self.file, node.value, self.line + first, self.column + indent)


def chunks(text: str) -> Iterator[Chunk]:
    """The documents of a file, cut at `---`, which no document has at the start of a line (YAML 1.1 section 9.2)."""
    start = line = 0
    for found in _SEPARATOR.finditer(text):
        piece = text[start : found.start()]
        yield Chunk(piece, line)
        line += _breaks(piece)
        start = found.start()
    yield Chunk(text[start:], line)


def _breaks(text: str) -> int:
    return text.count("\n") if "\r" not in text and text.isascii() else len(LINE_BREAK.findall(text))


def compose(origin: Origin) -> Node | None:
    """The nodes of a text that is one document; None where it holds nothing. Raises BadYaml."""
    text = origin.text
    try:
        if text.count("[") + text.count("{") > DEPTH or text.count("*") > ALIASES or _is_deep(text):
            _limit(origin)
        return _composed(text)
    except yaml.MarkedYAMLError as error:
        said = " ".join(filter(None, (error.context, error.problem)))
        marks = [x for x in (error.problem_mark, error.context_mark) if x]
        whole, near = origin.whole, tuple(x.line for x in marks)
        here = (origin.line + marks[0].line + 1, origin.column + marks[0].column + 1)
        place = (whole.line, whole.column) if whole else here
        raise BadYaml(origin.file, *place, f"is not YAML: {said}; mend the file at this place", near) from error
    except ReaderError as error:
        raise BadYaml(origin.file, *_place(origin, chr(error.character)), f"is not YAML: {error.reason}") from error


def _place(origin: Origin, character: str) -> tuple[int, int]:
    """Where a character stands first."""
    if origin.whole:
        return origin.whole.line, origin.whole.column
    before = LINE_BREAK.split(origin.text.partition(character)[0])
    return origin.line + len(before), origin.column + len(before[-1]) + 1


def _is_deep(text: str) -> bool:
    """Whether lines may nest deep. What must be in such a text is looked for first, in a tenth of the time."""
    signs = ": : " in text or text.count("- ") + text.count("? ") >= 25
    return (signs or " " * 200 in text) and _DEEP.search(text) is not None


class _Loader(yaml.CBaseLoader):
    """The parser of libyaml with the one tag that is asked for here: whether a plain scalar is null.

    The resolver of PyYAML holds every scalar against the patterns of all types, which takes longer than to parse it.
    """

    def descend_resolver(self, _parent: object, _index: object) -> None:
        """Paths of nodes say nothing of their tags here."""

    def ascend_resolver(self) -> None:
        """As above."""

    def resolve(self, _kind: type[Node], text: str, implicit: tuple[bool, bool]) -> str:
        """The tag of a node that names none."""
        return _NULL if text in _NULLS and implicit[0] else ""


def _composed(text: str) -> Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _limit(origin: Origin) -> None:
    """Refuse what would exhaust the stack or the memory before anything is built from it."""
    depth = aliases = 0
    for event in yaml.parse(origin.text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > DEPTH:
            raise BadYaml(origin.file, 0, 0, f"nests deeper than {DEPTH} levels; write it flatter")
        if aliases > ALIASES:
            raise BadYaml(origin.file, 0, 0, f"holds more than {ALIASES} aliases; write them out")


def pairs(node: Node | None) -> Iterator[tuple[Node, Node]]:
    """The keys and values of a mapping, what `<<` merges in after its own; nothing for any other node."""
    pending, seen = [node], set()
    while pending:
        mapping = pending.pop(0)
        if not isinstance(mapping, MappingNode) or id(mapping) in seen:
            continue
        seen.add(id(mapping))
        for key, held in mapping.value:
            if key.value == _MERGE:
                pending += held.value if isinstance(held, SequenceNode) else [held]
            else:
                yield key, held


def get(node: Node | None, *path: str) -> tuple[Node, Node] | None:
    """The key and the value at a path of keys, one at least."""
    return _pair(value(node, *path[:-1]), path[-1])


def _pair(node: Node | None, name: str) -> tuple[Node, Node] | None:
    """A key and its value: its own one at once, else what is merged in."""
    if not isinstance(node, MappingNode):
        return None
    merges = False
    for key, held in node.value:
        if key.value == name:
            return key, held
        merges = merges or key.value == _MERGE
    return next((x for x in pairs(node) if x[0].value == name), None) if merges else None


def repeated(root: Node) -> Iterator[tuple[Node, Node]]:
    """The keys that a mapping has twice, each with the first of its kind; readers of YAML disagree on which counts."""
    pending, seen = [root], set[int]()
    while pending:
        node = pending.pop()
        if isinstance(node, ScalarNode) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            pending += [x for x in node.value if not isinstance(x, ScalarNode)]
            continue
        first: dict[str, Node] = {}
        for key, held in node.value:
            if isinstance(key, ScalarNode) and first.setdefault(key.value, key) is not key:
                yield key, first[key.value]
            if not isinstance(held, ScalarNode):
                pending.append(held)


def value(node: Node | None, *path: str) -> Node | None:
    """The value at a path of keys."""
    for name in path:
        pair = _pair(node, name)
        if pair is None:
            return None
        node = pair[1]
    return node


def scalar(node: Node | None) -> str:
    """The text of a scalar; empty for none, for null and for anything else."""
    return node.value if isinstance(node, ScalarNode) and node.tag != _NULL else ""


def text_at(node: Node | None, *path: str) -> str:
    """The text of the scalar at a path of keys; empty where there is none."""
    return scalar(value(node, *path))


def items(node: Node | None) -> list[Node]:
    """The items of a sequence; nothing for any other node."""
    return node.value if isinstance(node, SequenceNode) else []


_NUMBER = pattern(r"[-+]?\d{1,18}")
_TRUTHS = {"true": True, "false": False}


def plain(node: Node | None) -> Any:  # noqa: ANN401 -- whatever the text holds
    """The data of a node as JSON has it; of plain scalars whole numbers, truth values and null are told apart."""
    if isinstance(node, MappingNode):
        return {scalar(k): plain(v) for k, v in reversed(list(pairs(node)))}
    if isinstance(node, SequenceNode):
        return [plain(x) for x in node.value]
    if node is None or is_null(node):
        return None
    text = scalar(node)
    if not isinstance(node, ScalarNode) or node.style:
        return text
    return int(text) if _NUMBER.fullmatch(text) else _TRUTHS.get(text, text)


def is_null(node: Node | None) -> bool:
    """Whether a node is there and says nothing."""
    return isinstance(node, ScalarNode) and node.tag == _NULL

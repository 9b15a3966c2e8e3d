"""TOML as nodes with their places; tomllib judges what is TOML and gives none."""

import re
import tomllib
from collections.abc import Iterator

from dualstack.gather.errors import BadFile
from dualstack.gather.text_tree import Page
from dualstack.gather.yaml_tree import MappingNode, Node, Origin, ScalarNode, SequenceNode

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_OTHER = re.compile(r"[^,\]}#\r\n]+")
_AT = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")


def tree(origin: Origin) -> Node:
    """The nodes of a TOML text. Raises BadFile."""
    page = Page(origin, "TOML")
    try:
        tomllib.loads(origin.text)
        return _Reader(page).document()
    except tomllib.TOMLDecodeError as error:
        raise _refused(page, str(error)) from error
    except RecursionError as error:
        raise BadFile(origin.file, "nests too deep; write it flatter") from error


def _refused(page: Page, said: str) -> BadFile:
    """What tomllib says, at the place that it names."""
    found = _AT.search(said)
    if not found or not found["line"]:
        return page.refuse(len(page.text), _AT.sub("", said))
    before = page.text.split("\n")[: int(found["line"]) - 1]
    at = sum(len(x) + 1 for x in before) + int(found["column"]) - 1
    return page.refuse(at, _AT.sub("", said))


class _Reader:
    """Reads a text that is known to be TOML."""

    def __init__(self, page: Page) -> None:
        self.page, self.text, self.at = page, page.text, 0
        self.children = dict[int, dict[str, Node]]()

    def document(self) -> MappingNode:
        root = table = self.page.mapping(0)
        for here in self._statements():
            if self.text.startswith("[", here):
                table = self._header(root)
            else:
                self._pair(table)
        return root

    def _statements(self) -> Iterator[int]:
        while self._skip() < len(self.text):
            yield self.at

    def _skip(self) -> int:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def _header(self, root: MappingNode) -> MappingNode:
        """The table that `[a.b]` or `[[a.b]]` begins."""
        many = self.text.startswith("[[", self.at)
        start, self.at = self.at, self.at + 1 + many
        *outer, last = self._keys()
        self._skip()
        self.at += 1 + many
        holder = self._within(root, outer)
        if not many:
            return self._child(holder, last)
        held = self._known(holder).get(last.value)
        if not isinstance(held, SequenceNode):
            held = self.page.sequence(start)
            self._put(holder, last, held)
        item = self.page.mapping(start)
        held.value.append(item)
        return item

    def _keys(self) -> list[ScalarNode]:
        keys = [self._key()]
        while self.text.startswith(".", self._skip()):
            self.at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> ScalarNode:
        start = self._skip()
        found = _BARE.match(self.text, start)
        if found:
            self.at = found.end()
            return self.page.scalar(start, self.at, found[0])
        return self._string()

    def _pair(self, table: MappingNode) -> None:
        *outer, last = self._keys()
        self._skip()
        self.at += 1  # the equals sign
        self._put(self._within(table, outer), last, self._value())

    def _value(self) -> Node:
        first = self.text[self._skip()]
        if first == "[":
            return self._array()
        if first == "{":
            return self._inline()
        if first in "\"'":
            return self._string()
        start, found = self.at, _OTHER.match(self.text, self.at)
        said = found[0].rstrip() if found else ""
        self.at += max(len(said), 1)
        return self.page.scalar(start, self.at, said)

    def _string(self) -> ScalarNode:
        start, found = self.at, _STRING.match(self.text, self.at)
        if found is None:
            raise self.page.refuse(start, "a text was expected")
        self.at = found.end()
        style = "|" if found[0].startswith(('"""', "'''")) else found[0][0]
        return self.page.scalar(start, self.at, tomllib.loads(f"x={found[0]}")["x"], style)

    def _array(self) -> SequenceNode:
        found = self.page.sequence(self.at)
        self.at += 1
        while not self._closed("]"):
            found.value.append(self._value())
        return found

    def _inline(self) -> MappingNode:
        found = self.page.mapping(self.at)
        self.at += 1
        while not self._closed("}"):
            self._pair(found)
        return found

    def _closed(self, bracket: str) -> bool:
        """Whether the list or table ends here; the comma before its next part is passed over."""
        if self.text.startswith(",", self._skip()):
            self.at += 1
            self._skip()
        if self.at < len(self.text) and not self.text.startswith(bracket, self.at):
            return False
        self.at += 1
        return True

    def _known(self, node: Node) -> dict[str, Node]:
        return self.children.setdefault(id(node), {})

    def _put(self, table: MappingNode, key: ScalarNode, held: Node) -> None:
        table.value.append((key, held))
        self._known(table)[key.value] = held

    def _within(self, table: MappingNode, keys: list[ScalarNode]) -> MappingNode:
        for key in keys:
            table = self._child(table, key)
        return table

    def _child(self, table: MappingNode, key: ScalarNode) -> MappingNode:
        """The table of that name inside another one, the last one of a list of tables; made where it is not there."""
        held = self._known(table).get(key.value)
        if isinstance(held, SequenceNode) and held.value:
            held = held.value[-1]
        if not isinstance(held, MappingNode):
            held = self.page.mapping(key.start_mark.index)
            self._put(table, key, held)
        return held

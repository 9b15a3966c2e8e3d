"""The configuration of Grafana Alloy as nodes with their places.

A block is an item of the list that its name stands for, an attribute a scalar where it is a text or a truth value
alone, and a mapping without keys where it is an expression, whose value only Alloy knows
(https://grafana.com/docs/alloy/latest/get-started/configuration-syntax/).
"""

import json
import re

from dualstack.gather.text_tree import Page
from dualstack.gather.yaml_tree import MappingNode, Node, Origin, ScalarNode, SequenceNode

# Each alternative takes all that it begins, up to the end where nothing closes it: no character is read twice.
_COMMENT = re.compile(
    r'(?P<text>"(?:\\[^\n]|[^"\\\n])*(?:"|(?=\n)|\Z|\\)|`[^`]*(?:`|\Z))|//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)'
)
_BLANK = re.compile(r"[\s;]*")
_SPACE = re.compile(r"[ \t\r]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_STRING = re.compile(r'"(?:\\[^\n]|[^"\\\n])*"|`[^`]*`')
_TRUTH = re.compile(r"(?:true|false)\b")
_ENDED = re.compile(r"[\n;}]|\Z")
_PIECE = re.compile(
    r'(?P<text>"(?:\\[^\n]|[^"\\\n])*"?|`[^`]*`?)|(?P<blank>[ \t\r]+)|(?P<open>[(\[{])|(?P<close>[)\]}])'
    r"|(?P<line>[\n;])|(?P<goes>[-+*/%^,=<>&|!?:.])|(?P<other>\w+|.)"
)
_DEPTH = 100


def tree(origin: Origin) -> Node:
    """The nodes of a configuration. Raises BadFile."""
    page = Page(origin, "a configuration of Grafana Alloy")
    return _Reader(page).document()


def _blanked(found: re.Match[str]) -> str:
    """A text as it stands; a comment as blanks, with its line ends."""
    return found[0] if found["text"] else re.sub(r"[^\n]", " ", found[0])


class _Reader:
    """Reads blocks and attributes one after the other; `open` are the blocks that the place is in."""

    def __init__(self, page: Page) -> None:
        self.page, self.text, self.at = page, _COMMENT.sub(_blanked, page.text), 0
        self.root = page.mapping(0)
        self.open = [self.root]
        self.lists = dict[tuple[int, str], SequenceNode]()

    def document(self) -> MappingNode:
        while self._past(_BLANK) < len(self.text):
            if self.text[self.at] == "}" and len(self.open) > 1:
                self.open.pop()
                self.at += 1
            else:
                self._statement()
        if len(self.open) > 1:
            raise self.page.refuse(self.at, "a block is not closed")
        return self.root

    def _past(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def _statement(self) -> None:
        name = _NAME.match(self.text, self.at)
        if name is None or len(self.open) > _DEPTH:
            raise self.page.refuse(self.at, "the name of a block or of an attribute was expected")
        key, self.at = self.page.scalar(self.at, name.end(), name[0]), name.end()
        if self.text.startswith("=", self._past(_SPACE)):
            self.at += 1
            self._past(_SPACE)
            self.open[-1].value.append((key, self._attribute()))
            return
        self._past(_STRING)  # the label
        if not self.text.startswith("{", self._past(_SPACE)):
            raise self.page.refuse(self.at, f"`=` or a block was expected after `{name[0]}`")
        self.at += 1
        self._begin(key)

    def _begin(self, key: ScalarNode) -> None:
        place = (id(self.open[-1]), key.value)
        if place not in self.lists:
            self.lists[place] = self.page.sequence(key.start_mark.index)
            self.open[-1].value.append((key, self.lists[place]))
        block = self.page.mapping(key.start_mark.index)
        self.lists[place].value.append(block)
        self.open.append(block)

    def _attribute(self) -> Node:
        """What stands after the equals sign."""
        start, found = self.at, _STRING.match(self.text, self.at)
        if found:
            self.at = found.end()
            if _ENDED.match(self.text, self._past(_SPACE)):
                style = '"' if found[0][0] == '"' else "|"
                return self.page.scalar(start, found.end(), _meant(found[0]), style)
        truth = _TRUTH.match(self.text, start)
        self.at = self._expression(start)
        if truth and not self.text[truth.end() : self.at].strip():
            return self.page.scalar(*truth.span(), truth[0])
        return self.page.mapping(start)

    def _expression(self, start: int) -> int:
        """Where an expression ends: at a line end outside of brackets that follows no operator."""
        depth, goes_on = 0, True
        for found in _PIECE.finditer(self.text, start):
            kind = found.lastgroup
            ends = kind == "close" or (kind == "line" and not goes_on)
            if ends and not depth:
                return found.start()
            depth += (kind == "open") - (kind == "close")
            if kind not in ("line", "blank"):
                goes_on = kind == "goes"
        return len(self.text)


def _meant(literal: str) -> str:
    """The text of a literal; as it stands where it has an escape that JSON does not know."""
    try:
        return literal[1:-1] if literal[0] == "`" else str(json.loads(literal))
    except ValueError:
        return literal[1:-1]

"""Trees of nodes with their places for languages that are no YAML, so that one reader serves them all."""

from bisect import bisect_right

from dualstack.gather.errors import BadFile
from dualstack.gather.yaml_tree import MappingNode, Mark, Node, Origin, ScalarNode, SequenceNode
from dualstack.model.source import Location, Written
from dualstack.model.text import LINE_BREAK

_STR, _MAP, _SEQ = (f"tag:yaml.org,2002:{x}" for x in ("str", "map", "seq"))


class Page:
    """A text whose characters become nodes; `refuse` says what is wrong with one of them."""

    def __init__(self, origin: Origin, language: str) -> None:
        """The text of `origin`, which is called a text in that language."""
        self.origin, self.text, self.language = origin, origin.text, language
        self._starts = [0, *(x.end() for x in LINE_BREAK.finditer(self.text))]

    def mark(self, index: int) -> Mark:
        """The place of a character, which may be the end of the text."""
        line = bisect_right(self._starts, index) - 1
        return Mark(self.origin.file, index, line, index - self._starts[line], None, 0)

    def scalar(self, start: int, end: int, text: str, style: str | None = None) -> ScalarNode:
        """The characters from `start` to `end`, which mean `text`."""
        return ScalarNode(_STR, text, self.mark(start), self.mark(end), style=style)

    def mapping(self, index: int) -> MappingNode:
        """An empty mapping that begins there."""
        return MappingNode(_MAP, list[tuple[Node, Node]](), self.mark(index), self.mark(index))

    def sequence(self, index: int) -> SequenceNode:
        """An empty list that begins there."""
        return SequenceNode(_SEQ, list[Node](), self.mark(index), self.mark(index))

    def place(self, start: int, end: int) -> Location:
        """The place of some characters in the file."""
        return self.origin.location(self.scalar(start, end, ""))

    def written(self, start: int, end: int, text: str, *, exact: bool) -> Written:
        """A text; where it is spelled exactly so, another one can take its place, without quotes."""
        exact = exact and not self.origin.whole and self.text[start:end] == text
        return Written(text, self.place(start, end), self.text[start:end] if exact else "", bare=exact)

    def refuse(self, index: int, why: str) -> BadFile:
        """The error that this text is not in its language at that place."""
        place = self.place(index, index)
        return BadFile(place.file, f"is not {self.language}: {why}", place.line, place.column)

"""Places in a text as findings count them, and as an editor does.

Findings count code points, in lines that end as those of YAML do. An editor counts code units of an encoding that it
agrees on, UTF-16 unless it says else, in lines that end at LF, CRLF or CR (Language Server Protocol 3.17, Position).
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dualstack.model.source import Location
from dualstack.model.text import LINE_BREAK

_EDITOR_BREAK = re.compile("\r\n|[\r\n]")


class Spot(NamedTuple):
    """A position of an editor: a line from 0, and the code units before it in that line."""

    line: int
    character: int


class Lines:
    """A text whose places are asked for in both ways. `units` says how many code units a text takes."""

    def __init__(self, text: str, units: Callable[[str], int]) -> None:
        self.text, self._units = text, units
        self._starts, self._editor_starts = _starts(LINE_BREAK, text), _starts(_EDITOR_BREAK, text)

    def span(self, at: Location) -> tuple[int, int]:
        """The code points of a place, from the first to the one behind the last; at least one where there is one."""
        start = self._offset(at.line, at.column)
        end = self._offset(at.end_line, at.end_column) if at.end_line else start
        return start, end if end > start else min(start + 1, len(self.text))

    def _offset(self, line: int, column: int) -> int:
        start = self._starts[min(max(line, 1), len(self._starts)) - 1]
        return min(start + max(column, 1) - 1, len(self.text))

    def spot(self, offset: int) -> Spot:
        """The editor's position of a code point."""
        line = bisect_right(self._editor_starts, offset) - 1
        return Spot(line, self._units(self.text[self._editor_starts[line] : offset]))

    def offset(self, spot: Spot) -> int:
        """The code point at an editor's position; the end of the line where the position is beyond it."""
        if spot.line >= len(self._editor_starts):
            return len(self.text)
        at = self._editor_starts[spot.line]
        end = next(iter(self._editor_starts[spot.line + 1 :]), len(self.text))
        left = spot.character
        while left > 0 and at < end and self.text[at] not in "\r\n":
            left -= self._units(self.text[at])
            at += 1
        return at


def _starts(line_break: re.Pattern[str], text: str) -> Sequence[int]:
    return (0, *(x.end() for x in line_break.finditer(text)))

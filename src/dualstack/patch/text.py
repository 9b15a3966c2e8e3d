"""Edits of a text file: what they name is changed, and every other character stays."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dualstack.model.finding import Edit
from dualstack.model.source import Location
from dualstack.model.text import LINE_BREAK

_NEW_LINE = re.compile("\r?\n")


class Patched(NamedTuple):
    """The new text, the edits in it, and those that could not be made: the text is another there, or they overlap."""

    text: str
    done: tuple[Edit, ...]
    refused: tuple[Edit, ...]


def apply(text: str, edits: Iterable[Edit]) -> Patched:
    """Make the edits that fit the text, the first of those that overlap. New lines end as those of the text do."""
    starts = [0, *(x.end() for x in LINE_BREAK.finditer(text))]
    placed, refused = list[tuple[int, int, Edit]](), list[Edit]()
    for edit in dict.fromkeys(edits):
        span = _span(edit.location, starts) if edit.location else None
        fits = span is not None and text[span[0] : span[1]] == edit.old
        if span is not None and fits and not any(_overlap(span, (a, b)) for a, b, _ in placed):
            placed.append((*span, edit))
        else:
            refused.append(edit)
    own = "\r\n" if "\r\n" in text else "\n"
    for start, end, edit in sorted(placed, key=lambda x: x[:2], reverse=True):
        text = text[:start] + _NEW_LINE.sub(own, edit.new) + text[end:]
    return Patched(text, tuple(x for *_, x in placed), tuple(refused))


def _span(at: Location, starts: Sequence[int]) -> tuple[int, int] | None:
    last = at.end_line or at.line
    if not 0 < at.line <= last <= len(starts):
        return None
    return starts[at.line - 1] + at.column - 1, starts[last - 1] + (at.end_column or at.column) - 1


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two spans share a character, or insert at one place."""
    if one[0] == one[1] or other[0] == other[1]:
        return one[0] == other[0] and one[1] == other[1]
    return one[0] < other[1] and other[0] < one[1]

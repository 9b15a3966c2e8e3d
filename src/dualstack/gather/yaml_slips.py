"""What people write that is no YAML, where it is plain what they meant."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from dualstack.model.text import LINE_BREAK

# By the text of the line that the parser stopped at.
_SLIPS = (
    (
        re.compile(r"(?::|-)\s+(?P<value>\[(?:\$\{[^}]*\}|[^]\s,{}])*\](?::(?:\$\{[^}]*\}|[^\s,{}])*)+)(?=\s|,|\}|$)"),
        '`{value}` begins with a bracket and so reads as a list; quote it: "{value}"',
        "DS118",
        "{value}",
    ),
    (
        re.compile(r"(?::|-)\s+(?P<value>\*:[^\s,}]+)"),
        '`{value}` begins with * and so reads as a YAML alias; to listen on every address write "0.0.0.0{port}"',
        "DS120",
        "0.0.0.0{port}",
    ),
)


class Slip(NamedTuple):
    """A value that is no YAML: its place from 1, what to do in a sentence, the rule, and what was meant."""

    line: int
    column: int
    value: str
    sentence: str
    code: str
    meant: str


def slip(text: str, near: Iterable[int]) -> Slip | None:
    """The slip near the lines, from 0, that a parser stopped at; None where it is none of the known ones."""
    lines = LINE_BREAK.split(text)
    numbers = {y for x in near for y in (x, x - 1) if 0 <= y < len(lines)}
    for number in sorted(numbers, reverse=True):
        for pattern, sentence, code, meant in _SLIPS:
            found = pattern.search(lines[number])
            if found:
                said = found["value"]
                words = {"value": said, "port": said.lstrip("*")}
                column = found.start("value") + 1
                return Slip(number + 1, column, said, sentence.format(**words), code, meant.format(**words))
    return None

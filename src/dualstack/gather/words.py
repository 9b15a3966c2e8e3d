"""Words of a command line or of assignments, and where each stands in its text."""

import re
from typing import NamedTuple

_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+""", re.DOTALL)
_PART = re.compile(
    r"""(?P<quote>["'])(?P<quoted>(?:\\.|[^\\])*?)(?P=quote)|\\(?P<escaped>.)|(?P<plain>[^"'\\]+)""", re.DOTALL
)


class Word(NamedTuple):
    """A word, the characters that it is written with, and where they begin."""

    text: str
    raw: str
    start: int

    def span(self, value: str) -> tuple[int, int] | None:
        """Where the end of the word stands as it is, between quotes or without any; None where it is spelled else."""
        end = self.start + len(self.raw)
        if value and self.raw.endswith(value):
            return end - len(value), end
        if value and self.raw[-1] in "\"'" and self.raw[:-1].endswith(value):
            return end - 1 - len(value), end - 1
        return None


def words(text: str, start: int = 0, end: int | None = None) -> list[Word]:
    """The words of a piece of a text; nothing where its quotes do not match."""
    piece = text[start:end]
    if _WORD.sub("", piece).strip():
        return []
    return [Word(_meant(x[0]), x[0], start + x.start()) for x in _WORD.finditer(piece)]


def _meant(raw: str) -> str:
    return _PART.sub(_unquoted, raw)


def _unquoted(found: re.Match[str]) -> str:
    if found["quote"] == '"':
        return re.sub(r"\\(.)", r"\1", found["quoted"], flags=re.DOTALL)
    return found["quoted"] or found["escaped"] or found["plain"] or ""

"""Which of several objects of one name is meant: the one whose file is nearest.

A repository holds many examples, each in a folder of its own, and their objects often have the same names.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, islice
from typing import TypeAlias

import msgspec

Identity: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name."""

_SAME = 1 << 30


class Placed(msgspec.Struct, frozen=True):
    """An object by its identity, and the file that it stands in."""

    identity: Identity
    file: str


class Neighbours(msgspec.Struct, frozen=True):
    """The files of all objects, and every folder above them, by identity; of those with namesakes alone."""

    files: Mapping[Identity, frozenset[str]] = {}
    folders: Mapping[Identity, frozenset[str]] = {}

    def belong(self, one: Placed, other: Placed) -> bool:
        """Whether neither of two objects has a namesake that is nearer to the other one."""
        return self._is_nearest(one, other) and self._is_nearest(other, one)

    def _is_nearest(self, one: Placed, other: Placed) -> bool:
        if one.file == other.file or other.identity not in self.files:
            return True
        if one.file in self.files[other.identity]:
            return False
        shared, known = nearness(one.file, other.file), self.folders[other.identity]
        return next(islice(_above(one.file), shared + 1, None), None) not in known


def neighbours(objects: Iterable[Placed]) -> Neighbours:
    """The objects of a review."""
    files = dict[Identity, set[str]]()
    for each in objects:
        files.setdefault(each.identity, set()).add(each.file)
    several = {k: frozenset(v) for k, v in files.items() if len(v) > 1}
    return Neighbours(several, {k: frozenset(y for x in v for y in _above(x)) for k, v in several.items()})


def _above(file: str) -> Iterator[str]:
    """The folders that a file is in, from the top, which is empty."""
    return accumulate((f"{x}/" for x in file.split("/")[:-1]), initial="")


def nearness(one: str, other: str) -> int:
    """How many folders two files have in common, from the top; more than any for one file."""
    if one == other:
        return _SAME
    pairs = zip(one.split("/")[:-1], other.split("/")[:-1], strict=False)
    return next((i for i, (x, y) in enumerate(pairs) if x != y), min(one.count("/"), other.count("/")))

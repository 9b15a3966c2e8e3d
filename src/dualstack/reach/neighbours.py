"""Which of several objects of one name is meant: the one whose file is nearest.

A repository holds many examples, each in a folder of its own, and their objects often have the same names.
"""

from collections.abc import Iterable, Mapping
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
    """The files of all objects, by identity."""

    files: Mapping[Identity, frozenset[str]] = {}

    def belong(self, one: Placed, other: Placed) -> bool:
        """Whether neither of two objects has a namesake that is nearer to the other one."""
        return self._is_nearest(one, other) and self._is_nearest(other, one)

    def _is_nearest(self, one: Placed, other: Placed) -> bool:
        among = self.files.get(other.identity, frozenset())
        return len(among) < 2 or nearness(one.file, other.file) >= max(nearness(one.file, x) for x in among)


def neighbours(objects: Iterable[Placed]) -> Neighbours:
    """The objects of a review."""
    files = dict[Identity, set[str]]()
    for each in objects:
        files.setdefault(each.identity, set()).add(each.file)
    return Neighbours({k: frozenset(v) for k, v in files.items()})


def nearness(one: str, other: str) -> int:
    """How many folders two files have in common, from the top; more than any for one file."""
    if one == other:
        return _SAME
    pairs = zip(one.split("/")[:-1], other.split("/")[:-1], strict=False)
    return next((i for i, (x, y) in enumerate(pairs) if x != y), min(one.count("/"), other.count("/")))

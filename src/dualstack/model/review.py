"""What a review of files knows beside what the files declare."""

import msgspec

from dualstack.model.kube import Service
from dualstack.model.source import Location, Written


class Slip(msgspec.Struct, frozen=True):
    """A value that is no YAML as it stands, what was meant by it, and the code of the rule that speaks of it."""

    written: Written
    meant: str
    code: str


class Slips(msgspec.Struct, frozen=True):
    """Every such value that was found."""

    items: tuple[Slip, ...] = ()


class Suppression(msgspec.Struct, frozen=True):
    """A comment or an annotation that silences codes for some lines of a file, from the first to the last.

    `codes` are empty where it silences every rule. `said` is how a file says so.
    """

    codes: tuple[str, ...]
    at: Location
    first: int
    last: int
    said: str = "a comment"


class Unused(msgspec.Struct, frozen=True):
    """The suppressions that silenced nothing, each with the codes that were not found."""

    items: tuple[tuple[Suppression, tuple[str, ...]], ...] = ()


class Former(msgspec.Struct, frozen=True):
    """The Services as they were before the change that is under review, those of the changed files alone."""

    services: tuple[Service, ...] = ()

"""The findings that somebody has agreed to live with, as a file: by fingerprint, so that lines may move."""

import os
from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from dualstack.gather.errors import BadFile
from dualstack.gather.regular import read
from dualstack.model.finding import Finding
from dualstack.reach.fingerprint import fingerprints

SCHEMA = "dualstack.baseline/1"
_MOST = 64_000_000


class Entry(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """One finding; `file` is a path from the folder of the baseline, `text` the line, for who reads a difference."""

    file: str
    code: str
    text: str
    fingerprint: str


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    schema: str
    findings: tuple[Entry, ...]


class Known(msgspec.Struct, frozen=True):
    """A baseline and where it stands."""

    path: str
    baseline: Baseline

    def new(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The findings that are not in it."""
        old = {x.fingerprint for x in self.baseline.findings}
        each = zip(findings, entries(findings, self.path), strict=True)
        return tuple(x for x, entry in each if entry.fingerprint not in old)

    def gone(self, findings: Sequence[Finding], files: Iterable[str], ran: Collection[str]) -> int:
        """How many of its entries were not found: those of files that were read or are no more, of rules that ran."""
        named = _from(self.path)
        seen, there = {x.fingerprint for x in entries(findings, self.path)}, set(map(named, files))
        folder = os.path.dirname(os.path.abspath(self.path))
        late = (x for x in self.baseline.findings if x.fingerprint not in seen and x.code in ran)
        return sum(x.file in there or not os.path.exists(os.path.join(folder, x.file)) for x in late)


def known(path: str) -> Known:
    """What a file holds. Raises BadFile."""
    try:
        found = msgspec.json.decode(read(path, _MOST), type=Baseline)
    except OSError as error:
        raise BadFile(path, f"cannot be read: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFile(path, f"is no baseline: {error}; write one with `--write-baseline {path}`") from error
    if found.schema != SCHEMA:
        raise BadFile(path, f"is of the form {found.schema}, and {SCHEMA} is known here; write it anew")
    return Known(path, found)


def entries(findings: Sequence[Finding], path: str) -> tuple[Entry, ...]:
    """The findings as they stand in a baseline at `path`, in their order."""
    named = _from(path)
    found = zip(findings, fingerprints(findings, named), strict=True)
    return tuple(
        Entry(named(x.location.file) if x.location else "", x.code, " ".join(x.excerpt.split()), y) for x, y in found
    )


def rendered(found: Iterable[Entry]) -> str:
    """The text of a baseline: sorted, a line for each value."""
    whole = Baseline(SCHEMA, tuple(sorted(set(found))))
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _from(path: str) -> Callable[[str], str]:
    """How a file is called from the folder of a baseline."""
    folder = os.path.dirname(os.path.abspath(path))
    return lambda file: os.path.relpath(file, folder).replace(os.sep, "/")

"""Findings that somebody has said not to be told: by a comment on the line or above it, or by an annotation."""

import re
from collections.abc import Iterable, Iterator, Sequence

from dualstack.model.finding import Finding
from dualstack.model.review import Suppression
from dualstack.model.source import Location

MARK = "dualstack: ignore"
_COMMENT = re.compile(r"(?:^|\s)#\s*dualstack: ignore(?:\[(?P<codes>[^\]]*)\])?")
_ALONE = re.compile(r"^\s*#")


def comments(file: str, lines: Sequence[str]) -> Iterator[Suppression]:
    """The comments of a file that silence something: the line they stand on, or the next that is no comment."""
    for number, line in enumerate(lines, 1):
        found = _COMMENT.search(line) if MARK in line else None
        if not found:
            continue
        codes = tuple(x.strip().upper() for x in (found["codes"] or "").split(",") if x.strip())
        start = line.index("#", found.start())
        at = Location(file, number, start + 1, number, len(line.rstrip()) + 1)
        last = number
        if _ALONE.match(line):
            last = next((i for i in range(number + 1, len(lines) + 1) if not _ALONE.match(lines[i - 1])), number)
        yield Suppression(codes, at, number, last)


def silenced(
    findings: Iterable[Finding], suppressions: Sequence[Suppression]
) -> tuple[tuple[Finding, ...], tuple[tuple[Suppression, tuple[str, ...]], ...]]:
    """The findings that are left, and the suppressions that silenced nothing, with the codes that were not found."""
    kept, used = [], set[tuple[Suppression, str]]()
    there: dict[str, list[Suppression]] = {}
    for suppression in suppressions:
        there.setdefault(suppression.at.file, []).append(suppression)
    for finding in findings:
        near = there.get(finding.location.file, ()) if finding.location else ()
        mine = [(x, y) for x in near for y in _matches(x, finding)]
        used.update(mine)
        if not mine:
            kept.append(finding)
    spare = ((x, tuple(y for y in x.codes or ("",) if (x, y) not in used)) for x in suppressions)
    return tuple(kept), tuple((x, y) for x, y in spare if y)


def _matches(suppression: Suppression, finding: Finding) -> Iterator[str]:
    """The codes of a suppression that silence a finding; the empty one where it names none."""
    at = finding.location
    if at is None or at.file != suppression.at.file or not suppression.first <= at.line <= suppression.last:
        return
    for code in suppression.codes or ("",):
        if code in ("", finding.code) or (len(code) < 5 and finding.code.startswith(code)):
            yield code

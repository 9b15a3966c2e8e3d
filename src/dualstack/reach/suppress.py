"""Findings that somebody has said not to be told: by a comment on the line or above it, or by an annotation."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from dualstack.model.finding import Finding
from dualstack.model.patterns import pattern
from dualstack.model.review import Suppression
from dualstack.model.source import Location, Written

MARK = "dualstack: ignore"
ANNOTATION = "dualstack.dev/ignore"
_COMMENT = pattern(r"(?:^|\s)#\s*dualstack: ignore(?:\[(?P<codes>[^\]]*)\])?")
_ALONE = pattern(r"^\s*#")


def comments(file: str, lines: Sequence[str]) -> Iterator[Suppression]:
    """The comments of a file that silence something: the line they stand on, or the next that is no comment."""
    for number, line in enumerate(lines, 1):
        found = _COMMENT.search(line) if MARK in line else None
        if not found:
            continue
        codes = _codes(found["codes"] or "")
        start = line.index("#", found.start())
        at = Location(file, number, start + 1, number, len(line.rstrip()) + 1)
        last = number
        if _ALONE.match(line):
            last = next((i for i in range(number + 1, len(lines) + 1) if not _ALONE.match(lines[i - 1])), number)
        yield Suppression(codes, at, number, last)


def annotation(written: Written, whole: Location) -> Suppression:
    """What an annotation of an object silences: codes, in the lines of the whole object."""
    return Suppression(_codes(written.text), written.at, whole.line, whole.end_line, f"the annotation {ANNOTATION}")


def _codes(text: str) -> tuple[str, ...]:
    return tuple(x.strip().upper() for x in text.split(",") if x.strip())


def silenced(
    findings: Iterable[Finding], suppressions: Sequence[Suppression], ran: Collection[str] | None = None
) -> tuple[tuple[Finding, ...], tuple[tuple[Suppression, tuple[str, ...]], ...]]:
    """The findings that are left, and the suppressions that silenced nothing, with the codes that were not found.

    `ran` are the codes of the rules that have judged, None for all: nothing is known of the others.
    """
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
    spare = ((x, tuple(y for y in x.codes or ("",) if (x, y) not in used and _judged(y, ran))) for x in suppressions)
    return tuple(kept), tuple((x, y) for x, y in spare if y)


def _matches(suppression: Suppression, finding: Finding) -> Iterator[str]:
    """The codes of a suppression that silence a finding; the empty one where it names none."""
    at = finding.location
    if at is None or at.file != suppression.at.file or not suppression.first <= at.line <= suppression.last:
        return
    yield from (x for x in suppression.codes or ("",) if _names(x, finding.code))


def _names(said: str, code: str) -> bool:
    """Whether what a suppression says is a code, or the beginning of it; nothing said is every code."""
    return said == code or (len(said) < len(code) and code.startswith(said))


def _judged(said: str, ran: Collection[str] | None) -> bool:
    return ran is None or (bool(said) and any(_names(said, x) for x in ran))

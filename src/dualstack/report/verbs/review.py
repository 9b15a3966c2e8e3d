"""A review for a terminal: a line for each finding, the line of the file, and a caret below the very characters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Applicability, Finding, Severity
from dualstack.model.source import Location
from dualstack.model.text import printable
from dualstack.reach.tally import counted, tally
from dualstack.report.verbs.lines import LONGEST, WIDTH, Line, styled, wrapped

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold blue"}
_TAB = 4
_GUTTER = 8
"""Columns before the text of a line: its number, and a bar."""
_NOTES = 5
"""Notes that are shown unasked where nothing was understood."""
_AHEAD = 16
"""Columns of a long line that are shown before the caret, at least."""


class Cell(NamedTuple):
    """A character of a line as a terminal shows it, and the columns that it takes."""

    shown: str
    width: int


def render(found: Diagnosis, *, quiet: bool = False, verbose: bool = False, color: bool = False) -> str:
    """Every finding that follows from no other, and how many there are; the number alone where it shall be quiet.

    What follows from another one is told where much is to be told.
    """
    return styled(_lines(found, quiet=quiet, verbose=verbose), color=color)


def _lines(found: Diagnosis, *, quiet: bool, verbose: bool) -> Iterator[Line]:
    shown = tuple(x for x in found.findings if verbose or not x.because)
    if not quiet:
        for finding in shown:
            yield from _finding(finding, verbose=verbose)
    notes = [] if quiet else [x for x in found.skipped if not x.unreadable]
    told = notes if verbose else notes[:_NOTES] if found.verdict is Verdict.UNKNOWN and not found.findings else []
    for note in told:
        yield from wrapped(f"note: {printable(note.needs, LONGEST)} {printable(note.why, LONGEST)}", "", "dim", "  ")
    if told:
        yield Line()
    yield from _total(replace(found, findings=shown))
    if len(shown) < len(found.findings) and not quiet:
        yield Line(f"`-v` shows {len(found.findings) - len(shown)} more, explained by these.", "dim")
    if len(told) < len(notes):
        yield Line(f"`-v` says what else was not judged, in {counted(len(notes) - len(told), 'note')}.", "dim")


def _finding(finding: Finding, *, verbose: bool) -> Iterator[Line]:
    at = finding.location
    place = f"{printable(at.file, LONGEST)}:{at.line}:{at.column}: " if at else ""
    yield Line(f"{place}{finding.code} [{finding.severity}] {finding.summary}", _STYLES[finding.severity])
    if at and finding.excerpt.strip():
        yield from _caret(finding.excerpt, at, _STYLES[finding.severity])
    yield from wrapped(printable(finding.detail, LONGEST), "    ")
    if finding.hint:
        word = "fix" if finding.fix and finding.fix.applicability is Applicability.SAFE else "hint"
        yield from wrapped(f"{word}: {printable(finding.hint, LONGEST)}", "    ", "green", "  ")
    if verbose:
        for fact in finding.evidence:
            said = f"- {printable(fact.fact, LONGEST)} ({fact.layer}: {printable(fact.source, LONGEST)})"
            yield from wrapped(said, "    ", "dim", "  ")
    yield Line()


def _caret(excerpt: str, at: Location, style: str) -> Iterator[Line]:
    """The line of the file, cut around the place where it is long, and what marks the place."""
    cells = [_cell(x) for x in excerpt.rstrip()]
    start = min(at.column - 1, len(cells))
    end = max(start, min(at.end_column - 1, len(cells)) if at.end_line == at.line else len(cells))
    first, last = _window(cells, start)
    dots = "…" if first else ""
    shown = dots + "".join(x.shown for x in cells[first:last]) + ("…" if last < len(cells) else "")
    before = len(dots) + sum(x.width for x in cells[first:start])
    marked = sum(x.width for x in cells[start : min(end, last)])
    yield Line(f"{at.line:>5} | {shown}", "dim")
    yield Line(f"{'| ':>{_GUTTER}}{' ' * before}{'^' * max(1, marked)}", style)


def _cell(character: str) -> Cell:
    """A character in columns: a tab is blank, what is not printable is spelled out; wide ones are those of UAX 11."""
    if character == "\t":
        return Cell(" " * _TAB, _TAB)
    shown = printable(character)
    if character.isascii() or len(shown) > 1:
        return Cell(shown, len(shown))
    import unicodedata

    if unicodedata.combining(character):
        return Cell(shown, 0)
    return Cell(shown, 2 if unicodedata.east_asian_width(character) in "WF" else 1)


def _window(cells: Sequence[Cell], start: int) -> tuple[int, int]:
    """The part of a line, from the first to behind the last cell, that fits and in which the place is seen."""
    room = WIDTH - _GUTTER
    if sum(x.width for x in cells) <= room:
        return 0, len(cells)
    first = 0
    if sum(x.width for x in cells[:start]) > room // 2:
        first = start
        while first and sum(x.width for x in cells[first - 1 : start]) <= _AHEAD:
            first -= 1
    last, used = first, 2  # the dots at both ends
    while last < len(cells) and used + cells[last].width <= room:
        used += cells[last].width
        last += 1
    return first, last


def _total(found: Diagnosis) -> Iterator[Line]:
    """The last line: how many findings there are, and what can be done about them at once."""
    said = tally(found)
    safe = sum(_is_mended_by(x, Applicability.SAFE) for x in found.findings)
    unsafe = sum(_is_mended_by(x, Applicability.UNSAFE) for x in found.findings)
    ways = [f"`--fix` mends {safe}"] if safe else []
    ways += [f"`--fix --unsafe-fixes` mends {unsafe}{' more' if safe else ''}"] if unsafe else []
    parts = [said[0].upper() + said[1:], *([f"{', '.join(ways)}."] if ways else [])]
    together = len(" ".join(parts)) <= WIDTH
    yield from (Line(x, "bold") for x in ([" ".join(parts)] if together else parts))


def _is_mended_by(finding: Finding, who: Applicability) -> bool:
    return bool(finding.fix and finding.fix.edits and finding.fix.applicability is who)


def statistics(found: Sequence[Finding]) -> str:
    """How often each rule spoke, the most frequent first, and how many of its findings a safe fix mends."""
    rows = [(str(x["count"]), x) for x in _counts(found)]
    width = max((len(x) for x, _ in rows), default=0)
    lines = [
        f"{count:>{width}}  {x['code']} {x['name']}" + (f" ({x['fixable']} by --fix)" if x["fixable"] else "")
        for count, x in rows
    ]
    return "".join(f"{x}\n" for x in (*lines, f"{counted(len(found), 'finding')} of {counted(len(rows), 'rule')}."))


def statistics_as_json(found: Sequence[Finding]) -> str:
    """The same as one JSON object."""
    import json

    return json.dumps({"schema": "dualstack.statistics/1", "rules": _counts(found)}, indent=2) + "\n"


def _counts(found: Sequence[Finding]) -> list[dict[str, object]]:
    rules: dict[str, list[Finding]] = {}
    for finding in sorted(found, key=lambda x: x.code):
        rules.setdefault(finding.code, []).append(finding)
    ordered = sorted(rules.values(), key=len, reverse=True)
    return [
        {
            "code": x[0].code,
            "name": x[0].name,
            "count": len(x),
            "fixable": sum(_is_mended_by(y, Applicability.SAFE) for y in x),
        }
        for x in ordered
    ]


def unified(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The difference between two states of files, as `patch` reads it."""
    parts = (_difference(x, before[x], after[x]) for x in after if before[x] != after[x])
    return "".join(y if y.endswith("\n") else f"{y}\n\\ No newline at end of file\n" for x in parts for y in x)


def _difference(path: str, before: str, after: str) -> Iterator[str]:
    import difflib

    name = path.lstrip("/").removeprefix("./")
    end = "\t" if " " in name else ""  # or patch would take the name to end there
    return difflib.unified_diff(_lines_of(before), _lines_of(after), f"a/{name}{end}", f"b/{name}{end}")


def _lines_of(text: str) -> list[str]:
    """The lines of a text as patch(1) counts them: a line feed alone ends one."""
    return re.findall("[^\n]*\n|[^\n]+", text)

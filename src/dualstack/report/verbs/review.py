"""A review for a terminal: a line for each finding, the line of the file, and a caret below the very characters."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Applicability, Finding, Severity
from dualstack.model.text import printable
from dualstack.report.text import Line, styled

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_PLURALS = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.INFO: "notes"}
_CARETS = 60


def render(found: Diagnosis, *, quiet: bool = False, verbose: bool = False, color: bool = False) -> str:
    """Every finding, and how many there are."""
    lines = [] if quiet else [y for x in found.findings for y in _finding(x, verbose=verbose)]
    if verbose:
        lines += [Line(f"note: {x.needs} {x.why}", "dim") for x in found.skipped]
    return styled([*lines, *_total(found)], color=color)


def _finding(finding: Finding, *, verbose: bool) -> Iterator[Line]:
    at = finding.location
    place = f"{at.file}:{at.line}:{at.column}: " if at else ""
    yield Line(f"{place}{finding.code} [{finding.severity}] {finding.summary}", _STYLES[finding.severity])
    yield from _caret(finding)
    yield Line(f"    {finding.detail}")
    if finding.hint:
        word = "fix" if finding.fix and finding.fix.applicability is Applicability.SAFE else "hint"
        yield Line(f"    {word}: {finding.hint}")
    if verbose:
        yield from (Line(f"    - {x.fact} ({x.source})", "dim") for x in finding.evidence)
    yield Line()


def _caret(finding: Finding) -> Iterator[Line]:
    at, shown = finding.location, finding.excerpt
    if at is None or not shown.strip() or len(shown) > 2 * _CARETS:
        return
    gutter = f"{at.line:>5} | "
    width = (at.end_column if at.end_line == at.line else len(shown.rstrip()) + 1) - at.column
    yield Line(f"{gutter}{printable(shown.expandtabs(1))}", "dim")
    yield Line(f"{' ' * (len(gutter) - 2)}| {' ' * (at.column - 1)}{'^' * max(1, min(width, _CARETS))}")


def _total(found: Diagnosis) -> Iterator[Line]:
    counts = Counter(x.severity for x in found.findings)
    if not counts:
        yield Line("No findings." if found.verdict == "healthy" else "Nothing was understood, so nothing is known.")
        return
    said = ", ".join(
        f"{counts[x]} {x}{'s' * (counts[x] > 1 and x is not Severity.INFO)}" for x in Severity if counts[x]
    )
    mended = sum(bool(x.fix and x.fix.edits and x.fix.applicability is Applicability.SAFE) for x in found.findings)
    yield Line(f"{said}." + (f" `--fix` mends {mended}." if mended else ""))


def statistics(found: Sequence[Finding]) -> str:
    """How often each rule spoke, the most frequent first."""
    counts = Counter((x.code, x.name) for x in found)
    return "".join(f"{count:>6}  {code} {name}\n" for (code, name), count in counts.most_common())


def unified(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The difference between two states of files, as `patch` reads it."""
    parts = (_difference(x, before[x], after[x]) for x in after if before[x] != after[x])
    return "".join(y if y.endswith("\n") else f"{y}\n\\ No newline at end of file\n" for x in parts for y in x)


def _difference(path: str, before: str, after: str) -> Iterator[str]:
    name = path.lstrip("/").removeprefix("./")
    end = "\t" if " " in name else ""  # or patch would take the name to end there
    return difflib.unified_diff(_lines(before), _lines(after), f"a/{name}{end}", f"b/{name}{end}")


def _lines(text: str) -> list[str]:
    """The lines of a text as patch(1) counts them: a line feed alone ends one."""
    return re.findall("[^\n]*\n|[^\n]+", text)

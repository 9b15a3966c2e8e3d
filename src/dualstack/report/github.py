"""A diagnosis as workflow commands of GitHub Actions: each becomes an annotation at the line that it is about.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions; the escapes are those of
actions/toolkit, packages/core/src/command.ts. GitHub shows the first ten of a level for each step.
"""

from collections.abc import Iterator

from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Finding, Severity, Skipped
from dualstack.model.question import FILES
from dualstack.model.source import Location
from dualstack.model.text import paragraphs
from dualstack.reach.answer import answer

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_VERDICTS = {Verdict.BROKEN: "error", Verdict.DEGRADED: "warning", Verdict.UNKNOWN: "warning"}
_LONGEST = 4000
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def render(diagnosis: Diagnosis) -> str:
    """One command a line; nothing where nothing is wrong. Of files each finding speaks for itself."""
    return "".join(f"{x}\n" for x in _commands(diagnosis))


def _commands(diagnosis: Diagnosis) -> Iterator[str]:
    told = any(x.unreadable for x in diagnosis.skipped) or diagnosis.verdict is not Verdict.UNKNOWN
    if diagnosis.verdict in _VERDICTS and not (diagnosis.question.place == FILES and told):
        yield _command(_VERDICTS[diagnosis.verdict], diagnosis.verdict.upper(), answer(diagnosis))
    yield from map(_finding, diagnosis.findings)
    yield from map(_gap, diagnosis.skipped)


def _finding(finding: Finding) -> str:
    said = "\n".join(filter(None, (f"{finding.summary}.", finding.detail, finding.hint)))
    return _command(_LEVELS[finding.severity], f"{finding.code} {finding.name}", said, finding.location)


def _gap(gap: Skipped) -> str:
    title, level = ("Not readable", "error") if gap.unreadable else ("Not seen", "notice")
    return _command(level, title, f"{gap.needs}: {gap.why}", gap.location)


def _command(level: str, title: str, said: str, at: Location | None = None) -> str:
    """One command; columns are for a place on one line alone."""
    named = {"file": at.file, "line": str(at.line)} if at else {}
    if at and at.end_line:
        named["endLine"] = str(at.end_line)
    if at and at.end_line in (0, at.line):
        named |= {"col": str(at.column)} | ({"endColumn": str(at.end_column)} if at.end_column else {})
    told = {**named, "title": title}
    properties = ",".join(f"{k}={paragraphs(v, _LONGEST).translate(_PROPERTY)}" for k, v in told.items())
    return f"::{level} {properties}::{paragraphs(said, _LONGEST).translate(_DATA)}"

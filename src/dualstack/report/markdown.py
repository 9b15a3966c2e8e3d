"""A diagnosis as a comment in a review, in GitHub Flavored Markdown.

The first line is a mark by which a program finds its last comment again. A comment may have 65,536 characters.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding, Severity, Skipped
from dualstack.model.question import FILES
from dualstack.model.text import printable
from dualstack.reach.answer import answer
from dualstack.reach.excerpt import mended
from dualstack.reach.tally import counted
from dualstack.reach.trace import codes_of, line

SHOWN = 50
"""Findings that are told, the worst first."""
MOST = 60_000
"""Characters after which the rest is left out."""
FACTS = 8
"""Facts of a finding that are told."""

_CODE = re.compile(r"(`[^`]+`)")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&])")
_LONGEST = 500
_CELL = 150
_EXCERPT = 300


def render(diagnosis: Diagnosis) -> str:
    """The answer, a table, and what to do about each finding."""
    text, left = "", 0
    for part in map("\n".join, _parts(diagnosis)):
        fits = not left and len(text) + len(part) < MOST
        text += f"{part}\n" if fits else ""
        left += not fits
    return text + (f"\nThe rest is too long for a comment: {counted(left, 'part')} left out.\n" if left else "")


def _parts(diagnosis: Diagnosis) -> Iterator[Iterable[str]]:
    """The parts of the comment as lines; each is told whole or not at all."""
    lint = diagnosis.question.place == FILES
    said = answer(diagnosis).rstrip(".")
    title = _plain(said if lint else f"{diagnosis.verdict}: {said}")
    yield f"<!-- dualstack {'lint' if lint else 'diagnose'} -->", f"## dualstack: {title}"
    worst = sorted(diagnosis.findings, key=lambda x: tuple(Severity).index(x.severity))
    if worst:
        yield _table(worst)
    yield from map(_details, worst[:SHOWN])
    for head, unreadable in (("Could not be read", True), ("Not seen", False)):
        gaps = [x for x in diagnosis.skipped if x.unreadable is unreadable]
        if gaps:
            yield _gaps(head, gaps)
    flows = [line(x, codes_of(x, diagnosis.findings)) for x in diagnosis.traces]
    if flows:
        yield ("", "<details><summary>Flows</summary>", "", *_fenced(flows[:SHOWN], "text"), "", "</details>")


def _table(findings: Sequence[Finding]) -> Iterator[str]:
    yield from ("", "| | rule | where | what |", "|---|---|---|---|")
    for x in findings[:SHOWN]:
        where = _where(x).replace("|", r"\|")
        yield f"| {x.severity} | {x.code} {x.name} | {where} | {_plain(x.summary, _CELL)} |"
    if len(findings) > SHOWN:
        yield f"\nand {counted(len(findings) - SHOWN, 'finding')} more"


def _where(finding: Finding) -> str:
    """The place in a file, or else the families and the hop."""
    at = finding.location
    if at:
        return _code(f"{at.file}:{at.line}:{at.column}", _CELL)
    return " ".join(filter(None, (", ".join(x.title for x in finding.families), finding.hop)))


def _details(finding: Finding) -> Iterator[str]:
    yield from ("", f"<details><summary>{finding.code} {escape(printable(finding.summary))}</summary>", "")
    yield from (_where(finding), "")
    if finding.excerpt.strip():
        yield from (*_fenced([printable(finding.excerpt.expandtabs(4), _EXCERPT)], ""), "")
    yield from (_plain(finding.detail), "")
    if finding.hint:
        yield from (f"**Fix:** {_plain(finding.hint)}", "")
    suggested = mended(finding)
    if suggested and suggested.replace("\t", "").isprintable():
        yield from (*_fenced([suggested], "suggestion"), "")
    if finding.fix and finding.fix.commands:
        yield from (*_fenced([printable(x, _EXCERPT) for x in finding.fix.commands], "sh"), "")
    yield from (f"- {_plain(x.fact)} ({x.layer}: {_plain(x.source)})" for x in finding.evidence[:FACTS])
    yield from ("", "</details>")


def _gaps(head: str, gaps: Sequence[Skipped]) -> Iterator[str]:
    yield from ("", f"**{head}:**", "")
    yield from (f"- {_code(x.needs, _CELL)}: {_plain(x.why)}" for x in gaps[:SHOWN])
    if len(gaps) > SHOWN:
        yield f"- and {len(gaps) - SHOWN} more"


def _fenced(lines: Sequence[str], language: str) -> tuple[str, ...]:
    """Lines as code; the fence is longer than any in them."""
    longest = max((len(x) for line in lines for x in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return (f"{fence}{language}", *lines, fence)


def _code(text: str, longest: int = _LONGEST) -> str:
    """A text of others as code, whatever is in it."""
    shown = printable(text, longest)
    longest = max(map(len, re.findall(r"`+", shown)), default=0)
    mark = "`" * (longest + 1)
    return f"{mark} {shown} {mark}" if longest else f"{mark}{shown}{mark}"


def _plain(text: str, longest: int = _LONGEST) -> str:
    """A sentence: what stands in backticks is code, nothing else means anything, and `@` calls nobody."""
    parts = _CODE.split(printable(text, longest))
    return "".join(x if i % 2 else _SPECIAL.sub(r"\\\1", x).replace("@", "@&#8203;") for i, x in enumerate(parts))

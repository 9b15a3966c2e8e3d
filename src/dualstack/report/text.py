"""A diagnosis for a tired person: the verdict, a small table, the way of the first broken flow, the cause, the fix.

The layout is made of lines no wider than `WIDTH`.
"""

from collections.abc import Iterable, Iterator, Sequence

from dualstack.model.address import join
from dualstack.model.client import Outlook
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Severity
from dualstack.model.text import printable
from dualstack.model.trace import Hop, Status, Trace
from dualstack.reach.answer import answer
from dualstack.reach.outlook import sentence
from dualstack.reach.trace import codes_of, line
from dualstack.report.verbs.flows import clients, table, unknown, wide
from dualstack.report.verbs.lines import WIDTH, Line, styled, wrapped

EVIDENCE = 4
"""How many facts of a finding are shown unless all are asked for."""

_STYLES = {
    Verdict.HEALTHY: "bold green",
    Verdict.DEGRADED: "bold yellow",
    Verdict.BROKEN: "bold red",
    Verdict.UNKNOWN: "bold magenta",
}
_SEVERITY = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "bold blue"}
_SIGNS = {Status.PASS: "ok", Status.FAIL: "FAILS", Status.UNKNOWN: "?"}


def render(diagnosis: Diagnosis, *, color: bool = False, depth: str = "normal") -> str:
    """The report as text.

    `depth` is `quiet` (the verdict alone), `brief` (verdict, causes and fixes), `normal`, `wide` (a table in which
    nothing is cut off, wider than `WIDTH`), or `verbose` (every flow and symptom).
    """
    return styled(_lines(diagnosis, depth), color=color)


def _lines(diagnosis: Diagnosis, depth: str) -> Iterator[Line]:
    yield from _headline(diagnosis)
    if depth == "quiet":
        return
    if depth == "brief":
        for finding in (x for x in diagnosis.findings if not x.because):
            yield from _cause(finding, "Cause")
            yield from _way_out(finding)
        return
    verbose = depth == "verbose"
    yield from wide(diagnosis.traces) if depth == "wide" else table(diagnosis.traces, whole=verbose)
    yield from _outlooks(diagnosis.outlooks)
    yield from clients(diagnosis.exporters, diagnosis.traces, diagnosis.skipped)
    broken = [x for x in diagnosis.traces if x.required and x.failed]
    if broken:
        yield from _way(broken[0])
    yield from unknown(diagnosis)
    shown = [x for x in diagnosis.findings if verbose or not x.because]
    for number, finding in enumerate(shown, 1):
        label = f"{_label(finding, broken)}{f' {number}' if len(shown) > 1 else ''}"
        yield from _finding(finding, diagnosis.findings, label, verbose=verbose)
    yield from _gaps(diagnosis, verbose=verbose)
    if verbose:
        yield Line()
        yield from (Line(line(x, codes_of(x, diagnosis.findings)), "dim") for x in diagnosis.traces)


def _headline(diagnosis: Diagnosis) -> Iterator[Line]:
    cut = " (interrupted: this is what was known by then)" if diagnosis.interrupted else ""
    said = f"{diagnosis.verdict.upper()}: {answer(diagnosis)}{cut}"
    yield from wrapped(said, "", _STYLES[diagnosis.verdict])


def _outlooks(views: Sequence[Outlook]) -> Iterator[Line]:
    """What each client makes of its targets, told apart where that differs."""
    alike: dict[str, list[str]] = {}
    for view in views:
        alike.setdefault(sentence(view), []).append(f"{view.target.scheme}://{view.target.endpoint}")
    if views:
        yield Line()
    for said, targets in alike.items():
        where = f"{', '.join(targets)}: " if len(alike) > 1 else ""
        yield from wrapped(printable(f"Client: {where}{said}"), "  ", hang="  ")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _way(trace: Trace) -> Iterator[Line]:
    where = join(trace.addresses[0], trace.target.port) if trace.addresses else trace.target.endpoint
    more = f" and {len(trace.addresses) - 1} more" if len(trace.addresses) > 1 else ""
    yield Line()
    who = f", for the {trace.vantage}" if trace.nodes else ""
    said = f"The way of {trace.protocol} over {trace.family.title} to {where}{more}{who}:"
    yield from wrapped(printable(said), "  ", "bold", hang="  ")
    steps = []
    for hop in trace.hops:
        if hop.status is Status.NOT_APPLICABLE or hop.hop is Hop.ENDPOINT:
            continue
        steps.append(f"{hop.hop} {_SIGNS[hop.status]}")
        if hop.status is Status.FAIL:
            break
    yield from wrapped(" > ".join(steps), "    ")
    failing = trace.failing
    if failing:
        yield from wrapped(f"{failing.hop}: {printable(failing.why)}", "    ", "red")


def _label(finding: Finding, broken: Iterable[Trace]) -> str:
    """What a finding is to the reader: a cause of a flow that fails, a symptom of another one, or a note."""
    if finding.because:
        return "Symptom"
    spoken = {x.key for x in broken}
    return "Cause" if spoken & set(finding.flows) or finding.severity is Severity.ERROR else "Note"


def _finding(finding: Finding, every: tuple[Finding, ...], label: str, *, verbose: bool) -> Iterator[Line]:
    yield Line()
    yield from _cause(finding, label)
    yield from _facts(finding.evidence, verbose=verbose)
    yield from _way_out(finding)
    explains = dict.fromkeys(f"{x.code} {x.name}" for x in every if finding.code in x.because)
    if explains:
        yield from wrapped(f"Explains: {', '.join(explains)}", "  ", "dim")
    if finding.because:
        yield from wrapped(f"Because of: {', '.join(finding.because)}", "  ", "dim")


def _cause(finding: Finding, label: str) -> Iterator[Line]:
    place = finding.location
    yield Line(_cut(printable(f"{label}: {finding.summary}"), WIDTH), _SEVERITY[finding.severity])
    yield Line(f"  {finding.code} {finding.name} ({finding.severity}, {finding.confidence})", "dim")
    if place:
        yield Line(f"  {place.file}:{place.line}:{place.column}", "dim")
    yield from wrapped(printable(finding.detail, 2000), "  ")


def _way_out(finding: Finding) -> Iterator[Line]:
    if finding.hint:
        yield from wrapped(f"Fix: {printable(finding.hint, 2000)}", "  ", "bold green")
    yield from (Line(f"    {x}", "green") for x in (finding.fix.commands if finding.fix else ()))


def _facts(evidence: tuple[Evidence, ...], *, verbose: bool) -> Iterator[Line]:
    shown = evidence if verbose else evidence[:EVIDENCE]
    for item in shown:
        yield from wrapped(f"- {printable(item.fact)} ({item.layer}: {printable(item.source)})", "    ", hang="  ")
    if len(shown) < len(evidence):
        left = len(evidence) - len(shown)
        yield Line(f"    - and {left} more fact{'s' * (left > 1)} (-v shows them)", "dim")


def _gaps(diagnosis: Diagnosis, *, verbose: bool) -> Iterator[Line]:
    told = [x for x in diagnosis.skipped if verbose or x.needs]
    if told:
        yield Line()
        yield Line("  Not seen:", "dim")
    for item in told:
        count = len(item.codes)
        rules = f" ({count} rule{'s' if count > 1 else ''} skipped)" if item.codes else ""
        yield from wrapped(f"- {item.needs}: {printable(item.why, 500)}{rules}", "    ", "dim", hang="  ")

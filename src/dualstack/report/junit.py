"""A diagnosis as JUnit XML, for CI systems that show tests: a test for each rule and file, and for each flow.

The form is that which Jenkins and GitLab read (https://github.com/jenkinsci/xunit-plugin, junit-10.xsd).
"""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Finding, Severity, Skipped
from dualstack.model.question import FILES
from dualstack.model.text import paragraphs, printable
from dualstack.model.trace import Disposition, Trace
from dualstack.reach.answer import answer
from dualstack.reach.trace import codes_of, line

_LONGEST = 4000


def render(diagnosis: Diagnosis) -> str:
    """One suite. Errors and warnings fail their test, what is not known skips it."""
    name = "dualstack lint" if diagnosis.question.place == FILES else "dualstack diagnose"
    cases = list(_cases(diagnosis))
    counts = {
        "tests": len(cases),
        "failures": sum(x.find("failure") is not None for x in cases),
        "errors": sum(x.find("error") is not None for x in cases),
        "skipped": sum(x.find("skipped") is not None for x in cases),
    }
    given = {"name": name, **{k: str(v) for k, v in counts.items()}}
    root = Element("testsuites", given)
    SubElement(root, "testsuite", given).extend(cases)
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _cases(diagnosis: Diagnosis) -> Iterator[Element]:
    yield from (_flow(x, diagnosis.findings) for x in diagnosis.traces)
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in diagnosis.findings:
        file = finding.location.file if finding.location else "system"
        groups.setdefault((file, f"{finding.code} {finding.name}"), []).append(finding)
    yield from (_case(file, rule, found) for (file, rule), found in groups.items())
    yield from map(_gap, diagnosis.skipped)
    if not (diagnosis.traces or diagnosis.findings or diagnosis.skipped):
        yield _nothing(diagnosis)


def _flow(trace: Trace, findings: Sequence[Finding]) -> Element:
    case = _test(trace.target.endpoint, f"{trace.protocol} over {trace.family.title} {', '.join(trace.addresses)}")
    said = line(trace, codes_of(trace, findings))
    if trace.disposition is Disposition.INSUFFICIENT_INFO or (trace.failed and not trace.required):
        SubElement(case, "skipped", message=_short(said))
    elif trace.failed:
        SubElement(case, "failure", type=str(trace.disposition), message=_short(said))
    return case


def _case(file: str, rule: str, found: Sequence[Finding]) -> Element:
    """What one rule says of one file; several findings are one failure, for a test may have no more."""
    case = _test(file, rule)
    worst = min((x.severity for x in found), key=tuple(Severity).index)
    said = "\n\n".join(map(_said, found))
    if worst is Severity.INFO:
        SubElement(case, "system-out").text = said
        return case
    summary = "; ".join(dict.fromkeys(x.summary for x in found))
    SubElement(case, "failure", type=str(worst), message=_short(summary)).text = said
    return case


def _said(finding: Finding) -> str:
    at = finding.location
    place = f"{printable(at.file)}:{at.line}:{at.column}: " if at else ""
    said = (f"{place}{finding.severity}: {finding.summary}", finding.excerpt.strip(), finding.detail, finding.hint)
    return "\n".join(paragraphs(x, _LONGEST) for x in said if x)


def _gap(gap: Skipped) -> Element:
    if gap.unreadable:
        case = _test(gap.location.file if gap.location else gap.needs, "is readable")
        SubElement(case, "error", type="unreadable", message=_short(f"{gap.needs}: {gap.why}"))
        return case
    case = _test("not seen", gap.needs)
    rules = f" (rules that are silent without it: {', '.join(gap.codes)})" if gap.codes else ""
    SubElement(case, "skipped", message=_short(f"{gap.why}{rules}"))
    return case


def _nothing(diagnosis: Diagnosis) -> Element:
    case = _test("dualstack", "every rule")
    if diagnosis.verdict is Verdict.UNKNOWN:
        SubElement(case, "skipped", message=_short(answer(diagnosis)))
    return case


def _test(place: str, name: str) -> Element:
    return Element("testcase", classname=_short(place), name=_short(name.strip()))


def _short(text: str) -> str:
    return printable(text, _LONGEST)

"""A diagnosis as SARIF 2.1.0, which code scanning services and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; sections are named where a form is not plain.
Pages are linked where `[project.urls]` of the installed package has a `Homepage`, and as `Documentation` the site that
`docs/conf.py` builds.
"""

import inspect
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any
from urllib.parse import quote

from dualstack import __version__
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Applicability, Edit, Finding, Fix, Severity, Skipped
from dualstack.model.question import FILES
from dualstack.model.source import Location
from dualstack.model.text import legible, paragraphs
from dualstack.reach.answer import answer
from dualstack.reach.fingerprint import fingerprints
from dualstack.reach.trace import codes_of, line
from dualstack.report.verbs.catalogue import entries, explained_rule
from dualstack.rules.registry import Rule, rules

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
"""What relative file names stand below: the folder that the command ran in (section 3.14.14)."""
FINGERPRINT = "dualstackFinding/v1"
"""Not `primaryLocationLineHash`: what uploads to GitHub makes that one of the file, and complains of any other."""

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_EXAMPLE = re.compile(r"```(\w+) (fires|quiet)$", re.MULTILINE)
_LONGEST = 4000


def render(diagnosis: Diagnosis) -> str:
    """One run as a JSON object with a final newline, in ASCII."""
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(diagnosis)]}, indent=2) + "\n"


def _run(diagnosis: Diagnosis) -> dict[str, Any]:
    verb = "lint" if diagnosis.question.place == FILES else "diagnose"
    codes = sorted({x.code for x in diagnosis.findings})
    known = {x.code: x for x in rules()}
    names = fingerprints(diagnosis.findings, _uri)
    flows = [line(x, codes_of(x, diagnosis.findings)) for x in diagnosis.traces]
    home = {"informationUri": _urls()["Homepage"]} if "Homepage" in _urls() else {}
    described = [_rule(x, known.get(x)) for x in codes]
    return {
        "tool": {"driver": {"name": "dualstack", "version": __version__, **home, "rules": described}},
        "automationDetails": {"id": f"dualstack/{verb}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder that the command ran in."}}},
        "invocations": [
            {
                "executionSuccessful": not diagnosis.interrupted and not any(x.unreadable for x in diagnosis.skipped),
                "toolExecutionNotifications": [_notification(x) for x in diagnosis.skipped],
            }
        ],
        "results": [_result(x, codes.index(x.code), name) for x, name in zip(diagnosis.findings, names, strict=True)],
        "properties": {"verdict": str(diagnosis.verdict), "answer": _text(answer(diagnosis)), "flows": flows},
    }


def _rule(code: str, rule: Rule | None) -> dict[str, Any]:
    """What is known of a rule; only its code where this version has it no more."""
    if rule is None:
        return {"id": code}
    (entry,) = entries(code)
    said = inspect.cleandoc(rule.documentation)
    site = _urls().get("Documentation")
    page = {"helpUri": f"{site.rstrip('/')}/rules/{code}.html"} if site else {}
    detects = said.partition("## What it detects\n")[2].partition("\n## ")[0]
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": said.partition("\n")[0]},
        "fullDescription": {"text": " ".join(detects.split()) or said.partition("\n")[0]},
        **page,
        "help": {"text": explained_rule(entry), "markdown": _EXAMPLE.sub(_labelled, said)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["otlp", "ipv4", "ipv6", str(rule.hop)],
            "hop": str(rule.hop),
            "fix": entry.fix,
            "problem.severity": {"note": "recommendation"}.get(_LEVELS[rule.severity], _LEVELS[rule.severity]),
        },
    }


@cache
def _urls() -> Mapping[str, str]:
    """What the installed package says of its home, by label; nothing where it runs without being installed."""
    try:
        said = metadata.metadata("dualstack").get_all("Project-URL") or ()
    except metadata.PackageNotFoundError:
        return {}
    return {label.strip(): url.strip() for label, _, url in (x.partition(",") for x in said)}


def _labelled(example: re.Match[str]) -> str:
    return f"{example[2].title()}:\n\n```{example[1]}"


def _result(finding: Finding, index: int, fingerprint: str) -> dict[str, Any]:
    said = " ".join(filter(None, (f"{finding.summary}.", finding.detail, finding.hint)))
    result = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": _text(said)},
        "locations": _places(finding),
        "partialFingerprints": {FINGERPRINT: fingerprint},
        "properties": {
            "families": [str(x) for x in finding.families],
            "hop": str(finding.hop or ""),
            "confidence": str(finding.confidence),
            "because": list(finding.because),
            "evidence": [_text(f"{x.fact} ({x.layer}: {x.source})") for x in finding.evidence],
        },
    }
    fix = finding.fix
    if fix and fix.edits and fix.applicability is not Applicability.MANUAL and all(x.location for x in fix.edits):
        result["fixes"] = [_fix(fix)]
    return result


def _places(finding: Finding) -> list[dict[str, Any]]:
    """The place in a file, or else the flows that the finding speaks of."""
    at = finding.location
    if at is None:
        flows = [{"fullyQualifiedName": _text(x), "kind": "flow"} for x in finding.flows]
        return [{"logicalLocations": flows}] if flows else []
    region: dict[str, Any] = _region(at)
    place: dict[str, Any] = {"artifactLocation": _artifact(at.file), "region": region}
    if finding.excerpt and at.end_line == at.line:
        region["snippet"] = {"text": finding.excerpt[at.column - 1 : at.end_column - 1]}
    if finding.excerpt:
        place["contextRegion"] = {"startLine": at.line, "snippet": {"text": finding.excerpt}}
    return [{"physicalLocation": place}]


def _artifact(file: str) -> dict[str, str]:
    return {"uri": _uri(file)} if file.startswith("/") else {"uri": _uri(file), "uriBaseId": ROOT}


def _uri(file: str) -> str:
    """A file name as a URI reference (RFC 3986); bytes that are no text keep their value."""
    try:
        escaped = quote(file, errors="surrogateescape")
    except UnicodeEncodeError:
        escaped = quote(legible(file))
    return f"file://{escaped}" if file.startswith("/") else escaped.removeprefix("./")


def _region(at: Location) -> dict[str, int]:
    """Lines and columns from 1; the end column is that of the character behind the last (section 3.30)."""
    found = {"startLine": at.line, "startColumn": at.column}
    return found | ({"endLine": at.end_line, "endColumn": at.end_column} if at.end_line else {})


def _fix(fix: Fix) -> dict[str, Any]:
    files: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        files.setdefault(edit.target, []).append(edit)
    changes = [
        {"artifactLocation": _artifact(file), "replacements": [_replacement(x) for x in edits]}
        for file, edits in files.items()
    ]
    return {
        "description": {"text": _text(fix.title)},
        "artifactChanges": changes,
        "properties": {"applicability": str(fix.applicability)},
    }


def _replacement(edit: Edit) -> dict[str, Any]:
    region = _region(edit.location) if edit.location else {}
    return {"deletedRegion": region, "insertedContent": {"text": edit.new}}


def _notification(gap: Skipped) -> dict[str, Any]:
    """What could not be read is an error of the run, what was not seen a note (section 3.58)."""
    said = {
        "level": "error" if gap.unreadable else "note",
        "message": {"text": _text(f"{gap.needs}: {gap.why}")},
        "properties": {"codes": list(gap.codes)},
    }
    if gap.location:
        place = {"artifactLocation": _artifact(gap.location.file), "region": _region(gap.location)}
        return {**said, "locations": [{"physicalLocation": place}]}
    return said


def _text(text: str) -> str:
    return paragraphs(text, _LONGEST)

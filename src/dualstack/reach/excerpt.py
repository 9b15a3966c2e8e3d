"""The line of a file that a finding is about, as a fix leaves it."""

from dualstack.model.finding import Applicability, Finding


def mended(finding: Finding) -> str | None:
    """The line after a safe fix; None where there is none, and where the fix changes other lines as well."""
    at, fix = finding.location, finding.fix
    if at is None or fix is None or fix.applicability is not Applicability.SAFE or not finding.excerpt:
        return None
    text = finding.excerpt
    for edit in sorted(fix.edits, key=lambda x: x.location.column if x.location else 0, reverse=True):
        place = edit.location
        if place is None or (edit.target, place.line, place.end_line) != (at.file, at.line, at.line):
            return None
        text = text[: place.column - 1] + edit.new + text[place.end_column - 1 :]
    return text if text != finding.excerpt and "\n" not in text else None

"""How much a review of files found, in one sentence."""

from collections import Counter

from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity

_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def tally(diagnosis: Diagnosis) -> str:
    """How many findings there are of each severity, and how many files could not be read."""
    counts = Counter(x.severity for x in diagnosis.findings)
    found = [counted(counts[x], _NOUNS[x]) for x in Severity if counts[x]]
    unread = len({x.location.file if x.location else x.needs for x in diagnosis.skipped if x.unreadable})
    if not found and not unread and diagnosis.verdict is Verdict.UNKNOWN:
        return "nothing was understood, so nothing is known."
    said = ", ".join(found) or "no findings"
    return f"{said}; {counted(unread, 'file')} could not be read." if unread else f"{said}."


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 error`, `2 errors`."""
    return f"{number} {noun}{'s' * (number != 1)}"

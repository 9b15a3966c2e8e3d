"""What a finding is known by when the lines above it have moved."""

from collections import Counter
from collections.abc import Callable, Sequence

from dualstack.model.finding import Finding

_DIGITS = 20


def fingerprints(findings: Sequence[Finding], named: Callable[[str], str] = str) -> tuple[str, ...]:
    """A name for each finding in hexadecimal digits, in their order.

    It is made of the code, the file as `named` gives it, and the text of the line without its indentation; of those
    that are alike in all that, the first in the file is told from the second. A finding keeps it while its line is
    moved or indented, and gets another when its line is changed.
    """
    import hashlib  # it loads a library for cryptography

    places = sorted(range(len(findings)), key=lambda i: _place(findings[i]))
    seen, made = Counter[tuple[str, str, str]](), dict[int, str]()
    for number in places:
        finding = findings[number]
        key = (
            finding.code,
            named(finding.location.file) if finding.location else "",
            " ".join(finding.excerpt.split()),
        )
        made[number] = hashlib.sha256("\0".join((*key, str(seen[key]))).encode(errors="surrogatepass")).hexdigest()
        seen[key] += 1
    return tuple(made[x][:_DIGITS] for x in range(len(findings)))


def _place(finding: Finding) -> tuple[str, int, int]:
    at = finding.location
    return (at.file, at.line, at.column) if at else ("", 0, 0)

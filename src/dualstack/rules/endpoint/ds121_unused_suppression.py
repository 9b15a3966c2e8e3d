"""A comment silences a rule that has nothing to say there.

## What it detects
`# dualstack: ignore[DS102]`, or an annotation `dualstack.dev/ignore`, whose codes are not found where it stands.

## Why it breaks
The fault that it was written for is gone, and it would silence the next one.

## Fix
Take it away.

## Example
```yaml fires
receivers:
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}  # dualstack: ignore[DS101]
```
```yaml quiet
receivers:
  otlp: {protocols: {grpc: {endpoint: "fd00::5:4317"}}}  # dualstack: ignore[DS101] mended in the next release
```

## References
- docs/lint.md
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.review import Unused
from dualstack.model.trace import Hop

HOP = Hop.ENDPOINT
SEVERITY = Severity.WARNING


def lint(unused: Unused) -> Iterator[Finding]:
    """One finding for each suppression of which a part silences nothing."""
    for suppression, codes in unused.items:
        said = ", ".join(filter(None, codes))
        yield Finding(
            summary="Suppression silences nothing",
            detail=f"Nothing is found here for {said}." if said else "Nothing is found here.",
            hint=f"Take {said or 'it'} away.",
            confidence=Confidence.DECLARED,
            evidence=(Evidence(f"ignore[{','.join(suppression.codes)}]", suppression.said, Layer.DECLARED),),
            location=suppression.at,
        )

"""An address in brackets stands without quotes.

## What it detects
A value such as `endpoint: [::]:4317`. The rest of the file is judged as if it were quoted.

## Why it breaks
In YAML a bracket begins a list, so the file is none: `did not find expected ',' or ']'`. The Collector does not start.

## Fix
Quote the value: `"[::]:4317"`.

## Fix safety
Safe: the value becomes what was meant.

## Example
```yaml fires
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: [::]:4317
```
```yaml quiet
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: "[::]:4317"
```

## References
- YAML 1.1 section 7.4 (flow collections)
- Measured: the Collector 0.161, and six YAML parsers
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Edit, Finding, Fix, Severity
from dualstack.model.review import Slips
from dualstack.model.trace import Hop

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(slips: Slips) -> Iterator[Finding]:
    """One finding for each value that begins with a bracket."""
    for slip in slips.items:
        if slip.code != "DS118":
            continue
        written = slip.written
        edits = (Edit(written.at.file, written.raw, f'"{slip.meant}"', written.at),) if written.raw else ()
        yield Finding(
            summary="Bracketed address without quotes",
            detail=f"`{written.text}` begins with a bracket and so reads as a list: the file is no YAML.",
            hint=f'Write `"{slip.meant}"`.',
            families=(Family.IPV6,),
            confidence=Confidence.DECLARED,
            evidence=(Evidence(written.text, f"{written.at.file}:{written.at.line}", Layer.DECLARED),),
            location=written.at,
            fix=Fix("Quote the address", Applicability.SAFE if edits else Applicability.MANUAL, edits),
        )

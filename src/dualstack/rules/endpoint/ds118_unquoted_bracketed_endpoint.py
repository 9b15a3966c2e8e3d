"""An address in brackets stands without quotes.

## What it detects
A value such as `endpoint: [::]:4317`. The rest of the file is judged as if it were quoted. Also one in brackets that
is YAML, and so a list: `endpoint: [localhost]`.

## Why it breaks
In YAML a bracket begins a list, so the file is none: `did not find expected ',' or ']'`. The program does not start.

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
```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: [localhost]}}}}
```

## References
- YAML 1.1 section 7.4 (flow collections)
- Measured: the Collector 0.161, and six YAML parsers
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Edit, Finding, Fix, Severity
from dualstack.model.question import Question
from dualstack.model.review import Slips
from dualstack.model.trace import Hop
from dualstack.reach.drafts import faults

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(slips: Slips, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each value that begins with a bracket."""
    for fault in faults(deployments, question, "DS118"):
        yield Finding(
            summary="List where an address is wanted",
            detail=f"The value of `{fault.endpoint.field}` begins with a bracket and so reads as a list: the Collector "
            "refuses it.",
            hint="Write the address as a text, in quotes where it begins with a bracket.",
            confidence=Confidence.DECLARED,
            evidence=(Evidence(fault.bound.error, fault.endpoint.field, Layer.DECLARED),),
            location=fault.endpoint.location,
            fix=Fix("Write the address as a text"),
        )
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

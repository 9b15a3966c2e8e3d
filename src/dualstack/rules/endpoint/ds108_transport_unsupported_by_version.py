"""A `transport` is written where this version of the Collector knows none.

## What it detects
`transport` beside the endpoint of an HTTP server, in a Collector before 0.144. The version is that of
`--collector-version`, or of the image that runs the configuration; where neither tells, nothing is said. Also a
transport that a component takes in no version, such as `tcp4` in carbon.

## Why it breaks
HTTP servers got `transport` in 0.144. Before that the configuration is refused: `'protocols.http' has invalid keys:
transport`.

## Fix
Take `transport` away, or use a newer Collector.

## Example
```yaml fires
# dualstack lint --collector-version 0.139.0
receivers: {otlp: {protocols: {http: {transport: tcp4, endpoint: "0.0.0.0:4318"}}}}
```
```yaml fires
receivers: {carbon: {transport: tcp4, endpoint: "0.0.0.0:2003"}}
```
```yaml quiet
# dualstack lint --collector-version 0.149.0
receivers: {otlp: {protocols: {http: {transport: tcp4, endpoint: "0.0.0.0:4318"}}}}
```

## References
- https://github.com/open-telemetry/opentelemetry-collector/pull/14248
- Measured: the Collector 0.139, 0.149 and 0.161
"""

from collections.abc import Iterator

from dualstack.model.deployed import Deployments
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.drafts import faults

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each transport that the version does not know."""
    for fault in faults(deployments, question, "DS108"):
        pinned = fault.endpoint.pinned
        yield Finding(
            summary="Transport is unknown to this component",
            detail=f"{fault.endpoint.component}: {fault.bound.error}. The configuration is refused.",
            hint="Take `transport` away, or use a Collector that knows it.",
            confidence=Confidence.DECLARED,
            evidence=fault.evidence,
            location=pinned.at if pinned else fault.endpoint.location,
            fix=Fix("Take `transport` away, or use a newer Collector"),
        )

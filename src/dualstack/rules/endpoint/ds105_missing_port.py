"""An address stands without a port where one is needed.

## What it detects
A listener such as `endpoint: 0.0.0.0`, or a gRPC exporter such as `endpoint: collector`.

## Why it breaks
The Collector says `missing port in address` and ends at its start. gRPC exporters are checked before that
(`otelcol validate` says the same); URLs have a port by their scheme and need none.

## Fix
Add the port that clients use, which is 4317 for OTLP over gRPC and 4318 over HTTP.

## Example
```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0"}}}}
```
```yaml fires
exporters: {otlp: {endpoint: "collector.example.com"}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
exporters: {otlp: {endpoint: "collector.example.com:4317"}, otlphttp: {endpoint: "https://collector.example.com"}}
```

## References
- Go src/net/ipsock.go SplitHostPort
- opentelemetry-collector exporter/otlpexporter/config.go 0.139 and config/configgrpc/configgrpc.go 0.161, Validate
- Measured: 32 starts of the Collector that failed
"""

from collections.abc import Iterator

from dualstack.model.deployed import Deployments, Senders
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.drafts import faults, misread, sent

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each address that lacks its port."""
    for fault in faults(deployments, question, "DS105"):
        endpoint = fault.endpoint
        known = endpoint.default.rpartition(":")[2]
        like = f", such as `{endpoint.effective}:{known}`" if known else ""
        yield Finding(
            summary="Listener without a port",
            detail=f"`{endpoint.effective}` names no port: `{fault.bound.error}`. The program does not start.",
            hint=f"Write a port behind the host{like}.",
            confidence=Confidence.DECLARED,
            evidence=fault.evidence,
            location=endpoint.location,
            fix=Fix("Write the port"),
        )
    for said, reading in misread(senders, "DS105"):
        yield Finding(
            summary="Destination without a port",
            detail=f"`{said.value}` names no port, and a gRPC exporter of the Collector refuses to start without one.",
            hint=f"Write a port behind the host, such as `{reading.host}:4317`.",
            confidence=Confidence.DECLARED,
            evidence=sent(said),
            location=said.written.at,
            fix=Fix("Write the port"),
        )

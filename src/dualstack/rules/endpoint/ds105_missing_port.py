"""An address stands without a port where one is needed.

## What it detects
A listener such as `endpoint: 0.0.0.0`, or a gRPC exporter such as `endpoint: collector`; and a port without its colon,
such as `endpoint: "4317"`, or a variable alone that a pod fills with an address.

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

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.model.sockets import Runtime
from dualstack.model.trace import Hop
from dualstack.reach.drafts import bare_variables, faults, misread, sent
from dualstack.reach.start import numbered

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each address that lacks its port."""
    for fault in faults(deployments, question, "DS105"):
        text = fault.endpoint.effective
        detail = f"`{text}` names no port: `{fault.bound.error}`. The program does not start."
        if numbered(text):
            detail = f"`{text}` is a port without a colon before it: `{fault.bound.error}`. The program does not start."
        yield _listener(fault.endpoint, text, detail, fault.evidence)
    for bare in bare_variables(deployments, question):
        text = bare.endpoint.effective
        detail = f"`{text}` holds an address and no port: `{bare.bound.error}`. The program does not start."
        either = f"[{text}]" if Family.IPV6 in bare.families else text
        yield _listener(bare.endpoint, either, detail, bare.evidence)
    for said, reading in misread(senders, "DS105"):
        lacks = "host" if numbered(said.value) else "port"
        like = f"HOST:{said.value}" if lacks == "host" else f"{reading.host}:4317"
        yield Finding(
            summary="Destination without a port",
            detail=f"`{said.value}` names no {lacks}, and a gRPC exporter of the Collector refuses to start so.",
            hint=f"Write host and port, such as `{like}`.",
            confidence=Confidence.DECLARED,
            evidence=sent(said),
            location=said.written.at,
            fix=Fix(f"Write the {lacks}"),
        )


def _listener(endpoint: DeclaredEndpoint, host: str, detail: str, evidence: tuple[Evidence, ...]) -> Finding:
    number, known = numbered(host), endpoint.default.rpartition(":")[2]
    like = f", such as `{host}:{known}`" if known else ""
    wildcard = "0.0.0.0" if endpoint.runtime == Runtime.GO else "[::]"
    return Finding(
        summary="Listener without a port",
        detail=detail,
        hint=f"Write `{wildcard}:{number}`." if number else f"Write a port behind the host{like}.",
        confidence=Confidence.DECLARED,
        evidence=evidence,
        location=endpoint.location,
        fix=Fix("Write the port"),
    )

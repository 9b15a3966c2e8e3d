"""An IPv6 address with a port stands without brackets.

## What it detects
An endpoint that is an IPv6 address, a colon and a port, without brackets around the address: of a listener, an
exporter, a scrape target, or a variable such as `OTEL_EXPORTER_OTLP_ENDPOINT`.

## Why it breaks
The colons of the address and that of the port cannot be told apart. Go says `too many colons in address`, URL parsers
call it an invalid port. The Collector ends at its start; a client sends nothing.

## Fix
Put the address in brackets: `[fd00::5]:4317`.

## Fix safety
Safe where only one reading makes sense. `2001:db8::1:8080` is also an address without a port (DS111): then by hand.

## Example
```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "fd00::5:4317"}}}}
```
```yaml fires
exporters: {otlphttp: {endpoint: "http://fd00:1:2:3:4:5:6:7:4318"}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "[fd00::5]:4317"}}}}
exporters: {otlphttp: {endpoint: "http://[fd00::5]:4318"}}
```

## References
- RFC 3986 section 3.2.2; Go src/net/ipsock.go SplitHostPort
- Measured: 448 starts of the Collector that failed
- https://github.com/open-telemetry/opentelemetry-helm-charts/issues/816
"""

from collections.abc import Iterator

from dualstack.model.address import OTLP_PORTS, Family
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.question import Question
from dualstack.model.source import Written
from dualstack.model.trace import Hop
from dualstack.reach.destination import Reading, read
from dualstack.reach.drafts import faults
from dualstack.reach.edits import fix, quoted

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR
BECAUSE = ("DS118",)


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each address without brackets."""
    for fault in faults(deployments, question, "DS101"):
        written = fault.endpoint.written
        if written and "$" not in written.text:
            known = fault.endpoint.default.rpartition(":")[2]
            yield _finding(written, read(written.text, "hostport"), known, fault.evidence)
    for sender in senders.items:
        said = sender.destination
        reading = read(said.value, said.form)
        if reading.fault == "DS101" and "$" not in said.written.text:
            evidence = Evidence(said.written.text, said.field, Layer.DECLARED)
            yield _finding(said.written, reading, "", (evidence,))


def _finding(written: Written, reading: Reading, known: str, evidence: tuple[Evidence, ...]) -> Finding:
    meant = reading.meant
    plain = not reading.ambiguous or reading.port in (known, *map(str, OTLP_PORTS))
    title = f"Write `{meant}`" if meant else "Put the address in brackets"
    told = f"Write `{quoted(written, meant)}`" if meant else title
    return Finding(
        summary="IPv6 address without brackets",
        detail=f"In `{written.text}` the colons of the address and that of the port cannot be told apart.",
        hint=f"{told}." if plain else f"{told}, or `[{written.text}]` with a port behind it.",
        families=(Family.IPV6,),
        confidence=Confidence.DECLARED,
        evidence=evidence,
        location=written.at,
        fix=fix(title, Applicability.SAFE if plain else Applicability.MANUAL, written, meant),
    )

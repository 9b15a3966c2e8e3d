"""An IPv6 address without brackets whose last group can be a port or a part of the address.

## What it detects
A text such as `2001:db8::1:4318`: without brackets it is a whole IPv6 address, and an address with a port as well. It
is told beside DS101, which says that it cannot be used; of a listener only where the port is none that it is known by.

## Why it breaks
Whoever mends it has to know which one was meant. With the wrong guess the text is valid and leads elsewhere.

## Fix
Write `[2001:db8::1]:4318` for an address and a port, `[2001:db8::1:4318]:4318` for the whole address.

## Example
```yaml fires
exporters: {otlphttp: {endpoint: "http://2001:db8::1:4318"}}
```
```yaml fires
receivers: {zipkin: {endpoint: "2001:db8::1:8080"}}
```
```yaml quiet
receivers: {zipkin: {endpoint: "2001:db8::1:9411"}}
```
```yaml quiet
exporters: {otlphttp: {endpoint: "http://2001:db8:1:2:3:4:5:6:4318"}}
```

## References
- RFC 5952 section 6
- RFC 4291 section 2.2
"""

from collections.abc import Iterator

from dualstack.model.address import OTLP_PORTS, Family
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.question import Question
from dualstack.model.source import Location
from dualstack.model.trace import Hop
from dualstack.reach.destination import Reading, read
from dualstack.reach.drafts import faults, misread, sent

HOP = Hop.ENDPOINT
SEVERITY = Severity.WARNING
BECAUSE = ("DS101",)


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each address that can be read in two ways."""
    for fault in faults(deployments, question, "DS101"):
        reading = read(fault.endpoint.effective, "hostport")
        known = (fault.endpoint.default.rpartition(":")[2], *map(str, OTLP_PORTS))
        if reading.ambiguous and reading.port not in known:
            yield _finding(reading, fault.evidence, fault.endpoint.location)
    for said, reading in misread(senders, "DS101"):
        if reading.ambiguous:
            yield _finding(reading, sent(said), said.written.at)


def _finding(reading: Reading, evidence: tuple[Evidence, ...], at: Location | None) -> Finding:
    whole = f"{reading.host}:{reading.port}"
    return Finding(
        summary="IPv6 address or address with port",
        detail=f"`{whole}` is an address by itself, and `{reading.host}` with port {reading.port} as well.",
        hint=f"Write `[{reading.host}]:{reading.port}`, or `[{whole}]` and the port behind it.",
        families=(Family.IPV6,),
        confidence=Confidence.DECLARED,
        evidence=evidence,
        location=at,
        fix=Fix("Say with brackets which one is meant"),
    )

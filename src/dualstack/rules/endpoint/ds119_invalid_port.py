"""A port is none, or one that no client can know.

## What it detects
A port that is no number from 1 to 65535, of a listener or a destination, and what stands where a port should: also
quotes around all of the text, an endpoint of an SDK with one slash behind its scheme, and, as a warning, a blank or a
line break behind it, another scheme than `http` and `https`, or none but `otel:4318` for OTLP/HTTP, of which many make
a scheme without a host.
Port 0 of a listener is an error for a receiver in a container, else a warning: somebody may read the port from the
log. So is a name such as `[::]:otlp`, unless Go itself knows it; a warning where hosts may know it.

## Why it breaks
`0.0.0.0:99999` ends the Collector with `invalid port`. With port 0 the kernel picks one, another at each start. A name
is looked up in `/etc/services`, which images of the Collector do not have.

## Fix
Write the number of the port.

## Example
```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:99999"}}}}
```
```yaml fires
exporters: {otlp: {endpoint: "collector:43l7"}}
```
```yaml fires
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec: {containers: [{name: shop, env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http:/otel:4318"}]}]}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}}
exporters: {otlp: {endpoint: "collector:4317"}}
```

## References
- Go src/net/port.go parsePort, src/net/lookup.go
- RFC 6335 section 6
"""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.deployed import Deployed, Deployments, Senders
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.otel import DeclaredEndpoint, Destination
from dualstack.model.question import Question
from dualstack.model.source import Location
from dualstack.model.trace import Hop
from dualstack.reach.destination import is_quoted, read, slashed
from dualstack.reach.drafts import declared, failure, faults, misread, sent, taken_apart

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each such port."""
    for fault in faults(deployments, question, "DS119"):
        detail = f"`{fault.endpoint.effective}` cannot be bound: `{fault.bound.error}`. The program does not start."
        yield _finding("Port is no port", detail, fault.evidence, fault.endpoint.location)
    yield from (_misread(said) for said, _ in misread(senders, "DS119"))
    for item in deployments.items:
        for endpoint in item.config.endpoints:
            if endpoint.text and not failure(endpoint, question):
                yield from _uncertain(endpoint, item)


def _misread(said: Destination) -> Finding:
    text, client = said.value, said.field.startswith("OTEL_")
    if is_quoted(text):
        detail = f"The quotes are part of the value: `{text}` is no URL, and no port is found in it."
        found = _finding("Quotes are part of the endpoint", detail, sent(said), said.written.at)
        return replace(found, hint="Leave the quotes out; only a shell takes them away.", fix=Fix("Leave them out"))
    if whole := slashed(text.strip()):
        found = _finding("A slash is missing in the endpoint", f"`{text}` has no host.", sent(said), said.written.at)
        return replace(found, hint=f"Write `{whole}`.", fix=Fix("Write both slashes"))
    if client and not read(text.strip(), said.form).fault:
        detail = f"`{text.strip()}` has a blank or a line break behind it, which Go and Java refuse and others cut off."
        found = _finding("A blank ends the endpoint", detail, sent(said), said.written.at, Severity.WARNING)
        return replace(found, hint="Leave it out: in YAML with `|-` in the place of `|`.", fix=Fix("Leave it out"))
    detail = f"`{text}` has no number from 1 to 65535 where its port should be."
    return _finding("Port is no port", detail, sent(said), said.written.at)


def _uncertain(endpoint: DeclaredEndpoint, item: Deployed) -> Iterator[Finding]:
    """What is said of a port that can be bound, and may not be found."""
    place, evidence = taken_apart(endpoint), (declared(endpoint),)
    if place.form == "service" and not _is_known(place.port, endpoint.transport, "go"):
        known, there = _is_known(place.port, endpoint.transport, "hosts"), "images of the Collector have no such file"
        why = there if known or item.workload else "no system comes with one that has this name"
        detail = f"`{place.port}` is looked up in `/etc/services`, and {why}."
        severity = Severity.WARNING if known and not item.workload else Severity.ERROR
        yield _finding("Port is a name", detail, evidence, endpoint.location, severity)
    if "$" not in endpoint.effective and place.form != "service" and place.number == 0:
        wanted = endpoint.component.startswith("receivers/") and item.workload
        detail = f"With `{endpoint.effective}` the kernel picks a port at each start, and no client can know it."
        severity = Severity.ERROR if wanted else Severity.WARNING
        yield _finding("Port changes at each start", detail, evidence, endpoint.location, severity)


def _is_known(name: str, transport: str, to: str) -> bool:
    """Whether Go itself knows the name of a port, or the file /etc/services that hosts have."""
    rows = (x for x in table("services") if x["known to"] == to)
    return any(x["name"] == name.lower() and transport in x["network"].split(",") for x in rows)


def _finding(
    summary: str,
    detail: str,
    evidence: tuple[Evidence, ...],
    at: Location | None,
    severity: Severity = Severity.ERROR,
) -> Finding:
    return Finding(
        summary=summary,
        detail=detail,
        hint="Write the number of the port.",
        severity=severity,
        confidence=Confidence.DECLARED,
        evidence=evidence,
        location=at,
        fix=Fix("Write the number of the port"),
    )

"""This client cannot use an IPv6 literal, however it is written.

## What it detects
The target is an IPv6 literal and the client is one whose exporter mishandles them: the OpenTelemetry SDK for
JavaScript over HTTP before 0.218, for Ruby before 0.33, for C++ before 1.17. In files the SDK is known by its image, by
the annotation of the Operator, or by an option of its runtime; its version stays open, so that is a warning.

## Why it breaks
The exporter takes the URL apart by itself. It looks `[::1]` up as a name, brackets included, or cuts the address at its
first colon. The endpoint is right and the receiver is up; no connection is tried.

## Fix
Upgrade the exporter, or send to a name that stands for the address.

## Example
```yaml fires
target: http://[2001:db8::7]:4318
client: otel-js@0.213
probes: ["[2001:db8::7]:4318 http accepted"]
```
```yaml fires
target: grpc://[::1]:4317
client: otel-cpp-grpc
probes: ["[::1]:4317 grpc accepted"]
```
```yaml quiet
target: http://[2001:db8::7]:4318
client: otel-js@0.218
probes: ["[2001:db8::7]:4318 http accepted"]
```
```yaml quiet
target: http://10.9.0.7:4318
client: otel-js@0.213
probes: ["10.9.0.7:4318 http accepted"]
```
```yaml fires
services:
  shop:
    image: node:22
    environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://[2001:db8::7]:4318"}
```
```yaml quiet
services:
  shop:
    image: node:22
    environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://[2001:db8::7]:4317", OTEL_EXPORTER_OTLP_PROTOCOL: grpc}
  till:
    image: golang:1.26
    environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://[2001:db8::7]:4318"}
```

## References
- knowledge/literals.table, each row with its source and whether it was run
"""

from collections.abc import Iterator, Mapping

from dualstack.model.address import Family, Protocol
from dualstack.model.deployed import Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.question import Client, Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.literals import suspected
from dualstack.reach.select import behaviour
from dualstack.reach.sent import target

HOP = Hop.SELECT
SEVERITY = Severity.ERROR


def check(traces: Traces, question: Question) -> Iterator[Finding]:
    """One finding for each IPv6 literal that the named client cannot use, or could not in an older version."""
    client = question.client
    if client is None:
        return
    for trace in traces.items:
        row = suspected(client, trace.target)
        if row is None:
            continue
        known = bool(client.version)
        title = behaviour(client.runtime).title
        until = f"{row['until']} and later can." if known else f"Versions before {row['until']} cannot; none was given."
        yield Finding(
            summary="This client cannot use IPv6 literals" if known else "Older versions cannot use IPv6 literals",
            severity=_severity(row, known=known),
            detail=f"With `{trace.target.endpoint}`, {title} {row['answer']}. {until}",
            hint=f"Upgrade the exporter to {row['until']} or later, or send to a name for `{trace.target.host}`.",
            families=(Family.IPV6,),
            confidence=Confidence.DECLARED if known and row["status"] == "verified" else Confidence.INFERRED,
            evidence=(Evidence(f"{client.runtime} before {row['until']}", row["source"], Layer.DECLARED),),
            flows=(trace.key,),
        )


def lint(senders: Senders) -> Iterator[Finding]:
    """One finding for each IPv6 literal that a container sends to whose SDK could not use it in older versions."""
    for sender in senders.items:
        said = sender.destination
        place = target(said)
        row = suspected(Client(said.client), place) if place and place.protocol is Protocol.HTTP else None
        if place and row:
            title = behaviour(said.client).title
            yield Finding(
                summary="Older versions cannot use IPv6 literals",
                detail=f"{title} before {row['until']} {row['answer']}. The files do not say which version this is.",
                hint=f"See that the exporter is {row['until']} or later, or send to a name for `{place.host}`.",
                severity=Severity.WARNING,
                families=(Family.IPV6,),
                confidence=Confidence.DECLARED,
                evidence=(Evidence(said.written.text, said.field, Layer.DECLARED),),
                location=said.written.at,
            )


def _severity(row: Mapping[str, str], *, known: bool) -> Severity:
    if not known:
        return Severity.INFO
    return Severity.ERROR if row["status"] == "verified" else Severity.WARNING

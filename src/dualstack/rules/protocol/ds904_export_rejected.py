"""The receiver takes the connection and says no to the export.

## What it detects
An OTLP receiver answers the export with an error: who is there, no permission, too large, no room, a signal that it
does not serve, or a partial success. An empty export is sent, so no data is the reason; one of 12 KiB follows, and what
is too small for it is too small for most batches. Where the configuration of the receiver is known, it says which
pipelines it is in. Also an Ingress or a route that leaves a prefix in the path, which the receiver does not serve, and
the proxies of Istio that refuse clients, send TLS to plain text, or send none where it is demanded.

## Why it breaks
The network works, over this family as well. Looking at addresses, routes and firewalls is in vain.

## Fix
What the status says: credentials, limits, or a pipeline for the signal.

## Example
```yaml fires
target: collector:4317
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4317 grpc rejected grpc-status 16 UNAUTHENTICATED detail='missing token'"]
```
```yaml fires
target: http://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 http rejected HTTP 404 signals=metrics,logs"]
```
```yaml fires
target: http://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 http rejected HTTP 400"]
```
```yaml fires
target: http://127.0.0.1:4318
listeners: ["[::]:4318 go otelcol"]
probes: ["127.0.0.1:4318 http not_otlp HTTP 404"]
config: |
  receivers: {otlp: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}}
  exporters: {debug: {}}
  service: {pipelines: {metrics: {receivers: [otlp], exporters: [debug]}}}
```
```yaml fires
target: http://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 http accepted HTTP 200 larger='rejected HTTP 413'"]
```
```yaml fires
target: grpc://[fd00:9::7]:4317
probes: ["[fd00:9::7]:4317 grpc accepted larger='rejected grpc-status 14 UNAVAILABLE'"]
```
```yaml quiet
target: collector:4317
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4317 grpc accepted grpc-status 0 signals=traces"]
```

## References
- OTLP specification, OTLP/gRPC Response and OTLP/HTTP Response
- The statuses: knowledge/rejections.table
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from dualstack.knowledge import table
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.probe import Larger, Outcome, ProbeResult, Probes
from dualstack.model.trace import Hop, Traces
from dualstack.reach.answers import SIGNALS, differing, doubted, ended, unpiped
from dualstack.reach.paths import unmet

HOP = Hop.EXPORT
SEVERITY = Severity.ERROR


def check(traces: Traces, probes: Probes, declared: Declared | None) -> Iterator[Finding]:
    """One finding for each flow whose receiver says no, or whose clients send what it does not serve."""
    for trace in traces.broken:
        end = trace.at(HOP)
        said = unmet(end) if trace.failing == end else None
        if said:
            yield Finding(
                *said,
                families=(trace.family,),
                confidence=Confidence.DECLARED,
                evidence=end.evidence,
                flows=(trace.key,),
            )
    for trace, result in (*ended(traces, probes, (Outcome.REJECTED, Outcome.NOT_OTLP)), *doubted(traces, probes)):
        endpoint = unpiped(trace, result, declared)
        if endpoint is None and result.outcome is Outcome.NOT_OTLP:
            continue
        summary, detail, hint = _unpiped(endpoint, result) if endpoint else _said(result)
        yield Finding(
            summary=summary,
            detail=detail,
            hint=hint,
            families=(trace.family,),
            confidence=Confidence.PROBED,
            evidence=trace.at(Hop.EXPORT).evidence,
            location=endpoint.pipelines if endpoint else None,
            severity=Severity.ERROR if trace.failed else Severity.WARNING,
            flows=(trace.key,),
        )
    for trace, _, larger in differing(traces, probes):
        if larger.outcome in (Outcome.REJECTED, Outcome.NOT_OTLP):
            summary, detail, hint = _status(larger)
            yield Finding(
                summary=summary,
                detail=f"An empty export is accepted, and one of 12 KiB is not. {detail}",
                hint=hint,
                families=(trace.family,),
                confidence=Confidence.PROBED,
                evidence=trace.at(Hop.EXPORT).evidence,
                severity=Severity.ERROR if _row(larger)["about"] == "size" else Severity.WARNING,
                flows=(trace.key,),
            )


def _unpiped(endpoint: DeclaredEndpoint, result: ProbeResult) -> tuple[str, str, str]:
    """Words for a receiver that is known to be in no pipeline of traces."""
    name, held = endpoint.component.partition("/")[2], " and ".join(endpoint.signals)
    said = f"The receiver `{name}` is in pipelines of {held} alone, and answers `{result.status}` to traces."
    at = f"`{endpoint.pipelines.file}`, line {endpoint.pipelines.line}" if endpoint.pipelines else "its configuration"
    return "No pipeline takes traces", said, f"Add `{name}` to a pipeline of traces in {at}, if clients send them."


def _said(result: ProbeResult) -> tuple[str, str, str]:
    return _unserved(result) if result.signals else _status(result)


def _unserved(result: ProbeResult) -> tuple[str, str, str]:
    """Words for a receiver that took one signal after it had refused another."""
    taken = " and ".join(result.signals)
    missing = " and ".join(x for x in SIGNALS if x not in result.signals)
    said = f", and answers `{result.status}` to {missing}" if result.status else " alone, by its configuration"
    detail = f"The receiver takes {taken}{said}."
    return "A signal has no pipeline", detail, f"Add the receiver to a pipeline of {missing} if clients send them."


def _row(result: ProbeResult | Larger) -> dict[str, str]:
    return next(x for x in table("rejections") if _matches(x, result))


def _status(result: ProbeResult | Larger) -> tuple[str, str, str]:
    row = _row(result)
    said = f": {result.detail}" if result.detail else ""
    return row["summary"], f"{row['meaning']} It answered `{result.status}{said}`.", row["hint"]


def _matches(row: dict[str, str], result: ProbeResult | Larger) -> bool:
    return fnmatchcase(result.status, row["status"]) and (row["says"] == "*" or row["says"] in result.detail.lower())

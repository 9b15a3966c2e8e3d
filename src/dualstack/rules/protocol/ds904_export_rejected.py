"""The receiver takes the connection and says no to the export.

## What it detects
An OTLP receiver answers the export with an error: who is there, no permission, too large, no room, a signal that it
does not serve, or a partial success. An empty export is sent, so no data is the reason.

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
from dualstack.model.probe import Outcome, ProbeResult, Probes
from dualstack.model.trace import Hop, Traces
from dualstack.reach.answers import ended

HOP = Hop.EXPORT
SEVERITY = Severity.ERROR

_SIGNALS = ("traces", "metrics", "logs")


def check(traces: Traces, probes: Probes) -> Iterator[Finding]:
    """One finding for each flow whose receiver says no."""
    for trace, result in ended(traces, probes, (Outcome.REJECTED,)):
        summary, detail, hint = _unserved(result) if result.signals else _status(result)
        yield Finding(
            summary=summary,
            detail=detail,
            hint=hint,
            families=(trace.family,),
            confidence=Confidence.PROBED,
            evidence=trace.at(Hop.EXPORT).evidence,
            flows=(trace.key,),
        )


def _unserved(result: ProbeResult) -> tuple[str, str, str]:
    """Words for a receiver that took one signal after it had refused another."""
    taken = " and ".join(result.signals)
    missing = " and ".join(x for x in _SIGNALS if x not in result.signals)
    detail = f"The receiver takes {taken}, and answers `{result.status}` to {missing}."
    return "A signal has no pipeline", detail, f"Add the receiver to a pipeline of {missing} if clients send them."


def _status(result: ProbeResult) -> tuple[str, str, str]:
    row = next(x for x in table("rejections") if _matches(x, result))
    said = f": {result.detail}" if result.detail else ""
    return row["summary"], f"{row['meaning']} It answered `{result.status}{said}`.", row["hint"]


def _matches(row: dict[str, str], result: ProbeResult) -> bool:
    return fnmatchcase(result.status, row["status"]) and (row["says"] == "*" or row["says"] in result.detail.lower())

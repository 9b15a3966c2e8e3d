"""A first connection works, and a second one right after it does not.

## What it detects
An empty export is accepted. One of 12 KiB on a second connection gets no answer within the 10 s that exporters wait, is
cut off, or has no connection at all. Where the processes behind the port are in sight, one that is stopped is named.

## Why it breaks
Two connections to one address need not meet the same program: several processes share a port (SO_REUSEPORT), a load
balancer chooses among backends, a filter limits how many connections come about. Or the receiver takes long over more
than nothing, or ends what is large. A client that meets it loses exports now and then.

## Fix
Mend the process or backend that does not answer, or the limit.

## Example
```yaml fires
target: http://10.9.0.7:4318
probes: ["10.9.0.7:4318 http accepted larger='silent: nothing answered the request within 10 s'"]
```
```yaml fires
target: http://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 http accepted larger=timed_out"]
```
```yaml fires
target: http://10.9.0.5:4318
listeners: ["0.0.0.0:4318 posix worker", "0.0.0.0:4318 posix other stopped"]
probes: ["10.9.0.5:4318 http accepted larger=closed"]
```
```yaml quiet
target: http://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 http accepted HTTP 200 larger='rejected HTTP 413'"]
```

## References
- socket(7): SO_REUSEPORT; OTLP exporter specification: `OTEL_EXPORTER_OTLP_TIMEOUT`
"""

from collections.abc import Iterator

from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.probe import Larger, Outcome, Probes
from dualstack.model.sockets import Listeners, Process
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import differing, stopped
from dualstack.reach.other_servers import resumed
from dualstack.reach.outcomes import MEANINGS

HOP = Hop.HANDSHAKE
SEVERITY = Severity.WARNING

_SILENT = (Outcome.SILENT, Outcome.TIMED_OUT)


def check(traces: Traces, probes: Probes, listeners: Listeners | None) -> Iterator[Finding]:
    """One finding for each flow of which a second connection fared worse, but for a receiver that says no."""
    for trace, _, larger in differing(traces, probes):
        if MEANINGS[larger.outcome].hop is Hop.EXPORT:
            continue
        halted = stopped(trace, listeners)
        yield Finding(
            summary=f"A second connection {'gets no answer' if larger.outcome in _SILENT else 'fails'}",
            detail=_detail(trace, larger, halted),
            hint=resumed(halted)[2] if halted else _hint(trace, larger),
            families=(trace.family,),
            confidence=Confidence.PROBED,
            evidence=trace.at(Hop.EXPORT).evidence,
            severity=Severity.WARNING,
            flows=(trace.key,),
        )


def _detail(trace: Trace, larger: Larger, halted: Process | None) -> str:
    said = f"{MEANINGS[larger.outcome].why}{f' ({larger.detail})' if larger.detail else ''}"
    who = f" Process {halted.pid} (`{halted.name}`), which shares the port, is stopped." if halted else ""
    first = f"An empty export to `{trace.addresses[0]}` is accepted."
    return f"{first} Of one of 12 KiB on a second connection: {said}.{who}"


def _hint(trace: Trace, larger: Larger) -> str:
    if MEANINGS[larger.outcome].hop is Hop.HANDSHAKE:
        other = "the receiver is slow with data, or ends what is large"
    else:
        other = f"a filter on the way limits new connections to port {trace.target.port}"
    return (
        f"Try it again: where the answer changes, look at every process or backend behind `{trace.addresses[0]}`; "
        f"where it stays, {other}."
    )

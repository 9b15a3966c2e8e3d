"""Another process holds the port, in one family or in both.

## What it detects
The two families of a port belong to different processes and one of them speaks no OTLP. Or the configuration declares
the port, a program that is no Collector holds it, and no export is accepted there.

## Why it breaks
An IPv6 socket and an IPv4 socket on the same port are two sockets with two owners. A Go server that finds either family
taken fails with "address already in use", and its message names `0.0.0.0` whichever family is held.

## Fix
Stop the other process or move it to another port, then start the receiver again.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["[::1]:4318 python http.server", "127.0.0.1:4318 go otelcol"]
probes: ["[::1]:4318 http not_otlp HTTP 404", "127.0.0.1:4318 http accepted"]
```
```yaml fires
target: localhost:4317
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["0.0.0.0:4317 python python3"]
probes: ["[::1]:4317 grpc refused", "127.0.0.1:4317 grpc http1_spoken"]
config: |
  receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml quiet
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["[::1]:4318 rust rotel", "127.0.0.1:4318 go otelcol"]
probes: ["[::1]:4318 http accepted", "127.0.0.1:4318 http accepted"]
```

## References
- https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/27822
- Measured: holders of `[::1]` and of an IPv6-only `[::]` against a Go listener
"""

from collections.abc import Iterator, Sequence

from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.otel import Declared
from dualstack.model.probe import Outcome
from dualstack.model.sockets import Listener, Listeners, Runtime
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.bind import accepts
from dualstack.reach.blame import unserved
from dualstack.reach.start import declared_on
from dualstack.reach.trace import sockets_of

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR

_NO_OTLP = (
    Outcome.NOT_OTLP,
    Outcome.HTTP1_SPOKEN,
    Outcome.HTTP2_SPOKEN,
    Outcome.TLS_NOT_SPOKEN,
    Outcome.TLS_EXPECTED,
    Outcome.SILENT,
    Outcome.CLOSED,
    Outcome.GARBAGE,
    Outcome.ENDLESS,
)


def check(traces: Traces, listeners: Listeners, declared: Declared | None) -> Iterator[Finding]:
    """One finding for each flow that met the wrong process, and for each declared port that another program holds."""
    for trace in traces.broken:
        sockets = sockets_of(trace, listeners)
        mine = _taking(trace, sockets)
        theirs = [s for x in traces.sibling(trace) if x.accepted for s in _taking(x, sockets)]
        if _speaks_no_otlp(trace) and mine and theirs and not _pids(mine) & _pids(theirs):
            yield _finding(mine[0], (trace,), trace, f"`{theirs[0].processes[0].name}` has the other family.")
        endpoint = declared_on(declared, trace.target.port)
        if endpoint and _held_by_another(traces, trace, sockets):
            stopped = tuple(x for x in unserved(traces, listeners) if declared_on(declared, x.target.port))
            yield _finding(sockets[0], (trace, *stopped), trace, f"`{endpoint.field}` declares this port.")


def _taking(trace: Trace, sockets: Sequence[Listener]) -> list[Listener]:
    """The sockets with a known owner that take the flow."""
    return [x for x in sockets if x.processes and accepts(x, trace.addresses[0], None)]


def _pids(sockets: Sequence[Listener]) -> set[int]:
    return {x.pid for socket in sockets for x in socket.processes}


def _speaks_no_otlp(trace: Trace) -> bool:
    return trace.failing is not None and trace.failing.mark in _NO_OTLP


def _held_by_another(traces: Traces, trace: Trace, sockets: Sequence[Listener]) -> bool:
    """Whether no program in the Collector's language holds a port, and no export is accepted there."""
    foreign = all(x.runtime not in (Runtime.GO, Runtime.UNKNOWN) for x in sockets)
    return bool(sockets) and foreign and not any(x.accepted for x in traces.items if x.target.port == trace.target.port)


def _finding(holder: Listener, flows: tuple[Trace, ...], trace: Trace, beside: str) -> Finding:
    process = holder.processes[0]
    return Finding(
        summary=f"Port {holder.port} is held by `{process.name}`",
        detail=f"`{process.name}` ({process.runtime}) listens on `{holder.endpoint}` and takes no OTLP there. {beside}",
        hint=f"Stop `{process.name}` or move it from port {holder.port}, then start the receiver again.",
        families=(trace.family,),
        evidence=trace.at(Hop.LISTEN).evidence,
        fix=Fix(f"Free port {holder.port}"),
        flows=tuple(x.key for x in flows),
    )

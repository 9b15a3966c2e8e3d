"""Another process holds the port, in one family or in both.

## What it detects
The two families of a port belong to different processes and one of them speaks no OTLP. Or a program that is no
Collector holds a port of the configuration so that the declared address cannot be bound beside it, over TCP or UDP, and
no export is accepted there.

## Why it breaks
An IPv6 socket and an IPv4 socket on the same port are two sockets with two owners. A Go server that finds either family
taken fails with "address already in use", and its message names `0.0.0.0` whichever family is held. A Collector that
cannot bind one of its endpoints ends, so all its other ports are closed too.

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
```yaml fires
target: localhost:4317
names: {localhost: [127.0.0.1]}
listeners: ["127.0.0.1:13133 python python3"]
probes: ["127.0.0.1:4317 grpc refused"]
config: |
  receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
  extensions: {health_check: {endpoint: "0.0.0.0:13133"}}
  exporters: {debug: {}}
  service: {extensions: [health_check], pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
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

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.names import Names
from dualstack.model.otel import Declared
from dualstack.model.probe import Outcome
from dualstack.model.sockets import Listener, Listeners, Runtime
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.bind import accepts, listen_mark
from dualstack.reach.start import held, here, started_with, stranded
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

_ARRIVED = (Hop.LISTEN, Hop.HANDSHAKE, Hop.EXPORT)


def check(
    traces: Traces,
    listeners: Listeners,
    namespaces: Namespaces | None,
    names: Names | None,
    declared: Declared | None,
) -> Iterator[Finding]:
    """One finding for each flow that met the wrong process, and for each declared port that another program holds."""
    for trace in traces.broken:
        sockets = sockets_of(trace, listeners)
        mine = _taking(trace, sockets)
        theirs = [s for x in traces.sibling(trace) if x.accepted for s in _taking(x, sockets)]
        if _speaks_no_otlp(trace) and mine and theirs and not _pids(mine) & _pids(theirs):
            beside = f"It does not take this export, and `{theirs[0].processes[0].name}` has the other family."
            yield _finding(mine[0], (trace,), beside, ())
    space = here(namespaces)
    for failure in held(traces, declared, listeners, space, names):
        came = (x for x in traces.broken if failure.holder in sockets_of(x, listeners) and _arrived(x))
        lost = stranded(traces, declared or Declared(), listeners, space.place)
        flows = tuple(dict.fromkeys((*came, *lost)))
        if failure.holder and flows:
            beside = f"The Collector ends when it cannot bind `{failure.endpoint.effective}` beside it."
            yield _finding(failure.holder, flows, beside, failure.evidence)


def _taking(trace: Trace, sockets: Sequence[Listener]) -> list[Listener]:
    """The sockets with a known owner that take the flow."""
    return [x for x in sockets if x.processes and accepts(x, trace.addresses[0], None)]


def _pids(sockets: Sequence[Listener]) -> set[int]:
    return {x.pid for socket in sockets for x in socket.processes}


def _speaks_no_otlp(trace: Trace) -> bool:
    return trace.failing is not None and trace.failing.mark in _NO_OTLP


def _arrived(trace: Trace) -> bool:
    return trace.failing is not None and trace.failing.hop in _ARRIVED


def _finding(holder: Listener, flows: tuple[Trace, ...], beside: str, declared: tuple[Evidence, ...]) -> Finding:
    process, files = holder.processes[0], " and ".join(f"`{x}`" for x in started_with(holder.processes[0]))
    second = files and holder.runtime is Runtime.GO
    told = dict.fromkeys(y for x in flows for y in x.at(Hop.LISTEN).evidence)
    held_by = Evidence(f"{listen_mark(holder)} on {holder.transport} port {holder.port}", holder.source)
    return Finding(
        summary=f"Port {holder.port} is held by `{process.name}`",
        detail=f"`{process.name}` ({process.runtime}) listens on {holder.transport} `{holder.endpoint}`. "
        + (f"It was started with {files}. {beside}" if second else beside),
        hint=f"Give one of the two Collectors another port than {holder.port}, then start the one that ended."
        if second
        else f"Stop `{process.name}` or move it from port {holder.port}, then start the receiver again.",
        families=tuple(dict.fromkeys(x.family for x in flows)),
        evidence=(held_by, *declared, *told),
        fix=Fix(f"Free port {holder.port}"),
        flows=tuple(x.key for x in flows),
    )

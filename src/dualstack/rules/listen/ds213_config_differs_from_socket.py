"""The Collector that runs listens otherwise than the configuration says.

## What it detects
A Go process listens on a port of the configuration, here or else where flows end, without a socket that it would make
there. Or its command line names another configuration: then this is a note. On a cluster, a ConfigMap that is younger
than the container: an error where what runs refuses what the text that is there now would take, else a warning. A
warning as well where pods serve and newer ones of their workload do not come up.

## Why it breaks
A Collector reads its configuration when it starts; a file edited later, or of another process, is not what it has.

## Fix
Restart the Collector with this configuration, or look at the file that it was started with; where the next start would
close what is open, correct it first.

## Example
```yaml fires
target: http://10.9.0.5:4318
listeners: ["127.0.0.1:4318 go otelcol"]
probes: ["10.9.0.5:4318 http refused"]
config: |
  receivers: {otlp: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml fires
target: http://127.0.0.1:4318
listeners: ["[::]:4318 go otelcol --config=/etc/otelcol/other.yaml"]
probes: ["127.0.0.1:4318 http accepted"]
config: |
  receivers: {otlp: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml quiet
target: http://10.9.0.5:4318
listeners: ["[::]:4318 go otelcol"]
probes: ["10.9.0.5:4318 http accepted"]
config: |
  receivers: {otlp: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```

## References
- Measured: 1,132 starts of the Collector, configuration against socket
"""

from collections.abc import Iterator, Sequence

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Finding, Severity
from dualstack.model.host import Namespace, Namespaces
from dualstack.model.names import Names
from dualstack.model.otel import Declared
from dualstack.model.sockets import Listener, Listeners, Transport
from dualstack.model.trace import Hop, Traces
from dualstack.reach.bind import accepts_phrase, listen_mark
from dualstack.reach.hint import owner
from dualstack.reach.outdated import outdated
from dualstack.reach.pods import Places, alike
from dualstack.reach.rollouts import stuck
from dualstack.reach.start import found_running, here, port, predicted, started_otherwise, started_with
from dualstack.reach.trace import sockets_of

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR
BECAUSE = ("DS210",)


def check(
    traces: Traces,
    listeners: Listeners,
    namespaces: Namespaces,
    declared: Declared,
    names: Names | None,
    places: Places | None,
) -> Iterator[Finding]:
    """One finding for each declared endpoint whose socket is not there although the Collector runs, or else a note."""
    space = here(namespaces)
    if places:
        yield from stuck(traces, places)
        if all(x.outdated or x.observed is None for x in filter(None, [places.named(space.place)])):
            yield from outdated(traces, places)
            return
    place, running = found_running(traces, declared, listeners, namespaces)
    if running:
        found = tuple(_differing(traces, listeners, place, declared, names, running[0]))
        yield from found or _started_otherwise(traces, declared, running)


def _differing(
    traces: Traces, listeners: Listeners, space: Namespace, declared: Declared, names: Names | None, running: Listener
) -> Iterator[Finding]:
    for endpoint in declared.endpoints:
        there = listeners.on(space.place, port(endpoint), endpoint.transport)
        wanted = predicted(endpoint, space, names).sockets
        gone = [x for x in wanted if not any(alike([x], [y]) for y in there)]
        other = next((x for x in there or (running,) if started_otherwise(x, declared)), None)
        flows = [x for x in traces.items if x.server == space.place and x.port == port(endpoint)]
        foreign = any(x.runtime != endpoint.runtime for x in there) or (other and not there)
        if not gone or not flows or foreign or endpoint.transport is Transport.UDP:
            continue
        found = " and ".join(map(accepts_phrase, there)) or "is not there"
        yield Finding(
            summary=f"Port {port(endpoint)} differs from the configuration",
            detail=f"By `{endpoint.effective}` the socket {accepts_phrase(gone[0])}. The real one {found}.",
            hint=_hint(declared, running, other),
            severity=Severity.WARNING,
            families=tuple(dict.fromkeys(x.family for x in flows)),
            evidence=(
                Evidence(endpoint.effective, endpoint.field, Layer.DECLARED),
                Evidence(", ".join(map(listen_mark, there)) or f"no socket on port {port(endpoint)}", "sock_diag"),
            ),
            location=endpoint.location,
            flows=tuple(x.key for x in flows),
        )


def _started_otherwise(traces: Traces, declared: Declared, running: Sequence[Listener]) -> Iterator[Finding]:
    """A note for the flows that work: what answers them was not started with the configuration in question.

    Of the command line nothing else is shown: `--set` can carry a password.
    """
    for socket in running:
        process = socket.processes[0]
        mine = [x for x in traces.items if sockets_of(x, Listeners((socket,))) and not x.failed]
        if not mine or not started_otherwise(socket, declared):
            continue
        yield Finding(
            summary="The Collector was started with another file",
            detail=f"{owner(socket)} (pid {process.pid}) holds port {socket.port} and was not started with "
            f"`{declared.file}`. A Collector that is started beside it cannot bind that port.",
            hint=f"If `{declared.file}` is the one that has to run, stop process {process.pid} first.",
            severity=Severity.INFO,
            families=tuple(dict.fromkeys(x.family for x in mine)),
            evidence=tuple(
                Evidence(f"--config {x}", f"command line of process {process.pid}") for x in started_with(process)
            ),
            flows=tuple(x.key for x in mine),
        )


def _hint(declared: Declared, running: Listener, other: Listener | None) -> str:
    """What to do; a Collector that has another configuration may be wanted as it runs."""
    if other is None:
        return f"Restart {owner(running)} with `{declared.file}`, or look at the file that it was started with."
    process, files = other.processes[0], " and ".join(f"`{x}`" for x in started_with(other.processes[0]))
    return f"Process {process.pid} was started with {files}: look there, or stop it if `{declared.file}` has to run."

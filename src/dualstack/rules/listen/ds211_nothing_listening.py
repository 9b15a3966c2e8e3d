"""No socket listens on the port.

## What it detects
A connection is refused and the complete list of sockets of that place has none on the port. Where the sockets are out
of sight, no address of the target may take connections; a listener on other addresses looks the same from there. Where
the configuration has a receiver for the port that no pipeline uses, that is named. It is a warning where clients send
to their node and no pod there is known to hold the port: a process of the node may.

## Why it breaks
The kernel answers a connection to a port without a socket with a reset. The receiver is not running, did not start, or
listens on another port.

## Fix
Start the receiver, or send to the port that it listens on.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http refused"]
```
```yaml fires
target: grpc://10.9.0.5:4317
listeners: ["[::]:4318 go otelcol"]
```
```yaml fires
target: 192.0.2.9:4317
probes: ["192.0.2.9:4317 grpc refused"]
```
```yaml quiet
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["127.0.0.1:4318 go otelcol"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```

## References
- RFC 9293 section 3.10.7.1
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.host import Namespaces
from dualstack.model.names import Names
from dualstack.model.otel import Declared
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import elsewhere
from dualstack.reach.blame import elsewhere_in, is_loopback
from dualstack.reach.doubt import UNDECIDED
from dualstack.reach.hint import correct, instead, unused, why
from dualstack.reach.live import MISREAD, is_misread, is_open, receives_on, unheeded
from dualstack.reach.pods import Places
from dualstack.reach.start import Failure, declared_on, here, idle_on, suspects
from dualstack.reach.trace import comes_home, is_refused, sockets_of
from dualstack.reach.unheld import doubted, is_unheld

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR
BECAUSE = (
    *("DS101", "DS102"),
    *("DS202", "DS204", "DS205", "DS206", "DS207", "DS208", "DS209", "DS210", "DS212", "DS213", "DS215", "DS217"),
    *("DS301", "DS302", "DS303", "DS304", "DS405", "DS409", "DS410", "DS607", "DS702", "DS704"),
)
_NEAR = (*(x for x in BECAUSE if x != "DS202"), "DS110")
"""What explains a refusal on the loopback: a listener on that alone takes connections there."""


def check(
    traces: Traces,
    listeners: Listeners | None,
    namespaces: Namespaces | None,
    names: Names | None,
    declared: Declared | None,
    places: Places | None,
) -> Iterator[Finding]:
    """One finding for each place where nothing listens for a target, and for each target that is out of sight."""
    stopped = next(iter(suspects(traces, declared, listeners, here(namespaces), names)), None)
    silent: dict[tuple[str, str], list[Trace]] = {}
    for trace in traces.broken:
        if not is_refused(trace) or is_open(trace, places) or comes_home(traces, trace):
            continue
        seen = listeners is not None and trace.server in listeners.places
        if listeners is not None and seen and not sockets_of(trace, listeners):
            explained = stopped is not None and trace in stopped.flows
            together = explained or declared_on(declared, trace.port) is not None
            silent.setdefault((trace.server, "" if together else trace.target.text), []).append(trace)
        elif not (seen or trace.at(Hop.POLICY).mark == UNDECIDED or _is_told(trace, traces)):
            yield _inferred(trace)
    for flows in silent.values():
        cause = stopped if stopped and flows[0] in stopped.flows else None
        found = _observed(flows, listeners or Listeners(), cause, receives_on(flows[0], places))
        idle = None if cause else idle_on(declared, [x.port for x in flows])
        if is_misread(flows[0], places):
            found = replace(found, causes=(*BECAUSE, MISREAD))
        yield unused(found, idle) if idle else unheeded(found, flows[0], places)
    yield from doubted(traces)


def _is_told(trace: Trace, traces: Traces) -> bool:
    """Whether more is known of a flow that is refused out of sight than that."""
    return is_unheld(trace.at(Hop.ENDPOINTS)) or bool(elsewhere(traces, trace))


def _observed(flows: Sequence[Trace], listeners: Listeners, stopped: Failure | None, meant: int) -> Finding:
    ports = tuple(dict.fromkeys(x.port for x in flows))
    named = " or ".join(map(str, ports)) if len(ports) < 3 else f"{', '.join(map(str, ports[:-1]))} or {ports[-1]}"
    transport = "UDP" if flows[0].protocol is Protocol.UDP else "TCP"
    other = elsewhere_in(flows[0], listeners, meant)
    tries = f"{instead(flows[0], other, meant)}, or s" if other else "S"
    told = tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.LISTEN).evidence))
    return Finding(
        summary=f"Nothing listens on port {named}"
        if len(ports) < 3
        else f"Nothing listens on any of {len(ports)} ports",
        detail=f"No socket of `{flows[0].server}` is bound to {transport} port {named}."
        + (f" {why(stopped)}" if stopped else ""),
        hint=correct(stopped) if stopped else f"{tries}tart a receiver on port {named}.",
        families=tuple(dict.fromkeys(x.family for x in flows)),
        evidence=told or (Evidence(f"no socket on port {named}", "sock_diag"),),
        location=stopped.endpoint.location if stopped else None,
        flows=tuple(x.key for x in flows),
        causes=_NEAR if all(is_loopback(y) for x in flows for y in x.addresses) else None,
        ports=ports,
    )


def _inferred(trace: Trace) -> Finding:
    port = trace.port
    return Finding(
        summary=f"Port {port} is closed",
        detail="No address of the target takes connections there. Its sockets are out of sight: a listener on other "
        "addresses, or a firewall that rejects, looks the same.",
        hint=f"Run `ss -tlnp 'sport = :{port}'` on the machine that holds `{trace.addresses[0]}`.",
        families=(trace.family,),
        confidence=Confidence.INFERRED,
        evidence=trace.at(Hop.LISTEN).evidence,
        flows=(trace.key,),
        ports=(port,),
    )

"""Nothing answers the connection.

## What it detects
The first segment of a connection gets no answer over one family, while the other is answered; or over none. Where the
listener is in sight, so is its queue of connections.

## Why it breaks
A closed port answers with a reset. Silence means that something drops packets: a security group or firewall that has a
rule for `0.0.0.0/0` and none for `::/0`, a router, or a host that is gone. The client waits until its own timeout. A
kernel drops a connection as silently where a program does not take those that wait, until its queue is full.

## Fix
Allow the port for this family on the way, or publish the address no more.

## Example
```yaml fires
target: collector:4317
names: {collector: ["2001:db8::7", 10.9.0.7]}
probes: ["[2001:db8::7]:4317 grpc timed_out", "10.9.0.7:4317 grpc accepted"]
```
```yaml fires
target: https://192.0.2.9:4318
probes: ["192.0.2.9:4318 https timed_out"]
```
```yaml fires
target: http://10.9.0.5:4318
listeners: ["0.0.0.0:4318 full posix otelcol"]
probes: ["10.9.0.5:4318 http timed_out"]
```
```yaml quiet
target: collector:4317
names: {collector: ["2001:db8::7", 10.9.0.7]}
probes: ["[2001:db8::7]:4317 grpc refused", "10.9.0.7:4317 grpc accepted"]
```

## References
- RFC 9293 section 3.10.7.1: a reset answers a segment for a closed port; tcp(7): `tcp_syn_retries`
- listen(2): the backlog; net/ipv4/tcp_input.c tcp_conn_request(), sk_acceptq_is_full()
"""

from collections.abc import Iterator

from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.sockets import Listener, Listeners
from dualstack.model.trace import Disposition, Hop, Trace, Traces
from dualstack.reach.answers import elsewhere, listening
from dualstack.reach.client import connects
from dualstack.reach.dial import TIMED_OUT

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR
BECAUSE = (
    *("DS212", "DS301", "DS302", "DS303", "DS304", "DS305", "DS306", "DS405", "DS406", "DS409", "DS410"),
    *("DS608", "DS701", "DS702"),
)


def check(traces: Traces, listeners: Listeners | None) -> Iterator[Finding]:
    """One finding for each flow that nothing answers."""
    for trace in traces.broken:
        if trace.disposition is Disposition.TIMED_OUT and connects(trace) == TIMED_OUT:
            others = {x.family for x in elsewhere(traces, trace)}
            differs = trace.family.other in others
            full = next((x for x in listening(trace, listeners) if x.is_full), None)
            summary = f"{trace.family.title} connections get no answer" if differs else "No answer comes back"
            detail = _compared(trace) if differs else _alone(trace, some=bool(others))
            yield Finding(
                summary="The queue of the listener is full" if full else summary,
                detail=_full(full) if full else detail,
                hint=_HANGS if full else _hint(trace),
                families=(trace.family,),
                confidence=Confidence.PROBED,
                evidence=trace.at(Hop.LISTEN if full else Hop.POLICY).evidence,
                flows=(trace.key,),
            )


def _full(listener: Listener) -> str:
    owner = next((f"`{x.name}` (process {x.pid})" for x in listener.processes), "The program")
    return (
        f"{owner} holds `{listener.endpoint}` and does not take the connections that come: {listener.queued} wait "
        f"where there is room for {listener.backlog}, and the kernel drops every other one."
    )


_HANGS = "Find out what holds the program up: it is stopped, hangs, or is overloaded. Start it again."


def _compared(trace: Trace) -> str:
    other = trace.family.other.title
    silent = f"Nothing answers at `{trace.addresses[0]}`, and {other} is answered on the same port."
    return f"{silent} Packets of this family are dropped on the way, there is no way back, or that host is off."


def _alone(trace: Trace, *, some: bool) -> str:
    others = "while another address of the name is answered" if some else "and nothing at another address of the target"
    silent = f"Nothing answers at `{trace.addresses[0]}`, {others}."
    return f"{silent} A firewall, a wrong address and a host that is off all look like this."


def _hint(trace: Trace) -> str:
    dump = f"tcpdump -ni any 'tcp port {trace.target.port}'"
    wide = "::/0" if trace.family.value == "ipv6" else "0.0.0.0/0"
    return (
        f"Run `{dump}` on the host of `{trace.addresses[0]}` and try again: what never arrives is dropped on the way "
        f"(look for a rule for `{wide}`), what arrives is dropped there."
    )

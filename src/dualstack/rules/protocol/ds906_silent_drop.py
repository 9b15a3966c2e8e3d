"""Nothing answers the connection.

## What it detects
The first segment of a connection gets no answer over one family, while the other is answered; or over none.

## Why it breaks
A closed port answers with a reset. Silence means that something drops packets: a security group or firewall that has a
rule for `0.0.0.0/0` and none for `::/0`, a router, or a host that is gone. The client waits until its own timeout.

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
```yaml quiet
target: collector:4317
names: {collector: ["2001:db8::7", 10.9.0.7]}
probes: ["[2001:db8::7]:4317 grpc refused", "10.9.0.7:4317 grpc accepted"]
```

## References
- RFC 9293 section 3.10.7.1: a reset answers a segment for a closed port; tcp(7): `tcp_syn_retries`
"""

from collections.abc import Iterator

from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.trace import Disposition, Hop, Trace, Traces
from dualstack.reach.answers import elsewhere
from dualstack.reach.client import connects
from dualstack.reach.dial import TIMED_OUT

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR
BECAUSE = (
    *("DS212", "DS301", "DS302", "DS303", "DS304", "DS305", "DS306", "DS405", "DS406", "DS409", "DS410"),
    *("DS608", "DS701", "DS702"),
)


def check(traces: Traces) -> Iterator[Finding]:
    """One finding for each flow that nothing answers."""
    for trace in traces.broken:
        if trace.disposition is Disposition.TIMED_OUT and connects(trace) == TIMED_OUT:
            others = {x.family for x in elsewhere(traces, trace)}
            differs = trace.family.other in others
            yield Finding(
                summary=f"{trace.family.title} connections get no answer" if differs else "No answer comes back",
                detail=_compared(trace) if differs else _alone(trace, some=bool(others)),
                hint=_hint(trace),
                families=(trace.family,),
                confidence=Confidence.PROBED,
                evidence=trace.at(Hop.POLICY).evidence,
                flows=(trace.key,),
            )


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

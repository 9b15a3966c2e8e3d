"""No socket on the port accepts an address family of the target.

## What it detects
A client is handed an address of a family, a reset answers its connection, and the port does have a listener: for the
other family, or for another address. Where a packet filter stops the connection before that, the sockets in sight tell.

## Why it breaks
The kernel matches a connection against the bound address and family of each listening socket. Where none matches it
answers with a reset, and the client sees "connection refused".

## Fix
Bind the receiver to an address that takes the family: `[::]` or `0.0.0.0` in a Go or Java receiver, `[::]` in others.
Restart a Java receiver that is older than the IPv6 address of its host: it looks for IPv6 only when it starts.

## Fix safety
Unsafe: a wider bind exposes the receiver on more addresses.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["0.0.0.0:4318"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```
```yaml fires
target: http://[fd00:9::5]:4318
listeners: ["0.0.0.0:4318 jvm java"]
```
```yaml quiet
target: http://127.0.0.1:4318
listeners: ["0.0.0.0:4318"]
probes: ["127.0.0.1:4318 http accepted"]
```

## References
- RFC 9293 section 3.10.7.1: a reset answers a segment for a port without a listener
- ipv6(7): `IPV6_V6ONLY`
- Measured: Java 17 started with `disable_ipv6=1`, which was set to 0 later
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.evidence import Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.sockets import Listeners, Runtime
from dualstack.model.trace import Disposition, Hop, Trace, Traces
from dualstack.reach.answers import elsewhere
from dualstack.reach.bind import families, listen_mark
from dualstack.reach.blame import is_wildcard
from dualstack.reach.doubt import UNDECIDED
from dualstack.reach.hint import owner
from dualstack.reach.trace import comes_home, is_turned_away, sockets_of

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR
BECAUSE = (
    *("DS202", "DS203", "DS204", "DS205", "DS206", "DS207", "DS208", "DS209", "DS210", "DS213", "DS217"),
    *("DS301", "DS302", "DS303", "DS304", "DS405", "DS409", "DS702", "DS704", "DS804"),
)

_UNSEEN = "The other family is answered there. Its sockets are out of sight."

_ODD = " That takes it: other sockets are there by now, or a packet filter answers by reset."
_REJECTED = " That takes it: a packet filter answers by reset, unless the sockets have changed since they were read."
_HIDDEN = "Look at the sockets of the server, and for a filter that rejects by reset at both ends."


def check(traces: Traces, listeners: Listeners | None) -> Iterator[Finding]:
    """One finding for each refused flow whose port has some other listener."""
    for trace in traces.broken:
        if not is_turned_away(trace) or comes_home(traces, trace):
            continue
        seen = listeners is not None and trace.server in listeners.places
        bound, odd = _bound(trace, listeners), _taking(trace, listeners)
        answered = any(x.family is not trace.family for x in elsewhere(traces, trace))
        if bound or (not seen and answered and trace.at(Hop.POLICY).mark != UNDECIDED):
            yield Finding(
                summary=f"{trace.family.title} is not accepted on port {trace.port}",
                detail=f"{_refused(trace)} {bound or _UNSEEN}{_odd(trace) if odd else ''}",
                hint=_HIDDEN if odd else _hint(trace, listeners) if bound else _look(trace),
                families=(trace.family,),
                confidence=_confidence(trace) if bound else Confidence.INFERRED,
                evidence=trace.at(Hop.LISTEN).evidence,
                fix=None if odd else Fix(f"Bind a wildcard that takes {trace.family.title}", Applicability.UNSAFE),
                flows=(trace.key,),
            )


def _refused(trace: Trace) -> str:
    if trace.disposition is Disposition.REFUSED:
        return f"`{trace.addresses[0]}` refuses connections."
    return f"No socket takes connections to `{trace.addresses[0]}`, whatever the packet filter says."


def _odd(trace: Trace) -> str:
    return _ODD if any(x.layer is Layer.DECLARED for x in trace.at(Hop.LISTEN).evidence) else _REJECTED


def _bound(trace: Trace, listeners: Listeners | None) -> str:
    sockets = sockets_of(trace, listeners) if listeners and trace.server else ()
    return f"The port is bound as {', '.join(map(listen_mark, sockets))}." if sockets else ""


def _taking(trace: Trace, listeners: Listeners | None) -> bool:
    """Whether a socket that is expected there takes the family, whatever answered."""
    there = sockets_of(trace, listeners) if listeners and trace.server else ()
    return any(is_wildcard(x) and not x.interface and trace.family in (families(x) or ()) for x in there)


def _hint(trace: Trace, listeners: Listeners | None) -> str:
    """A JVM looks once, when it starts, whether an interface has IPv6 (OpenJDK net_util_md.c ipv6_available)."""
    for socket in sockets_of(trace, listeners) if listeners and trace.family is Family.IPV6 else ():
        if socket.address == "0.0.0.0" and socket.runtime is Runtime.JVM:
            return f"Restart {owner(socket)}: a JVM that started before the host had IPv6 takes IPv4 alone."
    return f"Bind the receiver to a wildcard that takes {trace.family.title}."


def _look(trace: Trace) -> str:
    """What to do where the sockets are out of sight: a filter may have sent the reset in their place."""
    sockets = f"`ss -ltn 'sport = :{trace.port}'`"
    wider = f"bind the receiver to a wildcard that takes {trace.family.title}"
    return f"Run {sockets} on its host and {wider}. If it has one, look for a packet filter that rejects by reset."


def _confidence(trace: Trace) -> Confidence:
    probed = any(x.layer == "probed" for x in trace.at(Hop.LISTEN).evidence)
    return Confidence.PROBED if probed else Confidence.OBSERVED

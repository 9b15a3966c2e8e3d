"""`transport: tcp4` or `tcp6` gives the receiver one family.

## What it detects
A Go process listens on a wildcard of one family while the kernel has both, and a client that is handed an address of
the other family is refused. Where the sockets are out of sight, a configuration that says so is enough.
In files: a receiver is told so, no other one takes the other family on that port, and nobody says that it is not used.

## Why it breaks
With `tcp`, Go makes one dual-stack socket of any wildcard, whatever `net.ipv6.bindv6only` says. Only the network
strings `tcp4` and `tcp6` ask for one family.

## Fix
Set `transport` to `tcp`, or leave it out.

## Fix safety
Unsafe: the receiver becomes reachable over the other family.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["0.0.0.0:4318 go otelcol"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```
```yaml fires
target: 10.9.0.5:4317
listeners: ["[::]:4317 v6only go otelcol"]
```
```yaml quiet
target: 10.9.0.5:4317
listeners: ["[::]:4317 go otelcol"]
probes: ["10.9.0.5:4317 grpc accepted"]
```

```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317", transport: tcp4}}}}
```
```yaml quiet
receivers:
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317", transport: tcp4}}}
  otlp/6: {protocols: {grpc: {endpoint: "[::]:4317", transport: tcp6}}}
```

## References
- Go src/net/ipsock_posix.go favoriteAddrFamily; golang/go#17615, #12579
- Measured: 1,132 starts of the Collector with each transport
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.host import Namespace, Namespaces
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.model.sockets import Listener, Listeners, Runtime
from dualstack.model.source import Written
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach import served
from dualstack.reach.blame import is_wildcard
from dualstack.reach.edits import fix
from dualstack.reach.hint import owner, where
from dualstack.reach.start import declared_on, port
from dualstack.reach.trace import comes_home, is_turned_away, sockets_of
from dualstack.reach.unknowns import may_matter

HOP = Hop.LISTEN
SEVERITY = Severity.WARNING
BECAUSE = ("DS210", "DS213", "DS217", "DS301")

_PINS = {Family.IPV4: "tcp4", Family.IPV6: "tcp6"}


def check(
    traces: Traces, listeners: Listeners | None, namespaces: Namespaces | None, declared: Declared | None
) -> Iterator[Finding]:
    """One finding for each refused flow whose port has the other family by the receiver's transport."""
    for trace in traces.broken:
        if not is_turned_away(trace) or comes_home(traces, trace):
            continue
        endpoint, network = declared_on(declared, trace.port), _PINS[trace.family.other]
        pinned = endpoint if endpoint and endpoint.network == network else None
        space = namespaces.at(trace.server) if namespaces else None
        if listeners and trace.server in listeners.places:
            there = sockets_of(trace, listeners)
            runtimes = (Runtime.GO, Runtime.UNKNOWN) if pinned else (Runtime.GO,)
            sockets = [x for x in there if x.runtime in runtimes and _pinned(x, trace, space)]
            if sockets:
                yield _finding(trace, network, pinned, sockets[0])
        elif pinned:
            yield _finding(trace, network, pinned, None)


def _pinned(socket: Listener, trace: Trace, space: Namespace | None) -> bool:
    """Whether this socket is a wildcard for the other family although the kernel has the flow's."""
    if not is_wildcard(socket):
        return False
    if trace.family is Family.IPV4:
        return bool(socket.v6only)
    return socket.socket_family is Family.IPV4 and space is not None and not space.ipv6_absent


def _finding(trace: Trace, network: str, pinned: DeclaredEndpoint | None, socket: Listener | None) -> Finding:
    title, port = trace.family.other.title, trace.port
    field = pinned.field.rpartition(".")[0] + ".transport" if pinned else "transport"
    place = where(pinned, pinned.pinned) if pinned else ""
    if socket and not pinned:
        place = f" of port {port} in the configuration of {owner(socket)}"
    held = f"The socket takes {title} alone. " if socket else ""
    return Finding(
        summary=f"Port {port} is pinned to {title}",
        detail=f"{held}Go does so for the network string `{network}` and no other.",
        hint=f"Set `{field}`{place} to `tcp`.",
        families=(trace.family,),
        confidence=Confidence.OBSERVED if socket else Confidence.DECLARED,
        evidence=trace.at(Hop.LISTEN).evidence,
        location=pinned.location if pinned else None,
        fix=Fix("Set `transport` to `tcp`", Applicability.UNSAFE),
        flows=(trace.key,),
    )


def lint(deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each wildcard listener whose transport leaves out a family that can matter."""
    for item in deployments.items:
        for endpoint in item.config.endpoints:
            family = served.pinned(endpoint, question)
            if family is None or not may_matter(family.other, question) or endpoint.pinned is None:
                continue
            if family.other not in served.beside(item, endpoint, question) and may_matter(family, question):
                yield _declared(endpoint, family, endpoint.pinned)


def _declared(endpoint: DeclaredEndpoint, family: Family, pin: Written) -> Finding:
    plain = endpoint.network[:3]
    return Finding(
        summary=f"Transport pins the listener to {family.title}",
        detail=f"With `{pin.text}` the wildcard takes {family.title} alone: {family.other.title} clients are refused.",
        hint=f"Write `{plain}`, or leave `transport` out.",
        families=(family.other,),
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"{endpoint.effective}, {pin.text}", endpoint.field, Layer.DECLARED),),
        location=pin.at,
        fix=fix(f"Set `transport` to `{plain}`", Applicability.UNSAFE, pin, plain),
        ports=(port(endpoint),) if port(endpoint) else (),
    )

"""`net.ipv6.bindv6only` makes `[::]` an IPv6-only socket.

## What it detects
A program that leaves `IPV6_V6ONLY` to the kernel (C, Rust, Python) listens on `[::]`, the sysctl
`net.ipv6.bindv6only` is 1 in its network namespace, and a client that is handed an IPv4 address is refused.

## Why it breaks
The sysctl is the value that `IPV6_V6ONLY` has in a new socket. With 1, `[::]` takes no IPv4. Go, Java, Node and .NET
set the option themselves, so this rule never speaks of them.

## Fix
Set the sysctl to 0 and restart the program, or bind `0.0.0.0` as well. Of a Python program the second: asyncio sets the
option whatever the sysctl says.

## Fix safety
Unsafe: the sysctl changes what every program of that namespace binds from then on.

## Example
```yaml fires
target: http://10.9.0.5:4318
sysctls: {net.ipv6.bindv6only: 1}
listeners: ["[::]:4318 v6only rust rotel"]
probes: ["10.9.0.5:4318 http refused"]
```
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
sysctls: {net.ipv6.bindv6only: 1}
listeners: ["[::]:4318 v6only python python3"]
probes: ["[::1]:4318 http accepted", "127.0.0.1:4318 http refused"]
```
```yaml quiet
target: http://10.9.0.5:4318
sysctls: {net.ipv6.bindv6only: 1}
listeners: ["[::]:4318 go otelcol"]
probes: ["10.9.0.5:4318 http accepted"]
```

## References
- https://docs.kernel.org/networking/ip-sysctl.html: `bindv6only`
- RFC 3493 section 5.3
- Measured: Rust, C and Python listeners on Linux 6.18
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Applicability, Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.sockets import Listener, Listeners, Runtime
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.blame import is_wildcard
from dualstack.reach.hint import OBEYS_BINDV6ONLY, inside, owner
from dualstack.reach.trace import refusals

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR
BECAUSE = ("DS210", "DS217")


def check(traces: Traces, listeners: Listeners, namespaces: Namespaces) -> Iterator[Finding]:
    """One finding for each IPv6 wildcard that the sysctl made deaf to an IPv4 flow."""
    for trace, sockets in refusals(traces, listeners):
        space = namespaces.at(trace.server)
        if trace.family is not Family.IPV4 or space is None or not space.bindv6only:
            continue
        for socket in sockets:
            if not (is_wildcard(socket) and socket.v6only and socket.runtime in OBEYS_BINDV6ONLY):
                continue
            yield _finding(trace, space.place, socket)


def _finding(trace: Trace, place: str, socket: Listener) -> Finding:
    """Of Python the socket does not tell whether the sysctl or asyncio made it so: the one way out that mends both."""
    command = inside(place, "sysctl -w net.ipv6.bindv6only=0")
    detail = f"It is 1 in `{place}`, so {owner(socket)} takes IPv6 only on `[::]:{socket.port}`."
    hint = f"Run `{command}` and restart {owner(socket)}, or bind `0.0.0.0:{socket.port}` as well."
    fix = Fix("Set `net.ipv6.bindv6only` to 0", Applicability.UNSAFE, commands=(command,))
    if socket.runtime is Runtime.PYTHON:
        detail += " A server on asyncio sets this by itself, whatever the sysctl says."
        hint = f"Bind `0.0.0.0:{socket.port}` as well in {owner(socket)}; with asyncio, pass `host=None`."
        fix = Fix(f"Bind `0.0.0.0:{socket.port}` as well")
    return Finding(
        summary="`net.ipv6.bindv6only` splits the wildcard socket",
        detail=detail,
        hint=hint,
        families=(Family.IPV4,),
        evidence=(Evidence("net.ipv6.bindv6only = 1", "sysctl"), *trace.at(Hop.LISTEN).evidence),
        fix=fix,
        flows=(trace.key,),
    )

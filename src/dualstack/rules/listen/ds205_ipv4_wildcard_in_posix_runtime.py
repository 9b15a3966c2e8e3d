"""`0.0.0.0` is the IPv4 wildcard alone in this program.

## What it detects
A receiver that is not written in Go or Java listens on `0.0.0.0`, and a client that is handed an IPv6 address of the
host is refused.

## Why it breaks
`bind(2)` of an IPv4 socket to `0.0.0.0` takes IPv4 only. Rust, C, Python, Node and .NET receivers make such a socket.
Go and Java do not: there `0.0.0.0` is a dual-stack socket, so this rule never speaks of them.

## Fix
Bind `[::]`: with `net.ipv6.bindv6only=0` it takes both families in C, Rust and Python sockets, and always in Node.
Where the sysctl is 1, bind both wildcards. asyncio makes every `[::]` IPv6-only: pass it `host=None` for both.

## Fix safety
Unsafe: the receiver becomes reachable over IPv6 from wherever the packet filter lets IPv6 in.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["0.0.0.0:4318 rust"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```
```yaml quiet
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["[::]:4318 go"]
probes: ["[::1]:4318 http accepted", "127.0.0.1:4318 http accepted"]
```

## References
- ip(7), ipv6(7): `IPV6_V6ONLY`
- Measured: Rust, C, Python and Node listeners on Linux 6.18
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.finding import Applicability, Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.sockets import Listeners, Runtime
from dualstack.model.trace import Hop, Traces
from dualstack.reach.hint import owner, rebind, wildcard
from dualstack.reach.trace import refusals

HOP = Hop.LISTEN
SEVERITY = Severity.WARNING
BECAUSE = ("DS210",)

_IPV4_ONLY = (Runtime.RUST, Runtime.POSIX, Runtime.PYTHON, Runtime.NODE, Runtime.DOTNET)


def check(traces: Traces, listeners: Listeners, namespaces: Namespaces) -> Iterator[Finding]:
    """One finding for each IPv4 wildcard socket that turned an IPv6 flow away."""
    for trace, sockets in refusals(traces, listeners):
        for socket in sockets:
            if trace.family is Family.IPV6 and socket.address == "0.0.0.0" and socket.runtime in _IPV4_ONLY:
                holder, space = owner(socket), namespaces.at(trace.server)
                yield Finding(
                    summary=f"`0.0.0.0:{socket.port}` takes IPv4 only",
                    detail=f"{holder} ({socket.runtime}) bound the IPv4 wildcard; here that takes no IPv6.",
                    hint=rebind(socket, space, None),
                    families=(Family.IPV6,),
                    evidence=trace.at(Hop.LISTEN).evidence,
                    fix=Fix(f"Bind {wildcard(socket, space)}", Applicability.UNSAFE),
                    flows=(trace.key,),
                )

"""The program itself made its `[::]` socket IPv6-only.

## What it detects
A program listens on `[::]` with `IPV6_V6ONLY` set, the kernel's default is not the reason, and a client that is handed
an IPv4 address is refused.

## Why it breaks
Some runtimes and libraries set `IPV6_V6ONLY` on their own: Python's asyncio always, Node with `ipv6Only: true`, Rust
programs through `socket2`. Then `[::]` takes no IPv4, whatever `net.ipv6.bindv6only` says.

## Fix
Bind `0.0.0.0` as well. In asyncio, leave the host out or pass both addresses.

## Example
```yaml fires
target: http://10.9.0.5:4318
listeners: ["[::]:4318 v6only python python3"]
probes: ["10.9.0.5:4318 http refused"]
```
```yaml fires
target: http://10.9.0.5:4318
sysctls: {net.ipv6.bindv6only: 1}
listeners: ["[::]:4318 v6only node"]
```
```yaml quiet
target: http://10.9.0.5:4318
sysctls: {net.ipv6.bindv6only: 1}
listeners: ["[::]:4318 v6only rust rotel"]
```
```yaml quiet
target: 10.9.0.5:4317
listeners: ["[::]:4317 v6only go otelcol"]
```

## References
- Python Lib/asyncio/base_events.py: create_server sets `IPV6_V6ONLY`
- Node net.Server.listen: `ipv6Only`
- Measured: asyncio and Node listeners on Linux 6.18
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.sockets import Listener, Listeners, Runtime
from dualstack.model.trace import Hop, Traces
from dualstack.reach.blame import is_wildcard
from dualstack.reach.hint import OBEYS_BINDV6ONLY, owner
from dualstack.reach.trace import refusals

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR
BECAUSE = ("DS210", "DS217")

_SET_IT_THEMSELVES = (Runtime.NODE, Runtime.JVM, Runtime.DOTNET)


def check(traces: Traces, listeners: Listeners, namespaces: Namespaces) -> Iterator[Finding]:
    """One finding for each IPv6 wildcard that its program made deaf to an IPv4 flow."""
    for trace, sockets in refusals(traces, listeners):
        space = namespaces.at(trace.server)
        bindv6only = space.bindv6only if space else None
        for socket in sockets:
            if trace.family is Family.IPV4 and is_wildcard(socket) and socket.v6only and _itself(socket, bindv6only):
                port = socket.port
                yield Finding(
                    summary=f"`[::]:{port}` is IPv6-only by its program",
                    detail=f"{owner(socket)} ({socket.runtime}) set IPV6_V6ONLY; the kernel's default did not.",
                    hint=f"Bind `0.0.0.0:{port}` as well in the configuration of {owner(socket)}.",
                    families=(Family.IPV4,),
                    evidence=trace.at(Hop.LISTEN).evidence,
                    fix=Fix(f"Bind `0.0.0.0:{port}` as well"),
                    flows=(trace.key,),
                )


def _itself(socket: Listener, bindv6only: bool | None) -> bool:  # noqa: FBT001 (a sysctl that may be unreadable)
    if socket.runtime in OBEYS_BINDV6ONLY:
        return bindv6only is False
    return socket.runtime in _SET_IT_THEMSELVES

"""The address is there and cannot be used: duplicate address detection has not ended, or failed.

## What it detects
An address that a client is handed carries the flag `tentative` or `dadfailed`, and the flow to it fails. The same for
an endpoint of the configuration, and for a client whose own addresses are all in that state.

## Why it breaks
The kernel takes no connections for such an address and answers `bind(2)` with "cannot assign requested address".
Detection takes one to two seconds after an interface comes up. It fails for good where another host holds the address.

## Fix
Wait for the address before the receiver starts, or bind a wildcard. Remove a duplicate, then set the address again.

## Example
```yaml fires
target: http://[fd00:9::5]:4318
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24, "fd00:9::5/64 tentative"]}
listeners: ["[::]:4318 go otelcol"]
probes: ["[fd00:9::5]:4318 http unreachable"]
```
```yaml fires
target: http://[fd00:9::5]:4318
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: ["fd00:9::5/64 dadfailed tentative"]}
listeners: ["[::]:4318 rust rotel"]
```
```yaml fires
target: http://[fd00:9::7]:4318
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: ["fd00:9::5/64 tentative"]}
routes: ["fd00:9::7 eth0 ::1"]
probes: ["[fd00:9::7]:4318 http unreachable"]
```
```yaml quiet
target: http://[fd00:9::5]:4318
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: ["fd00:9::5/64 tentative"]}
listeners: ["[::]:4318 go otelcol"]
probes: ["[fd00:9::5]:4318 http accepted"]
```

## References
- RFC 4862 section 5.4
- https://github.com/coredns/coredns/issues/7564
- Measured on Linux 6.18: EHOSTUNREACH after 3 s for either kind; `ip addr replace` starts no new detection
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces, Routes
from dualstack.model.otel import Declared
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.astray import sourceless, unreached
from dualstack.reach.hint import inside, unstarted
from dualstack.reach.start import failures, here

HOP = Hop.HOST
SEVERITY = Severity.WARNING

_UNUSABLE = frozenset({"tentative", "dadfailed"})


def check(
    traces: Traces,
    namespaces: Namespaces,
    routes: Routes | None,
    listeners: Listeners | None,
    declared: Declared | None,
) -> Iterator[Finding]:
    """One finding for each address that no flow can use yet."""
    space = here(namespaces)
    for failure in failures(traces, declared, listeners, space, None):
        if failure.bound.cause == "DS304":
            host = failure.endpoint.effective.rpartition(":")[0].strip("[]")
            for held in _flagged(space, (host,)):
                yield unstarted(_finding(space, held, failure.flows), failure)
    for trace in unreached(traces):
        place = namespaces.at(trace.server) or space
        for held in _flagged(place, trace.addresses):
            yield _finding(place, held, (trace,))
        if sourceless(trace, routes.to(trace.vantage, trace.addresses[0]) if routes else None, space):
            for held in _flagged(space, space.addresses(trace.family)):
                yield _finding(space, held, (trace,))


def _flagged(space: Namespace, addresses: tuple[str, ...]) -> list[tuple[Interface, InterfaceAddress]]:
    bare = [x.partition("%")[0] for x in addresses]
    return [(i, a) for i in space.interfaces for a in i.addresses if a.address in bare and _UNUSABLE & set(a.flags)]


def _finding(space: Namespace, held: tuple[Interface, InterfaceAddress], flows: tuple[Trace, ...]) -> Finding:
    interface, item = held
    failed = "dadfailed" in item.flags
    spelled, wait = f"{item.address}/{item.prefix} dev {interface.name}", f"show dev {interface.name} tentative"
    steps = (f"del {spelled}", f"add {spelled}") if failed else (wait,)
    commands = tuple(inside(space.place, f"ip -6 addr {x}") for x in steps)
    typed = " and ".join(f"`{x}`" for x in commands)
    return Finding(
        summary=f"`{item.address}` is held by another host" if failed else f"`{item.address}` cannot be used yet",
        detail="Duplicate address detection failed: another host on the link answers for it."
        if failed
        else "Duplicate address detection has not ended, so the kernel does not use the address.",
        hint=f"Take the address from the other host, then run {typed}."
        if failed
        else f"Wait until {typed} shows nothing.",
        families=tuple(dict.fromkeys(x.family for x in flows)),
        evidence=(Evidence(f"{item.address} on {interface.name}: {' '.join(item.flags)}", space.source),),
        fix=Fix("Make the address usable", commands=commands),
        flows=tuple(x.key for x in flows),
    )

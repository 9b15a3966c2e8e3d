"""The host has no address of the family to send from.

## What it detects
connect(2) says "cannot assign requested address", or the kernel would send from a loopback address, or the loopback
address itself is on no interface; and no sysctl is the reason.

## Why it breaks
A connection needs a source address that the peer can answer to. Where the place holds none of the family, the kernel
refuses, or uses `::1`, which nobody can answer.

## Fix
Give the interface an address of the family, or send to an address of the other one.

## Example
```yaml fires
target: http://[fd00:9::7]:4318
interfaces: {lo: [127.0.0.1/8], eth0: [10.9.0.5/24]}
routes: ["fd00:9::7 eth0"]
probes: ["[fd00:9::7]:4318 http no_source"]
```
```yaml fires
target: http://[fd00:9::7]:4318
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24]}
routes: ["fd00:9::7 eth0 ::1"]
probes: ["[fd00:9::7]:4318 http unreachable"]
```
```yaml fires
target: http://[::1]:4318
interfaces: {lo: [127.0.0.1/8], eth0: [10.9.0.5/24]}
listeners: ["[::]:4318 go otelcol"]
```
```yaml quiet
target: http://[fd00:9::7]:4318
sysctls: {net.ipv6.conf.eth0.disable_ipv6: 1}
routes: ["fd00:9::7 ENETUNREACH"]
probes: ["[fd00:9::7]:4318 http no_route"]
```

## References
- connect(2): `EADDRNOTAVAIL`; RFC 6724 section 5
- Measured on Linux 6.18: with a route and no address, EADDRNOTAVAIL; with `::1` alone, EHOSTUNREACH
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.host import Routes
from dualstack.model.probe import Outcome
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.blame import is_loopback, unreached
from dualstack.reach.hint import inside

HOP = Hop.HOST
SEVERITY = Severity.ERROR
BECAUSE = ("DS301", "DS302", "DS303", "DS304")


def check(traces: Traces, routes: Routes | None) -> Iterator[Finding]:
    """One finding for each flow that has no address to start from."""
    for trace in unreached(traces):
        loopback = is_loopback(trace.addresses[0])
        if not (_gone(trace) if loopback else _sourceless(trace, routes)):
            continue
        title, version = trace.family.title, 6 if trace.family is Family.IPV6 else 4
        lacking = f"{trace.addresses[0]}/{128 if version == 6 else 8}"
        address, device = (lacking, "lo") if loopback else ("ADDRESS/PREFIX", "INTERFACE")
        command = inside(trace.vantage, f"ip -{version} addr add {address} dev {device}")
        missing = f"`{trace.addresses[0]}`" if loopback else f"{title} address that the peer could answer to"
        yield Finding(
            summary=f"No {title} address to send from",
            detail=f"No interface of `{trace.vantage}` holds {'' if loopback else 'an '}{missing}.",
            hint=f"Run `{command}`, or send to an {trace.family.other.title} address.",
            families=(trace.family,),
            evidence=(*trace.at(Hop.ROUTE).evidence, *trace.at(Hop.HOST).evidence),
            fix=Fix(f"Add an {title} address", commands=(command,) if loopback else ()),
            flows=(trace.key,),
        )


def _gone(trace: Trace) -> bool:
    """Whether a loopback address is on no interface."""
    return trace.at(Hop.ROUTE).mark == Outcome.NO_SOURCE or trace.at(Hop.HOST).status is Status.FAIL


def _sourceless(trace: Trace, routes: Routes | None) -> bool:
    """Whether the kernel finds no source address, or one that stays on this host."""
    route = routes.to(trace.vantage, trace.addresses[0]) if routes else None
    hopeless = route is not None and bool(route.source) and is_loopback(route.source) and route.interface != "lo"
    return trace.at(Hop.ROUTE).mark == Outcome.NO_SOURCE or hopeless

"""The host has no address of the family to send from.

## What it detects
connect(2) says "cannot assign requested address", or the kernel would send from a loopback address or from none, or the
loopback address itself is on no interface, or the loopback interface is down; and no sysctl is the reason. Or there is
an address, and no local port is left for it.

## Why it breaks
A connection needs a source address that the peer can answer to. Where the place holds none of the family, the kernel
refuses, or uses `::1` or `0.0.0.0`, which nobody can answer.

## Fix
Give the interface an address of the family, or send to an address of the other one. Bring up the loopback.

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
```yaml fires
target: 10.9.0.7:4317
interfaces: {lo: [127.0.0.1/8], eth0: ["fd00:9::5/64"]}
routes: ["10.9.0.7 eth0"]
probes: ["10.9.0.7:4317 grpc timed_out"]
```
```yaml fires
target: http://127.0.0.1:4318
interfaces: {lo: []}
down: [lo]
probes: ["127.0.0.1:4318 http no_route"]
```
```yaml fires
target: 10.9.0.7:4317
probes: ["10.9.0.7:4317 grpc no_source"]
```
```yaml quiet
target: http://[fd00:9::7]:4318
sysctls: {net.ipv6.conf.eth0.disable_ipv6: 1}
routes: ["fd00:9::7 ENETUNREACH"]
probes: ["[fd00:9::7]:4318 http no_route"]
```

## References
- connect(2): `EADDRNOTAVAIL`, also where all ports of `ip_local_port_range` are taken (ip(7)); RFC 6724 section 5
- Measured on Linux 6.18: with a route and no address, EADDRNOTAVAIL, in IPv4 a segment from 0.0.0.0; with `::1` alone,
  EHOSTUNREACH
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.host import Interface, Namespaces, Route, Routes
from dualstack.model.probe import Outcome
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.astray import idle_loopback, sourceless, spent, unreached
from dualstack.reach.blame import is_loopback
from dualstack.reach.hint import inside

HOP = Hop.HOST
SEVERITY = Severity.ERROR
BECAUSE = ("DS301", "DS302", "DS303", "DS304")

_PORTS = "ip_local_port_range"


def check(traces: Traces, routes: Routes | None, namespaces: Namespaces | None) -> Iterator[Finding]:
    """One finding for each flow that has no address to start from."""
    for trace in unreached(traces):
        idle = idle_loopback(trace, namespaces)
        route = _route(trace, routes)
        space = namespaces.at(trace.vantage) if namespaces else None
        if idle:
            yield _idle(trace, idle)
        elif route and spent(trace, route, space):
            yield _spent(trace, route)
        elif _gone(trace) if is_loopback(trace.addresses[0]) else sourceless(trace, route, space):
            yield _lacking(trace, routes)


def _idle(trace: Trace, loopback: Interface) -> Finding:
    command = inside(trace.vantage, f"ip link set {loopback.name} up")
    return Finding(
        summary="The loopback interface is down",
        detail=f"`{loopback.name}` of `{trace.vantage}` is down. Every connection of a host to itself passes it.",
        hint=f"Run `{command}`.",
        families=(trace.family,),
        evidence=(Evidence(f"{loopback.name} is down", "rtnetlink"), *trace.at(Hop.ROUTE).evidence),
        fix=Fix("Bring up the loopback", commands=(command,)),
        flows=(trace.key,),
    )


def _spent(trace: Trace, route: Route) -> Finding:
    ports, sockets = (inside(trace.vantage, x) for x in (f"sysctl net.ipv4.{_PORTS}", "ss -tan"))
    return Finding(
        summary="No local port is left to send from",
        detail=f"`{trace.vantage}` can send from `{route.source}`, and every port that it may use for that is taken.",
        hint=f"Find what holds so many connections with `{sockets}`, or widen the range that `{ports}` shows.",
        families=(trace.family,),
        evidence=trace.at(Hop.ROUTE).evidence,
        flows=(trace.key,),
    )


def _lacking(trace: Trace, routes: Routes | None) -> Finding:
    loopback, route = is_loopback(trace.addresses[0]), _route(trace, routes)
    title, version = trace.family.title, 6 if trace.family is Family.IPV6 else 4
    lacking = f"{trace.addresses[0]}/{128 if version == 6 else 8}"
    address, device = (lacking, "lo") if loopback else ("ADDRESS/PREFIX", route.interface if route else "INTERFACE")
    command = inside(trace.vantage, f"ip -{version} addr add {address} dev {device}")
    missing = f"`{trace.addresses[0]}`" if loopback else f"{title} address that the peer could answer to"
    return Finding(
        summary=f"No {title} address to send from",
        detail=f"No interface of `{trace.vantage}` holds {'' if loopback else 'an '}{missing}.",
        hint=f"Run `{command}`, or send to an {trace.family.other.title} address.",
        families=(trace.family,),
        evidence=(*trace.at(Hop.ROUTE).evidence, *(trace.at(Hop.HOST).evidence if loopback else ())),
        fix=Fix(f"Add an {title} address", commands=(command,) if loopback else ()),
        flows=(trace.key,),
    )


def _gone(trace: Trace) -> bool:
    """Whether a loopback address is on no interface."""
    return trace.at(Hop.ROUTE).mark == Outcome.NO_SOURCE or trace.at(Hop.HOST).status is Status.FAIL


def _route(trace: Trace, routes: Routes | None) -> Route | None:
    """The kernel's answer, where it has a way out; that nobody answers there may be for want of a source."""
    route = routes.to(trace.vantage, trace.addresses[0]) if routes else None
    return route if route and route.interface else None

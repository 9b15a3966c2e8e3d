"""`disable_ipv6` takes IPv6 from the interface that the flow needs.

## What it detects
A flow over IPv6 is needed and cannot leave, or its address is not there, and the interface that should carry it has
`net.ipv6.conf.INTERFACE.disable_ipv6=1` in that network namespace: at this end or, where nobody holds the address, at
the host that has the name's IPv4 address. Or an endpoint of the configuration is an IPv6 address and IPv6 is off on
every interface, so the Collector cannot start.

## Why it breaks
The sysctl removes all IPv6 addresses and routes of the interface. `all` and `default` are copied to interfaces, but it
is the value of the interface itself that counts.

## Fix
Set the sysctl to 0. Addresses that were set by hand do not come back and have to be added again.

## Fix safety
Unsafe: the interface takes part in IPv6 from then on, and a packet filter for IPv4 alone does not cover it.

## Example
```yaml fires
target: http://[fd00:9::7]:4318
sysctls: {net.ipv6.conf.eth0.disable_ipv6: 1}
routes: ["fd00:9::7 ENETUNREACH"]
probes: ["[fd00:9::7]:4318 http no_route"]
```
```yaml fires
target: grpc://[::1]:4317
sysctls: {net.ipv6.conf.all.disable_ipv6: 1}
listeners: ["[::]:4317 go otelcol"]
probes: ["[::1]:4317 grpc no_source"]
```
```yaml fires
target: http://127.0.0.1:4318
sysctls: {net.ipv6.conf.all.disable_ipv6: 1}
config: |
  receivers: {otlp: {protocols: {http: {endpoint: "[::1]:4318"}}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml quiet
target: http://collector:4318
names: {collector: ["fd00:1::7", 10.9.0.7]}
sysctls: {net.ipv6.conf.all.disable_ipv6: 1}
routes: ["fd00:1::7 ENETUNREACH"]
probes: ["10.9.0.7:4318 http accepted"]
```

## References
- https://docs.kernel.org/networking/ip-sysctl.html: `disable_ipv6`
- Measured on Linux 6.18: connect() says EADDRNOTAVAIL where no interface has IPv6, ENETUNREACH where another one has
"""

from collections.abc import Iterator

import msgspec

from dualstack.model.address import Family, zone
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Applicability, Finding, Fix, Severity
from dualstack.model.host import Namespace, Namespaces
from dualstack.model.otel import Declared
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Disposition, Hop, Status, Trace, Traces
from dualstack.reach.astray import loopback_alone_lacks_ipv6, unreached
from dualstack.reach.blame import is_loopback
from dualstack.reach.hint import sysctl, unstarted
from dualstack.reach.start import failures, here

HOP = Hop.HOST
SEVERITY = Severity.ERROR
BECAUSE = ("DS301",)


def check(
    traces: Traces, namespaces: Namespaces, listeners: Listeners | None, declared: Declared | None
) -> Iterator[Finding]:
    """One finding for the flows that the sysctl stops on their way, or by keeping a Collector from starting."""
    space = here(namespaces)
    for failure in failures(traces, declared, listeners, space, None):
        if failure.bound.cause == "DS302":
            seen = tuple(x.name for x in space.interfaces if x.disable_ipv6)
            off = ("all",) if space.disable_ipv6_all else seen
            yield from (unstarted(_finding(space, x, failure.flows), failure) for x in [off] if x)
    for trace in unreached(traces):
        off = _off(space, trace, traces)
        if off:
            yield _finding(space, off, (trace,))
        yield from _at_the_other_end(namespaces, trace, traces)


def _off(space: Namespace, trace: Trace, traces: Traces) -> tuple[str, ...]:
    """The interfaces without IPv6 that should carry a flow; `all` where one sysctl holds for every interface.

    That is the loopback, the zone of the address, or the interface by which the other family leaves; without any of
    these, every interface in use has to be off.
    """
    address = trace.addresses[0]
    if trace.family is Family.IPV4 or (is_loopback(address) and loopback_alone_lacks_ipv6(space)):
        return ()
    if trace.disposition is not Disposition.NO_ROUTE and not is_loopback(address):
        return ()
    other = {x.at(Hop.ROUTE).mark for x in traces.sibling(trace) if x.at(Hop.ROUTE).status is Status.PASS}
    wanted = {zone(address)} if zone(address) else other
    far = [x for x in space.interfaces if x.up and not x.loopback]
    used = [x for x in far if x.name in wanted] or [x for x in far if x.addresses] or far
    carrying = [x for x in space.interfaces if x.loopback] if is_loopback(address) else used
    if not all(x.disable_ipv6 for x in carrying):
        return ()
    return ("all",) if carrying and space.disable_ipv6_all else tuple(x.name for x in carrying)


def _at_the_other_end(namespaces: Namespaces, trace: Trace, traces: Traces) -> Iterator[Finding]:
    """A finding for an IPv6 address of a name that is on no host in sight, where the name's other host has IPv6 off."""
    if trace.family is Family.IPV4 or trace.server:
        return
    ends = [(namespaces.at(x.server), address) for x in traces.sibling(trace) for address in x.addresses]
    held = {(space.place, link.name): (space, link) for space, x in ends if space and (link := space.owner(x))}
    far = [(space, link) for space, link in held.values() if link.disable_ipv6 and space.place != trace.vantage]
    if len(held) == len(far) == 1 and all(space for space, _ in ends):
        ((space, link),) = far
        found = _finding(space, (link.name,), (trace,))
        instead = f"Or take `{trace.addresses[0]}` out of `{trace.target.host}`."
        yield msgspec.structs.replace(found, hint=f"{found.hint} {instead}")


def _finding(space: Namespace, off: tuple[str, ...], flows: tuple[Trace, ...]) -> Finding:
    where = "every interface" if off == ("all",) else ", ".join(f"`{x}`" for x in off)
    commands = tuple(sysctl(space.place, x, 0) for x in off)
    typed = " and ".join(f"`{x}`" for x in commands)
    pod = space.place.startswith("pod ")
    mend = "See which init container, or `sysctls` of its `securityContext`, sets that, and take it out."
    return Finding(
        summary=f"IPv6 is disabled on {where}",
        detail=f"`disable_ipv6` is 1 in `{space.place}`. The kernel took the IPv6 addresses and routes away.",
        hint=mend if pod else f"Run {typed}, and add addresses that were set by hand again.",
        families=tuple(dict.fromkeys(x.family for x in flows)),
        evidence=tuple(Evidence(f"net.ipv6.conf.{x}.disable_ipv6 = 1", "sysctl") for x in off),
        fix=Fix("Set `disable_ipv6` to 0", Applicability.UNSAFE, commands=() if pod else commands),
        flows=tuple(x.key for x in flows),
    )

"""The loopback alone has no IPv6.

## What it detects
`net.ipv6.conf.lo.disable_ipv6` is 1 while another interface has IPv6, and a flow to `::1` or to an IPv6 address of this
host gets nowhere. Or an endpoint of the configuration is `[::1]`.

## Why it breaks
`::1` is gone. With an IPv6 default route, packets to it leave the host and are lost: the client waits instead of being
refused. Connections of the host to its own IPv6 addresses pass the loopback and time out as well.

## Fix
Set the sysctl of `lo` to 0; `::1` comes back by itself. Or use `127.0.0.1`.

## Fix safety
Unsafe: it changes the loopback of every program in that network namespace.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
sysctls: {net.ipv6.conf.lo.disable_ipv6: 1}
routes: ["::1 ENETUNREACH"]
listeners: ["[::]:4318 go otelcol"]
probes: ["[::1]:4318 http no_route", "127.0.0.1:4318 http accepted"]
```
```yaml fires
target: http://[fd00:9::5]:4318
sysctls: {net.ipv6.conf.lo.disable_ipv6: 1}
listeners: ["[::]:4318 go otelcol"]
probes: ["[fd00:9::5]:4318 http timed_out"]
```
```yaml quiet
target: http://[fd00:9::7]:4318
sysctls: {net.ipv6.conf.lo.disable_ipv6: 1}
probes: ["[fd00:9::7]:4318 http timed_out"]
```

## References
- https://github.com/linkerd/linkerd2/issues/12576
- Measured on Linux 6.18: ENETUNREACH for `::1`, a timeout with a default route and for the host's own addresses
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Applicability, Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.otel import Declared
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.astray import loopback_alone_lacks_ipv6, unreached
from dualstack.reach.blame import is_loopback
from dualstack.reach.hint import sysctl, unstarted
from dualstack.reach.start import failures, here

HOP = Hop.HOST
SEVERITY = Severity.WARNING
BECAUSE = ("DS301",)


def check(
    traces: Traces, namespaces: Namespaces, listeners: Listeners | None, declared: Declared | None
) -> Iterator[Finding]:
    """One finding for the flows that need IPv6 on the loopback, or a Collector that does."""
    space = here(namespaces)
    if not loopback_alone_lacks_ipv6(space):
        return
    for failure in failures(traces, declared, listeners, space, None):
        if failure.bound.cause == "DS303":
            yield unstarted(_finding(space.place, "::1", failure.flows), failure)
    for trace in unreached(traces):
        if trace.family is Family.IPV6 and (is_loopback(trace.addresses[0]) or trace.server == space.place):
            yield _finding(space.place, trace.addresses[0], (trace,))


def _finding(place: str, address: str, flows: tuple[Trace, ...]) -> Finding:
    command, gone = sysctl(place, "lo", 0), is_loopback(address)
    lacking = "has no `::1` while another interface has IPv6"
    blocked = f"has no IPv6, and the way of a host to its own address `{address}` leads through it"
    return Finding(
        summary="The loopback has no IPv6",
        detail=f"In `{place}`, `lo` {lacking if gone else blocked}.",
        hint=f"Run `{command}`, or use {'`127.0.0.1`' if gone else 'an IPv4 address'}.",
        families=tuple(dict.fromkeys(x.family for x in flows)),
        evidence=(Evidence("net.ipv6.conf.lo.disable_ipv6 = 1", "sysctl"),),
        fix=Fix("Set `disable_ipv6` of `lo` to 0", Applicability.UNSAFE, commands=(command,)),
        flows=tuple(x.key for x in flows),
    )

"""The kernel has no IPv6 at all.

## What it detects
A flow over IPv6 is needed, and `socket(AF_INET6)` answers "address family not supported by protocol". Or an endpoint of
the configuration needs an IPv6 socket there.

## Why it breaks
With `ipv6.disable=1` on the kernel command line, or without CONFIG_IPV6, no program can make an IPv6 socket. There is
no `/proc/sys/net/ipv6`, so `disable_ipv6` can neither be read nor set.

## Fix
Remove `ipv6.disable=1` and restart the host, or send to an IPv4 address. A Go receiver on a TCP wildcard needs nothing.

## Example
```yaml fires
target: http://[::1]:4318
ipv6: absent
listeners: ["0.0.0.0:4318 go otelcol"]
probes: ["[::1]:4318 http family_absent"]
```
```yaml fires
target: collector:4317
names: {collector: ["fd00:1::1", 10.9.0.7]}
expect: [ipv6]
ipv6: absent
probes: ["[fd00:1::1]:4317 grpc family_absent", "10.9.0.7:4317 grpc accepted"]
```
```yaml fires
target: http://127.0.0.1:4318
ipv6: absent
config: |
  receivers: {otlp: {protocols: {http: {endpoint: "[::1]:4318"}}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml quiet
target: collector:4317
names: {collector: ["fd00:1::1", 10.9.0.7]}
ipv6: absent
probes: ["[fd00:1::1]:4317 grpc family_absent", "10.9.0.7:4317 grpc accepted"]
```

## References
- https://docs.kernel.org/networking/ipv6.html: `disable`
- socket(2): `EAFNOSUPPORT`
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.otel import Declared
from dualstack.model.probe import Outcome
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.astray import unreached
from dualstack.reach.hint import unstarted
from dualstack.reach.start import failures, here

HOP = Hop.HOST
SEVERITY = Severity.ERROR


def check(
    traces: Traces,
    namespaces: Namespaces | None,
    listeners: Listeners | None,
    declared: Declared | None,
) -> Iterator[Finding]:
    """One finding for the IPv6 flows from such a kernel, and for those to a Collector that cannot start there."""
    space = here(namespaces)
    for failure in failures(traces, declared, listeners, space, None):
        if failure.bound.cause == "DS301":
            yield unstarted(_finding(failure.flows, ()), failure)
    for trace in unreached(traces):
        if trace.family is Family.IPV6 and (space.ipv6_absent or trace.at(Hop.ROUTE).mark == Outcome.FAMILY_ABSENT):
            yield _finding((trace,), trace.at(Hop.ROUTE).evidence)


def _finding(flows: tuple[Trace, ...], told: tuple[Evidence, ...]) -> Finding:
    return Finding(
        summary="This kernel has no IPv6",
        detail=f"No program in `{flows[0].vantage}` can make an IPv6 socket.",
        hint="Look for `ipv6.disable=1` in `/proc/cmdline` and remove it, or use an IPv4 address.",
        families=tuple(dict.fromkeys(x.family for x in flows)),
        evidence=(Evidence("socket(AF_INET6): EAFNOSUPPORT", "socket(2)"), *told),
        fix=Fix("Remove `ipv6.disable=1` from the kernel command line"),
        flows=tuple(x.key for x in flows),
    )

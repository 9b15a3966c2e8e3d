"""A link-local IPv6 address stands without the interface it is meant on.

## What it detects
An address of fe80::/10 without a zone, of a listener or as a destination: `[fe80::1]:4317`.

## Why it breaks
Every link has such an address, so the kernel cannot tell which one is meant: `bind: invalid argument`, and
`connect: invalid argument` for a client.

## Fix
Write the interface behind a percent sign, `[fe80::1%eth0]:4317` (in a URL `%25eth0`), or use another address.

## Example
```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "[fe80::1]:4317"}}}}
```
```yaml fires
exporters: {otlphttp: {endpoint: "http://[fe80::1]:4318"}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "[fe80::1%eth0]:4317"}}}}
exporters: {otlphttp: {endpoint: "http://[fe80::1%25eth0]:4318"}}
```

## References
- RFC 4007 section 11; RFC 6874 section 2
- Linux net/ipv6/af_inet6.c __inet6_bind, net/ipv6/datagram.c and tcp_ipv6.c tcp_v6_connect
- Measured: the Collector 0.139 and 0.161
"""

from collections.abc import Iterator

from dualstack.model.address import Family, Scope, family, is_address, scope, zone
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.question import Question
from dualstack.model.source import Location
from dualstack.model.trace import Hop
from dualstack.reach.destination import read
from dualstack.reach.drafts import faults, sent

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each such address."""
    for fault in faults(deployments, question, "DS106"):
        address = fault.endpoint.effective
        yield _finding(address, f"`{fault.bound.error}`.", fault.evidence, fault.endpoint.location)
    for sender in senders.items:
        said = sender.destination
        reading = read(said.value, said.form)
        if not reading.fault and _needs_zone(reading.host):
            yield _finding(said.value, "`connect: invalid argument`.", sent(said), said.written.at)


def _needs_zone(host: str) -> bool:
    linked = is_address(host) and family(host) is Family.IPV6 and scope(host) is Scope.LINK_LOCAL
    return linked and not zone(host)


def _finding(address: str, error: str, evidence: tuple[Evidence, ...], at: Location | None) -> Finding:
    return Finding(
        summary="Link-local address without an interface",
        detail=f"`{address}` does not say on which link it is meant: {error}",
        hint="Write the interface behind the address, such as `%eth0`, or use another address.",
        families=(Family.IPV6,),
        confidence=Confidence.DECLARED,
        evidence=evidence,
        location=at,
        fix=Fix("Name the interface, or use another address"),
    )

"""The transport is for one family and the address is of the other.

## What it detects
`transport: tcp6` (or `udp6`) with an IPv4 address, also with `0.0.0.0`; `tcp4` (or `udp4`) with an IPv6 address.

## Why it breaks
Go finds no address of that family: `listen tcp6: address 0.0.0.0: no suitable address found`. The Collector ends at
its start.

## Fix
Leave `transport` out or set it to `tcp`; or write an address of its family.

## Fix safety
Unsafe: with a wildcard the listener then takes both families, which somebody may not want.

## Example
```yaml fires
receivers: {otlp: {protocols: {grpc: {transport: tcp6, endpoint: "0.0.0.0:4317"}}}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {transport: tcp6, endpoint: "[::]:4317"}}}}
```

## References
- Go src/net/ipsock.go errNoSuitableAddress
- Measured: 96 starts of the Collector that failed
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.drafts import faults
from dualstack.reach.edits import fix

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each endpoint whose transport has no address."""
    for fault in faults(deployments, question, "DS107"):
        endpoint, network = fault.endpoint, fault.endpoint.network
        wanted = Family.IPV6 if network.endswith("6") else Family.IPV4
        yield Finding(
            summary=f"`{network}` with an {wanted.other.title} address",
            detail=f"`{network}` binds {wanted.title} alone: `{fault.bound.error}`. The program does not start.",
            hint=f"Set `transport` to `{network[:3]}`, or write an {wanted.title} address.",
            families=(wanted,),
            confidence=Confidence.DECLARED,
            evidence=fault.evidence,
            location=endpoint.location,
            fix=fix(f"Set `transport` to `{network[:3]}`", Applicability.UNSAFE, endpoint.pinned, network[:3]),
        )

"""A component listens on every address, whatever host is written.

## What it detects
A host beside the port of a component that uses the port alone, such as gRPC of the skywalking receiver.

## Why it breaks
`localhost:11800` looks as if nobody else could connect; the socket is that of `:11800`, open to every network of the
host, over IPv4 and IPv6. A literal of one family does not hold the other one off.

## Fix
Write `0.0.0.0` so that the file says what happens, and keep others out with a firewall or a NetworkPolicy.

## Example
```yaml fires
receivers: {skywalking: {protocols: {grpc: {endpoint: "localhost:11800"}}}}
```
```yaml quiet
receivers: {skywalking: {protocols: {grpc: {endpoint: "0.0.0.0:11800"}, http: {endpoint: "localhost:12800"}}}}
```

## References
- opentelemetry-collector-contrib receiver/skywalkingreceiver: `net.Listen("tcp", fmt.Sprintf(":%d", port))`
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH, Scope, is_address, scope
from dualstack.model.deployed import Deployments
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.trace import Hop
from dualstack.reach.drafts import declared

HOP = Hop.ENDPOINT
SEVERITY = Severity.WARNING


def lint(deployments: Deployments) -> Iterator[Finding]:
    """One finding for each host that has no effect."""
    for item in deployments.items:
        for endpoint in item.config.endpoints:
            host = endpoint.text.rpartition(":")[0].strip("[]")
            wildcard = is_address(host) and scope(host) is Scope.WILDCARD
            if not endpoint.host_ignored or not host or wildcard:
                continue
            yield Finding(
                summary="Configured host has no effect",
                detail=f"{endpoint.component} binds `{endpoint.effective}`, every address of both families, whatever "
                "host is written.",
                hint="Keep others out with a firewall, and write `0.0.0.0` so that the file says what happens.",
                families=BOTH,
                confidence=Confidence.DECLARED,
                evidence=(declared(endpoint),),
                location=endpoint.location,
                fix=Fix("Do not rely on the host"),
            )

"""This version of the Collector takes the brackets off the address of its own metrics.

## What it detects
An IPv6 address for the Collector's own metrics, in a version that joins host and port without brackets: `address` from
0.95 to 0.103 and in 0.119, `host` of a Prometheus reader up to 0.119 where it stands without brackets. Nothing is said
while the version is unknown.

## Why it breaks
The text becomes `:::8888`, and the Collector ends with `listen tcp: address :::8888: too many colons in address`,
although nothing is wrong with the file.

## Fix
Put the `host` of a reader in brackets. For `address` write `:8888` instead of a wildcard, or use 0.104 to 0.118, or
0.120 and newer.

## Fix safety
Safe: newer versions take brackets off by themselves, and `:8888` is the same socket as `[::]:8888`.

## Example
```yaml fires
# dualstack lint --collector-version 0.100.0
service: {telemetry: {metrics: {address: "[::]:8888"}}, pipelines: {}}
```
```yaml fires
# dualstack lint --collector-version 0.119.0
service:
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: "::", port: 8888}}}}]}
  pipelines: {}
```
```yaml quiet
# dualstack lint --collector-version 0.161.0
service:
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: "::", port: 8888}}}}]}
  pipelines: {}
```

## References
- https://github.com/open-telemetry/opentelemetry-collector/issues/10011
- https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/37876
- https://github.com/open-telemetry/opentelemetry-go-contrib/pull/6815
"""

from collections.abc import Iterator

from dualstack.model.address import Family, Scope, is_address, scope
from dualstack.model.deployed import Deployments
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.drafts import faults
from dualstack.reach.edits import fix

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each address that the version breaks."""
    for fault in faults(deployments, question, "DS113"):
        endpoint, version = fault.endpoint, fault.deployed.config.version
        meant = _meant(endpoint)
        title = f"Write `{meant}`" if meant else "Use another version, or a name instead of the address"
        yield Finding(
            summary="This version drops the brackets",
            detail=f"The Collector {version} joins host and port without brackets: `{fault.bound.error}`.",
            hint=f"{title}.",
            families=(Family.IPV6,),
            confidence=Confidence.DECLARED,
            evidence=fault.evidence,
            location=endpoint.location,
            fix=fix(title, Applicability.SAFE, endpoint.written, meant),
        )


def _meant(endpoint: DeclaredEndpoint) -> str:
    """What the version can use: the host in brackets, or a port alone for a wildcard; empty where there is nothing."""
    if endpoint.field.endswith(".host"):
        return f"[{endpoint.text}]"
    host, _, port = endpoint.value.rpartition(":")
    plain = "$" not in endpoint.text and is_address(host) and scope(host) is Scope.WILDCARD
    return f":{port}" if plain else ""

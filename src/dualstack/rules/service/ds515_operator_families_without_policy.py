"""An OpenTelemetryCollector names two families and no policy for two.

## What it detects
Two `ipFamilies` in a resource of the Operator without `ipFamilyPolicy`, or with SingleStack.

## Why it breaks
The Operator hands both to the Service, and without a policy that is SingleStack. The API server refuses the Service:
`must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified`. The Collector runs, and no
Service leads to it.

## Fix
Set `ipFamilyPolicy: PreferDualStack` in the resource.

## Fix safety
Safe: the Service was refused as it stood.

## Example
```yaml fires
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec:
  ipFamilies: [IPv4, IPv6]
  config:
    receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml quiet
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec:
  ipFamilies: [IPv4, IPv6]
  ipFamilyPolicy: PreferDualStack
  config:
    receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```

## References
- operator apis/v1beta1/common.go: ipFamilies, ipFamilyPolicy; internal/manifests/collector/service.go
- Measured: 244 operations on kube-apiserver 1.34.4
"""

from collections.abc import Iterator

from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.kube import Workloads
from dualstack.model.trace import Hop
from dualstack.reach.operator import OPERATED
from dualstack.reach.stacks import PREFER, SINGLE, evidence, listed, policy, with_policy

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR


def lint(workloads: Workloads) -> Iterator[Finding]:
    """One finding for each resource whose Service is refused."""
    for workload in workloads.items:
        for service in workload.made[:1] if workload.meta.kind == OPERATED else ():
            if len(listed(service)) > 1 and policy(service) == SINGLE:
                edits = with_policy(service, PREFER)
                yield Finding(
                    summary="Two families, and no policy for two",
                    detail=f"The API server refuses the Service that the Operator makes of {workload.meta.called}.",
                    hint="Set `ipFamilyPolicy: PreferDualStack`.",
                    families=tuple(dict.fromkeys(listed(service))),
                    confidence=Confidence.DECLARED,
                    evidence=evidence(service),
                    location=service.policy.at if service.policy else service.families[0].at,
                    fix=Fix("Ask for both families", Applicability.SAFE if edits else Applicability.MANUAL, edits),
                )

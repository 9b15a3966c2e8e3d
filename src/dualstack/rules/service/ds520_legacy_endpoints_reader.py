"""A load balancing exporter reads Endpoints, which hold one family.

## What it detects
A loadbalancing exporter with the `k8s` resolver, of a Collector before 0.140 or of a version that nobody says, and a
Service in the files that has both families.

## Why it breaks
Endpoints hold the addresses of a Service's first family alone, so the exporter sends over that one whatever the other
could do. From 0.140 on the resolver reads EndpointSlices.

## Fix
Use the `dns` resolver with a headless Service, or a newer Collector.

## Fix safety
Unsafe: the `dns` resolver asks in intervals, needs a headless Service, and gets both addresses of each pod (DS512).

## Example
```yaml fires
# dualstack lint --collector-version 0.115.0
apiVersion: v1
kind: Service
metadata: {name: backends}
spec: {clusterIP: None, ipFamilyPolicy: RequireDualStack, selector: {app: backend}, ports: [{port: 4317}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: balancer}
data:
  config.yaml: |
    receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
    exporters: {loadbalancing: {resolver: {k8s: {service: backends}}}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [loadbalancing]}}}
```
```yaml quiet
# dualstack lint --collector-version 0.161.0
apiVersion: v1
kind: Service
metadata: {name: backends}
spec: {clusterIP: None, ipFamilyPolicy: RequireDualStack, selector: {app: backend}, ports: [{port: 4317}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: balancer}
data:
  config.yaml: |
    receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
    exporters: {loadbalancing: {resolver: {k8s: {service: backends}}}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [loadbalancing]}}}
```

## References
- https://github.com/open-telemetry/opentelemetry-collector-contrib/pull/44079: between 0.139 and 0.140
- https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/44494: 0.140 needs rights to EndpointSlices
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH
from dualstack.model.deployed import Deployments
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Services
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.balance import FIRST, balanced
from dualstack.reach.stacks import evidence, primary, titles

HOP = Hop.SERVICE
SEVERITY = Severity.WARNING


def lint(services: Services, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each resolver that may see one family of a Service that has two."""
    for found in balanced(deployments, services, question):
        if FIRST in found.addresses:
            first = primary(found.service, question)
            open_ended = (
                "" if len(found.rows) == 1 else " Nobody says which version this is; `--collector-version` does."
            )
            yield Finding(
                summary="Balancer reads one family of the Service",
                detail=f"Before Collector 0.140 the `k8s` resolver reads Endpoints, which hold "
                f"{titles(first) or 'the first family'} alone.{open_ended}",
                hint="Use the `dns` resolver with a headless Service, or Collector 0.140 or newer.",
                families=tuple(x for x in BOTH if x not in first),
                confidence=Confidence.DECLARED,
                evidence=evidence(found.service),
                location=found.balancer.name.at,
                fix=Fix("Resolve by DNS"),
            )

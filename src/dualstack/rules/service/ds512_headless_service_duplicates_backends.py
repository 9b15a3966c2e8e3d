"""A load balancing exporter gets each pod twice, once for each family.

## What it detects
A loadbalancing exporter with the `dns` resolver of a headless Service that has both families, or with the `k8s`
resolver of a Collector that reads EndpointSlices, without `return_hostnames`.

## Why it breaks
The exporter takes each address for a backend of its own. Spans of one trace can go to one pod over two connections, and
where one family does not work, half of the data waits for it.

## Fix
Give the exporter a headless Service with one family, or `return_hostnames: true` with the `k8s` resolver.

## Example
```yaml fires
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
    exporters: {loadbalancing: {resolver: {dns: {hostname: backends}}}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [loadbalancing]}}}
```
```yaml fires
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
    exporters: {loadbalancing: {resolver: {k8s: {service: backends, return_hostnames: true}}}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [loadbalancing]}}}
```

## References
- contrib exporter/loadbalancingexporter resolver_dns.go, resolver_k8s_handler.go
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH
from dualstack.model.deployed import Deployments
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Services
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.balance import EVERY, balanced
from dualstack.reach.stacks import evidence

HOP = Hop.SERVICE
SEVERITY = Severity.WARNING


def lint(services: Services, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each resolver that gets two addresses of each pod."""
    for found in balanced(deployments, services, question):
        balancer, service = found.balancer, found.service
        each = balancer.kind == "k8s" or service.headless
        if each and not balancer.by_host and found.addresses == {EVERY}:
            yield Finding(
                summary="Balancer gets each pod twice",
                detail=f"{service.meta.called} has both families, and the `{balancer.kind}` resolver takes each "
                "address of a pod for a backend of its own.",
                hint="Balance over a headless Service with one family.",
                families=BOTH,
                confidence=Confidence.DECLARED,
                evidence=evidence(service),
                location=balancer.name.at,
                fix=Fix("Balance over one family"),
            )

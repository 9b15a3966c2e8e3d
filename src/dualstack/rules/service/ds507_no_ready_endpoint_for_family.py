"""A Service hands out an address of a family in which nothing stands behind it.

## What it detects
In files: a Service for OTLP without selector, whose EndpointSlices are there as well, and none of them has a ready
address of a family that the Service surely gets. It is a warning where no slice stands in the file of the Service: one
may be elsewhere.

## Why it breaks
Every family of a Service has a cluster address of its own, and names lead to all of them. Where a family has no ready
endpoint, kube-proxy refuses the connection.

## Fix
Add an EndpointSlice with the `addressType` of that family, or take the family from the Service.

## Example
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-gateway}
spec: {ipFamilyPolicy: RequireDualStack, ports: [{name: otlp-grpc, port: 4317}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: otel-gateway-v4, labels: {kubernetes.io/service-name: otel-gateway}}
addressType: IPv4
endpoints: [{addresses: [10.1.2.3]}]
ports: [{name: otlp-grpc, port: 4317}]
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-gateway}
spec: {ipFamilyPolicy: PreferDualStack, ports: [{name: otlp-grpc, port: 4317}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: otel-gateway-v4, labels: {kubernetes.io/service-name: otel-gateway}}
addressType: IPv4
endpoints: [{addresses: [10.1.2.3]}]
ports: [{name: otlp-grpc, port: 4317}]
```

## References
- https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
- https://github.com/kubernetes/kubernetes/issues/94505
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services, Slice, Slices
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.landscape import landscape
from dualstack.reach.ports import carries_otlp
from dualstack.reach.slices import backing, lacking
from dualstack.reach.stacks import place, titles

HOP = Hop.ENDPOINTS
SEVERITY = Severity.ERROR


def lint(services: Services, slices: Slices, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each Service with slices that lack a family."""
    land = landscape(deployments, services)
    for service in services.items if slices.items else ():
        mine = backing(service, slices, land)
        lacks = lacking(service, mine, question)
        if lacks and carries_otlp(service, land):
            yield _finding(service, mine, lacks)


def _finding(service: Service, mine: list[Slice], lacks: tuple[Family, ...]) -> Finding:
    together = any(x.meta.at.file == service.meta.at.file for x in mine)
    return Finding(
        summary=f"No endpoint over {titles(lacks)}",
        detail=f"{service.meta.called} gets {titles(lacks)}, and no EndpointSlice of it has a ready address of that.",
        hint=f"Add an EndpointSlice with `addressType: {lacks[0].title}`, or take {titles(lacks)} from the Service.",
        families=lacks,
        severity=Severity.ERROR if together else Severity.WARNING,
        confidence=Confidence.DECLARED,
        evidence=tuple(
            Evidence(f"addressType: {x.type.text if x.type else 'of each address'}", x.meta.called, Layer.DECLARED)
            for x in mine
        ),
        location=place(service),
        fix=Fix(f"Add endpoints of {titles(lacks)}"),
    )

"""A Service has a family, and no endpoint of that family is ready.

## What it detects
Flows that reach the address of a Service behind which no pod is ready: none is selected with an address of that family,
none runs, or none passes its readiness probe; a warning where one of several does not run. In files: a Service for OTLP
without selector, none of whose EndpointSlices has a ready address of a family that it gets; a warning where none stands
in the file of the Service.

## Why it breaks
kube-proxy refuses connections to a Service without endpoints. An EndpointSlice holds one family, so one family can be
empty while the other works; every family of a Service has a cluster address of its own that names lead to.

## Fix
Give the pods what keeps them from running, or add an EndpointSlice with the `addressType` of that family.

## Example
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24]}}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], selector: {app: otel}, ports: [{port: 4317}]}
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-4, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv4
    endpoints: []
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1, labels: {app: otel}}
    spec: {nodeName: n1, containers: [{name: otelcol}]}
    status: {phase: Pending, containerStatuses: [{name: otelcol, state: {waiting: {reason: ImagePullBackOff}}}]}
```
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: gateway}
spec: {ipFamilyPolicy: RequireDualStack, ports: [{name: otlp-grpc, port: 4317}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: gateway-v4, labels: {kubernetes.io/service-name: gateway}}
addressType: IPv4
endpoints: [{addresses: [10.1.2.3]}]
ports: [{name: otlp-grpc, port: 4317}]
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: gateway}
spec: {ipFamilyPolicy: PreferDualStack, ports: [{name: otlp-grpc, port: 4317}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: gateway-v4, labels: {kubernetes.io/service-name: gateway}}
addressType: IPv4
endpoints: [{addresses: [10.1.2.3]}]
ports: [{name: otlp-grpc, port: 4317}]
```

## References
- https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services, Slice, Slices
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.landscape import landscape
from dualstack.reach.ports import carries_otlp
from dualstack.reach.slices import backing, lacking
from dualstack.reach.stacks import place, titles

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster
    from dualstack.reach.pods import Places

HOP = Hop.ENDPOINTS
SEVERITY = Severity.ERROR
BECAUSE = (
    *("DS101", "DS102", "DS104", "DS105", "DS106", "DS107", "DS108", "DS113", "DS114", "DS115", "DS117", "DS118"),
    *("DS119", "DS120", "DS122", "DS201", "DS202", "DS203", "DS204", "DS205", "DS208", "DS210", "DS211", "DS212"),
    *("DS214", "DS215", "DS216", "DS217", "DS218", "DS508", "DS509", "DS601", "DS602", "DS603", "DS606", "DS607"),
    "DS704",
)


def check(cluster: "Cluster", traces: Traces, places: "Places") -> Iterator[Finding]:
    """One finding for each Service and reason, and a warning where a pod beside one that serves does not run."""
    from dualstack.reach.unready import beside, unready

    found = tuple(unready(cluster, traces, places))
    told = [x.fix.commands for x in found if x.fix]
    yield from found
    yield from (x for x in beside(traces, places) if x.fix and x.fix.commands not in told)


def lint(services: Services, slices: Slices, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each Service with slices that lack a family."""
    land = landscape(deployments, services)
    for service in services.items if slices.items else ():
        mine = backing(service, slices, land)
        lacks = lacking(service, mine, question)
        if lacks and carries_otlp(service, land):
            yield _declared(service, mine, lacks)


def _declared(service: Service, mine: list[Slice], lacks: tuple[Family, ...]) -> Finding:
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

"""A Service for OTLP selects no pods, and a Collector beside it nearly fits.

## What it detects
A Service for OTLP whose selector fits no workload in the files, while a Collector of the same namespace that no Service
leads to has some of its labels, and stands in the same file or has the same name; or has its name in the same file.
Where the files hold no such Collector nothing is said: it may be elsewhere. On a cluster, a Service without a pod. With
`--all` that is a warning where no known client names it, and its workload has `replicas: 0` or others lead to the rest.

## Why it breaks
A Service without endpoints refuses every connection, or drops it.

## Fix
Give the pods (`spec.template.metadata.labels`, not those of the Deployment) the labels of the selector.

## Example
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec:
  selector: {app: otel, component: collector}
  ports: [{port: 4317}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector, labels: {app: otel, component: collector}}
spec:
  template:
    metadata: {labels: {app: otel}}
    spec:
      containers: [{name: collector, image: "otel/opentelemetry-collector:0.139.0"}]
```
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {ipFamilies: [IPv4], selector: {app: otel}, ports: [{port: 4317}]}
  - {apiVersion: v1, kind: Pod, metadata: {name: otelcol-1, labels: {app: otelcol}}}
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-x, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv4
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec:
  selector: {app: otel, component: collector}
  ports: [{port: 4317}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-agent}
spec:
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: collector, image: "otel/opentelemetry-collector:0.139.0"}]
```

## References
- https://kubernetes.io/docs/concepts/services-networking/service/#defining-a-service
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services, Workload, Workloads
from dualstack.model.trace import Hop, Traces
from dualstack.reach.landscape import landscape
from dualstack.reach.ports import carries_otlp

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR


def check(cluster: "Cluster", traces: Traces, services: Services | None) -> Iterator[Finding]:
    """One finding for each Service without a pod."""
    from dualstack.reach.idle import idle, moved, unselected
    from dualstack.reach.lanes import over
    from dualstack.reach.live import NO_POD, by_service, failing, families_of, keys, written

    for service, flows in by_service(cluster, failing(traces, Hop.ENDPOINTS, NO_POD)):
        text = written(services, service)
        wants = ", ".join(f"{k}: {v}" for k, v in (service.spec.selector or {}).items())
        found = idle(cluster, service)
        if found is None and over(cluster, service):
            continue
        other, there = unselected(cluster, service), moved(cluster, service)
        named = ", ".join(f"`{service.metadata.name}.{x}`" for x in there)
        elsewhere = f"; there are ready endpoints behind {named}" if there else ""
        yield Finding(
            summary="The workload of the Service has no pods" if found else "Service selects no pods",
            detail=f"{(found or other).said}{elsewhere}.",
            hint=(found or other).hint,
            families=families_of(flows),
            evidence=(Evidence(f"selector: {wants}", service.called),),
            location=None if found else text.selector_at or text.meta.at if text else None,
            fix=Fix("Get pods with these labels", commands=tuple(filter(None, [(found or other).command]))),
            flows=keys(flows),
        )


def lint(services: Services, workloads: Workloads, deployments: Deployments) -> Iterator[Finding]:
    """One finding for each Service that a label keeps from its Collector."""
    land = landscape(deployments, services, workloads)
    spare = [x for x in workloads.items if land.is_collector(x) and not x.made and not land.is_served(x)]
    for service in services.items if spare else ():
        lost = service.selector and not land.selected(service)
        near = [x for x in spare if lost and _nearly(service, x)]
        if near and carries_otlp(service, land):
            yield _finding(service, near[0])


def _nearly(service: Service, workload: Workload) -> bool:
    one, other = service.meta, workload.meta
    same_file, same_name = one.at.file == other.at.file, one.name == other.name
    shared = bool(service.selector.items() & workload.labels.items())
    return one.namespace == other.namespace and (((same_file or same_name) and shared) or (same_file and same_name))


def _finding(service: Service, workload: Workload) -> Finding:
    wrong = {k: v for k, v in service.selector.items() if workload.labels.get(k) != v}
    has = ", ".join(f"{k}: {workload.labels.get(k, 'not set')}" for k in wrong)
    wants = ", ".join(f"{k}: {v}" for k, v in wrong.items())
    return Finding(
        summary="Service selects no pods",
        detail=f"{service.meta.called} wants `{wants}`, and the pods of {workload.meta.called} have `{has}`.",
        hint=f"Give the pods of {workload.meta.called} the labels `{wants}`, or select what they have.",
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"selector: {wants}; labels: {has}", service.meta.called, Layer.DECLARED),),
        location=service.selector_at or service.meta.at,
        fix=Fix("Make selector and labels agree"),
    )

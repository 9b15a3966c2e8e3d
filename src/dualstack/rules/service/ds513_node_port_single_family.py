"""Clients use the NodePort over a family that the Service does not have.

## What it detects
A NodePort whose Service has one family, while clients are expected over the other (`--expect`) and nodes have an
address of it.

## Why it breaks
kube-proxy opens a node port in the families of its Service alone. On the other address of the node nobody listens.

## Fix
Give the Service both families, or let clients use the address of the family that it has.

## Example
```yaml fires
# dualstack diagnose svc/otel --expect dual
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Node
    metadata: {name: n1}
    spec: {podCIDRs: [10.244.0.0/24]}
    status: {addresses: [{type: InternalIP, address: 10.100.0.1}, {type: InternalIP, address: "fd00:100::1"}]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {type: NodePort, clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317, nodePort: 30317}]}
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Node
    metadata: {name: n1}
    spec: {podCIDRs: [10.244.0.0/24]}
    status: {addresses: [{type: InternalIP, address: 10.100.0.1}, {type: InternalIP, address: "fd00:100::1"}]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {type: NodePort, clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317, nodePort: 30317}]}
```

## References
- https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport
- https://github.com/kubernetes/kubernetes/issues/66766
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.cluster import Cluster
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.kube import Services
from dualstack.model.trace import Hop, Traces
from dualstack.reach.live import by_service, by_whom, failing, families_of, keys, patch, titles, written
from dualstack.reach.node_ports import SINGLE
from dualstack.reach.stacks import PREFER, place

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR
BECAUSE = ("DS501", "DS506")


def check(cluster: Cluster, traces: Traces, services: Services | None) -> Iterator[Finding]:
    """One finding for each Service whose node ports lack a family."""
    for service, flows in by_service(cluster, failing(traces, Hop.SERVICE, SINGLE)):
        text = written(services, service)
        ports = " and ".join(map(str, dict.fromkeys(x.target.port for x in flows)))
        families = families_of(flows)
        both = set(Family) <= set(cluster.families)
        wanted = f"Set `ipFamilyPolicy: {PREFER}`{by_whom(service)}."
        yield Finding(
            summary=f"Node port lacks {titles(families)}",
            detail=f"{service.called} has {titles(service.families)} alone, so port {ports} of the nodes is closed "
            f"over {titles(families)}.",
            hint=wanted if both else f"Send to an {titles(service.families)} address.",
            families=families,
            evidence=tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.SERVICE).evidence)),
            location=place(text) if text else None,
            fix=Fix("Ask for both families", commands=(patch(service, {"ipFamilyPolicy": PREFER}),) if both else ()),
            flows=keys(flows),
        )

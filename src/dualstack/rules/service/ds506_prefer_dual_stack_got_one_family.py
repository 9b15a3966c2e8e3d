"""A Service prefers both families, the cluster has both, and it got one.

## What it detects
`ipFamilyPolicy: PreferDualStack` in a Service with one address, on a cluster whose ranges for Services have both
families. On a cluster with one family that is all that can be had, and nothing is said.

## Why it breaks
The policy is applied when a Service is made. One that is older than the second range keeps its one family, and an
update that leaves its families alone does not change that.

## Fix
Name both families, the present one first: the Service keeps its address and gets one more.

## Example
```yaml fires
# dualstack diagnose svc/otel --expect dual
apiVersion: v1
kind: List
items:
  - apiVersion: networking.k8s.io/v1
    kind: ServiceCIDR
    metadata: {name: kubernetes}
    spec: {cidrs: [10.96.0.0/16, "fd00:96::/112"]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9]
      ipFamilyPolicy: PreferDualStack
      ipFamilies: [IPv4]
      ports: [{port: 4317}]
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: networking.k8s.io/v1
    kind: ServiceCIDR
    metadata: {name: kubernetes}
    spec: {cidrs: [10.96.0.0/16]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9], ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4], ports: [{port: 4317}]}
```

## References
- kubernetes 1.34.4 pkg/registry/core/service/storage/alloc.go isMatchingPreferDualStackClusterIPFields
- https://kubernetes.io/docs/concepts/services-networking/dual-stack/#dual-stack-defaults-on-existing-services
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH
from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.kube import Services
from dualstack.model.trace import Hop, Traces
from dualstack.reach.live import by_service, by_whom, failing, keys, lacks_family, patch, written
from dualstack.reach.stacks import PREFER, place, titles

HOP = Hop.SERVICE
SEVERITY = Severity.WARNING


def check(cluster: Cluster, traces: Traces, services: Services | None) -> Iterator[Finding]:
    """One finding for each such Service for OTLP."""
    nameless = failing(traces, Hop.RESOLVE)
    for service, mine in by_service(cluster, traces.items):
        has = service.families
        if service.spec.ip_family_policy != PREFER or len(has) != 1 or len(cluster.families) < len(BOTH):
            continue
        text = written(services, service)
        ranges = "ServiceCIDR" if cluster.ranges else "families of its Services and nodes"
        both = [x.title for x in (*has, has[0].other)]
        lost = (x for x in mine if x in nameless or (x.failed and lacks_family(x, has[0])))
        yield Finding(
            summary="PreferDualStack, and one family was given",
            detail=f"{service.called} has {titles(has)} alone, and the cluster has {titles(cluster.families)}. The "
            "Service is older than the second range.",
            hint=f"Name both families in its `ipFamilies`{by_whom(service)}: {', '.join(both)}.",
            families=(has[0].other,),
            evidence=(
                Evidence(f"clusterIPs {', '.join(service.addresses) or 'None'}", service.called),
                Evidence(f"ranges of {titles(cluster.families)}", ranges),
            ),
            location=place(text) if text else None,
            fix=Fix("Name both families", commands=(patch(service, {"ipFamilies": both}),)),
            flows=keys(lost),
        )

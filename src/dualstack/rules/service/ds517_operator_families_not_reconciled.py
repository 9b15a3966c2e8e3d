"""The Operator's resource asks for families that its Service does not have.

## What it detects
An OpenTelemetryCollector whose `ipFamilyPolicy` or `ipFamilies` ask for more, or in another order, than a Service that
it owns has, on a cluster that has both families.

## Why it breaks
Operators before 0.153.0 set the families when they make a Service and leave them alone afterwards; the Service for
extensions never gets any. The first family of a Service stays, with any version: the API server refuses another one,
`expected an IPv6 value as indicated by ipFamilies[0]`, and the Operator tries again for ever.

## Fix
Update the Operator, or delete the Service: it is made anew with what the resource asks for, and with another address.
For another first family only the latter helps.

## Example
```yaml fires
# dualstack diagnose svc/gateway-collector
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - apiVersion: opentelemetry.io/v1beta1
    kind: OpenTelemetryCollector
    metadata: {name: gateway}
    spec:
      ipFamilyPolicy: PreferDualStack
      config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}}
  - apiVersion: v1
    kind: Service
    metadata: {name: gateway-collector, ownerReferences: [{kind: OpenTelemetryCollector, name: gateway}]}
    spec: {clusterIPs: [10.96.0.9], ipFamilyPolicy: SingleStack, ipFamilies: [IPv4], ports: [{port: 4317}]}
```
```yaml quiet
# dualstack diagnose svc/gateway-collector
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - apiVersion: opentelemetry.io/v1beta1
    kind: OpenTelemetryCollector
    metadata: {name: gateway}
    spec: {config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}}}
  - apiVersion: v1
    kind: Service
    metadata: {name: gateway-collector, ownerReferences: [{kind: OpenTelemetryCollector, name: gateway}]}
    spec: {clusterIPs: [10.96.0.9], ipFamilyPolicy: SingleStack, ipFamilies: [IPv4], ports: [{port: 4317}]}
```

## References
- operator CHANGELOG 0.153.0 (#5141); internal/manifests/collector/service.go ExtensionService
- https://github.com/open-telemetry/opentelemetry-operator/issues/2958
- Measured: operator 0.153.0 on kube-apiserver 1.34.4
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH, Family
from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.kube import Service, Workloads
from dualstack.model.trace import Hop, Traces
from dualstack.reach.live import by_service, keys
from dualstack.reach.operator import OPERATED
from dualstack.reach.stacks import DUAL, evidence, listed, place, policy, titles

HOP = Hop.SERVICE
SEVERITY = Severity.WARNING

_BEHIND = "Update the Operator, or delete the Service to have it made anew."
_FIRST = "Delete the Service to have it made anew: the API server lets nobody change the first family of one."


def check(cluster: Cluster, traces: Traces, workloads: Workloads) -> Iterator[Finding]:
    """One finding for each Service that is behind its resource."""
    made = {x.meta.name: x.made[0] for x in workloads.items if x.meta.kind == OPERATED and x.made}
    for service, mine in by_service(cluster, traces.items) if len(cluster.families) == len(BOTH) else ():
        owners = (x.name for x in service.metadata.owner_references or () if x.kind == OPERATED)
        asked = next((made[x] for x in owners if x in made), None)
        if asked is None or not _differs(asked, service.families):
            continue
        about = service.metadata
        yield Finding(
            summary="Service lags behind its OpenTelemetryCollector",
            detail=f"The resource asks for {_wanted(asked)}, and {service.called} has {titles(service.families)}.",
            hint=_FIRST if listed(asked)[:1] not in ((), service.families[:1]) else _BEHIND,
            families=tuple(x for x in BOTH if x not in service.families),
            evidence=(*evidence(asked), Evidence(f"ipFamilies {titles(service.families)}", service.called)),
            location=place(asked),
            fix=Fix(
                "Have the Service made anew", commands=(f"kubectl delete service {about.name} -n {about.namespace}",)
            ),
            flows=keys(x for x in mine if x.required and x.failing and x.failing.hop is Hop.RESOLVE),
        )


def _differs(asked: Service, has: tuple[Family, ...]) -> bool:
    """Whether a Service has fewer families than are asked for, or others first."""
    named = listed(asked)
    return bool(has) and ((len(has) < len(BOTH) and policy(asked) in DUAL) or has[: len(named)] != named)


def _wanted(asked: Service) -> str:
    named = titles(listed(asked))
    return f"{policy(asked)}{f' of {named}' if named else ''}"

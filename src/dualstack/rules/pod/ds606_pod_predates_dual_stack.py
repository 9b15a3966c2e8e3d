"""The pod is older than the second family of its cluster, and keeps the one address that it has.

## What it detects
A pod without an address of a family that its clients use, on a node that gives it to pods: a younger pod there has one,
or the range for Services of that family is younger than the pod.

## Why it breaks
A pod gets its addresses when it is made. Switching dual-stack on changes nothing for those that run.

## Fix
Make the pods anew, such as by `kubectl rollout restart`.

## Example
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - {apiVersion: v1, kind: Node, metadata: {name: n2}, spec: {podCIDRs: [10.244.1.0/24, "fd00:244:1::/64"]}}
  - apiVersion: networking.k8s.io/v1
    kind: ServiceCIDR
    metadata: {name: second, creationTimestamp: "2026-03-02T10:00:00Z"}
    spec: {cidrs: ["fd00:96::/112"]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilyPolicy: PreferDualStack
      ipFamilies: [IPv4, IPv6]
      selector: {app: otel}
      ports: [{port: 4317}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-4, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv4
    endpoints: [{addresses: [10.244.0.7]}]
    ports: [{name: "", port: 4317}]
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1, labels: {app: otel}, creationTimestamp: "2026-03-01T10:00:00Z"}
    spec: {nodeName: n1, containers: [{name: otelcol}]}
    status: {phase: Running, podIPs: [{ip: 10.244.0.7}]}
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - {apiVersion: v1, kind: Node, metadata: {name: n2}, spec: {podCIDRs: [10.244.1.0/24, "fd00:244:1::/64"]}}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilyPolicy: PreferDualStack
      ipFamilies: [IPv4, IPv6]
      selector: {app: otel}
      ports: [{port: 4317}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-4, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv4
    endpoints: [{addresses: [10.244.0.7]}]
    ports: [{name: "", port: 4317}]
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1, labels: {app: otel}, creationTimestamp: "2026-03-01T10:00:00Z"}
    spec: {nodeName: n1, containers: [{name: otelcol}]}
    status: {phase: Running, podIPs: [{ip: 10.244.0.7}]}
```

## References
- https://kubernetes.io/docs/tasks/network/validate-dual-stack/
- https://github.com/kubernetes/kubernetes/issues/91940
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime

from dualstack.model.address import Family
from dualstack.model.cluster import Cluster, Pod
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.slim import ObjectMeta
from dualstack.model.trace import Hop, Traces
from dualstack.reach.families_of_pods import lacks_of_pods
from dualstack.reach.live import keys, without

HOP = Hop.POD
SEVERITY = Severity.WARNING
_AT_ONCE = 60
"""Seconds within which workloads are mostly made together: to turn a family on takes longer."""


def check(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for the pods behind each Service that are all older than what gives pods the family."""
    for lack in lacks_of_pods(cluster, traces):
        found = [_younger(cluster, x, lack.family) for x in lack.pods]
        if not all(found) or without(cluster, lack.pods, lack.family):
            continue
        pod, title = lack.pods[0], lack.family.title
        yield Finding(
            summary=f"Pods are older than the cluster's {title}",
            detail=f"The pod {pod.metadata.called} was made at {pod.metadata.creation_timestamp}, before {found[0]}. "
            f"It keeps {', '.join(pod.addresses)} alone.",
            hint="Make the pods anew.",
            families=(lack.family,),
            evidence=tuple(
                Evidence(f"made at {x.metadata.creation_timestamp}", f"the pod {x.metadata.called}")
                for x in lack.pods[:5]
            ),
            fix=Fix("Make the pods anew", commands=lack.restart),
            flows=keys(lack.flows),
        )


def _younger(cluster: Cluster, pod: Pod, lacks: Family) -> str:
    """What has the family, or gives it to Services, and is younger than a pod; empty where nothing is known to be.

    It is none where an older pod on the same node has the family: that was given out before.
    """
    made = _when(pod.metadata)
    ranges = (x for x in cluster.ranges if lacks in x.families)
    since = ((_when(x.metadata), f"ServiceCIDR {x.metadata.name}") for x in ranges)
    beside = [x for x in cluster.pods if x.spec.node_name == pod.spec.node_name and lacks in x.families]
    there = ((_when(x.metadata) - _AT_ONCE, f"the pod {x.metadata.called} on the same node") for x in beside)
    if not made or any(0 < _when(x.metadata) < made for x in beside):
        return ""
    return next((x for time, x in (*since, *there) if time > made), "")


def _when(about: ObjectMeta) -> float:
    """When an object was made, in seconds since 1970; 0 where that is not known."""
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(about.creation_timestamp or "").timestamp()
    return 0

"""Some nodes have both families and others have one, and clients or Collectors are on both kinds.

## What it detects
A family that fails for the clients, the node ports or the pods of some nodes, which have no address of it, while other
nodes have one. It names the nodes.

## Why it breaks
A workload is spread over nodes that differ, so some pods can export and others cannot, and what a pod can do changes
when it is moved.

## Fix
Give these nodes the family, or keep the pods to nodes that have it, by a label and a `nodeSelector`.

## Example
```yaml fires
# dualstack diagnose svc/otel --expect dual
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - apiVersion: v1
    kind: Node
    metadata: {name: n2}
    spec: {podCIDRs: [10.244.1.0/24]}
    status: {addresses: [{type: InternalIP, address: 10.100.0.2}]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilyPolicy: PreferDualStack
      ipFamilies: [IPv4, IPv6]
      ports: [{port: 4317}]
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - apiVersion: v1
    kind: Node
    metadata: {name: n2}
    spec: {podCIDRs: [10.244.1.0/24]}
    status: {addresses: [{type: InternalIP, address: 10.100.0.2}]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilyPolicy: PreferDualStack
      ipFamilies: [IPv4, IPv6]
      ports: [{port: 4317}]
```

## References
- https://github.com/kubernetes/kubernetes/issues/111695
- https://github.com/kubernetes/cloud-provider-openstack/issues/1954
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.crowds import listed
from dualstack.reach.families_of_pods import Poor, poor_nodes, told_of
from dualstack.reach.live import keys

HOP = Hop.POD
SEVERITY = Severity.ERROR
BECAUSE = ("DS501",)


def check(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each group of nodes that lack a family which others have."""
    every = len(cluster.nodes) + cluster.more_nodes
    for poor in poor_nodes(cluster, traces):
        if poor.others:
            yield _finding(poor, every, tuple(told_of((*poor.nodes[:5], poor.others[0]), poor.family, cluster)))


def _finding(poor: Poor, every: int, facts: tuple[Evidence, ...]) -> Finding:
    title, names = poor.family.title, poor.names
    lack = "lack" if len(names) > 1 else "lacks"
    return Finding(
        summary=f"Nodes differ: {len(names)} of {every} {lack} {title}",
        detail=f"{len(names)} of {every} nodes {lack} {title}: {listed(names)}. {poor.who} there; "
        f"{listed([x.metadata.name for x in poor.others], 3)} and their pods have it.",
        hint=f"Give these nodes {title}, or keep pods to nodes that have it by a `nodeSelector`.",
        families=(poor.family,),
        evidence=facts,
        fix=Fix("Make the nodes alike", commands=("kubectl get nodes -o wide",)),
        flows=keys(poor.flows),
    )

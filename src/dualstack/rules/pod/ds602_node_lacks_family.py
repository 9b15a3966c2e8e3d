"""The nodes have no address of a family that clients of the Collector use.

## What it detects
A family that a Service has, or that is expected, while all the nodes on which its pods run have no address of it; or
all nodes of the clients. Where some nodes of both kinds are in use, DS603 speaks.

## Why it breaks
A pod gets its addresses from its node's network. Where that lacks a family, nothing can come or go over it.

## Fix
Give the nodes both families: an address on the interface, `--node-ip` of the kubelet with both, a range for pods of
each family, and a network plugin that uses it. Or keep the pods to nodes that have both. Pods with `hostNetwork` have
the addresses of their node alone, whatever ranges it has: without it they get their own.

## Example
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Node
    metadata: {name: n1}
    spec: {podCIDRs: [10.244.0.0/24]}
    status: {addresses: [{type: InternalIP, address: 10.100.0.1}]}
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
    metadata: {name: otel-1, labels: {app: otel}}
    spec: {nodeName: n1, containers: [{name: otelcol}]}
    status: {phase: Running, podIPs: [{ip: 10.244.0.7}]}
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
    status: {addresses: [{type: InternalIP, address: 10.100.0.1}]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317}]}
```

## References
- https://kubernetes.io/docs/concepts/services-networking/dual-stack/#configure-ipv4-ipv6-dual-stack
- https://github.com/kubernetes/kubernetes/issues/111695
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.crowds import told
from dualstack.reach.families_of_pods import Poor, poor_nodes, told_of
from dualstack.reach.live import keys, lacks

HOP = Hop.POD
SEVERITY = Severity.ERROR
BECAUSE = ("DS501", "DS525")


def check(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each group of nodes that lack a family, and that are all that there are."""
    every = len(cluster.nodes) + cluster.more_nodes
    for poor in poor_nodes(cluster, traces):
        if not poor.others:
            left = cluster.more_nodes or any(not lacks(x, poor.family) for x in cluster.nodes)
            instead = ", or keep the pods to nodes that have it" if left else ""
            yield _finding(poor, every, instead, tuple(told_of(poor.nodes[:5], poor.family, cluster)))


def _finding(poor: Poor, every: int, instead: str, facts: tuple[Evidence, ...]) -> Finding:
    title, names = poor.family.title, poor.names
    bare = not poor.shared and all(x.ranges and poor.family not in x.ranges for x in poor.nodes)
    ranged = poor.shared and all(poor.family in x.ranges for x in poor.nodes)
    none = f" and no range of {title} for pods" if bare else ""
    out = f", or run the pods without `hostNetwork`: the nodes have a range of {title} for such pods" if ranged else ""
    return Finding(
        summary=f"Nodes have no {title} address",
        detail=f"{poor.who} {'in the network of' if poor.shared else 'on'} {told(names, every)}, which "
        f"{'have' if len(names) > 1 else 'has'} no {title} address{none}.",
        hint=f"Give these nodes {title}{instead}{out}.",
        families=(poor.family,),
        evidence=facts,
        fix=Fix("Give the nodes both families", commands=("kubectl get nodes -o wide",)),
        flows=keys(poor.flows),
    )

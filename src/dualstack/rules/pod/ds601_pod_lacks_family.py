"""No pod behind a Service has an address of a family that the Service has.

## What it detects
A Service, or a host port, that clients use over a family, while its pods have addresses of the other one alone and
their nodes could give them both, or could not be read; or pods in the network of a node that has both.

## Why it breaks
The EndpointSlice of that family stays empty. The address of the Service answers with "connection refused".

## Fix
Let the network plugin give pods both families, then make the pods anew: a pod keeps the addresses it was made with.

## Example
```yaml fires
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
    metadata: {name: otel-1, labels: {app: otel}}
    spec: {nodeName: n1, containers: [{name: otelcol}]}
    status: {phase: Running, podIPs: [{ip: 10.244.0.7}]}
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24]}}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], selector: {app: otel}, ports: [{port: 4317}]}
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1, labels: {app: otel}}
    spec: {nodeName: n1, containers: [{name: otelcol}]}
    status: {phase: Running, podIPs: [{ip: 10.244.0.7}]}
```

## References
- https://kubernetes.io/docs/concepts/services-networking/dual-stack/
- https://github.com/kubernetes/kubernetes/issues/91940, https://github.com/kubernetes/kubernetes/issues/105320
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.crowds import listed
from dualstack.reach.families_of_pods import Lack, lacks_of_pods, unseen_nodes
from dualstack.reach.live import keys

HOP = Hop.POD
SEVERITY = Severity.ERROR
BECAUSE = ("DS501", "DS602", "DS603", "DS606")


def check(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for the pods behind each Service that lack a family which its clients use."""
    for lack in lacks_of_pods(cluster, traces):
        yield _finding(lack, unseen_nodes(cluster, lack.pods))


def _finding(lack: Lack, unseen: tuple[str, ...]) -> Finding:
    title, pod = lack.family.title, lack.pods[0]
    called, held = pod.metadata.called, ", ".join(pod.addresses)
    said = f"Pod {called} of {lack.called} has {held} alone"
    if len(lack.pods) > 1:
        said = f"{len(lack.pods)} pods of {lack.called} have no {title} address, such as {called} with {held}"
    hint, fix = _to_be_seen(lack, unseen) if unseen else _made_anew(lack)
    return Finding(
        summary=f"Pods have no {title} address",
        detail=f"{said}, so no {title} connection gets there.",
        hint=hint,
        families=(lack.family,),
        evidence=tuple(
            Evidence(", ".join(x.addresses), f"status.podIPs of the pod {x.metadata.called}") for x in lack.pods[:5]
        ),
        fix=fix,
        flows=keys(lack.flows),
    )


def _made_anew(lack: Lack) -> tuple[str, Fix]:
    where = "the network of the node" if lack.pods[0].spec.host_network else "the network plugin"
    hint = f"See why {where} gives them no {lack.family.title}, then make the pods anew."
    return hint, Fix("Make the pods anew once they can get both families", commands=lack.restart)


def _to_be_seen(lack: Lack, unseen: tuple[str, ...]) -> tuple[str, Fix]:
    """What to do where nobody could see whether the nodes have the family: new pods there need not get it."""
    title, named = lack.family.title, listed(unseen)
    one = (f"the node {named}", "has", "it")
    which, has, they = one if len(unseen) == 1 else (f"the nodes {named}", "have", "them")
    hint = (
        f"See whether {which}, which could not be read, {has} {title} and a range of it for pods. Without, give {they} "
        f"{title} or run the pods elsewhere; with both, see why the network plugin gives none, and make them anew."
    )
    fields = "NAME:.metadata.name,ADDRESSES:.status.addresses[*].address,RANGES:.spec.podCIDRs"
    return hint, Fix(
        "Run the pods where they get both families", commands=(f"kubectl get nodes -o custom-columns={fields}",)
    )

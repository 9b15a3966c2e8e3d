"""Two workloads take the same port of a node.

## What it detects
A `hostPort`, or a listener in the network of the host, that another workload of the same folder takes too, where
neither is kept to some nodes by `nodeSelector` or `affinity`. An error where one of them is a DaemonSet of the same
file, for it is on every node; a warning where they may or may not meet, or may never be applied together. On a
cluster, a pod that is not scheduled because its node's port is taken.

## Why it breaks
The scheduler gives a hostPort to one pod of a node, and the other stays Pending: `didn't have free ports for the
requested pod ports`. In the network of the host the second one ends with `bind: address already in use`.

## Fix
Give one of them another port, keep them to different nodes, or leave the hostPort out.

## Example
```yaml fires
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: otel-agent}
spec: {template: {spec: {containers: [{name: otel, ports: [{containerPort: 4317, hostPort: 4317}]}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: other-agent}
spec: {template: {spec: {containers: [{name: otlp, ports: [{containerPort: 4317, hostPort: 4317}]}]}}}
```
```yaml fires
# dualstack diagnose ds/otel
apiVersion: v1
kind: Pod
metadata: {name: otel-1}
spec: {containers: [{name: otelcol, ports: [{containerPort: 4317, hostPort: 4317}]}]}
status:
  phase: Pending
  conditions:
    - type: PodScheduled
      status: "False"
      message: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
```
```yaml quiet
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: otel-agent}
spec: {template: {spec: {containers: [{name: otel, ports: [{containerPort: 4317, hostPort: 4317}]}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: other-agent}
spec: {template: {spec: {containers: [{name: otlp, ports: [{containerPort: 4317, hostPort: 14317}]}]}}}
```

## References
- Kubernetes API, Pod v1 core: ContainerPort.hostPort; scheduler plugin NodePorts
- https://github.com/newrelic/helm-charts/issues/1603
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Workloads
from dualstack.model.source import Location
from dualstack.model.trace import Hop, Traces
from dualstack.reach.claims import Claim, rivals

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster, Pod

HOP = Hop.POD
SEVERITY = Severity.ERROR


def check(cluster: "Cluster", traces: Traces, workloads: Workloads | None) -> Iterator[Finding]:
    """One finding for the pods of each owner that wait for a port."""
    from dualstack.reach.live import keys
    from dualstack.reach.states import unscheduled
    from dualstack.reach.taken import spelled, waiting

    for each in waiting(cluster, traces):
        name, said = each.pods[0].metadata.called, unscheduled(each.pods[0])
        ports = ", ".join(map(spelled, each.ports))
        other = ", let the clients send to that of their Collector" if each.astray else ""
        yield Finding(
            summary="Pods wait for a port of the node",
            detail=f"No node with room for {name} has its host ports {ports} free: {said}.{each.held}",
            hint=f"Give one of those who want the port another{other}, or keep them to different nodes.",
            evidence=(Evidence(f"{len(each.pods)} of these pods: {said}", f"condition PodScheduled of {name}"),),
            location=_place(workloads, each.pods[0]),
            fix=Fix("Use another port"),
            flows=keys(each.flows),
        )


def _place(workloads: Workloads | None, pod: "Pod") -> Location | None:
    labels = (pod.metadata.labels or {}).items()
    made = (x for x in (workloads.items if workloads else ()) if x.labels and x.labels.items() <= labels)
    return next((z.host.at for x in made for y in x.containers for z in y.ports if z.host), None)


def lint(workloads: Workloads, deployments: Deployments) -> Iterator[Finding]:
    """One finding for each pair of workloads that claim one port."""
    for first, second in rivals(workloads, deployments):
        yield _finding(first, second)


def _finding(first: Claim, second: Claim) -> Finding:
    one, other = first.workload.meta, second.workload.meta
    surely = (first.is_everywhere or second.is_everywhere) and one.at.file == other.at.file
    place = f"{first.at.file}:{first.at.line}"
    meeting = "A node has room for one of them" if surely else "Where they meet, a node has room for one of them"
    return Finding(
        summary=f"Node port {second.number} is taken twice",
        detail=f"{one.called} takes {first.protocol} port {first.number} of the node as well. {meeting}.",
        hint=f"Give {other.called} another port, or keep the two to different nodes.",
        severity=Severity.ERROR if surely else Severity.WARNING,
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"port {first.number} of {one.called}", place, Layer.DECLARED),),
        location=second.at,
        fix=Fix("Use another port"),
    )

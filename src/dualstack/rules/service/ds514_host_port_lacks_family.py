"""A host port takes one family, and clients use the other address of the node.

## What it detects
A `hostPort` of a Collector that is bound to one address by `hostIP`, or whose pod has no address of a family, while
clients come over that family: that of the node's first address, which `status.hostIP` is, or one that is expected.

## Why it breaks
The port of the node is led to the pod by rules of each family. Without an address of the pod there are none.

## Fix
Leave `hostIP` out, and give the pods both families.

## Example
```yaml fires
# dualstack diagnose ds/otel --expect dual
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Node
    metadata: {name: n1}
    status: {addresses: [{type: InternalIP, address: 10.100.0.1}, {type: InternalIP, address: "fd00:100::1"}]}
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1}
    spec:
      nodeName: n1
      containers: [{name: otelcol, ports: [{containerPort: 4317, hostPort: 4317, hostIP: 10.100.0.1}]}]
    status: {phase: Running, podIPs: [{ip: 10.244.0.7}, {ip: "fd00:244::7"}]}
```
```yaml quiet
# dualstack diagnose ds/otel --expect dual
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Node
    metadata: {name: n1}
    status: {addresses: [{type: InternalIP, address: 10.100.0.1}, {type: InternalIP, address: "fd00:100::1"}]}
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1}
    spec: {nodeName: n1, containers: [{name: otelcol, ports: [{containerPort: 4317, hostPort: 4317}]}]}
    status: {phase: Running, podIPs: [{ip: 10.244.0.7}, {ip: "fd00:244::7"}]}
```

## References
- https://www.cni.dev/plugins/current/meta/portmap/
- https://github.com/kubernetes/kubernetes/issues/80810
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.crowds import told
from dualstack.reach.families_of_pods import behind_host_ports
from dualstack.reach.live import failing, families_of, is_of_host_port, keys, ports_of, titles
from dualstack.reach.node_ports import HOST_IP, POD_LACKS

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR
BECAUSE = ("DS601", "DS602", "DS603", "DS606")


def check(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each reason."""
    every = len(cluster.nodes) + cluster.more_nodes
    pinned = failing(traces, Hop.SERVICE, HOST_IP)
    lacking = tuple(x for x in failing(traces, Hop.ENDPOINTS, POD_LACKS) if is_of_host_port(x))
    for flows in filter(None, (pinned, lacking)):
        families, hop = families_of(flows), flows[0].failing
        held = [x.spec.node_name or "" for x in behind_host_ports(cluster, flows)] if flows[0].servers else ()
        nodes = tuple(dict.fromkeys(held or (y for x in flows for y in x.nodes)))
        why = hop.why if hop else ""
        yield Finding(
            summary=f"Host port lacks {titles(families)}",
            detail=f"On {told(nodes, every)} port {ports_of(flows)} is closed over {titles(families)}: {why}.",
            hint="Leave `hostIP` out." if flows == pinned else f"Give the pods {titles(families)}.",
            families=families,
            evidence=tuple(dict.fromkeys(y for x in flows if x.failing for y in x.failing.evidence)),
            fix=Fix("Bind every address of the node" if flows == pinned else "Give the pods both families"),
            flows=keys(flows),
        )

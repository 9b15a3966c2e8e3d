"""A Service keeps traffic on its node, and some nodes have no endpoint of that family.

## What it detects
`internalTrafficPolicy: Local` while clients can run on nodes without a ready endpoint, or a NodePort with
`externalTrafficPolicy: Local` on nodes without one: by family, for a pod may have one only. Nodes that take no pods by
a taint are left out. Behind a load balancer nodes without an endpoint are no fault: its health check passes them by.
It is a warning for nodes that a DaemonSet is not meant for, unless clients are asked about that run there: there may
be no clients either. So it is for a NodePort while other nodes have an endpoint: nobody knows who comes to which node.

## Why it breaks
kube-proxy drops what it may not send to another node: clients wait until they time out.

## Fix
Set the policy to Cluster, or run a Collector on each node.

## Fix safety
Unsafe: with Cluster an agent can get the telemetry of another node, and the NodePort hides the address of the client.

## Example
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24]}}
  - {apiVersion: v1, kind: Node, metadata: {name: n2}, spec: {podCIDRs: [10.244.1.0/24]}}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], internalTrafficPolicy: Local, ports: [{port: 4317}]}
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-x, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv4
    endpoints: [{addresses: [10.244.0.7], nodeName: n1}]
    ports: [{name: "", port: 4317}]
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
    spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], internalTrafficPolicy: Local, ports: [{port: 4317}]}
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-x, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv4
    endpoints: [{addresses: [10.244.0.7], nodeName: n1}]
    ports: [{name: "", port: 4317}]
```

## References
- https://kubernetes.io/docs/concepts/services-networking/service-traffic-policy/
- https://github.com/open-telemetry/opentelemetry-operator/issues/2061
"""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.address import is_address
from dualstack.model.cluster import Cluster, Service
from dualstack.model.finding import Applicability, Finding, Fix, Severity
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.crowds import told
from dualstack.reach.live import LOCAL, by_service, families_of, kept_on, keys, patch, titles
from dualstack.reach.node_ports import NODE_PORT
from dualstack.reach.operator import writer

HOP = Hop.ENDPOINTS
SEVERITY = Severity.ERROR
BECAUSE = ("DS601", "DS602", "DS603", "DS606")

_FIELDS = ("internalTrafficPolicy", "externalTrafficPolicy")


def check(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each Service and policy."""
    ended = (x for x in traces.items if x.failing and x.failing.mark == LOCAL)
    for service, mine in by_service(cluster, ended):
        for field in _FIELDS:
            every = [x for x in mine if _enters(x) is (field == _FIELDS[1])]
            lost = tuple(x for x in every if x.required)
            if every:
                found = _finding(cluster, service, field, lost or tuple(every))
                yield found if lost else replace(found, severity=Severity.WARNING)


def _enters(trace: Trace) -> bool:
    """Whether a flow comes to the address of a node."""
    return trace.vantage.startswith(NODE_PORT) or is_address(trace.target.host)


def _finding(cluster: Cluster, service: Service, field: str, flows: tuple[Trace, ...]) -> Finding:
    nodes = tuple(dict.fromkeys(y for x in flows for y in kept_on(cluster, x)))
    which = told(nodes, len(cluster.nodes) + cluster.more_nodes)
    families, verb = families_of(flows), "have" if len(nodes) > 1 else "has"
    made, commands = writer(service.metadata.name, service.metadata), (patch(service, {field: "Cluster"}),)
    return Finding(
        summary="Traffic stays on nodes without an endpoint",
        detail=f"`{field}` of {service.called} is Local, and {which} {verb} no ready {titles(families)} endpoint.",
        hint=_hint(field, made),
        families=families,
        evidence=tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.ENDPOINTS).evidence)),
        fix=Fix("Use every endpoint", Applicability.UNSAFE, commands=commands[: not made]),
        flows=keys(flows),
    )


def _hint(field: str, made: str) -> str:
    """What to do; the Operator writes `internalTrafficPolicy` by the mode alone, and takes back what others write."""
    if not made:
        return f"Set `{field}: Cluster`, or run a Collector on these nodes."
    other = f"send to a Service of your own for its pods, with `{field}: Cluster`"
    return f"Run a Collector on these nodes, or {other}: {made}, by which this one is written, has no field for it."

"""A Gateway does not lead on by a route to the Collector.

## What it detects
An HTTPRoute or GRPCRoute to an OTLP port of which the controller says in the status that it is not accepted, or that
the one Service behind it cannot be used; and a Gateway, or every listener that the route names, that is not accepted or
is invalid, such as one without its certificate. What was said of an older generation of the object does not count. Also
a route of which no Gateway is there that it names.

## Why it breaks
A route that is not accepted is not attached to any listener: requests for it are answered 404, or by another route. For
a Service that does not resolve, or is in another namespace without a ReferenceGrant, the proxy answers 500.

## Fix
The message says what is wrong: a listener that does not take routes of this kind, host or namespace, a Service or a
port that is not there, or a missing ReferenceGrant.

## Example
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317}]}
  - apiVersion: gateway.networking.k8s.io/v1
    kind: GRPCRoute
    metadata: {name: otlp, generation: 1}
    spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: otel, port: 4317}]}]}
    status:
      parents:
        - parentRef: {name: edge}
          conditions: [{type: Accepted, status: "False", reason: NotAllowedByListeners, observedGeneration: 1}]
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317}]}
  - apiVersion: gateway.networking.k8s.io/v1
    kind: GRPCRoute
    metadata: {name: otlp, generation: 2}
    spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: otel, port: 4317}]}]}
    status:
      parents:
        - parentRef: {name: edge}
          conditions: [{type: Accepted, status: "False", reason: NotAllowedByListeners, observedGeneration: 1}]
```

## References
- Gateway API 1.4 apis/v1/shared_types.go: RouteConditionAccepted, RouteConditionResolvedRefs
- Gateway API 1.4 apis/v1/gateway_types.go: GatewayConditionAccepted
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.fronted import refused

HOP = Hop.POLICY
SEVERITY = Severity.ERROR


def check(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each refusal."""
    yield from refused(cluster, traces)

"""No load balancer was made for a Service that asks for one.

## What it detects
A Service of type LoadBalancer whose status has neither an address nor a host name. A warning: clients inside the
cluster and those that use the addresses of nodes do not need it.

## Why it breaks
A controller of the cloud or of the cluster makes the load balancer, and writes its addresses into the status. Where
there is none, or it cannot make one, clients outside have no address: `kubectl get service` shows `<pending>`.

## Fix
Look at the events of the Service. Without a controller use a NodePort, or install one such as MetalLB.

## Example
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: Service
metadata: {name: otel}
spec: {type: LoadBalancer, clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317}]}
status: {loadBalancer: {}}
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: Service
metadata: {name: otel}
spec: {type: LoadBalancer, clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317}]}
status: {loadBalancer: {ingress: [{hostname: otel.elb.example.com}]}}
```

## References
- https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.finding import Finding, Fix, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.entrance import PENDING
from dualstack.reach.live import by_service, keys

HOP = Hop.SERVICE
SEVERITY = Severity.WARNING


def check(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each such Service."""
    waiting = (x for x in traces.items if x.at(Hop.SERVICE).mark == PENDING)
    for service, flows in by_service(cluster, waiting):
        about = service.metadata
        yield Finding(
            summary="Load balancer has no address",
            detail=f"{service.called} is of type LoadBalancer, and its status has no address: nobody made one.",
            hint=f"See why with `kubectl describe service {about.name} -n {about.namespace}`.",
            evidence=flows[0].at(Hop.SERVICE).evidence,
            fix=Fix("Install or repair the controller that makes load balancers"),
            flows=keys(flows),
        )

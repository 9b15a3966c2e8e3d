"""A client sends to an address of the Service ranges that no Service has.

## What it detects
A question about a client whose variables, or whose hosts file, name an address among those of Services, where the
Services of all namespaces were listed and none has it.

## Why it breaks
kube-proxy makes rules for the addresses of Services alone. A packet to any other one of the range leaves the node for
nowhere and times out, or is rejected. A Service that is deleted and made again has another cluster address.

## Fix
Send to the name of the Service: its addresses may change.

## Example
```yaml fires
# dualstack diagnose pod/shop
apiVersion: v1
kind: List
items:
  - apiVersion: networking.k8s.io/v1
    kind: ServiceCIDR
    metadata: {name: kubernetes}
    spec: {cidrs: [10.96.0.0/16]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317}]}
  - apiVersion: v1
    kind: Pod
    metadata: {name: shop}
    spec: {containers: [{name: shop, env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://10.96.0.7:4317"}]}]}
    status: {podIPs: [{ip: 10.244.0.5}]}
```
```yaml quiet
# dualstack diagnose pod/shop
apiVersion: v1
kind: List
items:
  - apiVersion: networking.k8s.io/v1
    kind: ServiceCIDR
    metadata: {name: kubernetes}
    spec: {cidrs: [10.96.0.0/16]}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317}]}
  - apiVersion: v1
    kind: Pod
    metadata: {name: shop}
    spec: {containers: [{name: shop, env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://10.96.0.9:4317"}]}]}
    status: {podIPs: [{ip: 10.244.0.5}]}
```

## References
- https://kubernetes.io/docs/reference/networking/virtual-ips/
- kubernetes 1.34.4, pkg/proxy/iptables: rules are for addresses and ports of Services
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.live import failing
from dualstack.reach.ways import VACANT

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR


def check(traces: Traces, cluster: Cluster) -> Iterator[Finding]:
    """One finding for each flow to nobody."""
    for trace in failing(traces, HOP, VACANT) if cluster.askers else ():
        hop = trace.at(HOP)
        yield Finding(
            summary="No Service has this address",
            detail=f"Clients send to `{trace.asked or trace.target.text}`: {_named(trace)}{hop.why}.",
            hint="Take the line out of `hostAliases`, or write the address that there is now."
            if trace.asked
            else "Send to the name of the Service, such as `NAME.NAMESPACE.svc`.",
            families=(trace.family,),
            evidence=hop.evidence,
            flows=(trace.key,),
        )


def _named(trace: Trace) -> str:
    return f"{trace.at(Hop.RESOLVE).why}, and " if trace.asked else ""

"""A client sends to an address of a cluster that nobody has there.

## What it detects
A client whose variables, or whose hosts file, name an address among those of Services, where the Services of all
namespaces were listed and none has it; or, where it is asked about, one of a range of pods that no pod has. So is an
endpoint that somebody wrote.
Nor has anybody a private address of a family that no node and no Service has.
It is a warning where the ranges are not known, and nobody has an address like those of Services.

## Why it breaks
kube-proxy makes rules for the addresses of Services alone. A packet to any other one of the range leaves the node for
nowhere and times out, or is rejected. A Service that is deleted and made again has another cluster address, and a pod
has another one whenever it is made anew.

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
from itertools import chain

from dualstack.model.cluster import Cluster
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.aims import is_otlp
from dualstack.reach.lanes import host
from dualstack.reach.nowhere import VACANT

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR


def check(traces: Traces, cluster: Cluster) -> Iterator[Finding]:
    """One finding for each flow to nobody."""
    for trace, hop in ((x, y) for x in traces.items for y in x.hops if y.mark == VACANT):
        whose = "pod" if hop.hop is Hop.POD else "Service"
        led = trace.at(Hop.ENDPOINTS).status is Status.PASS
        otherwise = _ALIAS if trace.asked else f"Send to the name of a Service, such as `{_known(cluster, trace)}`."
        sent = f"Clients send to `{trace.asked or trace.target.text}`: {_named(trace)}"
        yield Finding(
            summary=f"No {whose} has this address",
            detail=f"{f'`{trace.target.text}` leads there: ' if led else sent}{hop.why}.",
            severity=SEVERITY if hop.status is Status.FAIL else Severity.WARNING,
            hint=_ENDPOINT if led else f"{otherwise}{_outside(trace)}",
            families=(trace.family,),
            evidence=hop.evidence,
            flows=(trace.key,),
        )


_ENDPOINT = "Write the address that the receiver has now in the EndpointSlice; a `selector` follows those of its pods."
_ALIAS = "Take the line out of `hostAliases`, or write the address that there is now."


def _outside(trace: Trace) -> str:
    """What else there is to do about an address of a family that the clients lack."""
    other = f" Where somebody outside of the cluster has it, send to an {trace.family.other.title} address of theirs."
    return other if trace.at(Hop.ROUTE).status is Status.FAIL and not trace.asked else ""


def _known(cluster: Cluster, trace: Trace) -> str:
    """A Service that there is, as others name it: the one that will be meant, where that is known."""
    meant = (f"{name}.{space}.svc" for _, address, space, name in cluster.meant if address in trace.addresses)
    return next(chain(meant, (host(x) for x in cluster.services if is_otlp(x))), "NAME.NAMESPACE.svc")


def _named(trace: Trace) -> str:
    return f"{trace.at(Hop.RESOLVE).why}, and " if trace.asked else ""

"""The proxy of a service mesh beside the Collector takes one family, and clients come over both.

## What it detects
A pod with the proxy of Istio or of Linkerd whose variables say that dual-stack is off there, while the Service leads to
it over a family that the proxy leaves out. It is an error where a flow over that family was refused although the
Collector listens on it, else a warning.

## Why it breaks
The proxy has listeners of one family. What comes over the other one goes round it, without mTLS, and is turned away by
policies that demand that; where the packet filter redirects it all the same it is reset, for nobody listens there.

## Fix
Istio: set `ISTIO_DUAL_STACK` to true, in the environment of istiod and in `meshConfig.defaultConfig.proxyMetadata`.
Linkerd: set `disableIPv6=false`. Then restart the pods. Or give the Service one family.

## Example
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilyPolicy: RequireDualStack
      ipFamilies: [IPv4, IPv6]
      selector: {app: otel}
      ports: [{port: 4317}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-x, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv6
    endpoints: [{addresses: ["fd00:244::7"], targetRef: {kind: Pod, name: otel-1}}]
    ports: [{name: "", port: 4317}]
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1, labels: {app: otel}}
    spec: {containers: [{name: otelcol, image: otel}, {name: istio-proxy, image: istio/proxyv2}]}
    status: {podIPs: [{ip: 10.244.0.7}, {ip: "fd00:244::7"}]}
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilyPolicy: RequireDualStack
      ipFamilies: [IPv4, IPv6]
      selector: {app: otel}
      ports: [{port: 4317}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-x, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv6
    endpoints: [{addresses: ["fd00:244::7"], targetRef: {kind: Pod, name: otel-1}}]
    ports: [{name: "", port: 4317}]
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1, labels: {app: otel}}
    spec:
      containers:
        - {name: otelcol, image: otel}
        - {name: istio-proxy, image: istio/proxyv2, env: [{name: ISTIO_DUAL_STACK, value: "true"}]}
    status: {podIPs: [{ip: 10.244.0.7}, {ip: "fd00:244::7"}]}
```

## References
- https://istio.io/latest/docs/setup/additional-setup/dual-stack/
- https://github.com/linkerd/linkerd2/pull/12576
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.live import keys, owner_of
from dualstack.reach.meshes import one_family
from dualstack.reach.pods import Places

HOP = Hop.POLICY
SEVERITY = Severity.ERROR


def check(places: Places, traces: Traces) -> Iterator[Finding]:
    """One finding for each workload whose proxies leave out a family."""
    for found in one_family(places, traces):
        mesh, title, owner = found.sidecar.mesh, found.family.title, owner_of(found.place.pod)
        became = f"connections over {title} are refused" if found.failed else f"{title} goes round it, or is reset"
        yield Finding(
            summary=f"{mesh} leaves out {title}",
            detail=f"The proxy of {mesh} in the pods of {owner} takes {found.family.other.title} alone: {became}.",
            hint=f"Switch dual-stack on in {mesh} and restart the pods.",
            severity=Severity.ERROR if found.failed else Severity.WARNING,
            families=(found.family,),
            confidence=Confidence.OBSERVED if found.failed else Confidence.DECLARED,
            evidence=(Evidence(found.sidecar.said, f"the proxies in the pods of {owner}"),),
            fix=Fix(f"Let {mesh} take both families"),
            flows=keys(found.failed),
        )

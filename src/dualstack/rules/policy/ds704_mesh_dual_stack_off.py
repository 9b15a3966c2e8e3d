"""The proxy of a service mesh beside the Collector takes one family, and clients come over both.

## What it detects
A pod with the proxy of Istio or of Linkerd whose variables say that dual-stack is off there, while the Service leads to
it over a family that the proxy leaves out. It is an error where flows over that family are refused although the
Collector listens on it, where the sockets of the pod show that the proxy does not listen for what is led to it, and
where the kubelet cannot ask the proxy over that family whether it is ready; else a warning.

## Why it breaks
What comes to Istio over the family that is left out goes round the proxy, in plain text, also where mTLS is STRICT. The
variable of the pod alone makes the packet filter lead IPv6 to a proxy that istiod gives no IPv6 listener: it is
refused, from and to the pod. In a pod whose first address is an IPv6 one the proxy never becomes ready.

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
- Measured: Istio 1.31 (eed52ebb66ad) on Kubernetes 1.34.4, with the switch off, on, and on in one of the two places
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.live import keys, owner_of
from dualstack.reach.meshes import Meshed, one_family
from dualstack.reach.pods import Places

HOP = Hop.POLICY
SEVERITY = Severity.ERROR


def check(places: Places, traces: Traces) -> Iterator[Finding]:
    """One finding for each workload whose proxies leave out a family."""
    for found in one_family(places, traces):
        mesh, title, owner = found.sidecar.mesh, found.family.title, owner_of(found.place.pod)
        seen = tuple(dict.fromkeys(y for x in found.failed for y in x.at(Hop.LISTEN).evidence if not found.unasked))
        yield Finding(
            summary=f"{mesh} leaves out {title}",
            detail=f"{_became(found)} The proxy of {mesh} is in the pods of {owner}.",
            hint=f"Switch dual-stack on in {mesh}, for its control plane and for the pods, and restart the pods.",
            severity=Severity.ERROR if found.failed else Severity.WARNING,
            families=(found.family,),
            confidence=Confidence.OBSERVED if found.failed else Confidence.DECLARED,
            evidence=(Evidence(found.sidecar.said, f"the proxies in the pods of {owner}"), *seen),
            fix=Fix(f"Let {mesh} take both families"),
            flows=keys(found.failed),
        )


def _became(found: Meshed) -> str:
    """What becomes of a family that a proxy leaves out."""
    title, proxy = found.family.title, found.sidecar
    if found.unasked:
        address = found.place.pod.addresses[0]
        return f"The kubelet asks the proxy at {address} whether it is ready, and it does not listen on {title}."
    if found.failed:
        return f"Connections over {title} are refused."
    if proxy.passes and not proxy.alone:
        return f"{title} goes round the proxy in plain text, whatever mTLS it demands."
    return f"{title} is refused." if proxy.alone else f"{title} goes round the proxy, or is reset."

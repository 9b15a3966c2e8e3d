"""A mesh leads its clients to the IPv6 address of the Collector, which listens on IPv4 alone.

## What it detects
A pod with the proxy of Linkerd that takes both families, behind a Service that has both, where the sockets of the
Collector take IPv4 and no IPv6. It is an error where the pods that are asked about are in that mesh, too, else a
warning: clients outside the mesh choose a family themselves.

## Why it breaks
Linkerd leads every connection to a Service of both families to its IPv6 endpoints, whichever the client came over, and
does not fall back: the answer is 502, or a reset.

## Fix
Let the Collector listen on `[::]`, which takes IPv4 as well, or give the Service IPv4 alone.

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
    metadata: {name: otel-4, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv4
    endpoints: [{addresses: [10.244.0.7], targetRef: {kind: Pod, name: otel-1}}]
    ports: [{name: "", port: 4317}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-6, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv6
    endpoints: [{addresses: ["fd00:244::7"], targetRef: {kind: Pod, name: otel-1}}]
    ports: [{name: "", port: 4317}]
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: conf}
    data:
      config.yaml: |
        receivers: {otlp: {protocols: {grpc: {endpoint: "10.244.0.7:4317"}}}}
        exporters: {debug: {}}
        service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1, labels: {app: otel}}
    spec:
      containers:
        - {name: otelcol, args: [--config=/c/config.yaml], volumeMounts: [{name: c, mountPath: /c}]}
      initContainers:
        - name: linkerd-proxy
          restartPolicy: Always
          env: [{name: LINKERD2_PROXY_OUTBOUND_LISTEN_ADDRS, value: "127.0.0.1:4140,[::1]:4140"}]
      volumes: [{name: c, configMap: {name: conf}}]
    status: {podIPs: [{ip: 10.244.0.7}, {ip: "fd00:244::7"}]}
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: Service
metadata: {name: otel}
spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317}]}
```

## References
- https://github.com/linkerd/linkerd2/issues/12733
- https://linkerd.io/2/features/ipv6/
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.trace import Hop, Traces
from dualstack.reach.live import keys, owner_of
from dualstack.reach.meshes import led_astray
from dualstack.reach.pods import Places
from dualstack.reach.sidecars import sidecar

HOP = Hop.POLICY
SEVERITY = Severity.ERROR


def check(cluster: Cluster, places: Places, traces: Traces) -> Iterator[Finding]:
    """One finding for each workload and port that a mesh leads to over the wrong family."""
    proxies = [sidecar(x) for x in cluster.askers]
    for found in led_astray(places, traces):
        mesh, title, owner = found.sidecar.mesh, found.family.title, owner_of(found.place.pod)
        inside = bool(proxies) and all(x and x.forwards is found.family for x in proxies)
        port, others = found.flows[0].port, found.family.other.title
        yield Finding(
            summary=f"{mesh} leads to {title} alone",
            detail=f"Clients in {mesh} are led to {title} addresses of {owner}, and port {port} takes {others} alone.",
            hint=f"Let the receiver listen on `[::]`, or give the Service {others} alone.",
            severity=Severity.ERROR if inside else Severity.WARNING,
            families=(found.family,),
            confidence=Confidence.DECLARED,
            evidence=(
                Evidence(found.sidecar.said, f"the proxies in the pods of {owner}"),
                Evidence(f"no socket on port {port} takes {title}", found.place.name, Layer.DECLARED),
            ),
            fix=Fix("Listen on both families"),
            flows=keys(found.flows) if inside else (),
        )

"""The pod is ready, because its probe goes over one family, and the other family is refused.

## What it detects
A pod that the kubelet calls ready by a readiness probe of its first address, while connections to its other address are
refused on a port that takes them at the first. What the listener does wrong has a finding of its own where it is known.

## Why it breaks
The kubelet probes `status.podIP` alone, and a pod that is ready gets endpoints in both families: half of the clients
are led to a port that does not answer, and nothing in `kubectl get` shows it.

## Fix
Listen on every address of the pod.

## Fix safety
Unsafe: the receiver becomes reachable on all addresses of the pod.

## Example
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilyPolicy: PreferDualStack
      ipFamilies: [IPv4, IPv6]
      ports: [{port: 4317}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-6, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv6
    endpoints: [{addresses: ["fd00:244::7"], targetRef: {kind: Pod, name: otel-1}}]
    ports: [{name: "", port: 4317}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {name: otel-4, labels: {kubernetes.io/service-name: otel}}
    addressType: IPv4
    endpoints: [{addresses: [10.244.0.7], targetRef: {kind: Pod, name: otel-1}}]
    ports: [{name: "", port: 4317}]
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: otel}
    data:
      c.yaml: |
        receivers: {otlp: {protocols: {grpc: {endpoint: "${env:IP}:4317"}}}}
        exporters: {debug: }
        service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
  - apiVersion: v1
    kind: Pod
    metadata: {name: otel-1, labels: {app: otel}}
    spec:
      nodeName: n1
      containers:
        - name: otelcol
          readinessProbe: {tcpSocket: {port: 4317}}
          env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
          volumeMounts: [{name: c, mountPath: /c}]
      volumes: [{name: c, configMap: {name: otel}}]
    status:
      podIPs: [{ip: 10.244.0.7}, {ip: "fd00:244::7"}]
      conditions: [{type: Ready, status: "True"}]
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: Service
metadata: {name: otel}
spec: {clusterIPs: [10.96.0.9], ipFamilies: [IPv4], ports: [{port: 4317}]}
```

## References
- https://github.com/kubernetes/kubernetes/issues/101324
- Measured: kubelet 1.34.4, a `tcpSocket` probe and a receiver bound to `${env:MY_POD_IP}`
"""

from collections.abc import Iterator

from dualstack.model.address import family
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Applicability, Finding, Fix, Severity
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.bind import accepts
from dualstack.reach.live import clients_of, failing, families_of, keys, ports_of, titles
from dualstack.reach.pods import Place, Places
from dualstack.reach.states import probed

HOP = Hop.POD
SEVERITY = Severity.ERROR
BECAUSE = ("DS202", "DS203", "DS204", "DS205", "DS206", "DS207", "DS208", "DS209", "DS210", "DS213", "DS217", "DS704")


def check(places: Places, traces: Traces) -> Iterator[Finding]:
    """One finding for each kind of pod."""
    refused = failing(traces, Hop.LISTEN)
    for name in dict.fromkeys(x.server for x in refused):
        place = places.named(name)
        mine = tuple(x for x in refused if x.server == name)
        if place and place.pod.ready and any(probed(place.pod)):
            deaf = tuple(x for x in mine if x.family is not family(place.pod.addresses[0]))
            heard = tuple(x for x in deaf if _is_heard(place, x.port, traces))
            if heard and len(deaf) == len(mine):
                yield _finding(place, heard)


def _is_heard(place: Place, port: int, traces: Traces) -> bool:
    """Whether a port of a pod takes connections at its first address, as the kubelet, a socket or an export shows."""
    first = place.pod.addresses[0]
    bound = any(x.port == port and accepts(x, first, place.space) for x in place.sockets)
    there = (x for x in traces.items if x.server == place.name and x.port == port and x.family is family(first))
    return bound or port in probed(place.pod) or any(x.at(Hop.LISTEN).status is Status.PASS for x in there)


def _finding(place: Place, flows: tuple[Trace, ...]) -> Finding:
    numbers, title = ", ".join(map(str, probed(place.pod))), titles(families_of(flows))
    primary = place.pod.addresses[0]
    return Finding(
        summary=f"Ready pods refuse {title}",
        detail=f"The kubelet probes port {numbers} at {primary} and calls the {place.name} ready. Port "
        f"{ports_of(flows)} refuses {title}, for the {clients_of(flows)}.",
        hint="Listen on every address of the pod.",
        families=families_of(flows),
        evidence=(
            Evidence(f"Ready by a probe of port {numbers}", f"status of the {place.name}"),
            *dict.fromkeys(y for x in flows for y in x.at(Hop.LISTEN).evidence),
        ),
        fix=Fix("Listen on every address", Applicability.UNSAFE),
        flows=keys(flows),
    )

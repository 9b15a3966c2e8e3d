"""The Collector takes OTLP on two ports, and its Services lead to one.

## What it detects
A Collector that receives OTLP over gRPC and over HTTP beyond its loopback, whose Services together lead to one of the
two ports, and no `hostPort` to the other; also one whose port of that number leads elsewhere, as to the other receiver.

## Why it breaks
A client that speaks the other transport is refused, or waits: many SDKs speak http/protobuf, to 4318, by default.

## Fix
Add the port to the Service, or let its `targetPort` be the receiver's.

## Fix safety
Unsafe: it opens a port to clients that may be left out on purpose.

## Example
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec:
  selector: {app: otel-collector}
  ports:
    - name: otlp-grpc
      port: 4317
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec:
  template:
    metadata: {labels: {app: otel-collector}}
    spec:
      containers: [{name: collector, volumeMounts: [{name: conf, mountPath: /conf}]}]
      volumes: [{name: conf, configMap: {name: otel-collector}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: otel-collector}
data:
  config.yaml: |
    receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}, http: {endpoint: "0.0.0.0:4318"}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {selector: {app: otel-collector}, ports: [{name: otlp-grpc, port: 4317}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec:
  template:
    metadata: {labels: {app: otel-collector}}
    spec: {containers: [{name: collector, image: "otel/opentelemetry-collector:0.139.0"}]}
```

## References
- OpenTelemetry specification, OTLP exporter configuration: OTEL_EXPORTER_OTLP_PROTOCOL
"""

from collections.abc import Iterator

from dualstack.model.address import OTLP_PORTS, Protocol
from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, ServicePort, Services, Workload
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.trace import Hop
from dualstack.reach.destination import read
from dualstack.reach.edits import added_item, fix
from dualstack.reach.ports import LEFT_OUT, exposes, otlp
from dualstack.reach.start import port
from dualstack.reach.wiring import target

HOP = Hop.SERVICE
SEVERITY = Severity.WARNING
BECAUSE = ("DS508", "DS902")

_NAMES = {Protocol.GRPC: "otlp-grpc", Protocol.HTTP: "otlp-http"}


def lint(services: Services, deployments: Deployments) -> Iterator[Finding]:
    """One finding for each Service that leads to one of two OTLP ports, and no other leads to the other."""
    written = {id(x) for x in services.items}
    for item in deployments.items:
        mine = [x for x in item.services if id(x) in written]
        for endpoint in otlp(item.config) if item.workload and mine else ():
            found = _leading(item, item.workload, mine) if item.workload else []
            swapped = [(x, y) for x in mine for y in x.ports if _is_swapped(x, y, endpoint, item)]
            yield from (_crossed(x, y, endpoint) for x, y in swapped)
            if found and not swapped and _dropped(endpoint, item.workload, mine):
                number = port(endpoint)
                crossed = ((x, y) for x in mine for y in x.ports if y.number.text == str(number))
                yield next((_crossed(*x, endpoint) for x in crossed), None) or _finding(found[0], endpoint, number)


def _leading(item: Deployed, workload: Workload, mine: list[Service]) -> list[Service]:
    return [x for x in mine if any(exposes(x, workload, port(y)) for y in otlp(item.config))]


def _dropped(endpoint: DeclaredEndpoint, workload: Workload | None, mine: list[Service]) -> bool:
    """Whether nothing in the files leads to a port that others could reach."""
    number = port(endpoint)
    if not number or workload is None or workload.host_network or read(endpoint.effective, "hostport").loopback:
        return False
    hosted = any(y.host and y.number.text == str(number) for x in workload.containers for y in x.ports)
    return not hosted and not any(x.headless or exposes(x, workload, number) for x in mine)


def _is_swapped(service: Service, led: ServicePort, endpoint: DeclaredEndpoint, item: Deployed) -> bool:
    """Whether a port with the number of a receiver, and of its transport, leads to the receiver of another one."""
    number = port(endpoint)
    usual = led.number.text == str(number) and OTLP_PORTS.get(number) is endpoint.protocol and not service.headless
    met = target(led, item.workload) if usual and item.workload else 0
    there = [x.protocol for x in otlp(item.config) if met and port(x) == met]
    return bool(there) and endpoint.protocol not in there


def _crossed(service: Service, led: ServicePort, endpoint: DeclaredEndpoint) -> Finding:
    """One port of the Service has the number of the receiver's, and leads to another port of its pods."""
    number, said = port(endpoint), led.target or led.number
    return Finding(
        summary=f"Service leads port {number} elsewhere",
        detail=f"The Collector takes OTLP on {number}; port {number} of {service.meta.called} leads to {said.text}.",
        hint=f"Set `targetPort` to {number} there.",
        confidence=Confidence.DECLARED,
        evidence=(Evidence(endpoint.effective, endpoint.field, Layer.DECLARED),),
        location=said.at,
        fix=fix(f"Write `{number}`", Applicability.UNSAFE, said, str(number)),
    )


def _finding(service: Service, endpoint: DeclaredEndpoint, number: int) -> Finding:
    name = _NAMES[endpoint.protocol]
    plain = all(x.name for x in service.ports) and name not in {x.name for x in service.ports}
    edits = added_item(service.ports_room, name=name, port=str(number), targetPort=str(number)) if plain else ()
    return Finding(
        summary=f"{LEFT_OUT} {number}",
        detail=f"The Collector takes OTLP on {number} as well, and {service.meta.called} does not lead there.",
        hint=f"Add port {number} to the Service, or take the receiver's endpoint away.",
        confidence=Confidence.DECLARED,
        evidence=(Evidence(endpoint.effective, endpoint.field, Layer.DECLARED),),
        location=service.ports[0].number.at,
        fix=Fix(f"Add port {number}", Applicability.UNSAFE if edits else Applicability.MANUAL, edits),
    )

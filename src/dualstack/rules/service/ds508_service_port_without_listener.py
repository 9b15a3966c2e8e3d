"""A port of a Service leads to a port of its pods that nobody listens on.

## What it detects
A Service for OTLP whose `targetPort` is a name that no container of its pods has, or a number that is none of the
Collector's, where all that runs in those pods is known with its configuration. A warning where no OTLP is meant or
taken there. On a cluster, flows that end there, and endpoints whose pod has another address by now.

## Why it breaks
A name without a port gives no endpoint, and a port without a listener refuses every connection.

## Fix
Name the port that the receiver listens on.

## Fix safety
Unsafe: the receiver may be what is wrong. The target is changed only where one receiver speaks what the port is for.

## Example
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec:
  selector: {app: otel-collector}
  ports: [{name: otlp-grpc, port: 4317, targetPort: 4316}, {name: otlp-http, port: 4318, targetPort: otlp}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec:
  template:
    metadata: {labels: {app: otel-collector}}
    spec:
      containers: [{name: c, ports: [{name: otlp-http, containerPort: 4318}], volumeMounts: [{name: v, mountPath: /v}]}]
      volumes: [{name: v, configMap: {name: otel-collector}}]
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
spec: {selector: {app: otel-collector}, ports: [{port: 4317, targetPort: otlp}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec:
  template:
    metadata: {labels: {app: otel-collector}}
    spec: {containers: [{name: collector, ports: [{name: otlp, containerPort: 4317}]}]}
```

## References
- https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports
"""

from collections.abc import Iterator

from dualstack.model.address import Protocol
from dualstack.model.cluster import Cluster
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, ServicePort, Services, Workload, Workloads
from dualstack.model.sockets import Transport
from dualstack.model.trace import Hop, Traces
from dualstack.reach.astray import led_astray
from dualstack.reach.edits import fix
from dualstack.reach.landscape import Landscape, landscape
from dualstack.reach.live import by_service, families_of, keys, port_at
from dualstack.reach.pods import Places
from dualstack.reach.ports import carries_otlp, otlp, silent, unnamed
from dualstack.reach.stacks import is_otlp
from dualstack.reach.start import numbered, port
from dualstack.reach.wiring import target

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR
BECAUSE = ("DS211",)

_TRANSPORTS = {"TCP": Transport.TCP, "UDP": Transport.UDP}


def check(cluster: Cluster, traces: Traces, places: Places, services: Services | None) -> Iterator[Finding]:
    """One finding for each port that leads to nobody."""
    for service, flows in by_service(cluster, traces.broken):
        for each in led_astray(cluster, service, flows, places):
            yield Finding(
                summary=f"Nobody listens behind port {each.port.port}" if each.port else "Endpoints are gone",
                detail=each.why,
                hint=f"Set its `targetPort` to {each.meant}." if each.meant else "See who writes these endpoints.",
                families=families_of(each.flows),
                evidence=tuple(dict.fromkeys(y for x in each.flows if x.failing for y in x.failing.evidence)),
                location=port_at(services, service, each.port.port) if each.port else None,
                fix=Fix("Lead to the receiver", Applicability.UNSAFE if each.meant else Applicability.MANUAL),
                flows=keys(each.flows),
            )


def lint(services: Services, workloads: Workloads, deployments: Deployments) -> Iterator[Finding]:
    """One finding for each port of a Service for OTLP that leads to nobody."""
    land = landscape(deployments, services, workloads)
    for service in services.items:
        behind = land.behind(service) if carries_otlp(service, land) else []
        for each in service.ports if behind else ():
            if all(_deaf(each, x, land) for x in behind):
                yield _finding(service, each, behind, land)


def _deaf(each: ServicePort, workload: Workload, land: Landscape) -> bool:
    said = each.target.text if each.target else each.number.text
    if not said.isdigit() and unnamed(workload, said):
        return True
    number, transport = target(each, workload), _TRANSPORTS.get(each.protocol)
    return bool(number and transport and silent(workload, number, transport, land))


def _finding(service: Service, each: ServicePort, behind: list[Workload], land: Landscape) -> Finding:
    written = each.target or each.number
    wanted = _listener(each, behind, land)
    said = f"Name `{wanted}`, where the receiver listens." if wanted else "Name a port that the receiver listens on."
    meant = is_otlp(each.name, each.number.text, written.text)
    receives = any(True for x in behind for y in land.read_by(x) for _ in otlp(y.config))
    return Finding(
        summary=f"Nobody listens on port {written.text}"[:60],
        detail=f"Port {each.number.text} of {service.meta.called} leads to `{written.text}` of "
        f"{behind[0].meta.called}, which is the port of no container and no receiver there.",
        hint=said,
        severity=Severity.ERROR if meant and (receives or not numbered(written.text)) else Severity.WARNING,
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"targetPort: {written.text}", service.meta.called, Layer.DECLARED),),
        location=written.at,
        fix=fix(f"Lead to {wanted}", Applicability.UNSAFE, each.target, wanted),
    )


def _listener(each: ServicePort, behind: list[Workload], land: Landscape) -> str:
    """The one port on which what this port is for is received; empty where that is not plain."""
    speaks = Protocol.HTTP if "http" in each.name or each.number.text == "4318" else Protocol.GRPC
    mine = (y.config for x in behind for y in land.read_by(x))
    found = {port(y) for x in mine for y in otlp(x) if y.protocol is speaks and port(y)}
    return str(found.pop()) if len(found) == 1 and is_otlp(each.name, each.number.text) else ""

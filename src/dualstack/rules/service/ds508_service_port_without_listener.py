"""A port of a Service leads to a port of its pods that nobody listens on.

## What it detects
A Service for OTLP whose `targetPort` is a name that no container of its pods has, or a number that is none of the
Collector's, where all that runs in those pods is known with its configuration; a warning where no OTLP is meant or
taken there. Of a Service without selector, a port whose name none of its EndpointSlices has, and on a cluster one that
they lead elsewhere over one family. An Ingress or a route to a port that its Service lacks. Of any Service, a port that
is for TCP where a receiver takes UDP, or the reverse. On a cluster, flows that end there, and endpoints that are gone.

## Why it breaks
A name without a port gives no endpoint, and a port without a listener refuses every connection. A slice belongs to the
port of the Service that has its name; a proxy answers 503 for a port that is missing. Clients of a headless Service
connect to its pods at the port that they name: nothing leads them to the `targetPort`.

## Fix
Name the port that the receiver listens on. For a receiver of UDP write `protocol: UDP`: left out, it means TCP.

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
      containers:
        - args: [--config=/conf/config.yaml]
          ports: [{name: otlp-http, containerPort: 4318}]
          volumeMounts: [{name: conf, mountPath: /conf}]
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
spec: {selector: {app: otel}, ports: [{port: 4317, targetPort: otlp}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec: {template: {metadata: {labels: {app: otel}}, spec: {containers: [{ports: [{name: otlp, containerPort: 4317}]}]}}}
```

## References
- https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.gateway import Gates
from dualstack.model.kube import Service, ServicePort, Services, Slices, Workload, Workloads
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.trace import Hop, Traces
from dualstack.reach.edits import fix
from dualstack.reach.landscape import Landscape, landscape
from dualstack.reach.ports import across, carries_otlp, deaf, is_otlp_receiver, is_twin, leads, led_to, matters, meant
from dualstack.reach.stacks import by_resource
from dualstack.reach.vacant import unbacked, unled

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster
    from dualstack.reach.pods import Places

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR
BECAUSE = ("DS211", "DS516")


def check(cluster: "Cluster", traces: Traces, places: "Places", services: Services | None) -> Iterator[Finding]:
    """One finding for each port that leads to nobody."""
    from dualstack.reach.misled import leading_nowhere
    from dualstack.reach.unoffered import lost_on_the_way

    for found in (*leading_nowhere(cluster, traces, places, services), *lost_on_the_way(cluster, traces, places)):
        yield found if found.causes else replace(found, causes=BECAUSE[:1])


def lint(
    services: Services, workloads: Workloads, deployments: Deployments, slices: Slices, gates: Gates
) -> Iterator[Finding]:
    """One finding for each port of a Service for OTLP that leads to nobody, and for each way to a port it lacks."""
    land = landscape(deployments, services, workloads)
    for service in services.items:
        behind, for_otlp = land.behind(service), carries_otlp(service, land)
        for each in (x for x in service.ports if behind and not is_twin(x, service)):
            other = across(service, each, behind, land)
            if is_otlp_receiver(other) or ((for_otlp or other) and all(deaf(service, each, x, land) for x in behind)):
                yield _crossed(service, each, other) if other else _finding(service, each, behind, land)
    yield from unbacked(services, slices, land)
    yield from unled(gates, land)


def _crossed(service: Service, each: ServicePort, other: DeclaredEndpoint) -> Finding:
    written, taken = each.target or each.number, other.transport.upper()
    return Finding(
        summary=f"Port {written.text} takes {taken}, not {each.protocol}"[:60],
        detail=f"Port {each.number.text} of {service.meta.called} is for {each.protocol}, and {other.component} "
        f"listens there over {taken} alone.",
        hint=f"Write `protocol: {taken}` in that port of the Service"
        f"{'' if is_otlp_receiver(other) else f', or let the receiver take {each.protocol}'}.",
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"{other.effective} over {taken}", other.field, Layer.DECLARED),),
        location=written.at,
        fix=Fix(f"Write `protocol: {taken}`"),
    )


def _finding(service: Service, each: ServicePort, behind: list[Workload], land: Landscape) -> Finding:
    written, (led, number) = led_to(service, each), leads(service, each, behind)
    wanted, direct, made_by = meant(each, behind, land), service.headless, by_resource(service, "spec.ports")
    field = "port" if direct else "targetPort"
    other = f", or let one listen on port {number}" if number else ""
    change = "Send to port {}, or listen on this one." if direct else "Name `{}`, where the receiver listens{}."
    return Finding(
        summary=f"Nobody listens on port {number or written.text}"[:60],
        detail=f"Port {each.number.text} of {service.meta.called} leads to {led}."
        + (" It is headless: no proxy leads to the `targetPort`." if direct else ""),
        hint=change.format(wanted, made_by) if wanted else f"Name a port that the receiver listens on{other}.",
        severity=Severity.ERROR if matters(service, each, behind, land) else Severity.WARNING,
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"{field}: {written.text}", service.meta.called, Layer.DECLARED),),
        location=written.at,
        fix=fix(f"Lead to {wanted}", Applicability.UNSAFE, None if direct or made_by else each.target, wanted),
    )

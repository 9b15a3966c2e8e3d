"""The configuration binds an address that no interface holds.

## What it detects
An endpoint of the configuration is a literal address, no interface of the place holds it, and the ports of the
configuration have no listener. In files: `--cluster-families` says that pods have no address of the family of a
literal. It then speaks for whatever the reason is, a kernel without IPv6 (DS301) or IPv6 switched off (DS302), which
no file tells apart; `::1` is gone with them. Pods in the network of their node are not judged, nor other hosts. Also
an endpoint with the name of a Service, whose cluster address no pod holds.

## Why it breaks
`bind(2)` answers "cannot assign requested address". One endpoint that cannot be bound ends the Collector with all its
receivers.

## Fix
Bind a wildcard, or an address that the place holds.

## Example
```yaml fires
target: http://127.0.0.1:4318
probes: ["127.0.0.1:4318 http refused"]
config: |
  receivers: {otlp: {protocols: {grpc: {endpoint: "10.9.0.99:4317"}, http: {endpoint: "0.0.0.0:4318"}}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml quiet
target: http://127.0.0.1:4318
probes: ["127.0.0.1:4318 http refused"]
config: |
  receivers: {otlp: {protocols: {http: {endpoint: "10.9.0.5:4318"}}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml fires
# dualstack lint --cluster-families IPv4
receivers: {otlp: {protocols: {grpc: {endpoint: "[fd00:9::5]:4317"}}}}
```
```yaml fires
# dualstack lint --cluster-families IPv6
receivers: {otlp: {protocols: {grpc: {endpoint: "10.9.0.5:4317"}}}}
```
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {selector: {app.kubernetes.io/name: otel-collector}, ports: [{port: 4317}]}
---
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: otel}
spec: {config: {receivers: {otlp: {protocols: {grpc: {endpoint: "otel-collector:4317"}}}}}}
```
```yaml quiet
# dualstack lint --cluster-families IPv6
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}}
```

## References
- bind(2): `EADDRNOTAVAIL`
- Measured: the Collector 0.139 and 0.161 exit with status 1
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH, family
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.kube import Services
from dualstack.model.names import Names
from dualstack.model.otel import Declared
from dualstack.model.question import Question
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Hop, Traces
from dualstack.reach.drafts import behind_services, faults, taken_apart, there, whose
from dualstack.reach.hint import where
from dualstack.reach.start import failures, here, port

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR

_CAUSES = ("DS212", "DS301", "DS302")
_SHOWN = 6  # addresses; a host with many containers has hundreds


def check(
    traces: Traces, listeners: Listeners, namespaces: Namespaces, declared: Declared, names: Names | None
) -> Iterator[Finding]:
    """One finding for each endpoint that kept the Collector from starting."""
    space = here(namespaces)
    for failure in failures(traces, declared, listeners, space, names):
        if failure.bound.cause != "DS212":
            continue
        endpoint = failure.endpoint
        held = [x for family in BOTH for x in space.addresses(family)]
        shown = ", ".join(held[:_SHOWN]) + (", …" if held[_SHOWN:] else "")
        address, text = endpoint.effective.rpartition(":")[0], endpoint.text.rpartition(":")[0]
        stands = "" if text.strip("[]") == address.strip("[]") or "$" in text else f" `{text}` stands for it."
        yield Finding(
            summary=f"`{address}` is no address of `{space.place}`",
            detail=f"The Collector cannot start: `{failure.bound.error}`. The place holds {shown}.{stands}",
            hint=f"Set `{endpoint.field}`{where(endpoint)} to `0.0.0.0:{port(endpoint)}` or an address of the place.",
            evidence=(
                Evidence(endpoint.effective, endpoint.field, Layer.DECLARED),
                Evidence(shown, space.source),
            ),
            location=endpoint.location,
            fix=Fix("Bind an address that the place holds"),
            flows=tuple(x.key for x in failure.flows),
        )


def lint(deployments: Deployments, services: Services, question: Question) -> Iterator[Finding]:
    """One finding for each literal of a family that no pod has, and each name of a Service."""
    for endpoint, service in behind_services(deployments, services):
        yield Finding(
            summary=f"`{taken_apart(endpoint).host}` is a Service",
            detail=f"{service.meta.called} has an address that no pod holds: `bind: cannot assign requested address`. "
            "The Collector does not start.",
            hint=f"Set `{endpoint.field}` to `0.0.0.0:{port(endpoint)}`.",
            confidence=Confidence.DECLARED,
            evidence=(Evidence(endpoint.effective, endpoint.field, Layer.DECLARED),),
            location=endpoint.location,
            fix=Fix("Bind an address that is there"),
        )
    for fault in faults(deployments, question, *_CAUSES):
        endpoint, host = fault.endpoint, taken_apart(fault.endpoint).host
        lacking = family(host)
        who, network, source = whose(fault.deployed, question)
        held = " and ".join(x.title for x in there(fault.deployed, question).cluster)
        yield Finding(
            summary=f"{who} no {lacking.title} address to bind",
            detail=f"`{endpoint.effective}` needs {lacking.title}, and {network} has none: `{fault.bound.error}`. "
            "The Collector does not start.",
            hint=f"Set `{endpoint.field}` to `0.0.0.0:{port(endpoint)}` or an address that is there.",
            confidence=Confidence.DECLARED,
            evidence=(*fault.evidence, Evidence(held, source)),
            location=endpoint.location,
            fix=Fix("Bind an address that is there"),
        )

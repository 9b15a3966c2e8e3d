"""The port speaks another protocol than the client.

## What it detects
The connection is accepted and the answer is in another protocol: HTTP/1 to a gRPC request, HTTP/2 to an HTTP/1 request,
plain text to a TLS handshake, or a demand for TLS to a plain request. In files: a client whose protocol is written is
led to an OTLP receiver of the other one, through a Service, in its own pod, by a name of Compose, or by a host name of
an Ingress or a route; and an Ingress or a GRPCRoute whose proxy speaks the other one to such a receiver. What a
controller speaks is known for ingress-nginx, the AWS Load Balancer Controller and Traefik; of others nothing is said.

## Why it breaks
OTLP has two transports with a port each, 4317 for gRPC and 4318 for HTTP, and both come with TLS and without. gRPC
exporters write `http://host:4317` for gRPC without TLS, so the URL alone does not say which transport is meant.

## Fix
Use the scheme that the port speaks, or the port that speaks the scheme. For gRPC give the Ingress what its controller
wants, such as `nginx.ingress.kubernetes.io/backend-protocol: GRPC`.

## Example
```yaml fires
target: http://collector:4317
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4317 http http2_spoken"]
```
```yaml fires
target: grpc://[::1]:4318
listeners: ["[::]:4318 go otelcol"]
probes: ["[::1]:4318 grpc http1_spoken"]
```
```yaml fires
target: https://collector:4318
names: {collector: ["fd00:9::7"]}
probes: ["[fd00:9::7]:4318 https tls_not_spoken"]
```
```yaml fires
target: collector:4317
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4317 grpc tls_expected"]
```
```yaml fires
target: grpcs://10.9.0.7:443
probes: ["10.9.0.7:443 grpcs tls_refused detail='tlsv1 alert no application protocol'"]
```
```yaml quiet
target: collector:9999
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:9999 grpc http1_spoken", "10.9.0.7:9999 http accepted"]
```
```yaml fires
services:
  app:
    image: shop
    environment: [OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317"]
  collector: {configs: [{source: conf, target: /etc/otelcol/config.yaml}]}
configs:
  conf:
    content: |
      receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
      exporters: {debug: {}}
```
```yaml fires
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: otlp}
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: otel-collector, port: {number: 4317}}}
---
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: otel}
spec:
  config:
    receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml quiet
services: {app: {environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317"}}}
```

## References
- OTLP specification, OTLP/gRPC Default Port and OTLP/HTTP Default Port
- ingress-nginx, annotations: backend-protocol; Gateway API, GRPCRoute
- OpenTelemetry specification, OTLP exporter configuration: the scheme of OTEL_EXPORTER_OTLP_ENDPOINT
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Layer
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.gateway import Gates
from dualstack.model.kube import Services
from dualstack.model.probe import Outcome, ProbeResult, Probes
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import crossed, ended
from dualstack.reach.landscape import landscape
from dualstack.reach.mismatch import of_clients, of_routes

if TYPE_CHECKING:
    from dualstack.reach.pods import Places

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR
BECAUSE = ("DS210",)

_CROSSED = (Outcome.HTTP1_SPOKEN, Outcome.HTTP2_SPOKEN)
_PLAIN = (*_CROSSED, Outcome.TLS_NOT_SPOKEN, Outcome.TLS_EXPECTED)


def check(traces: Traces, probes: Probes, places: "Places | None") -> Iterator[Finding]:
    """One finding for each flow that was answered in another protocol, or will be by what its receiver declares."""
    for trace, result in ended(traces, probes, (*_PLAIN, Outcome.TLS_REFUSED)):
        if result.outcome in _PLAIN or "no application protocol" in result.detail:
            yield _finding(trace, result, places)


def _finding(trace: Trace, result: ProbeResult, places: "Places | None") -> Finding:
    met = replace(trace, target=replace(trace.target, tls=trace.target.tls or result.task.tls))
    who, better, other = _redirected(met, places) if result.outcome in _CROSSED else ("", "", "")
    summary, detail, hint = crossed(trace, result, other)
    evidence = trace.at(Hop.HANDSHAKE).evidence
    sure = Confidence.DECLARED if {x.layer for x in evidence} == {Layer.DECLARED} else Confidence.PROBED
    return Finding(
        summary=summary,
        detail=detail + who,
        hint=better or hint,
        families=(trace.family,),
        confidence=sure,
        evidence=evidence,
        flows=(trace.key,),
    )


def _redirected(trace: Trace, places: "Places | None") -> tuple[str, str, str]:
    """Who takes a flow that ends in a pod, what to do about that, and where else to send; empty where nobody knows."""
    if places is None:
        return "", "", ""
    from dualstack.reach.live import redirected

    return redirected(trace, places)


def lint(senders: Senders, deployments: Deployments, services: Services, gates: Gates) -> Iterator[Finding]:
    """One finding for each client and each proxy that speaks another protocol than the receiver it leads to."""
    land = landscape(deployments, services)
    yield from (*of_clients(senders, land), *of_routes(senders, land, gates))

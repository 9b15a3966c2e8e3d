"""The port speaks another protocol than the client.

## What it detects
The connection is accepted and the answer is in another protocol: HTTP/1 to a gRPC request, HTTP/2 to an HTTP/1 request,
plain text to a TLS handshake, or a demand for TLS to a plain request. In files: a client whose protocol is written is
led to an OTLP receiver of the other one, through a Service, in its own pod or by a name of Compose.

## Why it breaks
OTLP has two transports with a port each, 4317 for gRPC and 4318 for HTTP, and both come with TLS and without. gRPC
exporters write `http://host:4317` for gRPC without TLS, so the URL alone does not say which transport is meant.

## Fix
Use the scheme that the port speaks, or the port that speaks the scheme.

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
```yaml quiet
services: {app: {environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317"}}}
```

## References
- OTLP specification, OTLP/gRPC Default Port and OTLP/HTTP Default Port
- OpenTelemetry specification, OTLP exporter configuration: the scheme of OTEL_EXPORTER_OTLP_ENDPOINT
"""

from collections.abc import Iterator

from dualstack.model.address import OTLP_PORTS, Protocol
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.probe import Outcome, ProbeResult, Probes
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import ended, url
from dualstack.reach.destination import read
from dualstack.reach.landscape import landscape
from dualstack.reach.ports import reached, sends_otlp
from dualstack.reach.start import port

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR
BECAUSE = ("DS210",)

_PLAIN = (Outcome.HTTP1_SPOKEN, Outcome.HTTP2_SPOKEN, Outcome.TLS_NOT_SPOKEN, Outcome.TLS_EXPECTED)
_TITLES = {Protocol.GRPC: "gRPC", Protocol.HTTP: "OTLP/HTTP"}


def check(traces: Traces, probes: Probes) -> Iterator[Finding]:
    """One finding for each flow that was answered in another protocol."""
    for trace, result in ended(traces, probes, (*_PLAIN, Outcome.TLS_REFUSED)):
        if result.outcome in _PLAIN or "no application protocol" in result.detail:
            summary, detail, hint = _words(trace, result)
            yield Finding(
                summary=summary,
                detail=detail,
                hint=hint,
                families=(trace.family,),
                confidence=Confidence.PROBED,
                evidence=trace.at(Hop.HANDSHAKE).evidence,
                flows=(trace.key,),
            )


def lint(senders: Senders, deployments: Deployments) -> Iterator[Finding]:
    """One finding for each client that speaks another protocol than the receiver that it leads to."""
    land = landscape(deployments)
    for sender in senders.items:
        said = sender.destination
        found = list(reached(sender, land)) if said.protocol in _TITLES and sends_otlp(said) else []
        if found and said.protocol not in {x.protocol for x in found}:
            number, other = port(found[0]), next(k for k, v in OTLP_PORTS.items() if v is said.protocol)
            mine, theirs = (_TITLES[x] for x in (said.protocol, found[0].protocol))
            yield Finding(
                summary=f"Port {read(said.value, said.form).port} speaks {theirs}, not {mine}",
                detail=f"{said.owner} sends {mine} to `{said.value}`, where {found[0].component} takes {theirs}.",
                hint=f"Send to the port of {mine}, {other} by default, or send {theirs}.",
                confidence=Confidence.DECLARED,
                evidence=(Evidence(f"port {number}: {theirs}", found[0].field, Layer.DECLARED),),
                location=said.written.at,
            )


def _words(trace: Trace, result: ProbeResult) -> tuple[str, str, str]:
    target = trace.target
    port = target.port
    match result.outcome:
        case Outcome.TLS_NOT_SPOKEN:
            detail = "The client begins a TLS handshake, and the server answers without TLS."
            flag = " (`insecure: true` in a Collector's exporter)" if target.protocol is Protocol.GRPC else ""
            hint = f"Send to `{url(target, tls=False)}`{flag}, or give the receiver a `tls` section."
            return f"Port {port} does not speak TLS", detail, hint
        case Outcome.TLS_EXPECTED:
            detail = "The client speaks without TLS, and the server takes TLS alone."
            return f"Port {port} expects TLS", detail, f"Send to `{url(target, tls=True)}`, with `--ca-file` if needed."
        case Outcome.HTTP2_SPOKEN:
            detail = "The answer to an HTTP/1 request is HTTP/2, as gRPC servers speak it. The connection itself works."
            plain = url(target)
            test = f"Test gRPC exporters, which write `{plain}` too, with `{url(target, Protocol.GRPC)}`"
            return f"Port {port} speaks gRPC, not HTTP/1", detail, f"{test}{_other(trace, Protocol.HTTP)}."
        case _:
            detail = "The answer to a gRPC request is HTTP/1 or OTLP/HTTP. The connection itself works."
            hint = f"Use an HTTP exporter with `{url(target, Protocol.HTTP)}`{_other(trace, Protocol.GRPC)}."
            return f"Port {port} speaks HTTP, not gRPC", detail, hint


def _other(trace: Trace, protocol: Protocol) -> str:
    """The port that OTLP has for a transport, where the client uses another one."""
    port = next(k for k, v in OTLP_PORTS.items() if v is protocol)
    title = "gRPC" if protocol is Protocol.GRPC else "OTLP/HTTP"
    return f", or send {title} to `{url(trace.target, protocol, port=port)}`" if trace.target.port != port else ""

"""The port speaks another protocol than the client.

## What it detects
The connection is accepted and the answer is in another protocol: HTTP/1 to a gRPC request, HTTP/2 to an HTTP/1 request,
plain text to a TLS handshake, or a demand for TLS to a plain request.

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

## References
- OTLP specification, OTLP/gRPC Default Port and OTLP/HTTP Default Port
- OpenTelemetry specification, OTLP exporter configuration: the scheme of OTEL_EXPORTER_OTLP_ENDPOINT
- RFC 7301 section 3.2: `no_application_protocol`
"""

from collections.abc import Iterator

from dualstack.model.address import OTLP_PORTS, Protocol
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.probe import Outcome, ProbeResult, Probes
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import ended, url

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR
BECAUSE = ("DS210",)

_PLAIN = (Outcome.HTTP1_SPOKEN, Outcome.HTTP2_SPOKEN, Outcome.TLS_NOT_SPOKEN, Outcome.TLS_EXPECTED)


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

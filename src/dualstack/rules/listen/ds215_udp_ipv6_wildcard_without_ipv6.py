"""A UDP receiver asks for `[::]` where the kernel has no IPv6.

## What it detects
An endpoint of the configuration is `[::]` over UDP, its component resolves the address by itself, the kernel has no
IPv6, and the ports of the configuration have no listener.

## Why it breaks
Go's TCP listeners, and UDP ones made with ListenPacket, fall back to `0.0.0.0` there. Components that use
ResolveUDPAddr with ListenUDP do not: they fail with "address family not supported by protocol", and the Collector
exits.

## Fix
Write `0.0.0.0`: where the kernel has IPv6 it is the same dual-stack socket.

## Fix safety
Safe: Go makes the same socket of both spellings wherever IPv6 exists.

## Example
```yaml fires
target: http://127.0.0.1:4318
ipv6: absent
probes: ["127.0.0.1:4318 http refused"]
config: |
  receivers:
    otlp: {protocols: {http: {endpoint: "[::]:4318"}}}
    jaeger: {protocols: {thrift_compact: {endpoint: "[::]:6831"}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp, jaeger], exporters: [debug]}}}
```
```yaml quiet
target: http://127.0.0.1:4318
ipv6: absent
probes: ["127.0.0.1:4318 http refused"]
config: |
  receivers:
    otlp: {protocols: {http: {endpoint: "[::]:4318"}}}
    jaeger: {protocols: {thrift_compact: {endpoint: "0.0.0.0:6831"}}}
  exporters: {debug: {}}
  service: {pipelines: {traces: {receivers: [otlp, jaeger], exporters: [debug]}}}
```

## References
- Go src/net/udpsock_posix.go: no second address to fall back to; golang/go#18806
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Edit, Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.names import Names
from dualstack.model.otel import Declared
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Hop, Traces
from dualstack.reach.hint import where
from dualstack.reach.start import failures, here, port

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR


def check(
    traces: Traces, listeners: Listeners, namespaces: Namespaces, declared: Declared, names: Names | None
) -> Iterator[Finding]:
    """One finding for each such endpoint that kept the Collector from starting."""
    for failure in failures(traces, declared, listeners, here(namespaces), names):
        if failure.bound.cause != "DS215":
            continue
        endpoint, right = failure.endpoint, f"0.0.0.0:{port(failure.endpoint)}"
        edit = Edit(declared.file, endpoint.text, right, endpoint.location)
        yield Finding(
            summary=f"UDP port {port(endpoint)} needs IPv6 to start",
            detail=f"The Collector cannot start: `{failure.bound.error}`. The kernel has no IPv6.",
            hint=f"Set `{endpoint.field}`{where(endpoint)} to `{right}`.",
            evidence=(Evidence(endpoint.effective, endpoint.field, Layer.DECLARED),),
            location=endpoint.location,
            fix=Fix(f"Replace `{endpoint.effective}` by `{right}`", Applicability.SAFE, (edit,)),
            flows=tuple(x.key for x in failure.flows),
        )

"""The receiver listens on the loopback, and its clients are elsewhere.

## What it detects
A client is handed an address of the host that is not a loopback address, is refused, and every socket on that port is
bound to the loopback. In files: a container reads a configuration that says `localhost`, while a Service, a host port,
a probe or another service of the Compose file leads to that port.

## Why it breaks
A socket bound to `127.0.0.1` or `::1` takes connections to that address alone. The Collector does this since 0.104
where `endpoint` is left out: the default became `localhost`.

## Fix
Write an `endpoint` that clients can reach: `0.0.0.0:4317` in a Go or Java receiver, `[::]:4317` in others.

## Fix safety
Unsafe: the receiver becomes reachable from other hosts.

## Example
```yaml fires
target: 10.9.0.5:4317
listeners: ["127.0.0.1:4317 go otelcol"]
probes: ["10.9.0.5:4317 grpc refused"]
```
```yaml fires
target: http://[fd00:9::5]:4318
listeners: ["[::ffff:127.0.0.1]:4318 jvm java"]
```
```yaml quiet
target: localhost:4317
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["127.0.0.1:4317 go otelcol"]
probes: ["[::1]:4317 grpc refused", "127.0.0.1:4317 grpc accepted"]
```

```yaml fires
receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}}
---
services:
  otel:
    image: otel/opentelemetry-collector:0.139.0
    volumes: ["./example.yaml:/etc/otelcol/config.yaml"]
    ports: ["4317:4317"]
```
```yaml quiet
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: beside}
spec: {mode: sidecar, config: {receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}}}}
```

## References
- https://opentelemetry.io/blog/2024/hardening-the-collector-one/
- Measured: the Collector 0.139 and 0.161 without `endpoint` listen on 127.0.0.1
"""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.deployed import Deployments, Senders
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.otel import Declared
from dualstack.model.sockets import Listener, Listeners
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.blame import FORWARDED, Narrow, narrow
from dualstack.reach.callers import locals_called
from dualstack.reach.edits import fix, widened
from dualstack.reach.hint import either, owner, rebind, wildcard
from dualstack.reach.start import declared_on, port
from dualstack.reach.trace import refusals

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR
BECAUSE = ("DS210", "DS213", "DS409", "DS508", "DS905")


def check(traces: Traces, listeners: Listeners, namespaces: Namespaces, declared: Declared | None) -> Iterator[Finding]:
    """One finding for each refused flow from beyond the loopback to a port that is bound to it alone."""
    for trace, sockets in refusals(traces, listeners):
        if narrow(trace, sockets) is not Narrow.LOOPBACK:
            continue
        space, endpoint = namespaces.at(trace.server), declared_on(declared, trace.port)
        left_out = endpoint is not None and not endpoint.value
        default = f" `{endpoint.field}` is left out, and the default is local." if endpoint and left_out else ""
        bound = ", ".join(dict.fromkeys(f"`{x.endpoint}`" for x in sockets))
        found = Finding(
            summary=f"Port {trace.port} listens on the loopback only",
            detail=f"The only sockets are {bound}, held by {owner(sockets[0])}. Other addresses are refused.{default}",
            hint=rebind(sockets[0], space, endpoint),
            families=(trace.family,),
            evidence=trace.at(Hop.LISTEN).evidence,
            location=endpoint.location if endpoint else None,
            fix=Fix(f"Bind {wildcard(sockets[0], space, endpoint)}", Applicability.UNSAFE),
            flows=(trace.key,),
        )
        yield found if endpoint or sockets[0].source != FORWARDED else _open(found, trace, sockets[0])


def _open(found: Finding, trace: Trace, socket: Listener) -> Finding:
    """A finding of a socket that no configuration and no look inside tells of: it may be one of the other family."""
    summary, detail, hint = either(socket, trace.family)
    return replace(found, summary=summary, detail=detail, hint=hint, confidence=Confidence.INFERRED, fix=None)


def lint(deployments: Deployments, senders: Senders) -> Iterator[Finding]:
    """One finding for each listener that is told to use the loopback, and has clients elsewhere."""
    for local in locals_called(deployments, senders):
        written, first = local.endpoint.written, local.callers[0]
        if not written:
            continue
        meant = "" if written.text.startswith("${") else widened(written.text)
        yield Finding(
            summary="Loopback listener with clients elsewhere",
            detail=f"`{written.text}` takes connections from its own host or pod alone. {first.said}.",
            hint=f"Write `{meant}`." if meant else "Write `0.0.0.0` in the place of the host.",
            severity=Severity.ERROR if local.sure and "$" not in written.text else Severity.WARNING,
            confidence=Confidence.DECLARED,
            evidence=local.evidence,
            location=written.at,
            fix=fix(f"Write `{meant}`", Applicability.UNSAFE, written, meant),
            ports=(port(local.endpoint),),
        )

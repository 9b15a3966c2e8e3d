"""The endpoint is left out, its default is the loopback, and the clients are elsewhere.

## What it detects
A container reads a configuration whose receiver names no `endpoint`, with a Collector of 0.104 or newer, while a
Service, a host port, a probe or another service of the Compose file leads to that port. It is a warning while nobody
says which version runs, and for ports that bring no telemetry, such as 8888 and 13133.

## Why it breaks
Since 0.104 the default is `localhost`: the Collector listens on `127.0.0.1` alone, and who comes from another pod,
container or host is refused.

## Fix
Write the endpoint: `0.0.0.0:4317`.

## Fix safety
Unsafe: the receiver becomes reachable from other hosts.

## Example
```yaml fires
receivers: {otlp: {protocols: {grpc: }}}
---
services:
  otel:
    image: otel/opentelemetry-collector:0.139.0
    volumes: ["./example.yaml:/etc/otelcol/config.yaml"]
    ports: ["4317:4317"]
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: }}}
---
services:
  otel:
    image: otel/opentelemetry-collector:0.103.0
    volumes: ["./example.yaml:/etc/otelcol/config.yaml"]
    ports: ["4317:4317"]
```
```yaml quiet
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: filled-in-by-the-operator}
spec: {config: {receivers: {otlp: {protocols: {grpc: {}}}}}}
```

## References
- https://opentelemetry.io/blog/2024/hardening-the-collector-one/
- Measured: the Collector 0.139 and 0.161 without `endpoint` listen on 127.0.0.1
"""

from collections.abc import Iterator

from dualstack.model.deployed import Deployments, Senders
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.trace import Hop
from dualstack.reach.callers import Local, locals_called
from dualstack.reach.edits import filled
from dualstack.reach.start import port
from dualstack.reach.wiring import is_told

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, senders: Senders) -> Iterator[Finding]:
    """One finding for each listener of a container that is left to its default and has clients elsewhere."""
    for local in locals_called(deployments, senders):
        workload = local.deployed.workload
        filled_in = workload is not None and workload.holds is not None
        if not (local.endpoint.written or filled_in or local.deployed.config.refused):
            yield _finding(local, known=is_told(local.deployed, local.endpoint))


def _finding(local: Local, *, known: bool) -> Finding:
    endpoint, first = local.endpoint, local.callers[0]
    leaf = endpoint.field.rpartition(".")[2]
    meant = f"0.0.0.0:{port(endpoint)}" if leaf != "host" else "0.0.0.0"
    tell = "." if endpoint.within else "; `--collector-version` says which runs."
    open_ = "" if known else f" Before {endpoint.local_since} it was every address{tell}"
    return Finding(
        summary=f"Port {port(endpoint)} listens on the loopback by default",
        detail=f"`{leaf}` is left out, and the default is `{endpoint.effective}`. {first.said}.{open_}",
        hint=f"Write `{leaf}: {meant}` there, as `{endpoint.field}`.",
        severity=Severity.ERROR if local.sure and known else Severity.WARNING,
        confidence=Confidence.DECLARED,
        evidence=local.evidence,
        location=endpoint.location or first.at,
        fix=filled(f"Write `{leaf}: {meant}`", Applicability.UNSAFE, endpoint.vacant, **{leaf: meant}),
    )

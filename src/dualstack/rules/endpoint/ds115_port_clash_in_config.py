"""Two endpoints of one configuration, or of one pod, cannot be bound side by side.

## What it detects
Two components of a configuration that listen on one port, of which one address covers the other: the same address, or
a wildcard beside any other one. Defaults count: `otelarrow` beside `otlp`, an exporter on the port 8888 of the
Collector's own metrics. One wildcard for each family is DS114. Only files with a section `service` are judged, by what
it uses. The same for the configurations of two containers of a pod, which have one network.

## Why it breaks
The one that comes later fails with `bind: address already in use`, and the Collector ends with all its receivers.

## Fix
Give one of them another port, or take it away.

## Example
```yaml fires
receivers:
  otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}
  otelarrow: {protocols: {grpc: {}}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp, otelarrow], exporters: [debug]}}}
```
```yaml quiet
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}
  otlp/6: {protocols: {grpc: {endpoint: "[::1]:4317"}}}
  awsxray: {endpoint: "0.0.0.0:2000", proxy_server: {endpoint: "0.0.0.0:2000"}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp, otlp/6, awsxray], exporters: [debug]}}}
```

## References
- Linux net/ipv4/inet_connection_sock.c inet_csk_bind_conflict
- opentelemetry-collector-contrib receiver/otelarrowreceiver/factory.go: `0.0.0.0:4317`
"""

from collections.abc import Iterator

from dualstack.model.deployed import Deployments
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.trace import Hop
from dualstack.reach.clash import clashes, in_pods
from dualstack.reach.drafts import declared
from dualstack.reach.start import port

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments) -> Iterator[Finding]:
    """One finding for each endpoint whose port another one has."""
    for clash in clashes(deployments):
        first, second = clash.first, clash.second
        if clash.split or not clash.deployed.config.whole:
            continue
        own = first.component == second.component
        one, another = (f"`{x.field}`" if own else x.component for x in (first, second))
        yield Finding(
            summary=f"Port {port(second)} is {'given twice' if own else 'taken by another component'}",
            detail=f"`{second.effective}` of {another} cannot be bound beside `{first.effective}` of "
            f"{one}: `bind: address already in use`.",
            hint=f"Give {another} or {one} another port.",
            confidence=Confidence.DECLARED,
            evidence=(declared(second), declared(first)),
            location=second.location,
            fix=Fix("Use another port"),
        )
    for holder, clash in in_pods(deployments):
        first, second, other = clash.first, clash.second, holder.container
        yield Finding(
            summary=f"Port {port(second)} is taken by another container",
            detail=f"`{second.effective}` of {second.component} cannot be bound beside `{first.effective}` of the "
            f"container {other.name if other else ''}: `bind: address already in use`. A pod has one network.",
            hint=f"Give one of the two containers another port than {port(second)}.",
            confidence=Confidence.DECLARED,
            evidence=(declared(second), declared(first)),
            location=second.location,
            fix=Fix("Use another port"),
        )

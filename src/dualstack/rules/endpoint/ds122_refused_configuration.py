"""The Collector refuses its configuration, or does not find it.

## What it detects
A configuration with what no Collector takes: a key that the OTLP receiver does not have, such as `endpoint` beside
`grpc` and `http`, an OTLP receiver without a protocol, a pipeline or a list of extensions that names what is not there.
The last two are judged where it is known that nothing else is merged in. Also a `--config` that names a file which is
neither mounted nor in a published image, a feature gate that this version does not know, or cannot switch off, a
component that this version has no more, or not yet, such as the exporter `logging` since 0.111 and `otlp_http` before
0.144, the address of the Collector's own metrics from 0.128 on, and a component that the core distribution lacks.

## Why it breaks
The Collector reads and checks all of its configuration before it binds anything, used or not, and ends with `Error: …`
and status 1. Kubernetes starts it again and again.

## Fix
Do what the message asks for. `otelcol validate --config FILE` checks a configuration without running it.

## Example
```yaml fires
receivers:
  otlp:
    protocols:
      endpoint: 0.0.0.0:4317
      grpc:
```
```yaml fires
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: otel}
spec:
  config:
    receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp/2], exporters: [debug]}}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [defined/elsewhere]}}}
```

## References
- Measured: the Collector 0.139, 0.149 and 0.161
- opentelemetry-collector featuregate/registry.go Set; CHANGELOG of 0.110 and 0.112
"""

from collections.abc import Iterator

from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Workloads
from dualstack.model.trace import Hop
from dualstack.reach.refusal import refusals

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, workloads: Workloads) -> Iterator[Finding]:
    """One finding for each place that is refused."""
    for found in refusals(deployments, workloads):
        yield Finding(
            summary="The Collector does not start",
            detail=f"It says: `{found.said}`.",
            hint=found.mend,
            confidence=Confidence.DECLARED,
            evidence=(Evidence(found.said, "knowledge of what the Collector takes", Layer.DECLARED),),
            location=found.at,
            fix=Fix("Correct what the Collector refuses"),
        )

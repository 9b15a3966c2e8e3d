"""A probe of the kubelet asks a port on which nobody listens.

## What it detects
A readiness, liveness or startup probe of a container asks a port of its pod, the configurations of all its containers
are known, and none of them listens there: another port, or a component that is configured and not in use, such as a
`health_check` that `service.extensions` does not name.

## Why it breaks
The kubelet is refused. The pod never becomes ready, and no Service leads to it; for a liveness or startup probe the
container is ended again and again.

## Fix
Ask the port of the health check, or add it to `service.extensions`.

## Example
```yaml fires
apiVersion: v1
kind: ConfigMap
metadata: {name: otel}
data:
  config.yaml: |
    receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}
    exporters: {debug: {}}
    extensions: {health_check: {endpoint: "0.0.0.0:13133"}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel}
spec:
  template:
    spec:
      containers:
        - name: otel
          image: otel/opentelemetry-collector:0.139.0
          readinessProbe: {httpGet: {path: /, port: 13133}}
          volumeMounts: [{name: config, mountPath: /conf}]
      volumes: [{name: config, configMap: {name: otel}}]
```
```yaml quiet
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel}
spec:
  template:
    spec:
      containers:
        - name: otel
          image: otel/opentelemetry-collector:0.139.0
          readinessProbe: {httpGet: {path: /, port: 13133}}
```

## References
- https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

from collections.abc import Iterator

from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.trace import Hop
from dualstack.reach.kubelet_probes import unheard

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR


def lint(deployments: Deployments) -> Iterator[Finding]:
    """One finding for each probe that nobody hears."""
    for found in unheard(deployments):
        idle, names = found.idle, " and ".join(x.name for x in found.probes)
        would = f" `{idle.component}` would, and is not in use." if idle else ""
        places = (f"{x.port.at.file}:{x.port.at.line}" for x in found.probes)
        asked = (Evidence(f"a probe asks port {found.number}", x, Layer.DECLARED) for x in places)
        unused = (Evidence(idle.effective, idle.field, Layer.DECLARED),) if idle else ()
        yield Finding(
            summary=f"Nobody listens on probed port {found.number}",
            detail=f"That is the port of {names} of the container {found.container.name}, and nothing in the pod "
            f"listens there.{would}",
            hint=found.hint,
            confidence=Confidence.DECLARED,
            evidence=(*asked, *unused),
            location=found.at,
            fix=Fix("Ask a port where somebody listens"),
        )

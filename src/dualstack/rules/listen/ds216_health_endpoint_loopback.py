"""The health endpoint listens on the loopback, and the kubelet asks it at the address of the pod.

## What it detects
The `health_check` extension listens on `localhost:13133`, by a text or by default, and a probe of the container asks
that port without naming a host.

## Why it breaks
The kubelet connects to the first address of the pod, not to its loopback: `Readiness probe failed: dial tcp
10.0.0.7:13133: connect: connection refused`. The pod never becomes ready, or is killed again and again.

## Fix
Write `endpoint: 0.0.0.0:13133`.

## Fix safety
Safe: the probe is meant to reach it, and it says nothing but whether the Collector is well.

## Example
```yaml fires
apiVersion: v1
kind: ConfigMap
metadata: {name: otel}
data:
  config.yaml: |
    extensions:
      health_check:
        endpoint: localhost:13133
    service:
      extensions: [health_check]
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
mode: deployment
config:
  extensions: {health_check: {endpoint: "${env:MY_POD_IP}:13133"}}
  service: {extensions: [health_check]}
```

## References
- https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
- https://github.com/open-telemetry/opentelemetry-collector/issues/11630
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.source import Location
from dualstack.model.trace import Hop
from dualstack.reach.callers import is_health, is_loopback, probes
from dualstack.reach.edits import filled, fix, widened
from dualstack.reach.operator import probed
from dualstack.reach.probe_events import refused
from dualstack.reach.start import port
from dualstack.reach.wiring import is_told

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR


def lint(deployments: Deployments, cluster: "Cluster | None") -> Iterator[Finding]:
    """One finding for each health endpoint that no probe reaches; on a cluster the kubelet may say so itself."""
    for item in deployments.items:
        if item.workload is None or item.container is None:
            continue
        for endpoint in item.config.endpoints:
            asked = is_health(endpoint) and is_loopback(endpoint) and (endpoint.written or not item.workload.holds)
            probe = next(iter((*probes(item.container, endpoint), *probed(item.workload, endpoint))), None)
            if asked and probe:
                said = refused(cluster, item.workload, port(endpoint)) if cluster else None
                yield _finding(item, endpoint, probe, said)


def _finding(item: Deployed, endpoint: DeclaredEndpoint, probe: Location, said: Evidence | None) -> Finding:
    written = endpoint.written
    meant = widened(written.text) if written else f"0.0.0.0:{port(endpoint)}"
    known = bool(written) or is_told(item, endpoint) or said is not None
    title = f"Write `endpoint: {meant}`"
    open_ = "" if known else " Before 0.104 the default was every address; `--collector-version` says which runs."
    evidence = Evidence(f"a probe asks port {port(endpoint)}", f"{probe.file}:{probe.line}", Layer.DECLARED)
    change = fix(title, Applicability.SAFE, written, meant) if written else None
    return Finding(
        summary="Health endpoint is out of the kubelet's reach",
        detail=f"It listens on `{endpoint.effective}`; the kubelet asks at the address of the pod.{open_}",
        hint=f"{title}.",
        severity=Severity.ERROR if known else Severity.WARNING,
        confidence=Confidence.OBSERVED if said else Confidence.DECLARED,
        evidence=(Evidence(endpoint.effective, endpoint.field, Layer.DECLARED), evidence, *filter(None, [said])),
        location=endpoint.location or probe,
        fix=change or filled(title, Applicability.SAFE, endpoint.vacant, endpoint=meant),
    )

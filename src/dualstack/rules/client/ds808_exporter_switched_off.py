"""An SDK is told where to send, and to send nothing.

## What it detects
Pods that name an endpoint or a protocol of OTLP, and whose environment switches the SDK off, or has it export every
signal elsewhere or not at all: `OTEL_SDK_DISABLED=true`, `OTEL_TRACES_EXPORTER=none` and its like.

## Why it breaks
No connection is ever tried, so nothing fails and nothing is logged: the telemetry is just not there.

## Fix
Take the variable out, or set the exporter of the signal to `otlp`.

## Example
```yaml fires
# dualstack diagnose pod/cart
apiVersion: v1
kind: Pod
metadata: {name: cart}
spec:
  containers:
    - name: cart
      env:
        - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://otel:4318"}
        - {name: OTEL_SDK_DISABLED, value: "true"}
```
```yaml quiet
# dualstack diagnose pod/cart
apiVersion: v1
kind: Pod
metadata: {name: cart}
spec:
  containers:
    - name: cart
      env:
        - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://otel:4318"}
        - {name: OTEL_METRICS_EXPORTER, value: none}
```

## References
- OpenTelemetry specification, environment variables: OTEL_SDK_DISABLED, exporter selection
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.finding import Finding, Severity
from dualstack.model.trace import Hop
from dualstack.reach.unsent import switched_off

HOP = Hop.EXPORT
SEVERITY = Severity.WARNING


def check(cluster: Cluster) -> Iterator[Finding]:
    """One finding for each workload that sends nothing."""
    yield from switched_off(cluster)

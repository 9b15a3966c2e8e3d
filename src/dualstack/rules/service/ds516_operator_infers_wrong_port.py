"""The Operator reads another port in an IPv6 address than the one that is meant.

## What it detects
An endpoint of an OpenTelemetryCollector with an IPv6 address in which a colon and digits stand before the port, such as
`[2001:db8::1]:4317`. Ports that `spec.ports` names are right beside the one that is inferred.

## Why it breaks
The Operator takes the first colon with digits behind it as the port: 1 for `[2001:db8::1]:4317`, 10 for
`[fd00:10:244::5]:4317`. The Service and the probes get that port, and clients are refused. Two receivers at the address
get the same one, `Duplicate value`: the API server refuses the Service, and there is none.

## Fix
Write a wildcard, `[::]:4317`, or name the port in `spec.ports`, where no port is inferred twice and the address is not
that of the loopback.

## Fix safety
Safe for an address of a pod, which is another one at the next start. Unsafe for the loopback: others can connect then.

## Example
```yaml fires
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec:
  config:
    receivers: {otlp: {protocols: {grpc: {endpoint: "[2001:db8::1]:4317"}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml fires
apiVersion: opentelemetry.io/v1alpha1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec:
  config: |
    receivers: {otlp: {protocols: {grpc: {endpoint: "[::]:4317"}}}}
    extensions: {health_check: {endpoint: "[::1]:13133"}}
    exporters: {debug: {}}
    service: {extensions: [health_check], pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```
```yaml quiet
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec:
  config:
    receivers: {otlp: {protocols: {grpc: {endpoint: "[::]:4317"}, http: {endpoint: "${env:MY_POD_IP}:4318"}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
```

## References
- operator internal/components/component.go PortFromEndpoint, whose regular expression is replayed here
- Measured: operator 0.153.0 on kube-apiserver 1.34.4
"""

from collections.abc import Iterator

from dualstack.model.address import Family, Scope, is_address, scope
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.trace import Hop
from dualstack.reach.edits import fix
from dualstack.reach.operator import OPERATED, inferred
from dualstack.reach.start import port

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR

_PROBED = "extensions/health"


def lint(deployments: Deployments) -> Iterator[Finding]:
    """One finding for each endpoint whose port the Operator misreads."""
    for item in deployments.items:
        if item.workload is None or item.workload.meta.kind != OPERATED:
            continue
        named = {x.number.text for x in item.workload.containers[0].ports}
        receivers = [x for x in item.config.endpoints if x.component.startswith("receivers/")]
        read = [(inferred(x), x.transport) for x in receivers]
        for endpoint in item.config.endpoints:
            probed = endpoint.component.startswith(_PROBED)
            served = bool(item.services) and endpoint.component.startswith("receivers/")
            twice = served and read.count((inferred(endpoint), endpoint.transport)) > 1
            said = probed or twice or (served and str(port(endpoint)) not in named)
            wrong = inferred(endpoint) and port(endpoint) not in (0, inferred(endpoint))
            if endpoint.written and "]:" in endpoint.text and said and wrong:
                yield _finding(endpoint, port(endpoint), probed=probed, twice=twice)


def _finding(endpoint: DeclaredEndpoint, number: int, *, probed: bool, twice: bool) -> Finding:
    host = endpoint.text.rpartition(":")[0].strip("[]")
    inside = is_address(host) and scope(host) is Scope.LOOPBACK
    meant = f"[::]:{number}"
    given = "gives its Service that port"
    if twice:
        given += " twice, which the API server refuses"
    user = "makes its probes ask there" if probed else given
    return Finding(
        summary=f"Operator reads port {inferred(endpoint)}, not {number}",
        detail=f"In `{endpoint.text}` the first colon with digits is no port, and the Operator {user}.",
        hint=f"Write `{meant}`" + ("." if probed or twice or inside else f", or name port {number} in `spec.ports`."),
        families=(Family.IPV6,),
        confidence=Confidence.DECLARED,
        evidence=(Evidence(endpoint.text, endpoint.field, Layer.DECLARED),),
        location=endpoint.written.at if endpoint.written else endpoint.location,
        fix=fix(f"Write `{meant}`", Applicability.UNSAFE if inside else Applicability.SAFE, endpoint.written, meant),
    )

"""An address of the downward API stands for a pod or a node that has two.

## What it detects
A destination such as `http://$(HOST_IP):4318`, whose variable is `status.hostIP` or `status.podIP`, where both families
are in use: `--cluster-families` names two, or `--expect dual` does. Of a running cluster it is a remark unless both are
expected: one that works is enough. And such a variable that a listener binds, where
clients of both families are led there: it is why DS204 is found.

## Why it breaks
Both fields hold the first address alone. What listens on, or is let through for, the other family only is not reached,
and no client ever tries it.

## Fix
Send to a name that has both: the Service of the Collector. `status.hostIPs` and `status.podIPs` hold every address,
with commas between, which no exporter takes as it stands.

## Fix safety
Unsafe: through a Service another Collector than that of the node may answer.

## Example
```yaml fires
# dualstack lint --cluster-families IPv4,IPv6
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  containers:
    - name: shop
      env:
        - {name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
        - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://$(HOST_IP):4318"}
```
```yaml fires
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: otel}
spec:
  ipFamilyPolicy: RequireDualStack
  env: [{name: MY_POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
  config: {receivers: {otlp: {protocols: {grpc: {endpoint: "[${env:MY_POD_IP}]:4317"}}}}}
```
```yaml quiet
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  containers:
    - name: shop
      env:
        - {name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
        - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://$(HOST_IP):4318"}
```

## References
- Kubernetes KEP-2681: field status.hostIPs added for Pod
"""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.address import BOTH, Family
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.kube import Container, Variable
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.question import CLUSTER, Question
from dualstack.model.source import Location
from dualstack.model.trace import Hop, Traces
from dualstack.reach import served
from dualstack.reach.drafts import drafted
from dualstack.reach.narrowed import first_address
from dualstack.reach.sent import filled_in
from dualstack.reach.start import port
from dualstack.reach.trace import is_turned_away
from dualstack.reach.unknowns import wanted

HOP = Hop.POD
SEVERITY = Severity.WARNING
BECAUSE = ("DS102", "DS204", "DS212", "DS507")


def check(traces: Traces, declared: Declared, deployments: Deployments | None, question: Question) -> Iterator[Finding]:
    """One finding for each variable that a listener binds, whose other address is refused."""
    other = [x for x in traces.broken if is_turned_away(x) and x.family not in question.cluster[:1]]
    refused = other if question.place == CLUSTER else []
    every = deployments.items if deployments else ()
    for item in (x for x in every if x.config.file == declared.file):
        for endpoint in item.config.endpoints:
            variable = _bound_to(endpoint, item.container)
            flows = tuple(x.key for x in refused if x.port == port(endpoint))
            if variable and flows:
                said = Evidence(endpoint.text, endpoint.field, Layer.DECLARED)
                words = (
                    f"{endpoint.component} refuses the other",
                    "Listen on every address.",
                    "Listen on every address",
                )
                found = _finding(variable, words, said, variable.at, question.cluster[:1])
                yield replace(found, confidence=Confidence.OBSERVED, flows=flows)


def lint(senders: Senders, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each destination, and each variable that a listener binds, with the first of two addresses."""
    for sender in filled_in(senders) if set(wanted(question)) == set(BOTH) else ():
        written = sender.destination.written
        variable = first_address(written.text, sender.container)
        if variable:
            title = "Send to a name that has both families"
            hint = f"{title}, such as the Service of the Collector."
            said = Evidence(written.text, sender.destination.field, Layer.DECLARED)
            detail = "the other family is never tried"
            found = _finding(variable, (detail, hint, title), said, written.at, question.cluster[:1])
            # In a cluster the flows tell whether that family works; one is enough unless both are asked for.
            enough = question.place == CLUSTER and not question.expect
            yield replace(found, severity=Severity.INFO) if enough else found
    for item, endpoint in drafted(deployments) if len(question.cluster) != 1 else ():
        variable = _bound_to(endpoint, item.container)
        if variable and any(sure for _, sure in served.led(item, endpoint, question)):
            title = "Listen on every address"
            said = Evidence(endpoint.text, endpoint.field, Layer.DECLARED)
            detail = f"{endpoint.component} does not listen on the other, over which clients are led there"
            yield _finding(variable, (detail, f"{title}.", title), said, variable.at, question.cluster[:1])


def _bound_to(endpoint: DeclaredEndpoint, container: Container | None) -> Variable | None:
    """The variable that stands for the address of a listener; none of one that cannot be bound anyway."""
    return None if endpoint.cause else first_address(endpoint.effective, container)


def _finding(
    variable: Variable, words: tuple[str, str, str], said: Evidence, at: Location, first: tuple[Family, ...]
) -> Finding:
    """`words` are how the detail goes on, the hint, and the title of the fix."""
    detail, hint, title = words
    which = f"its {first[0].title} address" if first else "the first of its addresses"
    return Finding(
        summary="Variable holds one of two addresses",
        detail=f"`{variable.name}` is `{variable.field}`, {which} alone; {detail}.",
        hint=hint,
        families=(first[0].other,) if first else BOTH,
        confidence=Confidence.DECLARED,
        evidence=(said, Evidence(variable.field, f"{variable.at.file}:{variable.at.line}", Layer.DECLARED)),
        location=at,
        fix=Fix(title, Applicability.UNSAFE),
    )

"""An address of the downward API stands for a pod or a node that has two.

## What it detects
A destination such as `http://$(HOST_IP):4318`, whose variable is `status.hostIP` or `status.podIP`, where both families
are in use: `--cluster-families` names two, or `--expect dual` does. Of listeners DS204 speaks.

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

from dualstack.model.address import BOTH, Family
from dualstack.model.deployed import Sender, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.kube import Variable
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.settings import variable_of
from dualstack.reach.unknowns import FIRST_ADDRESS, REFERENCE, wanted

HOP = Hop.POD
SEVERITY = Severity.WARNING
BECAUSE = ("DS102",)


def lint(senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each destination with the first of two addresses."""
    for sender in senders.items if set(wanted(question)) == set(BOTH) else ():
        variable = _first_address(sender)
        if variable:
            yield _finding(sender, variable, question.cluster[:1])


def _first_address(sender: Sender) -> Variable | None:
    found = (variable_of(x, sender.container) for x in REFERENCE.findall(sender.destination.written.text))
    return next((x for x in found if x and x.field in FIRST_ADDRESS), None)


def _finding(sender: Sender, variable: Variable, first: tuple[Family, ...]) -> Finding:
    written = sender.destination.written
    which = f"its {first[0].title} address" if first else "the first of its addresses"
    source = f"{variable.at.file}:{variable.at.line}"
    return Finding(
        summary="Variable holds one of two addresses",
        detail=f"`{variable.name}` is `{variable.field}`, {which} alone; the other family is never tried.",
        hint="Send to a name that has both families, such as the Service of the Collector.",
        families=(first[0].other,) if first else BOTH,
        confidence=Confidence.DECLARED,
        evidence=(
            Evidence(written.text, sender.destination.field, Layer.DECLARED),
            Evidence(variable.field, source, Layer.DECLARED),
        ),
        location=written.at,
        fix=Fix("Send to a name that has both families", Applicability.UNSAFE),
    )

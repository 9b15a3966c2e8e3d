"""The first family of a Service is another than the one that it has.

## What it detects
An `ipFamilies` whose first family is another than the file had before the change under review, or than the cluster gave
it then; and a `clusterIP` in the file of another family than `ipFamilies` has at that place.

## Why it breaks
The first address of a Service decides its first family and cannot be changed in place: `spec.clusterIPs[0]: Invalid
value: expected an IPv6 value as indicated by ipFamilies[0]`. A headless Service has no address and may change freely.

## Fix
Keep the first family and add the other one behind it, or delete the Service and create it again: its address changes.

## Example
```yaml fires
#- apiVersion: v1
#- kind: Service
#- metadata: {name: otel-collector}
#- spec: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4], ports: [{port: 4317}]}
```
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {clusterIP: 10.96.0.40, ipFamilies: [IPv6], ports: [{port: 4317}]}
```
```yaml quiet
#- apiVersion: v1
#- kind: Service
#- metadata: {name: otel-collector}
#- spec: {ipFamilies: [IPv4], ports: [{port: 4317}]}
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {clusterIP: 10.96.0.40, ipFamilies: [IPv4], ports: [{port: 4317}]}
```

## References
- kubernetes pkg/apis/core/validation ValidateServiceClusterIPsRelatedFields
- Measured: 44 updates on kube-apiserver 1.34.4
- https://github.com/kubernetes/website/issues/40728
"""

from collections.abc import Iterator

from dualstack.model.address import Family, family
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services
from dualstack.model.question import Question
from dualstack.model.review import Former
from dualstack.model.source import Written
from dualstack.model.trace import Hop
from dualstack.reach.stacks import addresses, before, evidence, listed, primary

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR


def lint(services: Services, question: Question, former: Former | None) -> Iterator[Finding]:
    """One finding for each Service whose address and families cannot be had together."""
    for service in services.items:
        for written, wanted in zip(addresses(service), listed(service), strict=False):
            if family(written.text) is not wanted:
                said = f"`{written.text}` is {family(written.text).title}, and `ipFamilies` says {wanted.title} there."
                yield _finding(service, written, (wanted,), said)
        old = before(service, former)
        had, wants = primary(old, question) if old else (), listed(service)[:1]
        if old and not (old.headless and service.headless) and had and wants and had != wants:
            said = f"The Service has {had[0].title} first, and its first address stays."
            yield _finding(service, service.families[0], wants, said)


def _finding(service: Service, written: Written, wanted: tuple[Family, ...], why: str) -> Finding:
    return Finding(
        summary=f"First family cannot become {wanted[0].title}",
        detail=f"{why} The API server refuses it: `expected an {wanted[0].title} value as indicated by ipFamilies`.",
        hint="Keep the first family, or delete the Service and create it again.",
        families=wanted,
        confidence=Confidence.DECLARED,
        evidence=evidence(service),
        location=written.at,
        fix=Fix("Keep the first family"),
    )

"""A Service is a name for another host, and that host decides the families.

## What it detects
A Service of type ExternalName with `ipFamilies` or `ipFamilyPolicy` (an error), or with OTLP ports where the user asks
for families by `--expect` or `--cluster-families` (information).

## Why it breaks
DNS answers with a CNAME, so clients get the addresses of the other host. Families in the Service do nothing for that,
and the API server refuses them: `may not be set for ExternalName services`.

## Fix
Take the fields away, and see to it that the other host has addresses of the families that clients use.

## Example
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {type: ExternalName, externalName: collector.example.com, ipFamilyPolicy: PreferDualStack}
```
```yaml fires
# dualstack lint --expect ipv6
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {type: ExternalName, externalName: collector.example.com, ports: [{port: 4317}]}
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {type: ExternalName, externalName: collector.example.com, ports: [{port: 4317}]}
```

## References
- https://kubernetes.io/docs/concepts/services-networking/service/#externalname
- kubernetes 1.34.4 pkg/apis/core/validation/validation.go:6332 (ExternalName)
"""

from collections.abc import Iterator

from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services
from dualstack.model.question import Question
from dualstack.model.source import Written
from dualstack.model.trace import Hop
from dualstack.reach.landscape import landscape
from dualstack.reach.ports import carries_otlp
from dualstack.reach.unknowns import wanted

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR


def lint(services: Services, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each name of another host whose families are asked for."""
    land = landscape(deployments)
    for service in services.items:
        target = service.external_name
        if service.type != "ExternalName" or target is None:
            continue
        said = service.policy or next(iter(service.families), None)
        if said:
            yield _finding(service, target, said, Severity.ERROR)
        elif wanted(question) and carries_otlp(service, land):
            yield _finding(service, target, target, Severity.INFO)


def _finding(service: Service, target: Written, at: Written, severity: Severity) -> Finding:
    refused = severity is Severity.ERROR
    more = " The API server refuses `ipFamilies` and `ipFamilyPolicy` there." if refused else ""
    return Finding(
        summary="Families of an ExternalName are its target's",
        detail=f"{service.meta.called} stands for `{target.text}`, whose addresses clients get.{more}",
        hint=f"{'Take the field away, and check' if refused else 'Check'} the records of `{target.text}`.",
        severity=severity,
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"externalName: {target.text}", service.meta.called, Layer.DECLARED),),
        location=at.at,
        fix=Fix("Publish the families at the target"),
    )

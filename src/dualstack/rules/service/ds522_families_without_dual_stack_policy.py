"""A Service names two families and no policy for two.

## What it detects
Two `ipFamilies` without `ipFamilyPolicy`, or with SingleStack; and one family that stands there twice. What a cluster
holds, its API server took.

## Why it breaks
Every API server refuses it: `must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified`,
and `spec.ipFamilies[1]: Duplicate value`.

## Fix
Set `ipFamilyPolicy: PreferDualStack`. Of a family that stands there twice, name it once.

## Fix safety
Safe: the file was refused as it stood, and the families are those that it names.

## Example
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec:
  ipFamilies: [IPv4, IPv6]
  ports: [{port: 4317}]
```
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec:
  ipFamilyPolicy: PreferDualStack
  ipFamilies:
    - IPv4
    - IPv4
  ports: [{port: 4317}]
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilies: [IPv6], ports: [{port: 4317}]}
```

## References
- kubernetes pkg/registry/core/service/storage/alloc.go initIPFamilyFields
- Measured: 244 operations on kube-apiserver 1.34.4
"""

from collections.abc import Iterator

from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services
from dualstack.model.question import Question
from dualstack.model.source import Location
from dualstack.model.trace import Hop
from dualstack.reach.edits import replaced
from dualstack.reach.stacks import PREFER, SINGLE, evidence, listed, policed, policy, with_policy

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR


def lint(services: Services, question: Question) -> Iterator[Finding]:
    """One finding for each Service with two families that no API server takes; on a cluster there is none."""
    for service in services.items if question.place != "cluster" else ():
        families = listed(service)
        if len(families) > len(set(families)):
            once = families[0].title
            edits = replaced(service.listed, once) if service.listed else ()
            fix = Fix(f"Name {once} once", Applicability.SAFE if edits else Applicability.MANUAL, edits)
            yield _finding(service, service.families[1].at, "A family stands there twice", f"Name `{once}` once.", fix)
        elif len(families) > 1 and policy(service) == SINGLE and not policed(service, services.items):
            edits = with_policy(service, PREFER)
            fix = Fix("Ask for both families", Applicability.SAFE if edits else Applicability.MANUAL, edits)
            at = service.policy.at if service.policy else service.families[0].at
            hint = "Set `ipFamilyPolicy: PreferDualStack`."
            yield _finding(service, at, "Two families, and no policy for two", hint, fix)


def _finding(service: Service, at: Location, summary: str, hint: str, fix: Fix) -> Finding:
    return Finding(
        summary=summary,
        detail=f"Every API server refuses {service.meta.called}, whatever the cluster has.",
        hint=hint,
        families=tuple(dict.fromkeys(listed(service))),
        confidence=Confidence.DECLARED,
        evidence=evidence(service),
        location=at,
        fix=fix,
    )

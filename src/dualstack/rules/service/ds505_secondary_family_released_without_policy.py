"""A Service gives up its second family and does not say SingleStack.

## What it detects
An `ipFamilies` with one family, of a Service that had two before the change under review, without
`ipFamilyPolicy: SingleStack`; two `clusterIPs` in a file whose policy is SingleStack, or not set; and one family beside
two `clusterIPs` in a copy of what the API server has, which is an update.

## Why it breaks
The API server adds no family and takes none away unless the policy says so: `must be 'SingleStack' to release the
secondary IP family`, and `must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified`.

## Fix
Set the policy that fits the families.

## Fix safety
Safe: it says what the families say already.

## Example
```yaml fires
#- apiVersion: v1
#- kind: Service
#- metadata: {name: otel-collector}
#- spec: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4], ports: [{port: 4317}]}
```
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec:
  clusterIP: 10.96.0.40
  clusterIPs: [10.96.0.40, "fd00:96::40"]
  ports: [{port: 4317}]
```
```yaml quiet
#- apiVersion: v1
#- kind: Service
#- metadata: {name: otel-collector}
#- spec: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: SingleStack, ipFamilies: [IPv4], ports: [{port: 4317}]}
```

## References
- kubernetes pkg/registry/core/service/storage/alloc.go initIPFamilyFields
- Measured: 44 updates on kube-apiserver 1.34.4
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services
from dualstack.model.question import Question
from dualstack.model.review import Former
from dualstack.model.source import Written
from dualstack.model.trace import Hop
from dualstack.reach.stacks import PREFER, SINGLE, addresses, before, evidence, granted, listed, with_policy

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR
BECAUSE = ("DS504",)


def lint(services: Services, question: Question, former: Former | None) -> Iterator[Finding]:
    """One finding for each Service whose policy does not fit the number of its families."""
    for service in services.items:
        two = addresses(service)[1:]
        if two and (not service.policy or service.policy.text == SINGLE) and len(listed(service)) < len(BOTH):
            yield _finding(service, two[0], PREFER, "The file names two cluster addresses.")
        if two and service.meta.stored and len(listed(service)) == 1 and _is_dual(service):
            yield _finding(service, service.families[0], SINGLE, "The Service that this is a copy of has two families.")
        old = before(service, former)
        kept, had = listed(service), granted(old, question) if old else ()
        said = (service.policy or old.policy) if old else None
        if len(kept) == 1 and len(had) > 1 and kept == had[:1] and said and said.text != SINGLE:
            yield _finding(service, service.families[0], SINGLE, f"The Service had {had[1].title} as well.")


def _is_dual(service: Service) -> bool:
    return service.policy is not None and service.policy.text != SINGLE


def _finding(service: Service, written: Written, policy: str, why: str) -> Finding:
    edits = with_policy(service, policy)
    return Finding(
        summary="Policy does not fit the families",
        detail=f"{why} The API server refuses {service.meta.called} unless its `ipFamilyPolicy` says so.",
        hint=f"Set `ipFamilyPolicy: {policy}`.",
        confidence=Confidence.DECLARED,
        evidence=evidence(service),
        location=written.at,
        fix=Fix(f"Set {policy}", Applicability.SAFE if edits else Applicability.MANUAL, edits),
    )

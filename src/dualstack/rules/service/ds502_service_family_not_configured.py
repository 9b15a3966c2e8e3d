"""A Service asks for a family that the cluster does not have.

## What it detects
A family in `ipFamilies` that `--cluster-families` does not name, or that is spelled in a way that no cluster knows
(`ipv6`). Without `--cluster-families` only the spelling is judged. A headless Service without a selector may name any.

## Why it breaks
The API server refuses it, with PreferDualStack as well: `spec.ipFamilies[1]: Invalid value: "IPv6": not configured on
this cluster`.

## Fix
Name the family of the cluster alone. With PreferDualStack the list is not needed.

## Fix safety
Safe: what was refused is accepted, with the only family that there is.

## Example
```yaml fires
# dualstack lint --cluster-families IPv4
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec:
  ipFamilyPolicy: PreferDualStack
  ipFamilies:
    - IPv4
    - IPv6
  ports: [{port: 4317}]
```
```yaml fires
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilies: [ipv6], ports: [{port: 4317}]}
```
```yaml quiet
# dualstack lint --cluster-families IPv4,IPv6
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
```
```yaml quiet
# dualstack lint --cluster-families IPv4
apiVersion: v1
kind: Service
metadata: {name: anything}
spec: {clusterIP: None, ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
```

## References
- kubernetes pkg/registry/core/service/storage/alloc.go initIPFamilyFields
- Measured: 244 operations on kube-apiserver 1.34.4
- https://github.com/envoyproxy/gateway/issues/10043
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH, Family
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.kube import Service, Services, Workloads
from dualstack.model.question import Question
from dualstack.model.source import Written
from dualstack.model.trace import Hop
from dualstack.reach.edits import fix
from dualstack.reach.stacks import evidence, judged, loose, titles

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR

_SPELLED = {x.title: x for x in BOTH}


def lint(services: Services, workloads: Workloads, question: Question) -> Iterator[Finding]:
    """One finding for each family that the cluster lacks."""
    for service in judged(services, workloads):
        for written in service.families:
            meant = next((x for x in BOTH if x.title.lower() == written.text.lower()), None)
            if meant and written.text not in _SPELLED:
                yield _finding(service, written, meant, f"No cluster knows `{written.text}`.", written, meant.title)
            elif meant and question.cluster and meant not in question.cluster and not loose(service):
                whole = service.listed if len(service.families) > 1 else written
                said = f"The cluster has {titles(question.cluster)} alone."
                yield _finding(service, written, meant, said, whole, titles(question.cluster))


def _finding(
    service: Service, written: Written, family: Family, why: str, whole: Written | None, instead: str
) -> Finding:
    return Finding(
        summary=f"Family {written.text} is not configured",
        detail=f"{why} The API server refuses {service.meta.called}: `not configured on this cluster`.",
        hint=f"Write `{instead}`.",
        families=(family,),
        confidence=Confidence.DECLARED,
        evidence=evidence(service),
        location=written.at,
        fix=fix(f"Ask for {instead}", Applicability.SAFE, whole, instead),
    )

"""A Service requires both families on a cluster that has one.

## What it detects
`ipFamilyPolicy: RequireDualStack` while `--cluster-families` names one family. A headless Service without a selector is
free to ask for it.

## Why it breaks
The API server refuses it: `this cluster is not configured for dual-stack services`.

## Fix
Set PreferDualStack: it takes what the cluster has.

## Fix safety
Safe: on a cluster with both families the two policies give the same.

## Example
```yaml fires
# dualstack lint --cluster-families IPv6
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: RequireDualStack, ports: [{port: 4317}]}
```
```yaml quiet
# dualstack lint --cluster-families IPv6
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: PreferDualStack, ports: [{port: 4317}]}
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: RequireDualStack, ports: [{port: 4317}]}
```

## References
- kubernetes pkg/registry/core/service/storage/alloc.go initIPFamilyFields
- Measured: 244 operations on kube-apiserver 1.34.4
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.kube import Services, Workloads
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.edits import fix
from dualstack.reach.stacks import PREFER, REQUIRE, evidence, judged, loose, titles

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR


def lint(services: Services, workloads: Workloads, question: Question) -> Iterator[Finding]:
    """One finding for each Service that requires what the cluster does not have."""
    for service in judged(services, workloads) if len(question.cluster) == 1 else ():
        if service.policy and service.policy.text == REQUIRE and not loose(service):
            yield Finding(
                summary="Service requires two families, cluster has one",
                detail=f"The cluster has {titles(question.cluster)} alone, so the API server refuses "
                f"{service.meta.called}: `this cluster is not configured for dual-stack services`.",
                hint="Set `ipFamilyPolicy: PreferDualStack`.",
                families=tuple(x for x in BOTH if x not in question.cluster),
                confidence=Confidence.DECLARED,
                evidence=evidence(service),
                location=service.policy.at,
                fix=fix("Prefer both families", Applicability.SAFE, service.policy, PREFER),
            )

"""A Service for OTLP has one family, and clients use both.

## What it detects
A Service with port 4317 or 4318, a port named after OTLP, or a Collector behind it, that gets one family, while
`--cluster-families` names two (a warning) or `--expect dual` asks for both (an error). Without either it says nothing.
The Operator's are judged by their resource. On a cluster it is an error where clients may need the other family.

## Why it breaks
Without `ipFamilyPolicy` a Service is SingleStack of the cluster's first range. Its name has no record of the other.

## Fix
Set `ipFamilyPolicy: PreferDualStack`, without a list of families or with the first one alone.

## Fix safety
Safe: a cluster with one family takes it as well and gives that one; the address that the Service has stays.

## Example
```yaml fires
# dualstack lint --cluster-families IPv4,IPv6
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {selector: {app: otel-collector}, ports: [{name: otlp-grpc, port: 4317}]}
```
```yaml fires
# dualstack diagnose svc/otel --expect dual
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - {apiVersion: v1, kind: Service, metadata: {name: otel}, spec: {ipFamilies: [IPv4], ports: [{port: 4317}]}}
```
```yaml fires
# dualstack lint --expect dual
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec: {config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}}}
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {selector: {app: otel-collector}, ports: [{name: otlp-grpc, port: 4317}]}
```
```yaml quiet
# dualstack lint --cluster-families IPv4,IPv6 --expect dual
apiVersion: v1
kind: Service
metadata: {name: otel-collector}
spec: {ipFamilyPolicy: PreferDualStack, selector: {app: otel-collector}, ports: [{port: 4317}]}
```

## References
- https://kubernetes.io/docs/concepts/services-networking/dual-stack/
- Measured: 244 operations on kube-apiserver 1.34.4
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.model.address import BOTH, Family
from dualstack.model.deployed import Deployments
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services, Workloads
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.landscape import landscape
from dualstack.reach.narrowed import narrowed
from dualstack.reach.ports import carries_otlp
from dualstack.reach.stacks import (
    DUAL,
    PREFER,
    SINGLE,
    both_matter,
    by_resource,
    evidence,
    granted,
    judged,
    listed,
    place,
    policed,
    policy,
    titles,
    with_policy,
)

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR
BECAUSE = ("DS302", "DS506", "DS517")


def check(cluster: "Cluster", traces: Traces, services: Services | None) -> Iterator[Finding]:
    """One finding for each Service whose one family keeps clients out."""
    from dualstack.reach.live import by_service, by_whom, clients_of, keys, lacks_family, patch, written

    for service, flows in by_service(cluster, (x for x in traces.items if x.failed)):
        every = tuple(x for x in flows if len(service.families) == 1 and lacks_family(x, service.families[0]))
        lost = tuple(x for x in every if x.required) or every
        both = len(cluster.families) == len(BOTH)
        asked = service.spec.ip_family_policy in DUAL
        if lost and (both or not (asked or cluster.ranges or cluster.nodes)):
            lacks, has, at = service.families[0].other, service.families[0].title, by_whom(service)
            change = {"ipFamilies": [has, lacks.title]} if asked else {"ipFamilyPolicy": PREFER}
            where = "" if both else f" It gets {lacks.title} then, if the cluster has a range of it."
            yield Finding(
                summary=f"Service lacks {lacks.title}",
                detail=f"{service.called} has {has} alone{', and the cluster has both' if both else ''}. It fails for "
                f"the {clients_of(lost)}.",
                hint=f"Name both in its `ipFamilies`{at}." if asked else f"Set `ipFamilyPolicy: {PREFER}`{at}.{where}",
                families=(lacks,),
                evidence=tuple(dict.fromkeys(y for x in lost if x.failing for y in x.failing.evidence)),
                location=place(text) if (text := written(services, service)) else None,
                fix=Fix("Ask for both families", commands=(patch(service, change),)),
                severity=Severity.ERROR if lost[0].required else Severity.WARNING,
                flows=keys(lost),
            )


def lint(services: Services, workloads: Workloads, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each Service for OTLP with one family where both are used."""
    known, land = tuple(judged(services, workloads)), landscape(deployments)
    elsewhere = {x.meta.name for x in known if x.policy}
    for service in known if both_matter(question) else ():
        one = policy(service) == SINGLE and len(listed(service)) < len(BOTH)
        patched = service.meta.name in elsewhere and policed(service, known)
        if one and not patched and carries_otlp(service, land):
            yield _finding(service, granted(service, question), question, narrowed(service, land))


def _finding(service: Service, has: tuple[Family, ...], question: Question, bound: str) -> Finding:
    lacks = tuple(x for x in BOTH if x not in has) if has else ()
    edits, wanted = with_policy(service, PREFER), len(question.expect) == len(BOTH)
    first_of_all = f"Let the receiver listen on every address and not on `{bound}`; then s" if bound else "S"
    safe = Applicability.UNSAFE if bound else Applicability.SAFE
    first = titles(has) or "one family, that of the cluster's first range"
    return Finding(
        summary=f"Service lacks {titles(lacks)}" if lacks else "Service has one family",
        detail=f"{service.meta.called} gets {first}. {'Both are expected' if wanted else 'The cluster has both'}.",
        hint=f"{first_of_all}et `ipFamilyPolicy: PreferDualStack`{by_resource(service)}.",
        severity=Severity.ERROR if wanted else Severity.WARNING,
        families=lacks,
        confidence=Confidence.DECLARED,
        evidence=evidence(service),
        location=place(service),
        fix=Fix("Ask for both families", safe if edits else Applicability.MANUAL, edits),
    )

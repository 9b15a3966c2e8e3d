"""A NetworkPolicy lets addresses of one family reach the Collector, and clients use both.

## What it detects
NetworkPolicies that select a Collector's pods and together let address blocks of one family alone reach an OTLP port,
while `--cluster-families` names two or `--expect dual` asks for both. It is a warning where pods may connect as well,
for they can over both families, and where the pods that a policy selects are not in the files. On a cluster also
policies of either end that let no client through: for want of the port, of a rule that is for it, or of a way to the
nameserver; a warning where neither a node nor a client that gets no answer (`--inspect`) shows that they are enforced.

## Why it breaks
A pod that a policy selects takes what some policy allows alone: what else comes is dropped, and clients time out.

## Fix
Add blocks of the other family, such as `::/0` beside `0.0.0.0/0`, or what else the rules lack.

## Fix safety
Unsafe: it lets more clients in. It is written for `0.0.0.0/0` and `::/0` alone.

## Example
```yaml fires
# dualstack lint --cluster-families IPv4,IPv6
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: otel-collector}
spec:
  podSelector: {matchLabels: {app: otel-collector}}
  ingress:
    - from:
        - ipBlock: {cidr: 0.0.0.0/0}
      ports: [{port: 4317}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec:
  template:
    metadata: {labels: {app: otel-collector}}
    spec:
      containers: [{image: "otel/opentelemetry-collector:0.139.0", ports: [{name: otlp, containerPort: 4317}]}]
```
```yaml quiet
# dualstack lint --cluster-families IPv4,IPv6
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: otel-collector}
spec:
  podSelector: {}
  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: "::/0"}}], ports: [{port: otlp}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel-collector}
spec:
  template:
    metadata: {labels: {app: otel-collector}}
    spec:
      containers: [{image: "otel/opentelemetry-collector:0.139.0", ports: [{name: otlp, containerPort: 4317}]}]
```

## References
- https://kubernetes.io/docs/concepts/services-networking/network-policies/
- https://github.com/kubermatic/kubermatic/issues/9546
"""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.model.address import BOTH, OTLP_PORTS, Family
from dualstack.model.cluster import Cluster
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.kube import NetworkPolicies, PolicyRule, Workloads
from dualstack.model.question import CLUSTER, Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.edits import added_item
from dualstack.reach.isolation import allowed, alone, covers, default_ports, ingress, names, otlp_ports
from dualstack.reach.landscape import landscape
from dualstack.reach.live import families_of, keys
from dualstack.reach.permit import barred, found, permit, summary, told
from dualstack.reach.pods import Places
from dualstack.reach.stacks import both_matter

HOP = Hop.POLICY
SEVERITY = Severity.ERROR

_ALL = {"0.0.0.0/0": '"::/0"', "::/0": "0.0.0.0/0"}


def check(
    traces: Traces, policies: NetworkPolicies | None, cluster: Cluster | None, places: Places | None
) -> Iterator[Finding]:
    """One finding for all flows that one change to the policies would mend; a warning where none may be enforced."""
    for mark, flows in barred(traces.items) if cluster and places else ():
        why, facts = told(flows)
        yield Finding(
            summary=summary(mark, flows),
            detail=why,
            hint=permit(mark, flows, cluster or Cluster(), places or Places()),
            severity=SEVERITY if flows[0].failed else Severity.WARNING,
            families=families_of(flows),
            confidence=Confidence.DECLARED,
            evidence=facts,
            location=found(facts, policies),
            flows=keys(flows),
        )


def lint(
    policies: NetworkPolicies, workloads: Workloads, deployments: Deployments, question: Question
) -> Iterator[Finding]:
    """One finding for each Collector that one family alone may reach, and for each policy whose pods are elsewhere."""
    land = landscape(deployments)
    judged = both_matter(question) and question.place != CLUSTER  # where flows are judged
    for workload in workloads.items if judged else ():
        given = land.is_collector(workload) or any(map(default_ports, workload.containers))
        if not (workload.pod and given):
            continue
        every = {x: ingress(policies, workload, x) for x in otlp_ports(workload, land)}
        for family in BOTH:
            lacking = {x: y for x, y in every.items() if allowed(y) == (family,)}
            if lacking:
                yield _finding(workload.meta.called, tuple(lacking), family, next(iter(lacking.values())))
    for policy in policies.items if judged else ():
        lacking = {x: y for x in OTLP_PORTS if (y := alone(policies, policy, x)) and names(policy, x)}
        if lacking and not any(covers(policy, x) for x in workloads.items):
            rules = next(iter(lacking.values()))
            said = _finding("the pods that it selects", tuple(lacking), allowed(rules)[0], rules)
            yield replace(said, severity=Severity.WARNING)


def _finding(called: str, numbers: tuple[int, ...], family: Family, rules: tuple[PolicyRule, ...]) -> Finding:
    other = next(x for x in BOTH if x is not family)
    rule = next(x for x in rules if x.blocks)
    cidr, ports = rule.blocks[0].cidr, f"port{'s' * (len(numbers) > 1)} {' and '.join(map(str, numbers))}"
    wide = _ALL.get(cidr.text)
    edits = added_item(rule.room, ipBlock=f"{{cidr: {wide}}}") if wide else ()
    return Finding(
        summary=f"Policy lets {family.title} alone reach OTLP",
        detail=f"No block of {other.title} may reach {ports} of {called}, so what comes over {other.title} from "
        "outside is dropped.",
        hint=f"Add blocks of {other.title}.",
        severity=Severity.WARNING if any(x.others for x in rules) else Severity.ERROR,
        families=(other,),
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"cidr: {cidr.text}", "ingress of the policy", Layer.DECLARED),),
        location=cidr.at,
        fix=Fix(f"Let {other.title} in", Applicability.UNSAFE if edits else Applicability.MANUAL, edits),
    )

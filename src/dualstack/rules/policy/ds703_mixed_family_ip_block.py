"""A NetworkPolicy leaves addresses out of a block that does not hold them.

## What it detects
An `except` of an `ipBlock` that is of the other family than its `cidr`, or not a smaller part of it.

## Why it breaks
The API server refuses the policy: `must be a strict subset of cidr`. Until that is mended, no rule of it holds.

## Fix
Write it under a block of its own family, or take it away.

## Fix safety
Safe where the block holds no address of it: what the block allows stays the same. By hand where it covers the block.

## Example
```yaml fires
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: otel-collector}
spec:
  podSelector: {}
  ingress:
    - from:
        - ipBlock:
            cidr: 0.0.0.0/0
            except:
              - 10.0.0.0/8
              - fd00::/8
```
```yaml fires
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: otel-collector}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [192.168.0.0/16, 10.1.0.0/16]}}]}]}
```
```yaml quiet
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: otel-collector}
spec:
  podSelector: {}
  ingress:
    - from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}, {ipBlock: {cidr: "::/0", except: ["fd00::/8"]}}]
```

## References
- kubernetes pkg/apis/networking/validation ValidateIPBlock
- https://github.com/rancher/k3k/issues/1143
"""

from collections.abc import Iterator

from dualstack.model.address import network
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Edit, Finding, Fix, Severity
from dualstack.model.kube import Block, Except, NetworkPolicies, NetworkPolicy
from dualstack.model.trace import Hop
from dualstack.reach.isolation import is_part

HOP = Hop.POLICY
SEVERITY = Severity.ERROR


def lint(policies: NetworkPolicies) -> Iterator[Finding]:
    """One finding for each exception that is no smaller part of its block."""
    for policy in policies.items:
        for block in (y for x in policy.rules for y in x.blocks):
            for left in block.excepts:
                if is_part(left.written.text, block.cidr.text) is False:
                    yield _finding(policy, block, left)


def _finding(policy: NetworkPolicy, block: Block, left: Except) -> Finding:
    whole, said = left.whole, left.written
    one, other = network(said.text), network(block.cidr.text)
    mixed = bool(one and other and one.version != other.version)
    apart = mixed or not (one and other and one.overlaps(other))
    edits = (Edit(said.at.file, whole.raw, "", whole.at),) if whole and apart else ()
    why = "is of the other family than" if mixed else "is outside of" if apart else "is no smaller part of"
    return Finding(
        summary="Exception of another family" if mixed else "Exception outside of its block",
        detail=f"`{said.text}` {why} `{block.cidr.text}`. The API server refuses {policy.meta.called}: `must be a "
        "strict subset of cidr`.",
        hint="Write it under a block that holds it, or take it away.",
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"cidr: {block.cidr.text}, except: {said.text}", policy.meta.called, Layer.DECLARED),),
        location=said.at,
        fix=Fix("Take the exception away", Applicability.SAFE if edits else Applicability.MANUAL, edits),
    )

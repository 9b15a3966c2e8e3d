"""A gateway before the Collector listens on one family, and clients use more.

## What it detects
An EnvoyProxy of Envoy Gateway whose `ipFamily` lacks a family that `--expect` or `--cluster-families` names, while a
route in the files leads through its Gateway to an OTLP port. Without `ipFamily` it is IPv4. On a cluster, a Gateway
whose status shows addresses, and none of a family that `--expect` names.

## Why it breaks
Envoy binds the wildcard of that family alone and refuses the other. Its Service gets that family alone, too.

## Fix
Set `ipFamily: DualStack` in the EnvoyProxy, or the family of the cluster.

## Example
```yaml fires
# dualstack lint --cluster-families IPv4,IPv6
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: edge}
spec: {ipFamily: IPv4}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: envoy
  infrastructure: {parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: edge}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: otlp}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: otel-collector, port: 4317}]}]}
```
```yaml quiet
# dualstack lint --cluster-families IPv4,IPv6
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: edge}
spec: {ipFamily: IPv4}
```

```yaml fires
# dualstack diagnose svc/otel --expect dual
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec: {clusterIPs: [10.96.0.9, "fd00:96::9"], ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
  - apiVersion: gateway.networking.k8s.io/v1
    kind: GRPCRoute
    metadata: {name: otlp}
    spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: otel, port: 4317}]}]}
  - apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: edge}
    status: {addresses: [{value: 203.0.113.10}]}
```

## References
- Envoy Gateway api/v1alpha1/envoyproxy_types.go: ipFamily
- https://github.com/envoyproxy/gateway/issues/5017
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.model.address import BOTH, Family
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.gateway import Gate, Gates, Way
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.stacks import is_otlp, titles
from dualstack.reach.unknowns import wanted

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster

HOP = Hop.POLICY
SEVERITY = Severity.ERROR

_PROXY = "EnvoyProxy"
_ORDER = {"Gateway": 1, "GatewayClass": 2, _PROXY: 3}
_LISTENS = {"": (Family.IPV4,), "IPv4": (Family.IPV4,), "IPv6": (Family.IPV6,), "DualStack": BOTH}


def check(cluster: "Cluster", traces: Traces) -> Iterator[Finding]:
    """One finding for each Gateway without an address of a family that clients use."""
    from dualstack.reach.fronted import gateways

    yield from gateways(cluster, traces)


def lint(gates: Gates, question: Question) -> Iterator[Finding]:
    """One finding for each proxy before a Collector that lacks a family."""
    found = [y for x in gates.items if any(map(_is_otlp, x.ways)) for y in _behind(x, gates)]
    for index, gate in enumerate(found):
        served = _LISTENS.get(gate.family.text if gate.family else "", BOTH)
        lacks = tuple(x for x in wanted(question) if x not in served)
        if lacks and gate.meta.kind == _PROXY and gate not in found[:index]:
            yield _finding(gate, lacks)


def _is_otlp(way: Way) -> bool:
    return is_otlp(way.service.text, way.port.text if way.port else "")


def _behind(gate: Gate, gates: Gates) -> Iterator[Gate]:
    """What an object leads to: from a route to its Gateway, its class and its proxy, never back."""
    for other in gates.items:
        onward = _ORDER.get(gate.meta.kind, 0) < _ORDER.get(other.meta.kind, 0)
        if onward and (other.meta.kind, other.meta.name) in gate.leads:
            yield other
            yield from _behind(other, gates)


def _finding(gate: Gate, lacks: tuple[Family, ...]) -> Finding:
    said = gate.family.text if gate.family else "not set, which means IPv4"
    return Finding(
        summary=f"Gateway does not listen on {titles(lacks)}",
        detail=f"`ipFamily` of {gate.meta.called} is {said}, so clients over {titles(lacks)} are refused.",
        hint="Set `ipFamily: DualStack`." if len(lacks) < len(BOTH) else "Set `ipFamily`.",
        families=lacks,
        confidence=Confidence.DECLARED,
        evidence=(Evidence(f"ipFamily: {said}", gate.meta.called, Layer.DECLARED),),
        location=gate.family.at if gate.family else gate.meta.at,
        fix=Fix("Listen on both families"),
    )

"""kube-proxy is told to serve one family, and Services have two.

## What it detects
The ConfigMap `kube-proxy` in the namespace `kube-system`, where it can be read, that switches dual-stack off. Exports
(`--matrix`) tell as well: those to the pods are accepted, and those to the address of the Service fail on the same
nodes. `clusterCIDR` and `nodePortAddresses` of one family are no fault: the other is served as well.

## Why it breaks
kube-proxy makes the rules that lead from the address of a Service to its endpoints, for each family by itself. Without
rules for a family connections to that address go astray and time out.

## Fix
Let kube-proxy serve both families: take the entry out, and restart it.

## Example
```yaml fires
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: kube-proxy, namespace: kube-system}
    data:
      config.conf: |
        kind: KubeProxyConfiguration
        featureGates: {IPv6DualStack: false}
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilyPolicy: PreferDualStack
      ipFamilies: [IPv4, IPv6]
      ports: [{port: 4317}]
```
```yaml quiet
# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: kube-proxy, namespace: kube-system}
    data:
      config.conf: |
        kind: KubeProxyConfiguration
        clusterCIDR: 10.244.0.0/16,fd00:244::/48
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
  - apiVersion: v1
    kind: Service
    metadata: {name: otel}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilyPolicy: PreferDualStack
      ipFamilies: [IPv4, IPv6]
      ports: [{port: 4317}]
```

## References
- https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/
- https://github.com/kubernetes/kubernetes/issues/97343
- kubernetes 1.34.4 cmd/kube-proxy/app/server.go checkBadConfig, checkBadIPConfig
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import KubeProxy
from dualstack.model.trace import Hop, Traces
from dualstack.reach.crossed import NOT_SERVED
from dualstack.reach.crowds import listed
from dualstack.reach.forward import UNSERVED
from dualstack.reach.live import by_service, failing, families_of, keys, titles

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR


def check(cluster: Cluster, traces: Traces) -> Iterator[Finding]:
    """One finding for each Service with a family that is left out, and for each that some nodes do not serve."""
    proxy = cluster.proxy or KubeProxy()
    for service, flows in by_service(cluster, failing(traces, Hop.SERVICE, UNSERVED)):
        families = families_of(flows)
        yield Finding(
            summary=f"`kube-proxy` leaves out {titles(families)}",
            detail=f"Its configuration says `{proxy.said}`: no rule of {titles(families)} leads to {service.called}.",
            hint="Take the entry out and restart kube-proxy on each node.",
            families=families,
            confidence=Confidence.DECLARED,
            evidence=(Evidence(proxy.said, "ConfigMap kube-system/kube-proxy", Layer.DECLARED),),
            location=proxy.at,
            fix=Fix("Serve both families", commands=("kubectl edit configmap kube-proxy -n kube-system",)),
            flows=keys(flows),
        )
    for service, flows in by_service(cluster, failing(traces, Hop.SERVICE, NOT_SERVED)):
        families, nodes = families_of(flows), tuple(dict.fromkeys(y for x in flows for y in x.nodes))
        yield Finding(
            summary=f"The Service is not served over {titles(families)} on {listed(nodes)}",
            detail=f"The pods of {service.called} take connections, and its address fails on {listed(nodes)}: the rules"
            " that kube-proxy, or what stands in for it, makes there are missing or lead elsewhere.",
            hint="See in its log there whether it has its tools, such as `ip6tables`, and whether it runs at all.",
            families=families,
            confidence=Confidence.INFERRED,
            evidence=tuple(dict.fromkeys(y for x in flows for y in x.at(Hop.SERVICE).evidence)),
            fix=Fix("Serve the address", commands=("kubectl get pods -n kube-system -o wide",)),
            flows=keys(flows),
        )

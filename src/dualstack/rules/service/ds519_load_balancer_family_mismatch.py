"""What stands in front of a Service has other families than the Service, or than its clients.

## What it detects
A Service of type LoadBalancer for the AWS Load Balancer Controller that gets IPv6, without the annotation
`aws-load-balancer-ip-address-type: dualstack`. On a cluster, a load balancer or an Ingress without an address of a
family that `--expect` names, and an external address of a family that the Service does not have. A warning is a Service
that asks for both families and whose load balancer has one, an address before a Service without that family, and
`loadBalancerSourceRanges` that name one family where the load balancer has both.

## Why it breaks
The controller makes targets of IPv6 as soon as the Service has that family, and refuses a load balancer of IPv4 before
them: `unsupported IPv6 configuration, lb not dual-stack`. kube-proxy serves an address in the families of its Service
alone, and clients over the other one have no address. Over a family that no source range names kube-proxy lets
everybody in, and load balancers of clouds nobody.

## Fix
Set `service.beta.kubernetes.io/aws-load-balancer-ip-address-type: dualstack`, in subnets that have IPv6. Elsewhere ask
the provider for addresses of both families, and give the Service both.

## Example
```yaml fires
apiVersion: v1
kind: Service
metadata:
  name: otel-collector
  annotations: {service.beta.kubernetes.io/aws-load-balancer-type: external}
spec: {type: LoadBalancer, ipFamilies: [IPv6], ports: [{port: 4317}]}
```
```yaml quiet
apiVersion: v1
kind: Service
metadata:
  name: otel-collector
  annotations:
    service.beta.kubernetes.io/aws-load-balancer-type: external
    service.beta.kubernetes.io/aws-load-balancer-ip-address-type: dualstack
spec: {type: LoadBalancer, ipFamilies: [IPv6], ports: [{port: 4317}]}
```
```yaml quiet
apiVersion: v1
kind: Service
metadata: {name: otel-collector, annotations: {service.beta.kubernetes.io/aws-load-balancer-type: external}}
spec: {type: LoadBalancer, ports: [{port: 4317}]}
```

```yaml fires
# dualstack diagnose svc/otel --expect dual
apiVersion: v1
kind: Service
metadata: {name: otel}
spec:
  {type: LoadBalancer, clusterIPs: [10.96.0.9, "fd00:96::9"], ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.10}]}}
```
```yaml quiet
# dualstack diagnose svc/otel --expect dual
apiVersion: v1
kind: Service
metadata: {name: otel}
spec:
  {type: LoadBalancer, clusterIPs: [10.96.0.9, "fd00:96::9"], ipFamilies: [IPv4, IPv6], ports: [{port: 4317}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.10}, {ip: "2001:db8::10"}]}}
```

## References
- aws-load-balancer-controller pkg/service/model_build_target_group.go buildTargetGroupIPAddressType
- https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/2668
- kubernetes 1.34.4 pkg/proxy/serviceport.go newBaseServiceInfo: addresses and ranges of its own family alone
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dualstack.model.address import Family
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.stacks import evidence, granted, place

if TYPE_CHECKING:
    from dualstack.model.cluster import Cluster

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR
BECAUSE = ("DS501", "DS506")

_PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
_TYPE, _ADDRESSES = f"{_PREFIX}type", f"{_PREFIX}ip-address-type"
_EXTERNAL = ("external", "nlb-ip")
_CLASS = "service.k8s.aws/nlb"


def check(cluster: "Cluster", traces: Traces, services: Services | None, question: Question) -> Iterator[Finding]:
    """One finding for each way in that lacks a family."""
    from dualstack.reach.fronted import lacking, one_sided

    yield from lacking(cluster, traces, services)
    yield from one_sided(cluster, traces, question)


def lint(services: Services, question: Question) -> Iterator[Finding]:
    """One finding for each load balancer that the controller refuses to make."""
    for service in services.items:
        said = service.meta.annotations.get(_ADDRESSES)
        dual = said is not None and said.text.startswith("dualstack")
        if _is_aws(service) and Family.IPV6 in granted(service, question) and not dual:
            yield Finding(
                summary="Load balancer is not dual-stack",
                detail=f"{service.meta.called} gets IPv6, and its load balancer has IPv4 alone. The controller refuses "
                "it: `unsupported IPv6 configuration, lb not dual-stack`.",
                hint=f"Set the annotation `{_ADDRESSES}: dualstack`.",
                families=(Family.IPV6,),
                confidence=Confidence.DECLARED,
                evidence=evidence(service),
                location=said.at if said else place(service),
                fix=Fix("Ask for a dual-stack load balancer"),
            )


def _is_aws(service: Service) -> bool:
    kind = service.meta.annotations.get(_TYPE)
    mine = service.balancer == _CLASS or (kind is not None and kind.text in _EXTERNAL)
    return service.type == "LoadBalancer" and mine

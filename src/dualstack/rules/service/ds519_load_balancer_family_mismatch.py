"""A Service asks AWS for IPv6 behind a load balancer that has IPv4 alone.

## What it detects
A Service of type LoadBalancer for the AWS Load Balancer Controller that gets IPv6, without the annotation
`aws-load-balancer-ip-address-type: dualstack`.

## Why it breaks
The controller makes targets of IPv6 as soon as the Service has that family, and refuses a load balancer of IPv4 before
them: `unsupported IPv6 configuration, lb not dual-stack`. No load balancer is made.

## Fix
Set `service.beta.kubernetes.io/aws-load-balancer-ip-address-type: dualstack`, in subnets that have IPv6.

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

## References
- aws-load-balancer-controller pkg/service/model_build_target_group.go buildTargetGroupIPAddressType
- https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/2668
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Service, Services
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.stacks import evidence, granted, place

HOP = Hop.SERVICE
SEVERITY = Severity.ERROR

_PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
_TYPE, _ADDRESSES = f"{_PREFIX}type", f"{_PREFIX}ip-address-type"
_EXTERNAL = ("external", "nlb-ip")
_CLASS = "service.k8s.aws/nlb"


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

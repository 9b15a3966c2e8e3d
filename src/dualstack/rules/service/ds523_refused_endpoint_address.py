"""An EndpointSlice holds an address that the API server rejects.

## What it detects
An address of another family than the `addressType` of its EndpointSlice, an address of the loopback, a link-local or an
unspecified one, and a name or an address with a port; in Endpoints as well. It is a warning for an IPv6 address in an
EndpointSlice that is not in canonical form, such as `FD00::1`: 1.34 rejects it, older versions may take it.

## Why it breaks
The API server rejects the whole object, so that the Service has no endpoint.

## Fix
Write the address that other hosts reach, in an EndpointSlice of its family.

## Fix safety
Safe: the canonical form is the same address. Everything else is to be written by hand.

## Example
```yaml fires
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: otel-gateway-v6, labels: {kubernetes.io/service-name: otel-gateway}}
addressType: IPv6
endpoints: [{addresses: [10.1.2.3]}]
ports: [{name: otlp-grpc, port: 4317}]
```
```yaml fires
apiVersion: v1
kind: Endpoints
metadata: {name: otel-gateway}
subsets: [{addresses: [{ip: 127.0.0.1}], ports: [{name: otlp-grpc, port: 4317}]}]
```
```yaml quiet
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: otel-gateway-v6, labels: {kubernetes.io/service-name: otel-gateway}}
addressType: IPv6
endpoints: [{addresses: ["fd00:9::7"]}]
ports: [{name: otlp-grpc, port: 4317}]
```

## References
- kubernetes 1.34.4 pkg/apis/discovery/validation/validation.go validateEndpoints
- kubernetes 1.34.4 pkg/apis/core/validation/validation.go ValidateEndpointIP
"""

from collections.abc import Iterator

from dualstack.model.address import canonical
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.kube import Slices
from dualstack.model.trace import Hop
from dualstack.reach.edits import fix
from dualstack.reach.slices import NOT_CANONICAL, refused

HOP = Hop.ENDPOINTS
SEVERITY = Severity.ERROR


def lint(slices: Slices) -> Iterator[Finding]:
    """One finding for each address that is rejected."""
    for each, address, wrong in refused(slices):
        text, kind = address.written.text, each.type.text if each.type else ""
        form = canonical(text) if wrong == NOT_CANONICAL else ""
        yield Finding(
            summary="Endpoint address is rejected",
            detail=f"`{text}` is {wrong}, and the API server rejects {each.meta.called} for it.",
            hint=f"Write `{form}`." if form else f"Write an {kind or 'IP'} address that other hosts reach.",
            severity=Severity.WARNING if form else Severity.ERROR,
            confidence=Confidence.DECLARED,
            evidence=(Evidence(text, f"addressType: {kind}" if kind else each.meta.called, Layer.DECLARED),),
            location=address.written.at,
            fix=fix("Write an address that is taken", Applicability.SAFE, address.written, form),
        )

"""Values ask the chart for families, and the chart does not know them.

## What it detects
`service.ipFamilyPolicy` or `service.ipFamilies` in values of the chart opentelemetry-collector, also where it is part
of another chart.

## Why it breaks
The template of its Service has neither field (0.170.0, the newest that is known), so Helm drops them without a word:
the Service has one family.

## Fix
Patch the Service after rendering (`helm --post-renderer`, kustomize), or write a Service of your own.

## Example
```yaml fires
mode: deployment
presets: {clusterMetrics: {enabled: true}}
service:
  type: ClusterIP
  ipFamilyPolicy: PreferDualStack
image: {repository: otel/opentelemetry-collector-k8s}
```
```yaml quiet
mode: deployment
presets: {clusterMetrics: {enabled: true}}
service: {type: ClusterIP}
image: {repository: otel/opentelemetry-collector-k8s}
```

## References
- opentelemetry-helm-charts, charts/opentelemetry-collector/templates/service.yaml (0.170.0)
- https://github.com/open-telemetry/opentelemetry-helm-charts/issues/2045
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.gateway import ChartFamilies
from dualstack.model.trace import Hop

HOP = Hop.SERVICE
SEVERITY = Severity.WARNING


def lint(asked: ChartFamilies) -> Iterator[Finding]:
    """One finding for each field that the chart ignores."""
    for field, written in asked.items:
        yield Finding(
            summary="Chart ignores families of its Service",
            detail=f"`{field}` is in no template of the chart opentelemetry-collector up to 0.170.0, so Helm drops it.",
            hint="Patch the Service after rendering, or write one of your own.",
            confidence=Confidence.DECLARED,
            evidence=(Evidence(f"{field}: {written.text}", "values of the chart", Layer.DECLARED),),
            location=written.at,
            fix=Fix("Patch the rendered Service"),
        )

r"""A regular expression for `__address__` can match no IPv6 address.

## What it detects
A relabelling rule of Prometheus whose `regex` is held against `__address__`, in a scrape configuration that discovers
its targets, and that matches addresses of IPv4 and none of IPv6. It is tried on both, `192.0.2.1:8080` and
`[fd00::1]:8080`, with many values of the labels beside. Nothing is said where the cluster has no IPv6.

## Why it breaks
`([^:]+)(?::\d+)?;(\d+)` ends the host at the first colon. On an IPv6 target it matches nothing, so the rule does
nothing: annotated ports are ignored and the wrong ones are scraped, or the target is dropped.

## Fix
Let the host hold colons: `(.+?)(?::\d+)?;(\d+)`.

## Fix safety
Safe for that one expression: for IPv4 and names the groups stay as they were. Others are left to a person.

## Example
```yaml fires
receivers:
  prometheus:
    config:
      scrape_configs:
        - job_name: pods
          kubernetes_sd_configs: [{role: pod}]
          relabel_configs:
            - source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port]
              regex: ([^:]+)(?::\d+)?;(\d+)
              replacement: $$1:$$2
              target_label: __address__
```
```yaml quiet
receivers:
  prometheus:
    config:
      scrape_configs:
        - job_name: pods
          kubernetes_sd_configs: [{role: pod}]
          relabel_configs:
            - source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port]
              regex: (.+?)(?::\d+)?;(\d+)
              replacement: $$1:$$2
              target_label: __address__
```

## References
- https://github.com/prometheus/prometheus/issues/9689
- https://github.com/prometheus-community/helm-charts/issues/1470
- Prometheus relabel_config: the expression is anchored at both ends
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Severity
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from dualstack.reach.edits import fix
from dualstack.reach.expressions import ipv4_only

HOP = Hop.ENDPOINT
SEVERITY = Severity.WARNING

_MENDED = {r"([^:]+)(?::\d+)?;(\d+)": r"(.+?)(?::\d+)?;(\d+)"}


def lint(deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each expression that leaves IPv6 out."""
    if (question.expect or question.cluster) and Family.IPV6 not in (*question.expect, *question.cluster):
        return
    for item in deployments.items:
        for expression in item.config.expressions:
            if not ipv4_only(expression):
                continue
            written = expression.written
            meant = _MENDED.get(written.text, "")
            yield Finding(
                summary="Regular expression leaves IPv6 targets out",
                detail=f"`{written.text}` matches `192.0.2.1:8080` and cannot match `[fd00::1]:8080`.",
                hint=f"Write `{meant}`." if meant else "Let the part for the host hold colons, as `(.+?)` does.",
                families=(Family.IPV6,),
                confidence=Confidence.DECLARED,
                evidence=(Evidence(written.text, f"regex for {';'.join(expression.labels)}", Layer.DECLARED),),
                location=written.at,
                fix=fix("Let the host hold colons", Applicability.SAFE, written, meant),
            )

"""A gRPC exporter names a scheme that its version refuses.

## What it detects
`passthrough:///collector:4317` as the endpoint of an OTLP exporter of a Collector before 0.151. Nothing is said while
the version is unknown.

## Why it breaks
Those versions check the whole text as host and port: `too many colons in address`. The Collector ends at its start.

## Fix
Use 0.151 or newer, or leave the scheme out.

## Example
```yaml fires
# dualstack lint --collector-version 0.149.0
exporters: {otlp: {endpoint: "passthrough:///collector:4317"}}
```
```yaml quiet
# dualstack lint --collector-version 0.161.0
exporters: {otlp: {endpoint: "passthrough:///collector:4317"}}
```

## References
- https://github.com/open-telemetry/opentelemetry-collector/issues/14990
- Measured: the Collector 0.139 and 0.149 refuse it, 0.161 takes it
"""

from collections.abc import Iterator

from dualstack.knowledge import table
from dualstack.model.deployed import Deployments
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.trace import Hop
from dualstack.reach.destination import read
from dualstack.reach.drafts import sent
from dualstack.reach.versions import before

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments) -> Iterator[Finding]:
    """One finding for each exporter whose scheme the version does not know."""
    for config in (x.config for x in deployments.items if x.config.version):
        for said in config.destinations:
            kind = said.owner.partition("/")[2].partition("/")[0]
            scheme = read(said.value, said.form).scheme
            for row in table("schemes"):
                mine = kind in (row["type"], *row["aliases"].split()) and scheme == row["scheme"]
                if not mine or not before(config.version, row["until"]):
                    continue
                yield Finding(
                    summary=f"`{scheme}` is refused by this version",
                    detail=f"The Collector {config.version} reads `{said.value}` as host and port: `{row['error']}`.",
                    hint=f"Use the Collector {row['until']} or newer, or leave `{scheme}:///` out.",
                    confidence=Confidence.DECLARED,
                    evidence=sent(said),
                    location=said.written.at,
                    fix=Fix("Leave the scheme out, or use a newer Collector"),
                )

"""A Collector of 0.144 or later dials every address of the name, the dead ones too.

## What it detects
The client is the gRPC exporter of a Collector of 0.144 or later, named as such, found on this host or told in a file.
One address of its endpoint is dead and another one answers; in files: no listener behind the Service takes a family.

## Why it breaks
Since 0.144 the exporter resolves the name itself and connects to all addresses at once; before, it dialled the name
and kept what answered first. Exports go over the address that answers, without delay. The exporter keeps dialling the
dead one and logs each failure; when the other address fails too, nothing is left.

## Fix
Give the exporter a name without the dead address. From 0.151 on, `endpoint: passthrough:///host:4317` dials the name
as before.

## Fix safety
Safe: the name and the port stay the same.

## Example
```yaml fires
target: grpc://collector:4317
client: otelcol@0.161
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4317 grpc timed_out", "10.9.0.7:4317 grpc accepted"]
```
```yaml fires
target: grpc://collector:4317
expect: [ipv4]
names: {collector: ["fd00:9::7", 10.9.0.7]}
callers: ["grpc://collector:4317 otelcol@0.149.0 SYN-SENT fd00:9::7 otelcol --config agent.yaml"]
probes: ["[fd00:9::7]:4317 grpc timed_out", "10.9.0.7:4317 grpc accepted"]
```
```yaml quiet
target: grpc://collector:4317
client: otelcol@0.139
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4317 grpc timed_out", "10.9.0.7:4317 grpc accepted"]
```
```yaml quiet
target: grpc://collector:4317
client: otelcol@0.161
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4317 grpc accepted", "10.9.0.7:4317 grpc accepted"]
```

```yaml fires
kind: OpenTelemetryCollector
apiVersion: opentelemetry.io/v1beta1
metadata: {name: gateway}
spec:
  ipFamilyPolicy: RequireDualStack
  config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317", transport: tcp4}}}}}
---
kind: OpenTelemetryCollector
apiVersion: opentelemetry.io/v1beta1
metadata: {name: agent}
spec: {config: {exporters: {otlp: {endpoint: "gateway-collector:4317"}}}}
```
```yaml quiet
exporters: {otlp: {endpoint: "gateway-collector:4317"}}
```

## References
- https://github.com/open-telemetry/opentelemetry-collector/issues/14990
- Collector change log of 0.144.0 and 0.151.0; measured: 0.139.0, 0.149.0 and 0.161.0 as clients
"""

from collections.abc import Iterator

from dualstack.model.client import Callers, Outlook
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.host import Routes
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.drafts import sent
from dualstack.reach.images import version
from dualstack.reach.outlook import BREAKS_THE_WAY, confidence, evidence, failed, flows, outlooks, sentence
from dualstack.reach.select import behaviour
from dualstack.reach.unserved import unserved

HOP = Hop.SELECT
SEVERITY = Severity.WARNING
BECAUSE = BREAKS_THE_WAY

_EXPORTER = "otelcol"
_PASSTHROUGH = (0, 151)  # the first version that takes `passthrough:///`; 0.149 rejects it


def check(
    traces: Traces,
    question: Question,
    names: Names | None,
    routes: Routes | None,
    probes: Probes | None,
    callers: Callers | None,
) -> Iterator[Finding]:
    """One finding for each endpoint of which such an exporter keeps dialling a dead address."""
    for view in outlooks(traces, question, names, routes, probes, callers):
        dead = [x.address for x in failed(view)]
        if view.strategy != "every" or not dead or not view.answering:
            continue
        spoken = flows(traces, view, dead)
        yield Finding(
            summary="The exporter keeps dialling a dead address",
            detail=f"{sentence(view)} Exports work; it logs each failure, and has one address less to fall back on.",
            hint=_hint(view),
            families=tuple(dict.fromkeys(x.family for x in spoken)),
            confidence=confidence(view),
            evidence=evidence(view),
            fix=_fix(view),
            flows=tuple(x.key for x in spoken),
        )


def _hint(view: Outlook) -> str:
    other = "Repair the address, or give the exporter a name without it."
    return f"{other} From 0.151 on, `endpoint: passthrough:///{view.target.endpoint}` dials the name as before 0.144."


def _fix(view: Outlook) -> Fix | None:
    if view.client.version and view.client.version < _PASSTHROUGH:
        return None
    return Fix(f"Set `endpoint: passthrough:///{view.target.endpoint}`", Applicability.SAFE)


def lint(senders: Senders, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each exporter that dials a family of a Service which nobody serves."""
    for sender in senders.items:
        said, image = sender.destination, sender.container.image if sender.container else ""
        dead = unserved(sender, deployments, question) if said.client == _EXPORTER else ()
        if len(dead) == 1 and sender.service and _dials_every(version(image)):
            yield Finding(
                summary="The exporter keeps dialling a dead address",
                detail=f"No listener behind {sender.service.meta.called} takes {dead[0].title}. Exports work; the "
                "exporter logs each failure, and has one address less to fall back on.",
                hint=f"Let the receiver take {dead[0].title}, or give the Service one family.",
                families=dead,
                confidence=Confidence.DECLARED,
                evidence=sent(said),
                location=said.written.at,
                fix=Fix("Let the receiver take both families"),
            )


def _dials_every(text: str) -> bool:
    """Whether a version of the Collector connects to every address of a name; one that is not told may."""
    return not text or behaviour(_EXPORTER, tuple(map(int, text.split(".")))).strategy == "every"

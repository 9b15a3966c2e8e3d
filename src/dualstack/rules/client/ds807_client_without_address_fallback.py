"""The client waits long for a dead address, or never uses another one.

## What it detects
Another address of the target answers, and this client stays on a dead one for more than a second, or for good; or it
never tries a family that is asked for. The client is the one that was named, or one that runs on this host. In
files: a JVM with `-Djava.net.preferIPv4Stack=true` that is given an IPv6 literal, and an SDK whose Service has two
families, of which one is dead: no listener takes it, or a NetworkPolicy drops it.

## Why it breaks
A name has several addresses. Some clients dial them side by side, some one after the other with a long wait for each,
some the first alone, and some use IPv4 alone. Telemetry is late or lost, although the receiver is up.

## Fix
Repair the dead address, or give the client a name or a literal that has none. A client that dials side by side, such
as Go or curl, does not mind.

## Example
```yaml fires
target: http://collector:4318
client: java
expect: [ipv4, ipv6]
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http accepted", "10.9.0.7:4318 http accepted"]
```
```yaml fires
target: http://[::1]:4318
client: java-ipv4-stack
probes: ["[::1]:4318 http accepted"]
```
```yaml fires
target: http://collector:4318
client: python-otel@1.30
expect: [ipv4]
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http timed_out", "10.9.0.7:4318 http accepted"]
```
```yaml quiet
target: http://collector:4318
client: go
expect: [ipv4]
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http timed_out", "10.9.0.7:4318 http accepted"]
```
```yaml quiet
target: http://collector:4318
client: python-otel
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http accepted", "10.9.0.7:4318 http accepted"]
```
```yaml fires
services:
  shop:
    environment: {JAVA_TOOL_OPTIONS: -Djava.net.preferIPv4Stack=true, OTEL_EXPORTER_OTLP_ENDPOINT: "http://[::1]:4318"}
```
```yaml fires
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gw}
spec:
  ipFamilyPolicy: RequireDualStack
  config: {receivers: {otlp: {protocols: {http: {endpoint: "0.0.0.0:4318", transport: tcp4}}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec: {containers: [{image: "node:18", env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://gw-collector:4318"}]}]}
```
```yaml quiet
services:
  shop:
    environment: {JAVA_TOOL_OPTIONS: -Djava.net.preferIPv4Stack=true, OTEL_EXPORTER_OTLP_ENDPOINT: "http://col:4318"}
```

## References
- How each client dials: knowledge/runtimes.table; RFC 8305
- https://github.com/pydantic/logfire/issues/2282, https://github.com/grpc/grpc/issues/31466
"""

from collections.abc import Iterator

from dualstack.model.client import Callers, Outlook
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.host import Routes
from dualstack.model.kube import NetworkPolicies
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach import outlook
from dualstack.reach.client import QUICK
from dualstack.reach.waiting import NEVER_LEAVES, NEVER_TRIES, WAITS, literals, waiting

HOP = Hop.SELECT
SEVERITY = Severity.ERROR
BECAUSE = (*outlook.BREAKS_THE_WAY, "DS801", "DS803", "DS804", "DS805")


def check(
    traces: Traces,
    question: Question,
    names: Names | None,
    routes: Routes | None,
    probes: Probes | None,
    callers: Callers | None,
) -> Iterator[Finding]:
    """One finding for each client that a dead address costs time or telemetry, and one for what it never tries."""
    for view in outlook.outlooks(traces, question, names, routes, probes, callers):
        lost = outlook.untried(traces, view)
        if lost:
            yield _finding(view, NEVER_TRIES, outlook.never(view, lost), lost, lost=True)
        dead = outlook.flows(traces, view, [x.address for x in outlook.failed(view)])
        waited = view.dialled.waited if view.dialled else None
        minds = view.dialled and view.answering and (waited is None or waited > QUICK)
        if dead and minds and (not lost or any(x.required for x in dead)):
            summary = NEVER_LEAVES if waited is None else WAITS
            needed = tuple(x for x in dead if x.required)
            yield _finding(view, summary, outlook.sentence(view), needed or dead, lost=False)


def lint(
    senders: Senders, deployments: Deployments, policies: NetworkPolicies, question: Question
) -> Iterator[Finding]:
    """One finding for each client that is given an IPv6 literal and uses IPv4 alone, or that a dead family holds up."""
    for case in (*literals(senders), *waiting(senders, deployments, policies, question)):
        said = case.sender.destination
        yield Finding(
            summary=case.summary,
            detail=case.detail,
            hint=case.hint,
            severity=case.severity,
            families=(case.dead,),
            confidence=Confidence.DECLARED,
            evidence=(Evidence(said.written.text, said.field, Layer.DECLARED), *case.evidence),
            location=said.written.at,
        )


def _finding(view: Outlook, summary: str, detail: str, spoken: tuple[Trace, ...], *, lost: bool) -> Finding:
    return Finding(
        summary=summary,
        detail=detail,
        hint=outlook.advice(view),
        severity=outlook.severity(lost=lost),
        families=tuple(dict.fromkeys(x.family for x in spoken)),
        confidence=outlook.confidence(view),
        evidence=outlook.evidence(view),
        flows=tuple(x.key for x in spoken),
    )

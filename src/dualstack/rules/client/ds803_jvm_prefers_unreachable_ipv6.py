"""A JVM is told to take IPv6 first, and IPv6 does not get there.

## What it detects
The client is a JVM with `-Djava.net.preferIPv6Addresses=true` (or `system`), named as such, found on this host or told
in a file. The IPv6 address that it tries first is dead, while IPv4 is answered; in files: no listener behind the
Service takes IPv6, a NetworkPolicy drops it, or the receiver beside it has the IPv4 address of `localhost` alone.

## Why it breaks
Java sorts IPv4 first by default, and its sockets try the first address alone. With this flag that is IPv6, and nothing
falls back.

## Fix
Remove the flag from the command line or from `JAVA_TOOL_OPTIONS`, or repair IPv6.

## Example
```yaml fires
target: http://collector:4318
client: java-ipv6-first
names: {collector: [10.9.0.7, "2001:db8::7"]}
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24]}
routes: ["2001:db8::7 ENETUNREACH"]
probes: ["[2001:db8::7]:4318 http no_route", "10.9.0.7:4318 http accepted"]
```
```yaml fires
target: http://collector:4318
expect: [ipv4]
names: {collector: [10.9.0.7, "2001:db8::7"]}
callers: ["http://collector:4318 java-ipv6-first SYN-SENT 2001:db8::7 java -Djava.net.preferIPv6Addresses=true Shop"]
probes: ["[2001:db8::7]:4318 http timed_out", "10.9.0.7:4318 http accepted"]
```
```yaml quiet
target: http://collector:4318
client: java
names: {collector: [10.9.0.7, "2001:db8::7"]}
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24]}
routes: ["2001:db8::7 ENETUNREACH"]
probes: ["[2001:db8::7]:4318 http no_route", "10.9.0.7:4318 http accepted"]
```
```yaml fires
kind: OpenTelemetryCollector
apiVersion: opentelemetry.io/v1beta1
metadata: {name: gateway}
spec:
  ipFamilyPolicy: RequireDualStack
  config: {receivers: {otlp: {protocols: {http: {endpoint: "0.0.0.0:4318", transport: tcp4}}}}}
---
kind: Pod
apiVersion: v1
metadata: {name: shop}
spec:
  containers:
  - env:
    - {name: JAVA_TOOL_OPTIONS, value: "-Djava.net.preferIPv6Addresses=true"}
    - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://gateway-collector:4318"}
```
```yaml fires
receivers: {otlp: {protocols: {http: }}}
---
services:
  otel: {image: "otel/opentelemetry-collector:0.139.0", volumes: ["./example.yaml:/etc/otelcol/config.yaml"]}
  shop:
    network_mode: service:otel
    environment: {_JAVA_OPTIONS: -Djava.net.preferIPv6Addresses=true, OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318"}
```
```env quiet
# dualstack lint --stdin-filename shop.env
JAVA_TOOL_OPTIONS=-Djava.net.preferIPv6Addresses=true
```

## References
- https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/net/doc-files/net-properties.html
- https://github.com/googleapis/google-api-java-client/issues/1172; measured: Java 17 on Linux 6.18
"""

from collections.abc import Iterator

from dualstack.model.address import Family, family
from dualstack.model.client import Callers
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.host import Routes
from dualstack.model.kube import NetworkPolicies
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach import outlook
from dualstack.reach.jvm import ipv6_first
from dualstack.reach.waiting import dead_ipv6

HOP = Hop.SELECT
SEVERITY = Severity.ERROR
BECAUSE = outlook.BREAKS_THE_WAY

_FLAGS = {
    "java-ipv6-first": "-Djava.net.preferIPv6Addresses=true",
    "java-system-order": "-Djava.net.preferIPv6Addresses=system",
}


def check(
    traces: Traces,
    question: Question,
    names: Names | None,
    routes: Routes | None,
    probes: Probes | None,
    callers: Callers | None,
) -> Iterator[Finding]:
    """One finding for each target of which such a JVM tries a dead IPv6 address and could use IPv4."""
    for view in outlook.outlooks(traces, question, names, routes, probes, callers):
        dead = [x.address for x in outlook.failed(view) if family(x.address) is Family.IPV6]
        other = [x for x in view.answering if family(x) is Family.IPV4]
        flag = _FLAGS.get(view.client.runtime)
        if not (flag and dead and other):
            continue
        lost = outlook.untried(traces, view)
        yield Finding(
            summary="A flag makes Java try dead IPv6",
            detail=f"{outlook.sentence(view)} The flag `{flag}` puts IPv6 first; by default it is `{other[0]}`.",
            hint=f"Remove `{flag}` from the command line or `JAVA_TOOL_OPTIONS` and restart, or repair IPv6.",
            severity=outlook.severity(lost=bool(lost)),
            families=(Family.IPV6,),
            confidence=outlook.confidence(view),
            evidence=outlook.evidence(view),
            fix=Fix(f"Remove `{flag}`"),
            flows=tuple(x.key for x in (*outlook.flows(traces, view, dead), *lost)),
        )


def lint(
    senders: Senders, deployments: Deployments, policies: NetworkPolicies, question: Question
) -> Iterator[Finding]:
    """One finding for each container whose JVM tries an IPv6 address first that gets nowhere."""
    for sender in senders.items:
        told = ipv6_first(sender.container) if sender.container else None
        dead = dead_ipv6(sender, deployments, policies, question) if told else None
        if told and dead:
            yield Finding(
                summary="A flag makes Java try dead IPv6",
                detail=f"{dead[0]}, and `{told.field}` makes Java try it first. What uses java.net has no other try; "
                "OkHttp goes on to the next address.",
                hint=f"Remove `preferIPv6Addresses`, or {dead[1]}.",
                severity=Severity.WARNING,
                families=(Family.IPV6,),
                confidence=Confidence.DECLARED,
                evidence=(Evidence(told.written.text, told.field, Layer.DECLARED),),
                location=told.written.at,
                fix=Fix("Remove the flag"),
            )

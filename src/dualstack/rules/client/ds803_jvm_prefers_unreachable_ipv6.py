"""A JVM is told to take IPv6 first, and IPv6 does not get there.

## What it detects
The client is a JVM with `-Djava.net.preferIPv6Addresses=true` (or `system`), named as such, found on this host or told
in a file. The IPv6 address that it tries first is dead, while IPv4 is answered; in files: no listener behind the
Service takes IPv6.

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
  - name: shop
    env:
    - {name: JAVA_TOOL_OPTIONS, value: "-Djava.net.preferIPv6Addresses=true"}
    - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://gateway-collector:4318"}
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
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.jvm import ipv6_first
from dualstack.reach.outlook import (
    BREAKS_THE_WAY,
    confidence,
    evidence,
    failed,
    flows,
    outlooks,
    sentence,
    severity,
    untried,
)
from dualstack.reach.unserved import unserved

HOP = Hop.SELECT
SEVERITY = Severity.ERROR
BECAUSE = BREAKS_THE_WAY

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
    for view in outlooks(traces, question, names, routes, probes, callers):
        dead = [x.address for x in failed(view) if family(x.address) is Family.IPV6]
        other = [x for x in view.answering if family(x) is Family.IPV4]
        flag = _FLAGS.get(view.client.runtime)
        if not (flag and dead and other):
            continue
        lost = untried(traces, view)
        yield Finding(
            summary="A flag makes Java try dead IPv6",
            detail=f"{sentence(view)} The flag `{flag}` puts IPv6 first; by default Java would try `{other[0]}`.",
            hint=f"Remove `{flag}` from the command line or `JAVA_TOOL_OPTIONS` and restart, or repair IPv6.",
            severity=severity(lost=bool(lost)),
            families=(Family.IPV6,),
            confidence=confidence(view),
            evidence=evidence(view),
            fix=Fix(f"Remove `{flag}`"),
            flows=tuple(x.key for x in (*flows(traces, view, dead), *lost)),
        )


def lint(senders: Senders, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each container whose JVM tries an IPv6 address first that nobody serves."""
    for sender in senders.items:
        told = ipv6_first(sender.container) if sender.container else None
        if told and sender.service and unserved(sender, deployments, question) == (Family.IPV6,):
            yield Finding(
                summary="A flag makes Java try dead IPv6",
                detail=f"No listener behind {sender.service.meta.called} takes IPv6, and `{told.field}` makes Java try "
                "it first. What uses java.net has no other try; OkHttp goes on to the next address.",
                hint="Remove `preferIPv6Addresses`, or let the receiver take IPv6.",
                severity=Severity.WARNING,
                families=(Family.IPV6,),
                confidence=Confidence.DECLARED,
                evidence=(Evidence(told.written.text, told.field, Layer.DECLARED),),
                location=told.written.at,
                fix=Fix("Remove the flag"),
            )

"""A JVM flag takes IPv6 away from a Java receiver.

## What it detects
A Java process that runs with `-Djava.net.preferIPv4Stack=true` listens on the IPv4 wildcard, and a client that is
handed an IPv6 address is refused. In files: a program that has to do with OpenTelemetry is given the flag; a
warning where IPv6 is used, a note while nobody says so.

## Why it breaks
Java makes a dual-stack socket of `0.0.0.0` and of no address. With this flag it makes IPv4 sockets alone. The flag
often comes from `JAVA_TOOL_OPTIONS` of an image and is not seen on the command line.

## Fix
Remove the flag from the command line or from `JAVA_TOOL_OPTIONS`, and restart.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["0.0.0.0:4318 jvm java -Djava.net.preferIPv4Stack=true -jar receiver.jar"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```
```yaml quiet
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["0.0.0.0:4318 jvm java -Djava.net.preferIPv4Stack=false"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```

```yaml fires
services:
  shop:
    image: shop
    environment:
      JAVA_TOOL_OPTIONS: -javaagent:/opentelemetry-javaagent.jar -Djava.net.preferIPv4Stack=true
```
```yaml quiet
# dualstack lint --expect ipv4
services:
  shop:
    image: shop
    environment:
      JAVA_TOOL_OPTIONS: -javaagent:/opentelemetry-javaagent.jar -Djava.net.preferIPv4Stack=true
```

## References
- https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/net/doc-files/net-properties.html
- Measured: Java 17 listeners on Linux 6.18
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Fix, Severity
from dualstack.model.kube import Workloads
from dualstack.model.question import Question
from dualstack.model.sockets import Listeners, Process, Runtime
from dualstack.model.trace import Hop, Traces
from dualstack.reach import jvm
from dualstack.reach.blame import is_wildcard
from dualstack.reach.trace import refusals
from dualstack.reach.unknowns import may_matter

HOP = Hop.LISTEN
SEVERITY = Severity.WARNING
BECAUSE = ("DS210",)

_FLAG = "-Djava.net.preferIPv4Stack="


def check(traces: Traces, listeners: Listeners) -> Iterator[Finding]:
    """One finding for each IPv4 wildcard of such a JVM that turned an IPv6 flow away."""
    for trace, sockets in refusals(traces, listeners):
        for socket in sockets:
            mine = trace.family is Family.IPV6 and is_wildcard(socket) and socket.socket_family is Family.IPV4
            if not mine or socket.runtime is not Runtime.JVM or not _pinned(socket.processes[0]):
                continue
            process = socket.processes[0]
            source = "the command line" if any(x.startswith(_FLAG) for x in process.command) else "`JAVA_TOOL_OPTIONS`"
            yield Finding(
                summary="`preferIPv4Stack` takes IPv6 from this JVM",
                detail=f"`{process.name}` runs with `{_FLAG}true`, so `0.0.0.0:{socket.port}` takes IPv4 only.",
                hint=f"Remove `{_FLAG}true` from {source} of `{process.name}` and restart it.",
                families=(Family.IPV6,),
                evidence=(Evidence(f"{_FLAG}true", source.strip("`")), *trace.at(Hop.LISTEN).evidence),
                fix=Fix(f"Remove `{_FLAG}true`"),
                flows=(trace.key,),
            )


def _pinned(process: Process) -> bool:
    """The last mention counts; `JAVA_TOOL_OPTIONS` come before the command line (JVM TI, section JAVA_TOOL_OPTIONS)."""
    said = [x for x in (*process.options, *process.command) if x.startswith(_FLAG)]
    return bool(said) and said[-1] == f"{_FLAG}true"


def lint(workloads: Workloads, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each container that is told so where IPv6 can matter."""
    for workload in workloads.items if may_matter(Family.IPV6, question) else ():
        for container in workload.containers:
            told = jvm.ipv4_stack(workload, container)
            if told is None:
                continue
            used = jvm.uses_ipv6(container, senders, question)
            yield Finding(
                summary="`preferIPv4Stack` takes IPv6 from this JVM",
                detail=f"`{told.field}` of {container.name} has `{_FLAG}true`: IPv6 is neither dialled nor listened on."
                + ("" if used else " `--expect` says whether IPv6 is wanted."),
                hint=f"Remove `{_FLAG}true`.",
                severity=Severity.WARNING if used else Severity.INFO,
                families=(Family.IPV6,),
                confidence=Confidence.DECLARED,
                evidence=(Evidence(f"{_FLAG}true", told.field, Layer.DECLARED),),
                location=told.written.part(f"{_FLAG}true"),
                fix=Fix(f"Remove `{_FLAG}true`"),
            )

"""The receiver is bound to the loopback address of one family, and a client of this host uses the other.

## What it detects
A client is handed a loopback address, is refused, and every socket on that port is bound to the loopback address of the
other family. In files: what runs in the same pod, or the same configuration, sends to that other address, or `--expect`
asks for its family.

## Why it breaks
`localhost` has two addresses and a server binds one of them. Go takes the IPv4 one, so a Collector that listens on
`localhost:4317` has `127.0.0.1` alone. A client that tries `::1` first, such as Node 17, is refused.

## Fix
Send to the address that is bound, or add a second receiver on the other loopback address.

## Fix safety
Unsafe: the client's configuration belongs to somebody else, and a second receiver opens one more socket.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["127.0.0.1:4318 go otelcol"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```
```yaml fires
target: 127.0.0.1:4317
listeners: ["[::1]:4317 node"]
```
```yaml quiet
target: http://localhost:4318
names: {localhost: [127.0.0.1]}
listeners: ["127.0.0.1:4318 go otelcol"]
probes: ["127.0.0.1:4318 http accepted"]
```

```yaml fires
receivers:
  otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}
exporters:
  otlp: {endpoint: "[::1]:4317"}
```
```yaml quiet
receivers:
  otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}
exporters:
  otlp: {endpoint: "127.0.0.1:4317"}
```

## References
- Go net.Listen: "listens on at most one of the host's IP addresses"
- https://github.com/open-telemetry/opentelemetry.io/issues/2089
"""

from collections.abc import Iterator

from dualstack.model.address import Family, join, unmapped
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.otel import Declared
from dualstack.model.question import Question
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Hop, Traces
from dualstack.reach.blame import Narrow, narrow
from dualstack.reach.edits import fix
from dualstack.reach.halves import halves
from dualstack.reach.hint import owner
from dualstack.reach.start import declared_on
from dualstack.reach.trace import refusals

HOP = Hop.LISTEN
SEVERITY = Severity.WARNING
BECAUSE = ("DS210", "DS213", "DS804")

_LOOPBACK = {Family.IPV4: "127.0.0.1", Family.IPV6: "::1"}


def check(traces: Traces, listeners: Listeners, declared: Declared | None) -> Iterator[Finding]:
    """One finding for each refused loopback flow whose port is bound to the loopback of the other family."""
    for trace, sockets in refusals(traces, listeners):
        if narrow(trace, sockets) is not Narrow.OTHER_LOOPBACK:
            continue
        port, title = trace.port, trace.family.other.title
        bound = join(unmapped(sockets[0].address), port)
        missing = join(_LOOPBACK[trace.family], port)
        endpoint = declared_on(declared, port)
        yield Finding(
            summary=f"Loopback port {port} is bound over {title} only",
            detail=f"The port is held by {owner(sockets[0])}, which listens on `{bound}` and not on `{missing}`.",
            hint=f"Send to `{bound}`, or add a second listener on `{missing}`.",
            families=(trace.family,),
            evidence=trace.at(Hop.LISTEN).evidence,
            location=endpoint.location if endpoint else None,
            fix=Fix(f"Add a listener on `{missing}`", Applicability.UNSAFE),
            flows=(trace.key,),
        )


def lint(deployments: Deployments, senders: Senders, question: Question) -> Iterator[Finding]:
    """One finding for each client of the other loopback address, or listener that lacks an expected family."""
    for half in halves(deployments, senders, question):
        written = half.written
        meant = written.text.replace(*half.instead) if half.instead else ""
        yield Finding(
            summary=f"`localhost` is bound over {half.family.title} only",
            detail=f"`{half.endpoint.effective}` becomes {half.family.title} alone: "
            f"{half.family.other.title} is refused.",
            hint=f"Write `{meant}`." if meant else f"Add a second receiver on `{_LOOPBACK[half.family.other]}`.",
            families=(half.family.other,),
            confidence=Confidence.DECLARED,
            evidence=(Evidence(half.endpoint.effective, half.endpoint.field, Layer.DECLARED),),
            location=written.at,
            fix=fix(f"Write `{meant}`" if meant else "Add a receiver", Applicability.UNSAFE, written, meant),
        )

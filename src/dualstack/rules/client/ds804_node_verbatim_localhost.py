"""Node 17 to 19 tries `::1` alone, and the receiver is on `127.0.0.1`.

## What it detects
The client is Node 17, 18 or 19, or Node of an unknown version; its name begins with a loopback IPv6 address, which is
refused while the IPv4 one is accepted. In files: it sends to `localhost`, and a Collector in the same pod, or the same
network of Compose, listens there on `127.0.0.1` alone.

## Why it breaks
Since Node 17 the order of getaddrinfo stands, and `localhost` is `::1` first. Up to Node 19 a connection tries the
first address alone; Node 20 tries the others too. Older versions do so where `--dns-result-order=verbatim` says it.

## Fix
Write `127.0.0.1` in the endpoint of the client, or start Node with `--dns-result-order=ipv4first`.

## Fix safety
Safe: the address is one that the name stands for anyway, and it accepts.

## Example
```yaml fires
target: http://localhost:4318
client: node@18.19
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["127.0.0.1:4318 go otelcol"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```
```yaml fires
target: http://localhost:4318
client: nodejs
names: {localhost: ["::1", 127.0.0.1]}
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
withheld: [Listeners]
```
```yaml quiet
target: http://localhost:4318
client: node@20.11
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["127.0.0.1:4318 go otelcol"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```
```yaml quiet
target: http://localhost:4318
client: node@18
names: {localhost: [127.0.0.1, "::1"]}
listeners: ["127.0.0.1:4318 go otelcol"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```
```yaml fires
services:
  shop: {image: "node:18-alpine", network_mode: "service:c", environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318"}}
  c: {image: "otel/opentelemetry-collector:0.139.0", configs: [{source: c, target: /etc/otelcol/config.yaml}]}
configs: {c: {content: "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:4318'}}}}"}}
```
```yaml quiet
services:
  shop: {image: "node:20", network_mode: "service:c", environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318"}}
  c: {image: "otel/opentelemetry-collector:0.139.0", configs: [{source: c, target: /etc/otelcol/config.yaml}]}
configs: {c: {content: "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:4318'}}}}"}}
```

## References
- Node 17 change log: dns.lookup is `verbatim`; https://github.com/nodejs/node/issues/40537
- Node 20 change log: `autoSelectFamily` is on; knowledge/runtimes.table
"""

from collections.abc import Iterator

from dualstack.model.address import Family, Protocol, join
from dualstack.model.deployed import Deployments, Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.names import Names
from dualstack.model.question import Client, Question
from dualstack.model.trace import Disposition, Hop, Trace, Traces
from dualstack.reach.answers import url
from dualstack.reach.blame import is_loopback
from dualstack.reach.edits import fix
from dualstack.reach.sent import beside, target, trying_first_alone
from dualstack.reach.trace import answered

HOP = Hop.SELECT
SEVERITY = Severity.WARNING
BECAUSE = ("DS205", "DS206", "DS207", "DS208", "DS209", "DS210", "DS217", "DS301", "DS302", "DS303")

_SINCE, _UNTIL = (17,), (20,)  # the versions that try the first address alone, in the order of getaddrinfo


def check(traces: Traces, question: Question, names: Names) -> Iterator[Finding]:
    """One finding for each name of which Node dials a refused loopback address first."""
    if question.client is None or not _is_affected(question.client):
        return
    known = bool(question.client.version)
    for trace in traces.broken if known else traces.items:
        if trace.disposition is Disposition.REFUSED and _is_first(trace, names) and answered(traces, trace):
            name, port = trace.target.host, trace.target.port
            literal = url(trace.target).replace(trace.target.endpoint, join("127.0.0.1", port))
            told = "" if known else " Node 17 to 19 stop there, Node 20 does not; the version was not given."
            yield Finding(
                summary="Node tries `::1` alone" if known else "Older Node tries `::1` alone",
                severity=Severity.WARNING if known else Severity.INFO,
                detail=f"`{name}` is `{trace.addresses[0]}` first, where port {port} refuses; IPv4 is answered.{told}",
                hint=f"Set the endpoint to `{literal}`, or start Node with `--dns-result-order=ipv4first`.",
                families=(Family.IPV6,),
                confidence=Confidence.PROBED if known else Confidence.INFERRED,
                evidence=(_order(names, name), *trace.at(Hop.LISTEN).evidence),
                fix=Fix(f"Send to `{literal}`", Applicability.SAFE),
                flows=(trace.key,),
            )


def lint(senders: Senders, deployments: Deployments) -> Iterator[Finding]:
    """One finding for each `localhost` that a Node.js tries over IPv6 alone while a Collector beside it has IPv4."""
    for sender in senders.items:
        said, there = sender.destination, target(sender.destination)
        known = trying_first_alone(sender)
        if known is None or there is None or there.protocol is not Protocol.HTTP or there.host != "localhost":
            continue
        for endpoint in beside(sender, deployments, there.port):
            literal = said.written.text.replace("localhost", "127.0.0.1")
            yield Finding(
                summary="Node tries `::1` alone" if known else "Older Node tries `::1` alone",
                detail=f"`localhost` is `::1` first; the Collector beside it listens on `{endpoint.effective}` alone."
                + ("" if known else " Node 20 and later tries the other address too; the files name no version."),
                hint=f"Set the endpoint to `{literal}`, or start Node with `--dns-result-order=ipv4first`.",
                families=(Family.IPV6,),
                confidence=Confidence.DECLARED,
                evidence=(
                    Evidence(said.written.text, said.field, Layer.DECLARED),
                    Evidence(endpoint.effective, endpoint.field, Layer.DECLARED),
                ),
                location=said.written.at,
                fix=fix(f"Send to `{literal}`", Applicability.SAFE, said.written, literal),
            )


def _is_affected(client: Client) -> bool:
    return client.runtime == "node" and (not client.version or _SINCE <= client.version < _UNTIL)


def _is_first(trace: Trace, names: Names) -> bool:
    """Whether a loopback IPv6 address leads the list that getaddrinfo gave."""
    found = names.lookup(trace.target.host)
    first = found.addresses[0] if found and found.addresses else ""
    return trace.family is Family.IPV6 and first in trace.addresses and is_loopback(first)


def _order(names: Names, name: str) -> Evidence:
    found = names.lookup(name)
    return Evidence(f"`{name}`: {', '.join(found.addresses) if found else ''}", "getaddrinfo")

"""A proxy variable catches what is for an IPv6 literal, and NO_PROXY spares IPv4 alone.

## What it detects
The target is an IPv6 literal, the environment names a proxy, and NO_PROXY spares the same host in another form: its
IPv4 address, `localhost`, or the literal in a spelling that this client does not understand. The environment is that of
the client, where it runs on this host, and of this command otherwise; in files that of the container, unit or list of
variables that names the target. In a cluster also any name that a client sends to, where NO_PROXY does not spare it.

## Why it breaks
A client compares the host of the URL with each entry. `127.0.0.1` and `localhost` do not stand for `::1`; `[::1]` is
understood by few, `fd00::/8` by some. The proxy gets the telemetry, and often cannot reach the address.

## Fix
Add the literal to NO_PROXY, plain and in brackets.

## Fix safety
Safe: only what goes to that address is spared.

## Example
```yaml fires
target: http://[::1]:4318
environ: {http_proxy: "http://proxy:3128", no_proxy: "localhost,127.0.0.1"}
probes: ["[::1]:4318 http accepted"]
```
```yaml fires
target: http://[2001:db8::7]:4318
client: python-otel
environ: {HTTP_PROXY: "http://proxy:3128", NO_PROXY: "[2001:db8::7]"}
probes: ["[2001:db8::7]:4318 http accepted"]
```
```yaml fires
target: http://[::1]:4318
environ: {http_proxy: "http://proxy:3128", no_proxy: "localhost"}
callers: ["http://[::1]:4318 curl ESTABLISHED ::1 curl -d @spans.json http://[::1]:4318/v1/traces"]
probes: ["[::1]:4318 http accepted"]
```
```yaml quiet
target: http://[::1]:4318
client: go
environ: {http_proxy: "http://proxy:3128", no_proxy: "localhost,127.0.0.1"}
probes: ["[::1]:4318 http accepted"]
```
```yaml quiet
target: http://[::1]:4318
environ: {http_proxy: "http://proxy:3128", no_proxy: "localhost,::1,[::1]"}
probes: ["[::1]:4318 http accepted"]
```
```yaml quiet
target: http://[2001:db8::7]:4318
environ: {https_proxy: "http://proxy:3128", no_proxy: "2001:db8::/32"}
probes: ["[2001:db8::7]:4318 http accepted"]
```
```yaml quiet
target: http://[2001:db8::7]:4318
environ: {http_proxy: "http://proxy:3128", no_proxy: "localhost,127.0.0.1"}
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.7/24, "2001:db8::7/64"]}
listeners: ["[::]:4318 go otelcol"]
probes: ["[2001:db8::7]:4318 http accepted"]
```
```text fires
# dualstack lint --stdin-filename shop.env
OTEL_EXPORTER_OTLP_ENDPOINT=http://[fd00::7]:4318
HTTP_PROXY=http://proxy:3128
NO_PROXY=localhost,[fd00::7]
```
```text quiet
# dualstack lint --stdin-filename shop.env
OTEL_EXPORTER_OTLP_ENDPOINT=http://[fd00::7]:4318
http_proxy=http://proxy:3128
no_proxy=localhost,fd00::7,[fd00::7]
```

## References
- knowledge/proxies.table: what each client does with each spelling, run against a proxy
- https://github.com/nodejs/undici/issues/5616, https://github.com/curl/curl/issues/2353
"""

from collections.abc import Iterator

from dualstack.model.address import Family, family
from dualstack.model.client import Callers, Proxies
from dualstack.model.deployed import Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.edits import fix
from dualstack.reach.proxy import diverted, environments, meant, siblings, variable
from dualstack.reach.sent import diversions

HOP = Hop.SELECT
SEVERITY = Severity.WARNING


def check(
    traces: Traces, question: Question, proxies: Proxies, namespaces: Namespaces | None, callers: Callers | None
) -> Iterator[Finding]:
    """One finding for each IPv6 literal that a proxy gets although NO_PROXY was to spare it."""
    for trace in traces.items:
        for client, said, where in environments(trace, question, proxies, callers):
            beside = siblings(trace, namespaces)
            entry = meant(trace.target.host, said.exceptions, beside) if trace.target.literal else ""
            if not entry or family(trace.target.host) is not Family.IPV6:
                continue
            found = diverted(trace.target, said, client)
            if not found:
                continue
            host, name = trace.target.host, variable(trace.target, said, found)
            clients = ", ".join(x.clients[0] for x in found)
            yield Finding(
                summary="NO_PROXY does not spare the IPv6 address",
                detail=f"NO_PROXY spares `{entry}` and not `{host}` as {clients} reads it: the proxy gets the export.",
                hint=f"Add `{host},[{host}]` to NO_PROXY in the environment of the client.",
                families=(Family.IPV6,),
                confidence=Confidence.DECLARED,
                evidence=(
                    Evidence(f"{name} is set; NO_PROXY is `{','.join(said.exceptions)}`", where, Layer.DECLARED),
                ),
                fix=Fix(f"Add `{host},[{host}]` to NO_PROXY", Applicability.SAFE),
                flows=(trace.key,),
            )


def lint(senders: Senders) -> Iterator[Finding]:
    """One finding for each IPv6 literal that a proxy gets although the NO_PROXY beside it was to spare it."""
    for caught in diversions(senders):
        host, written = caught.target.host, caught.written
        meant_so = f"{written.text},{host},[{host}]"
        yield Finding(
            summary="NO_PROXY does not spare the IPv6 address",
            detail=f"NO_PROXY spares `{caught.entry}` and not `{host}` as {caught.clients} reads it: the proxy gets the"
            " export.",
            hint=f"Add `{host},[{host}]` to NO_PROXY." if caught.mended else f"Send to a name for `{host}`.",
            families=(Family.IPV6,),
            confidence=Confidence.DECLARED,
            evidence=(Evidence(f"{caught.variable} is set", caught.owner, Layer.DECLARED),),
            location=written.at,
            fix=fix(f"Add `{host},[{host}]` to NO_PROXY", Applicability.SAFE, written, meant_so)
            if caught.mended
            else None,
        )

"""Something else than an OTLP receiver answers on the port.

## What it detects
A connection is accepted, and what follows is no OTLP: a page of another server, bytes of another protocol, an answer
that never ends, silence for as long as exporters wait (10 s), or a close without a word. On a cluster, an Ingress or a
Gateway that answers an export of this machine by itself, with a page that says that it gets nothing from the Service;
and a flow to a port of a pod where a component that takes no OTLP listens, by its configuration: a page of metrics, a
receiver of another protocol.

## Why it breaks
A port that is open is not a receiver that works. A web server, a proxy without a backend, a stopped process, or the
wrong port all accept connections.

## Fix
Send to the port of the receiver, or stop the program that holds it.

## Example
```yaml fires
target: http://collector:4318
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4318 http not_otlp HTTP 404 server=nginx"]
```
```yaml fires
target: grpc://[fd00:9::5]:4317
listeners: ["[::]:4317 posix redis-server"]
probes: ["[fd00:9::5]:4317 grpc garbage"]
```
```yaml fires
target: http://10.9.0.7:4318/otlp
probes: ["10.9.0.7:4318 http not_otlp HTTP 404"]
```
```yaml fires
target: grpc://10.9.0.7:4317
probes: ["10.9.0.7:4317 grpc not_otlp grpc-status 12 UNIMPLEMENTED"]
```
```yaml fires
target: http://10.9.0.5:4318
listeners: ["0.0.0.0:4318 go otelcol stopped"]
probes: ["10.9.0.5:4318 http silent detail='nothing answered the request within 10 s'"]
```
```yaml fires
target: http://10.9.0.7:4318
probes: ["10.9.0.7:4318 http not_otlp HTTP 301 detail=https://collector.example/v1/traces"]
```
```yaml quiet
target: http://collector:4318
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4318 http rejected HTTP 401"]
```

## References
- OTLP specification, OTLP/HTTP Response; RFC 9113 section 3.4
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.probe import Outcome, ProbeResult, Probes
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import ended, holder, stopped
from dualstack.reach.entrance import own_answer
from dualstack.reach.other_servers import SAID, resumed, stranger
from dualstack.reach.spoken import misdirected

if TYPE_CHECKING:
    from dualstack.reach.pods import Places

HOP = Hop.HANDSHAKE
SEVERITY = Severity.ERROR
BECAUSE = ("DS210", "DS904")


def check(traces: Traces, probes: Probes, listeners: Listeners | None, places: "Places | None") -> Iterator[Finding]:
    """One finding for each flow that a stranger answered, or will by what its configuration declares, or nobody."""
    yield from (_declared(x, places) for x in (misdirected(traces, places) if places else ()))
    for trace, result in ended(traces, probes, tuple(SAID)):
        row = own_answer(trace, result) if trace.through else None
        declared = {x.layer for x in trace.at(Hop.EXPORT).evidence} == {Layer.DECLARED}
        if row or (places and declared):
            yield _of_proxy(trace, result, row) if row else _declared(trace, places)
            continue
        halted = stopped(trace, listeners) if result.outcome is Outcome.SILENT else None
        who, meant = _redirected(trace, places)
        owner = "" if who else holder(trace, listeners)
        summary, detail, hint = resumed(halted) if halted else stranger(trace, result, owner)
        named = (Evidence(f"server: {result.server}", "header of the answer", Layer.PROBED),) if result.server else ()
        yield Finding(
            summary=summary,
            detail=f"{detail}{who}",
            hint=meant if who else hint,
            families=(trace.family,),
            confidence=Confidence.PROBED,
            evidence=(*trace.at(Hop.HANDSHAKE).evidence, *trace.at(Hop.EXPORT).evidence, *named),
            flows=(trace.key,),
        )


def _of_proxy(trace: Trace, result: ProbeResult, row: Mapping[str, str]) -> Finding:
    port = trace.at(Hop.SERVICE).why
    summary = f"Proxy answers {result.status}, not the receiver"
    detail = f"{port[:1].upper()}{port[1:]}. Its proxy {row['why']}, and answers `{result.status}` by itself."
    return _told(trace, summary, (detail, row["hint"]), Confidence.PROBED)


def _declared(trace: Trace, places: "Places | None") -> Finding:
    who, hint = _redirected(trace, places)
    return _told(trace, f"Port {trace.target.port} takes no OTLP", (who.strip(), hint), Confidence.DECLARED)


def _redirected(trace: Trace, places: "Places | None") -> tuple[str, str]:
    """Who listens there by its configuration, where that is no OTLP receiver, and what to do."""
    from dualstack.reach.live import redirected

    return redirected(trace, places)[:2] if places else ("", "")


def _told(trace: Trace, summary: str, words: tuple[str, str], confidence: Confidence) -> Finding:
    return Finding(
        summary=summary,
        detail=words[0],
        hint=words[1],
        families=(trace.family,),
        confidence=confidence,
        evidence=tuple(dict.fromkeys((*trace.at(Hop.HANDSHAKE).evidence, *trace.at(Hop.EXPORT).evidence))),
        flows=(trace.key,),
    )

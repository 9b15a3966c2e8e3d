"""The receiver is bound to single addresses or devices, and the client uses another address of the host.

## What it detects
A client is handed an address of the host, is refused, and every socket on that port is bound to one other address or to
another device. In files: a Service of both families leads to a receiver that is bound to `${env:MY_POD_IP}` or a
literal, or both families are expected there.

## Why it breaks
A socket bound to a literal takes connections to that literal alone. A receiver bound to `${env:MY_POD_IP}` has the
first address of a dual-stack pod: the other family is refused, and so is `localhost`.

## Fix
Bind a wildcard: `0.0.0.0:4317` in a Go or Java receiver, `[::]:4317` in others. Or send to the address that is bound. A
socket that is tied to a device stays narrow whatever it binds: take the device away (`BindToDevice=` of systemd).

## Fix safety
Unsafe: the receiver becomes reachable on all addresses of the host.

## Example
```yaml fires
target: collector:4317
names: {collector: ["fd00:9::5", 10.9.0.5]}
listeners: ["10.9.0.5:4317 go otelcol"]
probes: ["[fd00:9::5]:4317 grpc refused", "10.9.0.5:4317 grpc accepted"]
```
```yaml fires
target: http://localhost:4318
names: {localhost: [127.0.0.1]}
listeners: ["[fd00:9::5]:4318 rust rotel"]
```
```yaml fires
target: http://10.9.0.5:4318
listeners: ["0.0.0.0%lo:4318 posix fluent-bit"]
probes: ["10.9.0.5:4318 http refused"]
```
```yaml quiet
target: collector:4317
names: {collector: ["fd00:9::5", 10.9.0.5]}
listeners: ["10.9.0.5:4317 go otelcol", "[fd00:9::5]:4317 go otelcol"]
probes: ["[fd00:9::5]:4317 grpc accepted", "10.9.0.5:4317 grpc accepted"]
```

```yaml fires
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: otel}
spec:
  ipFamilyPolicy: RequireDualStack
  env: [{name: MY_POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
  config: {receivers: {otlp: {protocols: {grpc: {endpoint: "[${env:MY_POD_IP}]:4317"}}}}}
```
```yaml fires
# dualstack lint --expect dual
sources: {otel: {type: opentelemetry, grpc: {address: "10.9.0.5:4317"}}}
```
```yaml quiet
receivers: {otlp: {protocols: {grpc: {endpoint: "[${env:MY_POD_IP}]:4317"}}}}
```

## References
- ip(7), section Address format; socket(7): `SO_BINDTODEVICE`
- opentelemetry-helm-charts: charts/opentelemetry-collector/values.yaml binds `${env:MY_POD_IP}`
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.model.sockets import Listeners
from dualstack.model.source import Written
from dualstack.model.trace import Hop, Traces
from dualstack.reach import served
from dualstack.reach.bind import listen_mark
from dualstack.reach.blame import Narrow, is_wildcard, narrow
from dualstack.reach.drafts import drafted
from dualstack.reach.edits import fix
from dualstack.reach.hint import owner, rebind, wildcard
from dualstack.reach.start import declared_on, port
from dualstack.reach.trace import refusals

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR
BECAUSE = ("DS210", "DS213", "DS405", "DS410")


def check(traces: Traces, listeners: Listeners, namespaces: Namespaces, declared: Declared | None) -> Iterator[Finding]:
    """One finding for each refused flow to a port whose sockets are all bound to something else."""
    for trace, sockets in refusals(traces, listeners):
        if narrow(trace, sockets) is not Narrow.SINGLE:
            continue
        space = namespaces.at(trace.server)
        endpoint = declared_on(declared, trace.port)
        bound = ", ".join(dict.fromkeys(f"`{listen_mark(x)}`" for x in sockets))
        tied = next((x.interface for x in sockets if x.interface and is_wildcard(x)), "")
        wider = rebind(sockets[0], space, endpoint), f"Bind {wildcard(sockets[0], space, endpoint)}"
        hint, title = _untied(tied) if tied else wider
        yield Finding(
            summary=f"Port {trace.port} listens on {f'device `{tied}` alone' if tied else 'single addresses'}",
            detail=f"The only sockets are {bound}, held by {owner(sockets[0])}. Every other address is refused.",
            hint=hint,
            families=(trace.family,),
            evidence=trace.at(Hop.LISTEN).evidence,
            location=endpoint.location if endpoint else None,
            fix=Fix(title, Applicability.UNSAFE),
            flows=(trace.key,),
        )


def _untied(device: str) -> tuple[str, str]:
    """Hint and title for a wildcard that is tied to a device: another address would not help."""
    where = "`BindToDevice=` of its systemd unit, or SO_BINDTODEVICE in the program"
    return f"Take the socket off `{device}`: {where}.", f"Take the socket off `{device}`"


def lint(deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each listener on one address that clients of both families are led to."""
    for item, endpoint in drafted(deployments) if len(question.cluster) != 1 else ():
        has = served.single(item, endpoint, question)
        if has and endpoint.written and not served.beside(item, endpoint, question):
            led = served.led(item, endpoint, question)
            yield from (_declared(endpoint, endpoint.written, served.missing(has), x) for x in led)


def _declared(
    endpoint: DeclaredEndpoint, written: Written, lacks: tuple[Family, ...], led: tuple[str, bool | None]
) -> Finding:
    meant = served.wide(endpoint)
    return Finding(
        summary="Listener has one address of one family",
        detail=f"{led[0]}. Every other address of the pod is refused, and `localhost`.",
        hint=f"Write `{meant}`.",
        severity=Severity.ERROR if led[1] else Severity.WARNING,
        families=lacks,
        confidence=Confidence.DECLARED,
        evidence=(Evidence(written.text, endpoint.field, Layer.DECLARED),),
        location=written.at,
        fix=fix(f"Write `{meant}`", Applicability.UNSAFE, written, meant),
        ports=(port(endpoint),) if port(endpoint) else (),
    )

"""An IPv6-only socket in a place that has no IPv6 address: nobody can reach it.

## What it detects
Every socket on the port is an IPv6 wildcard that takes no IPv4, and no interface of its network namespace holds an IPv6
address. In files: `transport` says so, and the cluster has no IPv6.

## Why it breaks
Binding `[::]` needs no address. With `transport: tcp6` and IPv6 switched off, the Collector starts, logs "Everything is
ready" and is reachable by nobody.

## Fix
Set `transport` to `tcp` or leave it out: the same wildcard then takes IPv4. Or give the place IPv6.

## Fix safety
Unsafe: the receiver becomes reachable over IPv4.

## Example
```yaml fires
target: http://127.0.0.1:4318
sysctls: {net.ipv6.conf.all.disable_ipv6: 1}
listeners: ["[::]:4318 v6only go otelcol"]
probes: ["127.0.0.1:4318 http refused"]
```
```yaml fires
target: 10.9.0.5:4317
interfaces: {lo: [127.0.0.1/8], eth0: [10.9.0.5/24]}
sysctls: {net.ipv6.bindv6only: 1}
listeners: ["[::]:4317 v6only rust rotel"]
```
```yaml quiet
target: 10.9.0.5:4317
sysctls: {net.ipv6.conf.all.disable_ipv6: 1}
listeners: ["[::]:4317 go otelcol"]
probes: ["10.9.0.5:4317 grpc accepted"]
```

```yaml fires
# dualstack lint --cluster-families IPv4
receivers: {otlp: {protocols: {grpc: {endpoint: "[::]:4317", transport: tcp6}}}}
```
```yaml quiet
# dualstack lint --cluster-families IPv4
receivers: {otlp: {protocols: {grpc: {endpoint: "[::]:4317"}}}}
```

## References
- Measured: the Collector 0.161 with `transport: tcp6` and `disable_ipv6=1`
- ipv6(7): `IPV6_V6ONLY`
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.host import Namespaces
from dualstack.model.otel import Declared
from dualstack.model.question import Question
from dualstack.model.sockets import Listeners, Runtime
from dualstack.model.trace import Hop, Traces
from dualstack.reach import served
from dualstack.reach.blame import is_wildcard
from dualstack.reach.drafts import there, whose
from dualstack.reach.edits import fix
from dualstack.reach.hint import owner, where
from dualstack.reach.start import declared_on
from dualstack.reach.trace import refusals

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR
BECAUSE = ("DS210", "DS213")


def check(traces: Traces, listeners: Listeners, namespaces: Namespaces, declared: Declared | None) -> Iterator[Finding]:
    """One finding for each refused flow whose port has only such sockets."""
    for trace, sockets in refusals(traces, listeners):
        space = namespaces.at(trace.server)
        deaf = bool(sockets) and all(is_wildcard(x) and x.v6only for x in sockets)
        if not deaf or space is None or space.addresses(Family.IPV6):
            continue
        port, holder = trace.port, owner(sockets[0])
        endpoint = declared_on(declared, port)
        at = where(endpoint) if endpoint else f" of port {port} in the configuration of {holder}"
        is_go = sockets[0].runtime is Runtime.GO
        yield Finding(
            summary=f"Nobody can reach the listener on port {port}",
            detail=f"On `[::]:{port}`, {holder} takes IPv6 alone, and `{space.place}` has no IPv6 address.",
            hint=f"Set `transport`{at} to `tcp`."
            if is_go
            else f"Bind `0.0.0.0:{port}` in the configuration of {holder}.",
            families=(trace.family,),
            evidence=(Evidence("no interface holds an IPv6 address", space.source), *trace.at(Hop.LISTEN).evidence),
            location=endpoint.location if endpoint else None,
            fix=Fix(f"Bind `0.0.0.0:{port}`", Applicability.UNSAFE),
            flows=(trace.key,),
        )


def lint(deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each listener that takes IPv6 alone in a cluster without it."""
    for item in deployments.items:
        asked = there(item, question)
        lacking = asked.cluster and Family.IPV6 not in asked.cluster
        for endpoint in item.config.endpoints if lacking else ():
            pin, plain = endpoint.pinned, endpoint.network[:3]
            if served.pinned(endpoint, asked) is Family.IPV6 and pin:
                yield Finding(
                    summary="Nobody can reach this listener",
                    detail=f"With `{pin.text}` it takes IPv6 alone, and {whose(item, question)[1]} has none.",
                    hint=f"Write `{plain}`, or leave `transport` out.",
                    families=(Family.IPV4,),
                    confidence=Confidence.DECLARED,
                    evidence=(Evidence(f"{endpoint.effective}, {pin.text}", endpoint.field, Layer.DECLARED),),
                    location=pin.at,
                    fix=fix(f"Set `transport` to `{plain}`", Applicability.UNSAFE, pin, plain),
                )

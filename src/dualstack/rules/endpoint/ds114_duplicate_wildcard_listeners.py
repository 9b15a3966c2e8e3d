"""One configuration binds the same port on a wildcard address twice.

## What it detects
Two endpoints of one kind of component on one port that are both wildcards: `0.0.0.0:4317` and `[::]:4317`, written as
if each were for one family. A pair of `tcp4` and `tcp6` is fine; any other clash is DS115. Where the file has no
section `service`, nobody knows what runs together: it is a warning then.

## Why it breaks
For Go each of them is the same dual-stack socket, so the second one fails: `bind: address already in use`. The
Collector ends at its start.

## Fix
Take one of them away, the whole listener and not its address alone: the other takes IPv4 and IPv6. Or set `transport`
to `tcp4` for the one and `tcp6` for the other.

## Fix safety
Safe where both can be given a transport in this version: the two become what they were meant to be. HTTP servers take
one since 0.144. Otherwise by hand.

## Example
```yaml fires
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
  otlp/6: {protocols: {grpc: {endpoint: "[::]:4317", transport: tcp}}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp, otlp/6], exporters: [debug]}}}
```
```yaml fires
receivers:
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}
  otlp/6: {protocols: {grpc: {endpoint: "[::]:4317"}}}
```
```yaml quiet
receivers:
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317", transport: tcp4}}}
  otlp/6: {protocols: {grpc: {endpoint: "[::]:4317", transport: tcp6}}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp, otlp/6], exporters: [debug]}}}
```

## References
- Go src/net/ipsock_posix.go favoriteAddrFamily; net/ipv6/inet6_hashtables.c inet_rcv_saddr_equal
- https://github.com/kubernetes/kubernetes/issues/126960
- Measured: tcp4 beside tcp6 on one port
"""

from collections.abc import Iterator

from dualstack.model.address import BOTH
from dualstack.model.deployed import Deployments
from dualstack.model.finding import Applicability, Confidence, Edit, Finding, Fix, Severity
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.trace import Hop
from dualstack.reach.clash import Clash, clashes
from dualstack.reach.drafts import declared
from dualstack.reach.edits import added, replaced
from dualstack.reach.start import port

HOP = Hop.ENDPOINT
SEVERITY = Severity.ERROR


def lint(deployments: Deployments) -> Iterator[Finding]:
    """One finding for each wildcard whose port an earlier one has."""
    for clash in clashes(deployments):
        first, second = clash.first, clash.second
        together = clash.deployed.config.whole
        if not clash.split:
            continue
        yield Finding(
            summary=f"Port {port(second)} is bound twice on every address",
            detail=f"`{second.effective}` and `{first.effective}` of {first.component} are one dual-stack socket in "
            "Go: the second fails with `bind: address already in use`.",
            hint=f"Take {_whole(clash)} away, or set `transport` to `tcp4` for one and to `tcp6` for the other.",
            severity=Severity.ERROR if together else Severity.WARNING,
            families=BOTH,
            confidence=Confidence.DECLARED,
            evidence=(declared(second), declared(first)),
            location=second.location,
            fix=_fix(clash),
        )


def _whole(clash: Clash) -> str:
    """The later listener: without its address alone it would have the default one, on the same port."""
    component, field = clash.second.component, clash.second.field
    alone = [x for x in clash.deployed.config.endpoints if x.component == component]
    if len(alone) > 1:
        return f"`{field.rpartition('.')[0]}`"
    return f"`{component.replace('/', '.', 1)}` and its place in `service`"


def _fix(clash: Clash) -> Fix:
    """Each its family; by hand where that cannot be written into both, or they are one place of the file."""
    both = (clash.first, clash.second) if clash.deployed.config.whole else ()
    edits = [_pinned(x) for x in both]
    if not edits or not all(edits) or edits[0] == edits[1]:
        return Fix("Take one of the two away")
    return Fix("Give each its family", Applicability.SAFE, (*edits[0], *edits[1]))


def _pinned(endpoint: DeclaredEndpoint) -> tuple[Edit, ...]:
    digit = "6" if "[::]" in endpoint.text else "4"
    if endpoint.pinned:
        plain = endpoint.pinned.text == endpoint.network
        return replaced(endpoint.pinned, endpoint.network + digit) if plain else ()
    return added(endpoint.room, transport=endpoint.network + digit)

"""Small exports pass and large ones hang: most often the path takes smaller packets than the client sends.

## What it detects
An empty export is accepted. One of 12 KiB is sent again and again without any acknowledgement; where it arrives once it
is cut into segments of 500 bytes, the path MTU is to blame. It holds no telemetry, only a field that receivers skip.
Or a TLS handshake gets no answer, twice, and succeeds in such segments: the server's certificate is what is too large.

## Why it breaks
A link on the way (a tunnel, a VPN, an overlay network) carries smaller packets than the first one. Its router drops
what is too large and says so with ICMPv6 Packet Too Big or ICMP Fragmentation Needed. Where a filter drops that
message, or a load balancer does not pass it on, the client never learns of it. A new connection, a health check and a
small batch work; a full batch ends with `DeadlineExceeded`. IPv6 is hit first: many filters drop all of ICMPv6.

## Fix
Let these messages pass, clamp the segment size at the narrow link, or lower the MTU of the client's interface.

## Example
```yaml fires
target: grpc://collector:4317
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes:
- "[fd00:9::7]:4317 grpc large_stalled detail='segments of 1428 bytes, sent 4 times, were never acknowledged'"
- "10.9.0.7:4317 grpc accepted"
```

```yaml fires
target: http://10.9.0.7:4318
probes: ["10.9.0.7:4318 http large_stalled"]
```

```yaml fires
target: http://10.9.0.7:4318
sysctls: {net.ipv4.tcp_mtu_probing: 1}
probes: ["10.9.0.7:4318 http large_stalled"]
```

```yaml fires
target: http://10.9.0.7:4318
probes: ["10.9.0.7:4318 http large_lost"]
```

```yaml fires
target: https://10.9.0.7:4318
probes: ["10.9.0.7:4318 https tls_stalled"]
```

```yaml quiet
target: http://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 http rejected HTTP 413"]
```

```yaml quiet
target: http://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 http accepted HTTP 200 larger='silent: nothing answered the request within 10 s'"]
```

## References
- RFC 8201 section 4 and RFC 1191: path MTU discovery; RFC 4890 section 4.3.1: messages that must not be dropped
- ip-sysctl (Linux kernel documentation): `tcp_mtu_probing`
- https://github.com/cilium/cilium/issues/35489, https://github.com/ovn-org/ovn-kubernetes/issues/4160
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.host import Namespaces, Routes
from dualstack.model.probe import Outcome, ProbeResult, Probes
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.answers import elsewhere, ended
from dualstack.reach.hint import inside
from dualstack.reach.outcomes import MEANINGS

HOP = Hop.EXPORT
SEVERITY = Severity.ERROR

_TOO_BIG = {
    Family.IPV4: ("ICMP Fragmentation Needed", "icmp type destination-unreachable icmp code frag-needed accept"),
    Family.IPV6: ("ICMPv6 Packet Too Big", "icmpv6 type packet-too-big accept"),
}
"""The message that a narrow link sends back, and the nft rule that lets it pass."""
_HEALS = " `net.ipv4.tcp_mtu_probing` is on here, so each new connection gets through after some seconds."


def check(traces: Traces, probes: Probes, routes: Routes | None, spaces: Namespaces | None) -> Iterator[Finding]:
    """One finding for each flow that takes small exports alone."""
    for trace, result in ended(traces, probes, (Outcome.TLS_STALLED, Outcome.LARGE_STALLED, Outcome.LARGE_LOST)):
        narrow, back = result.outcome is not Outcome.LARGE_LOST, result.outcome is Outcome.TLS_STALLED
        what = f"{trace.family.title} {'answers' if back else 'exports'}"
        space = spaces.at(trace.vantage) if spaces else None
        heals = narrow and not back and space is not None and bool(space.tcp_mtu_probing)
        yield Finding(
            summary=f"Large {what} {'are delayed' if heals else 'hang'} on the way",
            detail=_detail(traces, trace, result) + (_HEALS if heals else ""),
            hint=_widen(trace, routes, back=back) if narrow else _watch(trace),
            families=(trace.family,),
            confidence=Confidence.PROBED,
            evidence=(*trace.at(Hop.HANDSHAKE).evidence, *trace.at(Hop.EXPORT).evidence),
            severity=Severity.WARNING if heals else Severity.ERROR,
            flows=(trace.key,),
        )


def _detail(traces: Traces, trace: Trace, result: ProbeResult) -> str:
    message, _ = _TOO_BIG[trace.family]
    small = "An empty export is accepted, and one of 12 KiB is not"
    begins, ends = {
        Outcome.TLS_STALLED: ("The TLS handshake stalls", f"No {message} told the server to send smaller packets."),
        Outcome.LARGE_STALLED: (small, f"No {message} told the client to send smaller packets."),
        Outcome.LARGE_LOST: (small, "Something on the way drops it."),
    }[result.outcome]
    spared = any(x.accepted and x.family is not trace.family for x in elsewhere(traces, trace))
    other = f" {trace.family.other.title} works." if spared else ""
    return f"{begins}: {result.detail or MEANINGS[result.outcome].why}. {ends}{other}"


def _widen(trace: Trace, routes: Routes | None, *, back: bool) -> str:
    message, rule = _TOO_BIG[trace.family]
    answer = routes.to(trace.vantage, trace.addresses[0]) if routes else None
    interface = f"`{answer.interface}`" if answer and answer.interface else "the interface"
    end = "server" if back else "client"
    option = "-6" if trace.family is Family.IPV6 else "-4"
    path = inside(trace.vantage, f"tracepath {option} {trace.addresses[0]}")
    return (
        f"Let {message} pass every filter on the way and at the {end} (`{rule}` in nftables), or clamp the segments "
        f"where the way narrows (`tcp option maxseg size set rt mtu`): `{path}` shows how far it is wide. Until then "
        f"give {interface} of the client an MTU of 1280."
    )


def _watch(trace: Trace) -> str:
    dump = f"tcpdump -ni any 'tcp port {trace.target.port}'"
    return (
        f"Run `{dump}` on the host of `{trace.addresses[0]}` and try again, and look at filters on the way that "
        "inspect or limit data."
    )

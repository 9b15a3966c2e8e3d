"""The name's IPv6 address was made by a DNS64, and no NAT64 leads there.

## What it detects
An address of the name is in a NAT64 prefix: `64:ff9b::/96`, one of `64:ff9b:1::/48`, or the one that the nameservers
put before the addresses of `ipv4only.arpa`. The flow to it fails otherwise than the one to the IPv4 address inside.

## Why it breaks
A DNS64 gives names without an AAAA record one that stands for their IPv4 address. No host holds it: it needs a NAT64
that translates. Most clients try IPv6 first, also where the host has IPv4 and the NAT64 is missing or broken.

## Fix
Use a nameserver without DNS64 where hosts have IPv4. Elsewhere bring up the NAT64, and a route to its prefix.

## Example
```yaml fires
target: collector:4317
names: {collector: ["64:ff9b::a09:7", 10.9.0.7]}
probes: ["[64:ff9b::a09:7]:4317 grpc timed_out", "10.9.0.7:4317 grpc accepted"]
```
```yaml fires
target: http://collector:4318
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: ["fd00:9::5/64"]}
names: {collector: ["2001:db8:64:ff9b::a09:7"]}
dns: ["fd00:9::53 collector A NOERROR 10.9.0.7", "fd00:9::53 ipv4only.arpa AAAA NOERROR 2001:db8:64:ff9b::c000:aa"]
routes: ["2001:db8:64:ff9b::a09:7 ENETUNREACH"]
probes: ["[2001:db8:64:ff9b::a09:7]:4318 http no_route"]
```
```yaml quiet
target: collector:4317
names: {collector: ["64:ff9b::a09:7", 10.9.0.7]}
probes: ["[64:ff9b::a09:7]:4317 grpc accepted", "10.9.0.7:4317 grpc accepted"]
```
```yaml quiet
target: collector:4317
names: {collector: ["64:ff9b::a09:7", 10.9.0.7]}
probes: ["[64:ff9b::a09:7]:4317 grpc refused", "10.9.0.7:4317 grpc refused"]
```

## References
- RFC 6147, RFC 6052 section 2, RFC 7050 section 3, RFC 8215
- https://github.com/aws/aws-eks-best-practices/issues/712
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Severity
from dualstack.model.host import Namespaces, Routes
from dualstack.model.names import Names
from dualstack.model.trace import Disposition, Hop, Trace, Traces
from dualstack.reach.astray import idle_link
from dualstack.reach.client import connects
from dualstack.reach.dial import ACCEPTED
from dualstack.reach.dns64 import PROBE, Synthesised, synthesised
from dualstack.reach.hint import inside
from dualstack.reach.lookup import answers_for

HOP = Hop.RESOLVE
SEVERITY = Severity.WARNING
BECAUSE = ("DS301", "DS302", "DS304", "DS306", "DS405", "DS702")

_LOST = (Disposition.NO_ROUTE, Disposition.TIMED_OUT)


def check(traces: Traces, names: Names, namespaces: Namespaces | None, routes: Routes | None) -> Iterator[Finding]:
    """One finding for each flow to an address that a DNS64 made and no NAT64 serves."""
    for trace in traces.broken:
        made = next((x for y in trace.addresses if (x := synthesised(names, trace.target.host, y))), None)
        if made is None or trace.target.literal or trace.server or connects(trace) == ACCEPTED:
            continue
        direct = next((x for x in traces.items if x.target == trace.target and made.ipv4 in x.addresses), None)
        works = direct is not None and connects(direct) == ACCEPTED
        if works or _is_astray(trace, direct, namespaces, routes):
            yield _finding(trace, made, names, works=works)


def _is_astray(trace: Trace, direct: Trace | None, spaces: Namespaces | None, routes: Routes | None) -> bool:
    """Whether the way to the NAT64 is at fault, and not the host behind it nor this host's link or router.

    A NAT64 hands on what the host behind it does. A host that has no IPv4 cannot compare.
    """
    alike = direct is not None and direct.required and direct.disposition is trace.disposition
    route = routes.to(trace.vantage, trace.addresses[0]) if routes else None
    cut_off = idle_link(trace, spaces) or (route and route.silent and route.gateway)
    return trace.disposition in _LOST and not alike and not cut_off


def _finding(trace: Trace, made: Synthesised, names: Names, *, works: bool) -> Finding:
    answers = (x for x in (*answers_for(names, trace.target.host), *answers_for(names, PROBE)) if x.record == "AAAA")
    meant = f"`{made.address}` is no host: a DNS64 made it of `{made.ipv4}`, in the NAT64 prefix `{made.prefix}`."
    look = f"`{inside(trace.vantage, f'ip -6 route get {made.address}')}`"
    needless = f"Use a nameserver without DNS64 here, or let the NAT64 for `{made.prefix}` answer; look at {look}."
    needed = f"Look at {look}, and check that a NAT64 serves `{made.prefix}` and reaches `{made.ipv4}`."
    said = f" `{made.ipv4}` itself answers." if works else " Nothing answers by way of a NAT64."
    return Finding(
        summary="The DNS64 address leads to no NAT64",
        detail=meant + said,
        hint=needless if works else needed,
        families=(trace.family,),
        evidence=(
            *(Evidence(f"{x.name} AAAA: {', '.join(x.addresses)}", f"DNS query to {x.server}") for x in answers),
            *trace.at(Hop.RESOLVE).evidence,
            *(trace.failing.evidence if trace.failing else ()),
        ),
        flows=(trace.key,),
    )

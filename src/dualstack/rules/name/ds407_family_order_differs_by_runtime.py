"""Clients of one host begin with different families, and one family does not answer.

## What it detects
A name has an address that cannot be used, some clients are held up by it, and not all of them try its family first.

## Why it breaks
glibc and gRPC follow their own tables, musl and Go theirs, Java puts IPv4 first, and `/etc/gai.conf` changes glibc
alone. So curl works and a Java program fails, or the reverse, with the same name on the same host.

## Fix
Repair the family that does not answer. To change the order of one client after the other only hides it.

## Example
```yaml fires
target: collector:4317
names: {collector: ["2001:db8::7", 10.9.0.7]}
routes: ["2001:db8::7 eth0 2001:db8::5"]
probes: ["[2001:db8::7]:4317 grpc timed_out", "10.9.0.7:4317 grpc accepted"]
```
```yaml fires
target: http://collector:4318
names: {collector: ["2001:db8::7", 10.9.0.7]}
routes: ["2001:db8::7 eth0 2001:db8::5"]
gai: ["precedence ::ffff:0:0/96 100"]
probes: ["[2001:db8::7]:4318 http timed_out", "10.9.0.7:4318 http accepted"]
```
```yaml quiet
target: collector:4317
names: {collector: ["2001:db8::7", 10.9.0.7]}
probes: ["[2001:db8::7]:4317 grpc accepted", "10.9.0.7:4317 grpc accepted"]
```
```yaml quiet
target: collector:4317
names: {collector: [10.9.0.7, 10.9.0.8]}
probes: ["10.9.0.7:4317 grpc timed_out", "10.9.0.8:4317 grpc accepted"]
```

## References
- RFC 6724 section 6; gai.conf(5); knowledge/runtimes.table, each row with its source
- https://github.com/golang/go/issues/10552
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Severity
from dualstack.model.host import Routes
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.trace import Hop, Traces
from dualstack.reach.answers import deserted
from dualstack.reach.required import addresses_of
from dualstack.reach.stall import beginners, stalls

HOP = Hop.SELECT
SEVERITY = Severity.INFO
BECAUSE = ("DS404",)


def check(traces: Traces, names: Names, routes: Routes | None, probes: Probes | None) -> Iterator[Finding]:
    """One finding for each dead address that some clients begin with, and others do not."""
    for trace, others in deserted(traces):
        mine = [x for x in traces.items if x.target == trace.target]
        firsts = beginners(mine, names, routes)
        if len(firsts) < 2 or all(x.family is trace.family for x in others):
            continue
        if not stalls(mine, names, routes, probes, None):
            continue
        host, address, title = trace.target.host, trace.addresses[0], trace.family.title
        yield Finding(
            summary="Clients begin with different families",
            detail=f"`{host}` answers over {trace.family.other.title}, and not at `{address}`. "
            f"These begin with {title}: {', '.join(firsts[trace.family])}. "
            f"These begin with {trace.family.other.title}: {', '.join(firsts[trace.family.other])}.{_changed(names)}",
            hint=f"Compare their order with `dualstack resolve {host}`, and repair {title} for all of them.",
            families=(trace.family,),
            evidence=(
                Evidence(f"`{host}`: {', '.join(addresses_of(trace.target, names))}", "getaddrinfo"),
                *(Evidence(f"{x.kind} {x.prefix} {x.value}", f"/etc/gai.conf:{x.line}") for x in names.files.policy),
            ),
            flows=(trace.key,),
        )


def _changed(names: Names) -> str:
    lines = ", ".join(str(x.line) for x in names.files.policy)
    return f" `/etc/gai.conf` (line {lines}) has changed the order of those that use glibc." if lines else ""

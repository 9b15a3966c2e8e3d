"""A nameserver denies a name for one record type that it has for the other.

## What it detects
One server, one name: an answer with addresses for A and NXDOMAIN for AAAA, or the reverse.

## Why it breaks
NXDOMAIN says that the name does not exist, for any type. A resolver that hears it may drop the other answer: musl,
BusyBox, .NET and nginx then say that the name does not resolve. glibc takes what it got.

## Fix
Let the server answer NOERROR without records for a type that the name does not have.

## Example
```yaml fires
target: collector:4317
names: {collector: EAI_NONAME}
dns: ["10.9.0.53 collector A NOERROR 10.9.0.7", "10.9.0.53 collector AAAA NXDOMAIN"]
```
```yaml fires
target: http://collector:4318
names: {collector: ["fd00:9::7"]}
dns: ["10.9.0.53 collector.example A NXDOMAIN", "10.9.0.53 collector.example AAAA NOERROR fd00:9::7"]
probes: ["[fd00:9::7]:4318 http accepted"]
```
```yaml quiet
target: collector:4317
names: {collector: [10.9.0.7]}
dns:
- "10.9.0.53 collector A NOERROR 10.9.0.7"
- "10.9.0.53 collector AAAA NOERROR"
- "10.9.0.54 collector AAAA NXDOMAIN"
probes: ["10.9.0.7:4317 grpc accepted"]
```

## References
- RFC 8020 section 2: NXDOMAIN means that nothing is there; RFC 2308 section 2.2: NODATA; RFC 4074 section 4.2
- https://github.com/coredns/coredns/issues/779
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.names import DnsAnswer, Names
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Traces
from dualstack.reach.lookup import asked_as, family_of, spared

HOP = Hop.RESOLVE
SEVERITY = Severity.ERROR


def check(traces: Traces, names: Names, question: Question) -> Iterator[Finding]:
    """One finding for each server and name whose answers for A and AAAA contradict each other."""
    for denied in names.answers:
        given = _given(names, denied)
        if given is None:
            continue
        mine = asked_as(traces, names, denied.name)
        yield Finding(
            summary=f"NXDOMAIN for {denied.record} hides the {given.record} record",
            detail=f"`{denied.server}` has {', '.join(given.addresses)} for `{denied.name}` and says of its "
            f"{denied.record} record that the name does not exist. musl and nginx then give up.",
            hint=f"Compare `dig @{denied.server} {denied.name} {denied.record}` with {given.record}, and make the "
            "server (a `template` of CoreDNS, for one) answer NOERROR without records.",
            families=(family_of(given),),
            confidence=Confidence.PROBED,
            evidence=tuple(
                Evidence(f"{x.record}: {' '.join((x.rcode, *x.addresses))}", f"DNS query to {x.server}")
                for x in (given, denied)
            ),
            severity=Severity.WARNING if spared(question.client, mine) else Severity.ERROR,
            flows=tuple(x.key for x in mine),
        )


def _given(names: Names, denied: DnsAnswer) -> DnsAnswer | None:
    """The answer with addresses of the same server for the same name, where this one denies the name."""
    if denied.rcode != "NXDOMAIN":
        return None
    same = (x for x in names.answers if (x.server, x.name) == (denied.server, denied.name))
    return next((x for x in same if x.rcode == "NOERROR" and x.addresses), None)

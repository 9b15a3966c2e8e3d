"""A nameserver answers for A and is silent for AAAA, or fails.

## What it detects
One server, one name: the query for A brings addresses, the query for AAAA no answer, or SERVFAIL or REFUSED. An
answer that does not fit into a datagram, on a server or a path that refuses DNS over TCP, is none. One that comes late
is a note: the C library has addresses that no other server and no file gives.

## Why it breaks
A resolver asks for both and waits for both: in glibc 5 s a try, twice, unless `timeout` and `attempts` say otherwise.
Then it goes on with what it has, or gives up. Every new connection pays for it, and short timeouts of exporters end
first. After a failure glibc takes the A record at once, and musl has no address at all: a warning, until the client
is known to be on musl.

## Fix
Let the server, or the middlebox before it, answer AAAA queries: NOERROR without records is an answer.

## Example
```yaml fires
target: collector:4317
names: {collector: [10.9.0.7]}
dns: ["10.9.0.53 collector A NOERROR 10.9.0.7", "10.9.0.53 collector AAAA TIMEOUT"]
probes: ["10.9.0.7:4317 grpc accepted"]
```
```yaml fires
target: http://collector:4318
names: {collector: EAI_AGAIN}
dns: ["fd00:9::53 collector A NOERROR 10.9.0.7", "fd00:9::53 collector AAAA TIMEOUT"]
```
```yaml fires
target: collector:4317
names: {collector: [10.9.0.7]}
dns: ["10.9.0.53 collector A NOERROR 10.9.0.7", "10.9.0.53 collector AAAA SERVFAIL"]
probes: ["10.9.0.7:4317 grpc accepted"]
```
```yaml fires
target: collector:4317
names: {collector: EAI_AGAIN}
dns: ["10.9.0.53 collector A NOERROR 10.9.0.7", "10.9.0.53 collector AAAA UNREACHABLE"]
```
```yaml fires
target: collector:4317
names: {collector: ["fd00:9::7", 10.9.0.7]}
dns: ["10.9.0.53 collector A NOERROR 10.9.0.7", "10.9.0.53 collector AAAA TIMEOUT"]
probes: ["[fd00:9::7]:4317 grpc accepted", "10.9.0.7:4317 grpc accepted"]
```
```yaml quiet
target: collector:4317
names: {collector: EAI_AGAIN}
dns: ["10.9.0.53 collector A TIMEOUT", "10.9.0.53 collector AAAA TIMEOUT"]
```

## References
- resolv.conf(5): `timeout`, `attempts`; RFC 4074 sections 4.1 and 4.3; measured: musl 1.2.3, glibc 2.36
- https://github.com/coredns/coredns/issues/3904
"""

from collections.abc import Iterator, Sequence

from dualstack.model.address import Family
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.names import DnsAnswer, Names
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.lookup import asked_as, is_late, spared
from dualstack.reach.resolver import patience

HOP = Hop.RESOLVE
SEVERITY = Severity.ERROR

_SILENT, _CUT, _FAILED = "TIMEOUT", "UNREACHABLE", ("SERVFAIL", "REFUSED")


def check(traces: Traces, names: Names, question: Question) -> Iterator[Finding]:
    """One finding for each server and name with an AAAA query that failed beside an answered one."""
    for silent in names.answers:
        given = _given(names, silent)
        if given is None:
            continue
        mine = asked_as(traces, names, silent.name)
        if silent.rcode == _SILENT and any(is_late(names, x.target.host) for x in mine):
            yield _late(silent, mine)
            continue
        yield Finding(
            summary="AAAA queries get no answer" if silent.rcode == _SILENT else "AAAA queries fail",
            detail=f"`{silent.server}` answers for the A record of `{silent.name}` and {_instead(names, silent)}",
            hint=f"Run `dig @{silent.server} {silent.name} AAAA`, and let what is silent or fails answer NOERROR.",
            families=(Family.IPV6,),
            confidence=Confidence.PROBED,
            evidence=tuple(
                Evidence(f"{x.record}: {' '.join((x.rcode, *x.addresses))}", f"DNS query to {x.server}")
                for x in (given, silent)
            ),
            severity=Severity.WARNING
            if spared(question.client, mine) or _mild(question, silent, mine)
            else Severity.ERROR,
            flows=tuple(x.key for x in mine),
        )


def _late(slow: DnsAnswer, traces: Sequence[Trace]) -> Finding:
    return Finding(
        summary="AAAA queries are answered late",
        detail=f"`{slow.server}` takes long to answer for the AAAA record of `{slow.name}`. It does in the end.",
        hint=f"Run `dig @{slow.server} {slow.name} AAAA` and look at its query time: each new connection waits for it.",
        severity=Severity.INFO,
        families=(Family.IPV6,),
        evidence=(Evidence(f"{slow.record}: no answer in time", f"DNS query to {slow.server}"),),
        flows=tuple(x.key for x in traces),
    )


def _mild(question: Question, silent: DnsAnswer, traces: Sequence[Trace]) -> bool:
    """Whether nobody asks for a client that it hurts: a failure delays no one, and glibc takes the other answer."""
    return question.client is None and silent.rcode in _FAILED and any(x.addresses for x in traces)


def _given(names: Names, silent: DnsAnswer) -> DnsAnswer | None:
    """The answer with addresses of the same server for the same name, where this query failed."""
    if silent.record != "AAAA" or silent.rcode not in (_SILENT, _CUT, *_FAILED):
        return None
    same = (x for x in names.answers if (x.server, x.name) == (silent.server, silent.name))
    return next((x for x in same if x.addresses), None)


def _instead(names: Names, silent: DnsAnswer) -> str:
    if silent.rcode == _CUT:
        why = "most often the answer is too large for UDP, and DNS over TCP is refused"
        return f"gives none for AAAA: {why}. glibc then has no address."
    if silent.rcode != _SILENT:
        return f"says {silent.rcode} for AAAA. glibc takes the A record, and musl gives up."
    timeout, attempts = patience(names.files.options)
    options = f"`timeout:{timeout}`, `attempts:{attempts}`"
    return f"is silent for AAAA. Resolvers wait {timeout} s a try ({options}) before they go on, and some give up."

"""A packet filter stops the connection.

## What it detects
A rule of nftables, ip6tables or iptables drops or rejects the connection, at either end or at a router between that is
a network namespace of this machine. Where the rules cannot be read or decided: a listener accepts the address, and
yet the connection is reset or unanswered; the kernel says "not permitted"; or an ICMP error comes that filters send.

## Why it breaks
IPv4 and IPv6 have their own rules: ip6tables beside iptables, a table `ip` beside `ip6`. A rule that opens a port in
one opens nothing in the other.

## Fix
Allow the port in the family that lacks it.

## Example
```yaml fires
target: http://[::1]:4318
listeners: ["[::]:4318 go otelcol"]
filters: ["input [::1]:4318 reject meta nfproto ipv6 tcp dport 4318 reject"]
probes: ["[::1]:4318 http refused"]
```
```yaml fires
target: 10.9.0.5:4317
listeners: ["0.0.0.0:4317 posix fluent-bit"]
filters: ["input 10.9.0.5:4317 drop policy drop of inet filter input"]
```
```yaml fires
target: http://[fd00:9::5]:4318
listeners: ["[::]:4318 go otelcol"]
probes: ["[fd00:9::5]:4318 http timed_out"]
```
```yaml fires
target: http://[fd00:9::7]:4318
probes: ["[fd00:9::7]:4318 http denied"]
```
```yaml fires
target: 10.9.0.7:4317
filters: ["output 10.9.0.7:4317 unknown/accept|reject limit rate 9/second reject with tcp reset"]
probes: ["10.9.0.7:4317 grpc refused"]
```
```yaml quiet
target: 10.9.0.7:4317
filters: ["output 10.9.0.7:4317 unknown/accept|drop limit rate 9/second drop"]
probes: ["10.9.0.7:4317 grpc refused"]
```
```yaml quiet
target: http://[fd00:9::5]:4318
sysctls: {net.ipv6.conf.lo.disable_ipv6: 1}
listeners: ["[::]:4318 go otelcol"]
probes: ["[fd00:9::5]:4318 http timed_out"]
```
```yaml quiet
target: http://[fd00:9::7]:4318
filters: ["output [fd00:9::7]:4318 accept"]
probes: ["[fd00:9::7]:4318 http timed_out"]
```

## References
- nft(8), ip6tables(8); connect(2): `EPERM`, `EACCES`
- https://github.com/moby/moby/issues/49556
"""

from collections.abc import Iterator

from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.host import Filters, FilterVerdict, Namespaces
from dualstack.model.probe import Outcome, Probes
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.allow import allow, culprit, look, of, refused_here, rule_out, seen, stopping, within
from dualstack.reach.astray import stays_unheard
from dualstack.reach.doubt import UNDECIDED, suspect
from dualstack.reach.policy_marks import shut_out

HOP = Hop.POLICY
SEVERITY = Severity.ERROR

_REASONS = {
    "reset": "A listener accepts this address, and yet a reset answers.",
    "timed_out": "A listener accepts this address, and yet nothing answers the connection.",
    "denied": "A packet filter, or a route of type prohibit, answers the connection: here or on the way.",
    UNDECIDED: "The connection is refused by a socket or a filter out of sight, or by a filter in sight.",
}
_ENDED = {"timed_out": Outcome.TIMED_OUT, "denied": Outcome.DENIED}


def check(
    traces: Traces, filters: Filters | None, namespaces: Namespaces | None, probes: Probes | None
) -> Iterator[Finding]:
    """One finding for each flow that a filter stops, or must have stopped."""
    for trace in traces.broken:
        hop = trace.at(Hop.POLICY)
        if shut_out(hop) or (trace.failing != hop and hop.mark != UNDECIDED):
            continue
        said = filters.to(trace.addresses[0], trace.target.port) if filters else ()
        against = stopping(said)
        doubted = None if against else suspect(said, _ENDED.get(hop.mark, Outcome.REFUSED))
        own = None if against or doubted else refused_here(trace, probes)
        certain = bool(against) or (_hidden(trace, said) and not stays_unheard(trace, namespaces))
        by = own[0] if own else culprit(trace)
        if certain or doubted:
            yield Finding(
                summary=f"{by} {'stops' if certain else 'may stop'} {trace.family.title}",
                detail=own[1]
                if own
                else " ".join(map(seen, against)) or f"{_reason(trace)} {_unseen(said, doubted, within(trace))}",
                hint=own[2] if own else _hint(trace, against, doubted),
                families=(trace.family,),
                confidence=Confidence.OBSERVED if against else Confidence.INFERRED,
                evidence=hop.evidence,
                flows=(trace.key,),
            )


def _accepted(trace: Trace) -> bool:
    return trace.at(Hop.LISTEN).status is Status.PASS


def _hidden(trace: Trace, said: tuple[FilterVerdict, ...]) -> bool:
    """Whether only a filter that was not read or decided can have done it; a reset and a denial speak for themselves.

    Silence can have other causes, unless a listener accepts; and so can a refusal by sockets out of sight.
    """
    mark = trace.at(Hop.POLICY).mark
    return mark != UNDECIDED and (mark != "timed_out" or (_accepted(trace) and not _passes(said)))


def _passes(said: tuple[FilterVerdict, ...]) -> bool:
    return bool(said) and all(x.verdict == "accept" for x in said)


def _reason(trace: Trace) -> str:
    mark = trace.at(Hop.POLICY).mark
    return "Nothing answers the connection." if mark == "timed_out" and not _accepted(trace) else _REASONS[mark]


def _unseen(said: tuple[FilterVerdict, ...], doubted: FilterVerdict | None, known: tuple[str, str] | None) -> str:
    if doubted:
        return f"{of(doubted)} has a rule that could not be decided: `{doubted.rule}`."
    if known:
        return known[0]
    if _passes(said):
        return "The rules that were read let it pass, so another filter is in between."
    return "The filters on the way were not read."


def _hint(trace: Trace, against: tuple[FilterVerdict, ...], doubted: FilterVerdict | None) -> str:
    if against:
        return allow(against)
    return rule_out(doubted) if doubted else look(trace)

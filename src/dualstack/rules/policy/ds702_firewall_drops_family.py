"""A packet filter stops the connection.

## What it detects
A rule of nftables, ip6tables or iptables at either end drops or rejects the connection. Where the rules cannot be read:
a listener accepts the address, and yet the connection is reset or unanswered, or the kernel says "not permitted".

## Why it breaks
IPv4 and IPv6 have their own rules: ip6tables beside iptables, a table `ip` beside `ip6`. A rule that opens a port in
one opens nothing in the other.

## Fix
Allow the port in the family that lacks it.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["[::]:4318 go otelcol"]
filters: ["input [::1]:4318 reject meta nfproto ipv6 tcp dport 4318 reject"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
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
from dualstack.model.host import Filters, FilterVerdict
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.blame import is_loopback
from dualstack.reach.hint import inside

HOP = Hop.POLICY
SEVERITY = Severity.ERROR

_REASONS = {
    "reset": "A listener accepts this address, and yet a reset answers.",
    "timed_out": "A listener accepts this address, and yet nothing answers the connection.",
    "denied": "connect() says: not permitted. A filter of this host, or one on the way, said so.",
}


def check(traces: Traces, filters: Filters | None) -> Iterator[Finding]:
    """One finding for each flow that a filter stops, or must have stopped."""
    for trace in traces.broken:
        if trace.failing is None or trace.failing.hop is not Hop.POLICY:
            continue
        said = _verdicts(trace, filters)
        against = next((x for x in said if x.verdict in ("drop", "reject")), None)
        if against or _hidden(trace, said):
            yield Finding(
                summary=f"A packet filter stops {trace.family.title}",
                detail=_seen(against) if against else f"{_REASONS[trace.failing.mark]} {_unseen(said)}",
                hint=_hint(against) if against else _look(trace),
                families=(trace.family,),
                confidence=Confidence.OBSERVED if against else Confidence.INFERRED,
                evidence=trace.failing.evidence,
                flows=(trace.key,),
            )


def _verdicts(trace: Trace, filters: Filters | None) -> tuple[FilterVerdict, ...]:
    """What the filters of both ends say of a flow."""
    places = dict.fromkeys((trace.vantage, trace.server or trace.vantage))
    port = trace.target.port
    return tuple(y for x in places for y in filters.on(x, trace.addresses[0], port)) if filters else ()


def _hidden(trace: Trace, said: tuple[FilterVerdict, ...]) -> bool:
    """Whether silence can only be a filter that was not read; a reset and a denial speak for themselves."""
    accepted = trace.at(Hop.LISTEN).status is Status.PASS
    return trace.at(Hop.POLICY).mark != "timed_out" or (accepted and not _passes(said))


def _passes(said: tuple[FilterVerdict, ...]) -> bool:
    return bool(said) and all(x.verdict == "accept" for x in said)


def _seen(verdict: FilterVerdict) -> str:
    return f"`{verdict.source}` of `{verdict.place}`, hook {verdict.hook}, says {verdict.verdict}: `{verdict.rule}`."


def _unseen(said: tuple[FilterVerdict, ...]) -> str:
    if _passes(said):
        return "The rules that were read let it pass, so another filter is in between."
    return "The filter itself could not be read."


def _hint(verdict: FilterVerdict) -> str:
    """What to add: for established connections where a reply is lost, for the device on the loopback, or for the port.

    Both directions of a loopback connection pass the same hook, so a rule for the port alone would lose the replies.
    """
    later = "(for " in verdict.rule
    if verdict.source.endswith("-save"):
        chain = "OUTPUT" if (verdict.hook == "output") is not ("(for the " in verdict.rule) else "INPUT"
        device = "-o lo" if chain == "OUTPUT" else "-i lo"
        port = device if is_loopback(verdict.address) else f"-p tcp --dport {verdict.port}"
        match = "-m conntrack --ctstate ESTABLISHED,RELATED" if later else port
        command = f"{verdict.source.removesuffix('-save')} -I {chain} {match} -j ACCEPT"
        return f"Allow it with `{inside(verdict.place, command)}`."
    device = "oif lo" if verdict.hook == "output" else "iif lo"
    port = device if is_loopback(verdict.address) else f"tcp dport {verdict.port}"
    match = "ct state established,related" if later else port
    chain = verdict.rule.partition(" of ")[2].partition(" (")[0] if verdict.rule.startswith("policy ") else ""
    if chain:
        return f"Allow it with `{inside(verdict.place, f'nft add rule {chain} {match} accept')}`."
    return f"Look at `{inside(verdict.place, 'nft -a list ruleset')}` and put `{match} accept` before that rule."


def _look(trace: Trace) -> str:
    tables = "ip6tables-save" if trace.family.value == "ipv6" else "iptables-save"
    place = trace.server or trace.vantage
    return f"Run `{inside(place, 'nft list ruleset')}` and `{inside(place, tables)}` as root, at both ends."

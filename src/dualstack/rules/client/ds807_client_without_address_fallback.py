"""The client waits long for a dead address, or never uses another one.

## What it detects
Another address of the target answers, and this client stays on a dead one for more than a second, or for good; or it
never tries a family that is asked for. The client is the one that was named, or one that runs on this host.

## Why it breaks
A name has several addresses. Some clients dial them side by side, some one after the other with a long wait for each,
some the first alone, and some use IPv4 alone. Telemetry is late or lost, although the receiver is up.

## Fix
Repair the dead address, or give the client a name or a literal that has none. A client that dials side by side, such
as Go or curl, does not mind.

## Example
```yaml fires
target: http://collector:4318
client: java
expect: [ipv4, ipv6]
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http accepted", "10.9.0.7:4318 http accepted"]
```
```yaml fires
target: http://[::1]:4318
client: java-ipv4-stack
probes: ["[::1]:4318 http accepted"]
```
```yaml fires
target: http://collector:4318
client: python-otel@1.30
expect: [ipv4]
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http timed_out", "10.9.0.7:4318 http accepted"]
```
```yaml quiet
target: http://collector:4318
client: go
expect: [ipv4]
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http timed_out", "10.9.0.7:4318 http accepted"]
```
```yaml quiet
target: http://collector:4318
client: python-otel
names: {collector: ["fd00:9::7", 10.9.0.7]}
probes: ["[fd00:9::7]:4318 http accepted", "10.9.0.7:4318 http accepted"]
```

## References
- How each client dials: knowledge/runtimes.table; RFC 8305
- https://github.com/pydantic/logfire/issues/2282, https://github.com/grpc/grpc/issues/31466
"""

from collections.abc import Iterator

from dualstack.model.address import Family, family
from dualstack.model.client import Callers, Outlook
from dualstack.model.finding import Finding, Severity
from dualstack.model.host import Routes
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.client import QUICK
from dualstack.reach.outlook import (
    BREAKS_THE_WAY,
    confidence,
    evidence,
    failed,
    flows,
    outlooks,
    sentence,
    severity,
    subject,
    untried,
)

HOP = Hop.SELECT
SEVERITY = Severity.ERROR
BECAUSE = (*BREAKS_THE_WAY, "DS801", "DS803", "DS804", "DS805")


def check(
    traces: Traces,
    question: Question,
    names: Names | None,
    routes: Routes | None,
    probes: Probes | None,
    callers: Callers | None,
) -> Iterator[Finding]:
    """One finding for each client that a dead address costs time or telemetry, and one for what it never tries."""
    for view in outlooks(traces, question, names, routes, probes, callers):
        lost = untried(traces, view)
        if lost:
            yield _finding(view, "This client never tries an address", _never(view, lost), lost, lost=True)
        dead = flows(traces, view, [x.address for x in failed(view)])
        waited = view.dialled.waited if view.dialled else None
        minds = view.dialled and view.answering and (waited is None or waited > QUICK)
        if dead and minds and (not lost or any(x.required for x in dead)):
            summary = (
                "This client never leaves a dead address" if waited is None else "This client waits for a dead address"
            )
            needed = tuple(x for x in dead if x.required)
            yield _finding(view, summary, sentence(view), needed or dead, lost=False)


def _never(view: Outlook, lost: tuple[Trace, ...]) -> str:
    what = ", ".join(f"`{x}`" for trace in lost for x in trace.addresses)
    if failed(view):
        return f"{sentence(view)} So {what} is never tried."
    used = f"It uses `{view.order[0]}` alone." if view.order else "It can use none of them."
    return f"{subject(view)} never tries {what} of `{view.target.endpoint}`. {used}"


def _finding(view: Outlook, summary: str, detail: str, spoken: tuple[Trace, ...], *, lost: bool) -> Finding:
    return Finding(
        summary=summary,
        detail=detail,
        hint=_hint(view),
        severity=severity(lost=lost),
        families=tuple(dict.fromkeys(x.family for x in spoken)),
        confidence=confidence(view),
        evidence=evidence(view),
        flows=tuple(x.key for x in spoken),
    )


def _hint(view: Outlook) -> str:
    if not view.order:
        return "Give this client an IPv4 address or a name that has one, or let it use IPv6."
    kinds = {family(x) for x in view.answering}
    if len(kinds) != 1:
        return "Give this client the address to use, or take one that dials the addresses side by side."
    title = Family.title.fget(next(iter(kinds)))  # type: ignore[attr-defined]
    return f"Repair the dead address, or give this client a name or address that is {title} alone."

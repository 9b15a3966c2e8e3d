"""The name gives clients an address that they cannot use.

## What it detects
A name has several addresses, one of them works and another one does not. The rule says which clients wait for the dead
one, and for how long.

## Why it breaks
A name is a promise: whoever asks gets every address of it. Some clients try them side by side, some one after the other
with a long wait for each, and some the first alone.

## Fix
Repair the way to the address, or take the record out of the name until it works.

## Example
```yaml fires
target: collector:4317
names: {collector: [10.9.0.7, 10.9.0.8]}
probes: ["10.9.0.7:4317 grpc accepted", "10.9.0.8:4317 grpc refused"]
```
```yaml fires
target: http://collector:4318
client: java
names: {collector: ["2001:db8::7", "2001:db8::8"]}
probes: ["[2001:db8::7]:4318 http refused", "[2001:db8::8]:4318 http accepted"]
```
```yaml fires
target: collector:4317
names: {collector: ["::1", 10.9.0.7]}
hosts: ["127.0.0.1 localhost", "::1 localhost collector"]
probes: ["[::1]:4317 grpc refused", "10.9.0.7:4317 grpc accepted"]
```
```yaml quiet
target: collector:4317
client: curl
names: {collector: ["2001:db8::7", 10.9.0.7]}
probes: ["[2001:db8::7]:4317 grpc timed_out", "10.9.0.7:4317 grpc accepted"]
```
```yaml quiet
target: collector:4317
names: {collector: ["2001:db8::7", 10.9.0.7]}
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24]}
routes: ["2001:db8::7 ENETUNREACH"]
probes: ["[2001:db8::7]:4317 grpc no_route", "10.9.0.7:4317 grpc accepted"]
```

## References
- RFC 6724 section 6, RFC 8305; how each client dials: knowledge/runtimes.table
- https://github.com/grpc/grpc/issues/31466, https://github.com/pydantic/logfire/issues/2282
"""

from collections.abc import Iterator

from dualstack.model.address import Scope, scope
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.host import Routes
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.model.trace import Disposition, Hop, Trace, Traces
from dualstack.reach.answers import deserted
from dualstack.reach.stall import sentence, stalls

HOP = Hop.RESOLVE
SEVERITY = Severity.ERROR
BECAUSE = (
    *("DS201", "DS202", "DS204", "DS205", "DS206", "DS207", "DS208", "DS209", "DS210", "DS211", "DS212", "DS213"),
    *("DS217", "DS301", "DS302", "DS304", "DS305", "DS306", "DS405", "DS406", "DS409", "DS410", "DS702", "DS906"),
)

_USELESS = {
    Scope.LOOPBACK: "the loopback of whoever asks, beside one of another host that answers",
    Scope.LINK_LOCAL: "which means nothing without an interface, beside one that can be used",
}


def check(
    traces: Traces, question: Question, names: Names, routes: Routes | None, probes: Probes | None
) -> Iterator[Finding]:
    """One finding for each dead address of a name of which another address answers."""
    for trace, _ in deserted(traces):
        mine = [x for x in traces.items if x.target == trace.target]
        waiting = stalls(mine, names, routes, probes, question.client)
        spared = trace.disposition is Disposition.NO_ROUTE and not waiting
        address = trace.addresses[0]
        useless, taken = _USELESS.get(scope(address)), _without(trace, names)
        why = useless or "which cannot be used, beside one that can"
        yield Finding(
            summary=f"The name has an unusable {trace.family.title} address",
            detail=f"`{trace.target.host}` gives clients `{address}`, {why}.{sentence(waiting)}",
            hint=f"{taken[0].upper()}{taken[1:]}." if useless else f"Repair the way to `{address}`, or {taken}.",
            families=(trace.family,),
            confidence=Confidence.OBSERVED,
            evidence=(*trace.at(Hop.RESOLVE).evidence, *(trace.failing.evidence if trace.failing else ())),
            severity=Severity.WARNING if spared else Severity.ERROR,
            flows=(trace.key,),
        )


def _without(trace: Trace, names: Names) -> str:
    """What to do so that clients are not given the address, as a sentence part."""
    name, path = trace.target.host, names.files.hosts_path
    line = next((x.line for x in names.files.hosts_of(name) if x.address in trace.addresses), 0)
    record = f"take its {trace.family.record} record out of `{name}`"
    return f"take `{name}` out of line {line} of `{path}`" if line else record

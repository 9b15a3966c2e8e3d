"""Two nameservers say different things of the name, or the first says nothing.

## What it detects
One nameserver has addresses for the name and another one of the same host says that there are none. Or their addresses
have nothing in common, those that the client took do not answer, and those of the other one do. Or one is silent, and
an answer comes from one after it.

## Why it breaks
All nameservers in resolv.conf are taken to know the same. glibc believes the first that answers and asks the next one
where it is silent; musl asks all of them at once. What a client gets then depends on who is quicker, or awake.
Each lookup waits for a silent one first.

## Fix
Let both have the same records, or name one kind of nameserver only. Take out what is gone.

## Example
```yaml fires
target: collector:4317
names: {collector: EAI_NONAME}
dns:
- "10.9.0.53 collector A NXDOMAIN"
- "10.9.0.53 collector AAAA NXDOMAIN"
- "10.9.0.54 collector A NOERROR 10.9.0.7"
- "10.9.0.54 collector AAAA NOERROR"
```
```yaml fires
target: collector:4317
names: {collector: [10.9.0.7]}
dns: ["10.9.0.53 collector A NOERROR 10.9.0.7", "10.9.0.54 collector A NOERROR 10.9.0.8"]
probes: ["10.9.0.7:4317 grpc timed_out", "10.9.0.8:4317 grpc accepted"]
```
```yaml fires
target: collector:4317
names: {collector: [10.9.0.7]}
dns: ["10.9.0.53 collector A TIMEOUT", "10.9.0.54 collector A NOERROR 10.9.0.7"]
probes: ["10.9.0.7:4317 grpc accepted"]
```
```yaml quiet
target: collector:4317
names: {collector: [10.9.0.7]}
dns: ["10.9.0.53 collector A NOERROR 10.9.0.7", "10.9.0.54 collector A NOERROR 10.9.0.8"]
probes: ["10.9.0.7:4317 grpc accepted"]
```
```yaml quiet
target: collector:4317
names: {collector: [10.9.0.7]}
dns: ["10.9.0.53 collector A NOERROR 10.9.0.7", "10.9.0.54 collector A SERVFAIL"]
probes: ["10.9.0.7:4317 grpc timed_out"]
```

## References
- resolv.conf(5): `nameserver`, `rotate`; musl src/network/res_msend.c
"""

from collections.abc import Iterator, Sequence

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Confidence, Finding, Severity
from dualstack.model.names import DnsAnswer, Names
from dualstack.model.probe import Probes
from dualstack.model.trace import Disposition, Hop, Trace, Traces
from dualstack.reach.answers import elsewhere
from dualstack.reach.lookup import family_of
from dualstack.reach.outcomes import reached
from dualstack.reach.resolver import DNS, NEVER, denials, mute, obstacle, patience, rivals, speaking

HOP = Hop.RESOLVE
SEVERITY = Severity.WARNING


def check(traces: Traces, names: Names, probes: Probes | None) -> Iterator[Finding]:
    """One finding for each nameserver that denies what another one has, or has addresses that work instead."""
    asked = obstacle(names.files.sources, DNS) != NEVER
    for host in dict.fromkeys(x.target.host for x in traces.items if asked and not x.target.literal):
        mine = [x for x in traces.items if x.target.host == host]
        lacking = [x for x in mine if x.disposition is Disposition.NO_ADDRESS]
        spoken = lacking or [x for x in mine if not x.failed]
        for denied, given in () if names.files.hosts_of(host) or not spoken else denials(names, host):
            records = " and ".join(x.record for x in denied)
            held = ", ".join(address for x in given for address in x.addresses)
            said = f"`{denied[0].server}` says that `{given[0].name}` has no {records} record ({denied[0].rcode})"
            yield _finding(f"{said}, and `{given[0].server}` has {held}.", names, given, denied, spoken)
        awake = "" if names.files.hosts_of(host) else next(iter(speaking(names, host)), "")
        working = [x for x in mine if not x.failed]
        yield from (_silent(x, awake, names, working) for x in mute(names, host) if awake and working)
    for trace in traces.broken:
        if probes and not any(x.family is trace.family for x in elsewhere(traces, trace)):
            yield from _astray(trace, names, probes)


def _silent(server: str, awake: str, names: Names, flows: Sequence[Trace]) -> Finding:
    """A note for flows that work: what they lose is the time of the lookup."""
    timeout, _ = patience(names.files.options)
    path = names.files.resolv_path
    return Finding(
        summary=f"The nameserver `{server}` does not answer",
        detail=f"glibc waits {timeout} s for it in a lookup (`timeout` in `{path}`), and then asks `{awake}`.",
        hint=f"Repair `{server}`, or take it out of `{path}`.",
        confidence=Confidence.PROBED,
        evidence=(Evidence("TIMEOUT", f"DNS query to {server}"),),
        flows=tuple(x.key for x in flows),
    )


def _astray(trace: Trace, names: Names, probes: Probes) -> Iterator[Finding]:
    """What to say of another nameserver's address that answers where none of those answers that the client took."""
    for rival in rivals(names, trace.target.host):
        result = probes.of(rival.addresses[0], trace.target.port, trace.protocol)
        if family_of(rival) is trace.family and result and reached(result.outcome):
            ours = [x for x in names.answers if set(x.addresses) & set(trace.addresses)]
            taken = (
                f"`{ours[0].server}` has {', '.join(trace.addresses)} for `{trace.target.host}`, which does not answer"
            )
            detail = f"{taken}; `{rival.server}` has `{rival.addresses[0]}`, which does."
            yield _finding(detail, names, [rival], ours[:1], [trace])


def _finding(
    detail: str, names: Names, given: Sequence[DnsAnswer], other: Sequence[DnsAnswer], flows: Sequence[Trace]
) -> Finding:
    one, two = other[0], given[0]
    return Finding(
        summary="Nameservers do not say the same",
        detail=f"{detail} What a client gets depends on which of them answers.",
        hint=f"Compare `dig @{one.server} {one.name} {one.record}` with `@{two.server}`, and let both answer alike, or "
        f"take the wrong one out of `{names.files.resolv_path}`.",
        families=tuple(family_of(x) for x in given),
        confidence=Confidence.PROBED,
        evidence=tuple(
            Evidence(f"{x.name} {x.record}: {' '.join((x.rcode, *x.addresses))}", f"DNS query to {x.server}")
            for x in (*other, *given)
        ),
        flows=tuple(x.key for x in flows),
    )

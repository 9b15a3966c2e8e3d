"""A line of the hosts file gives the name an address that DNS does not have.

## What it detects
A name has an address from the hosts file, nameservers have others for it, and the flow to the one of the file fails.

## Why it breaks
The hosts file comes first, and where it speaks of a name DNS is not asked. A line that was right once, or that a tool
wrote for every family, sends this host somewhere else than all others.

## Fix
Remove the line, or write the address that DNS has.

## Example
```yaml fires
target: collector:4317
names: {collector: ["2001:db8::99"]}
hosts: ["127.0.0.1 localhost", "2001:db8::99 collector collector.example"]
dns: ["10.9.0.53 collector AAAA NOERROR 2001:db8::7"]
probes: ["[2001:db8::99]:4317 grpc timed_out"]
```
```yaml quiet
target: collector:4317
names: {collector: ["2001:db8::7"]}
hosts: ["2001:db8::7 collector"]
dns: ["10.9.0.53 collector AAAA NOERROR 2001:db8::7"]
probes: ["[2001:db8::7]:4317 grpc timed_out"]
```
```yaml quiet
target: collector:4317
names: {collector: ["2001:db8::99"]}
hosts: ["2001:db8::99 collector"]
probes: ["[2001:db8::99]:4317 grpc timed_out"]
```

## References
- hosts(5), nsswitch.conf(5)
- https://github.com/aws/amazon-ecs-service-connect-agent/issues/120
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Severity
from dualstack.model.names import HostsEntry, Names
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.lookup import published

HOP = Hop.RESOLVE
SEVERITY = Severity.WARNING


def check(traces: Traces, names: Names) -> Iterator[Finding]:
    """One finding for each line of the hosts file that leads a required flow astray."""
    for trace in traces.broken:
        known = published(names, trace.target.host)
        for entry in _lines(trace, names) if known else ():
            if entry.address not in known:
                yield _finding(trace, names, entry, known)


def _lines(trace: Trace, names: Names) -> list[HostsEntry]:
    return [x for x in names.files.hosts_of(trace.target.host) if x.address in trace.addresses]


def _finding(trace: Trace, names: Names, entry: HostsEntry, known: tuple[str, ...]) -> Finding:
    path, name = names.files.hosts_path, trace.target.host
    return Finding(
        summary=f"`{path}` overrides DNS for this name",
        detail=f"Line {entry.line} of `{path}` gives `{name}` the address `{entry.address}`, which does not work. "
        f"DNS has {', '.join(f'`{x}`' for x in known[:4])}.",
        hint=f"Remove line {entry.line} of `{path}`, or write the address that DNS has.",
        families=(trace.family,),
        evidence=(
            Evidence(f"{entry.address} {' '.join(entry.names)}", f"{path}:{entry.line}"),
            Evidence(f"`{name}`: {', '.join(known)}", "DNS"),
        ),
        flows=(trace.key,),
    )

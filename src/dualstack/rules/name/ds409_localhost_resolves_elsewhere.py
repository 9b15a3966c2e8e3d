"""`localhost` is an address of another place.

## What it detects
The name `localhost` has an address that is no loopback address.

## Why it breaks
A receiver on `localhost` binds what the name gives, and clients on `localhost` connect to it. An image without a hosts
file asks DNS, and a search domain with a wildcard record answers.

## Fix
Write the loopback addresses into the hosts file, or use `127.0.0.1` and `[::1]` instead of the name.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: [203.0.113.9]}
probes: ["203.0.113.9:4318 http timed_out"]
```
```yaml fires
target: localhost:4317
names: {localhost: ["fd00:9::7", 127.0.0.1]}
hosts: ["127.0.0.1 localhost", "fd00:9::7 localhost"]
probes: ["[fd00:9::7]:4317 grpc accepted", "127.0.0.1:4317 grpc accepted"]
```
```yaml quiet
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
probes: ["[::1]:4318 http accepted", "127.0.0.1:4318 http accepted"]
```

## References
- RFC 6761 section 6.3: `localhost` is for the loopback
- https://github.com/open-telemetry/opentelemetry-collector/issues/9338
"""

from collections.abc import Iterator, Sequence

from dualstack.model.address import family
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Severity
from dualstack.model.names import HostsEntry, Lookup, Names, ResolverFiles
from dualstack.model.trace import Hop, Traces
from dualstack.reach.blame import is_loopback

HOP = Hop.RESOLVE
SEVERITY = Severity.WARNING

_NAME = "localhost"


def check(traces: Traces, names: Names) -> Iterator[Finding]:
    """One finding for a `localhost` that leads away from this host."""
    found = names.lookup(_NAME)
    odd = tuple(x for x in found.addresses if not is_loopback(x)) if found else ()
    if found and odd:
        yield _finding(traces, names, found, odd)


def _finding(traces: Traces, names: Names, found: Lookup, odd: tuple[str, ...]) -> Finding:
    path = names.files.hosts_path
    lines = [x for x in names.files.hosts_of(_NAME) if x.address in odd]
    mine = (x for x in traces.items if x.target.host == _NAME and set(x.addresses) & set(odd))
    return Finding(
        summary="`localhost` is not the loopback",
        detail=f"`localhost` gives {', '.join(f'`{x}`' for x in odd)}, which leads away from the loopback.",
        hint=_hint(names.files, lines),
        families=tuple(dict.fromkeys(map(family, odd))),
        evidence=(
            Evidence(f"`localhost`: {', '.join(found.addresses)}", found.source),
            *(Evidence(f"{x.address} {' '.join(x.names)}", f"{path}:{x.line}") for x in lines),
        ),
        flows=tuple(x.key for x in mine),
    )


def _hint(files: ResolverFiles, lines: Sequence[HostsEntry]) -> str:
    """What to change in the hosts file so that the name is left with a loopback address."""
    if not lines:
        return f"Add the lines `127.0.0.1 localhost` and `::1 localhost` to `{files.hosts_path}`."
    kept = any(is_loopback(x.address) for x in files.hosts_of(_NAME))
    numbers = " and ".join(str(x.line) for x in lines)
    alone = all(x.names == (_NAME,) for x in lines)
    if alone and not kept:
        return f"Replace line {numbers} of `{files.hosts_path}` by `127.0.0.1 localhost`."
    removed = f"{'Remove' if alone else 'Take `localhost` out of'} line {numbers} of `{files.hosts_path}`"
    return f"{removed}." if kept else f"{removed}, and add the line `127.0.0.1 localhost`."

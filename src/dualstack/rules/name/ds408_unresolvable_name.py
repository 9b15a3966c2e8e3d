"""The name has no address at all.

## What it detects
getaddrinfo gives an error for the target's name. What the nameservers said is shown beside it.

## Why it breaks
No address, no connection, in either family. A misspelt name, a short name outside its search domain, a nameserver that
is silent and a resolver that does not ask DNS look alike to the client.

## Fix
Correct the name, or the resolver that answers for it.

## Example
```yaml fires
target: http://collectr:4318
names: {collectr: EAI_NONAME}
dns: ["10.9.0.53 collectr A NXDOMAIN", "10.9.0.53 collectr AAAA NXDOMAIN"]
```
```yaml fires
target: collector.example:4317
names: {collector.example: EAI_AGAIN}
dns: ["10.9.0.53 collector.example A TIMEOUT", "10.9.0.53 collector.example AAAA UNREACHABLE"]
```
```yaml fires
target: localhost:4317
names: {localhost: EAI_NONAME}
```
```yaml fires
target: collector.example:4317
names: {collector.example: EAI_NONAME}
dns: ["10.9.0.53 collector.example A NOERROR 10.9.0.7", "10.9.0.53 collector.example AAAA NOERROR"]
```
```yaml quiet
target: collector:4317
names: {collector: [10.9.0.7]}
dns: ["10.9.0.53 collector A NXDOMAIN"]
probes: ["10.9.0.7:4317 grpc accepted"]
```

## References
- getaddrinfo(3): the EAI errors; RFC 6895 section 2.3: the response codes; resolv.conf(5): `search`
"""

from collections.abc import Iterator

from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Severity
from dualstack.model.names import Lookup, Names
from dualstack.model.trace import Disposition, Hop, Traces
from dualstack.reach.lookup import answers_for, published

HOP = Hop.RESOLVE
SEVERITY = Severity.ERROR
BECAUSE = ("DS402", "DS403")

_WORDS = {  # getaddrinfo(3)
    "EAI_AGAIN": "the nameservers gave no usable answer",
    "EAI_FAIL": "a nameserver failed",
    "EAI_NODATA": "the name exists and has no address",
    "EAI_NONAME": "no such name",
}

_NO_ANSWER = {"TIMEOUT", "UNREACHABLE"}


def check(traces: Traces, names: Names) -> Iterator[Finding]:
    """One finding for each flow whose name has no address."""
    for trace in traces.broken:
        found = names.lookup(trace.target.host)
        if trace.disposition is not Disposition.NO_ADDRESS or found is None or found.addresses:
            continue
        said = answers_for(names, found.name)
        server = said[0].server if said else ""
        words = _WORDS.get(found.error, "the lookup failed")
        yield Finding(
            summary="The name does not resolve",
            detail=f"`{found.name}`: {words} ({found.error}).{_dns(names, found)}",
            hint=_hint(names, found, server),
            families=(trace.family,),
            evidence=(
                Evidence(f"{found.error} for `{found.name}`", found.source),
                *(Evidence(f"{x.name} {x.record}: {x.rcode}", f"DNS query to {x.server}") for x in said),
            ),
            flows=(trace.key,),
        )


def _dns(names: Names, found: Lookup) -> str:
    """What the nameservers say of it, where they were asked."""
    held = published(names, found.name)
    if held:
        return f" The nameservers have {', '.join(held)} for it, and the resolver does not take that."
    codes = dict.fromkeys(x.rcode for x in answers_for(names, found.name))
    if codes and set(codes) <= _NO_ANSWER:
        return " No nameserver answers."
    return f" The nameservers say {', '.join(codes)}." if codes else ""


def _hint(names: Names, found: Lookup, server: str) -> str:
    if found.name == "localhost":
        return f"Add the line `127.0.0.1 localhost` to `{names.files.hosts_path}`, or send to `127.0.0.1`."
    if published(names, found.name):
        return "Look at the `hosts:` line of `/etc/nsswitch.conf`, and run `getent ahosts` with the name."
    if found.error == "EAI_AGAIN":
        ask = f"dig @{server} {found.name}" if server else f"dig {found.name}"
        return f"Run `{ask}`, and look at the nameservers in `{names.files.resolv_path}`: they are silent or failing."
    tried = ", ".join(names.files.search)
    short = f" The search list ({tried}) was tried." if tried and "." not in found.name else ""
    return f"Check the spelling of `{found.name}`, or write it with its whole domain.{short}"

"""The target has no address of a family that is asked for.

## What it detects
A family is expected, and the name has addresses of the other one alone, or the target is an address of the other one.

## Why it breaks
A client that may use one family only, such as a pod on an IPv6-only network, finds nothing to connect to. DNS answers
"no error" and no record, so the error message speaks of a name that has no address.

## Fix
Publish a record of the missing family for an address where the receiver listens.

## Example
```yaml fires
target: http://collector:4318
expect: [ipv4, ipv6]
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4318 http accepted"]
```
```yaml fires
target: grpc://[fd00:9::7]:4317
expect: [ipv4]
```
```yaml fires
target: collector:4317
expect: [ipv4, ipv6]
names: {collector: ["fd00:9::5"]}
hosts: ["fd00:9::5 collector"]
```
```yaml fires
target: collector:4317
expect: [ipv6]
names: {collector: [10.9.0.7]}
options: [no-aaaa]
dns: ["10.9.0.53 collector A NOERROR 10.9.0.7", "10.9.0.53 collector AAAA NOERROR fd00:9::7"]
```
```yaml quiet
target: http://collector:4318
names: {collector: [10.9.0.7]}
probes: ["10.9.0.7:4318 http accepted"]
```

## References
- RFC 2308 section 2.2: NODATA; resolv.conf(5): `no-aaaa`
- https://github.com/open-telemetry/opentelemetry-erlang/issues/595
"""

from collections.abc import Iterator

from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Severity
from dualstack.model.names import Names
from dualstack.model.trace import Disposition, Hop, Trace, Traces
from dualstack.reach.lookup import answers_for
from dualstack.reach.nameless import NAMELESS
from dualstack.reach.required import addresses_of
from dualstack.reach.resolved import UNRESOLVABLE, UNTOLD
from dualstack.reach.resolver import NO_AAAA

HOP = Hop.RESOLVE
SEVERITY = Severity.ERROR
BECAUSE = ("DS402", "DS403", "DS410", "DS501", "DS506", "DS517")


def check(traces: Traces, names: Names | None, cluster: Cluster | None) -> Iterator[Finding]:
    """One finding for each expected family of which the target has no address."""
    for trace in (x for x in traces.broken if x.disposition is Disposition.NO_ADDRESS and not x.through):
        if cluster and trace.at(HOP).mark not in NAMELESS:
            yield _of_service(trace)
        known = addresses_of(trace.target, names) if names else ()
        if names is None or not known:
            continue
        host, title = trace.target.host, trace.family.title
        yield Finding(
            summary=f"The target has no {title} address",
            detail=f"`{host}` is an {trace.family.other.title} address."
            if trace.target.literal
            else f"`{host}` has {', '.join(f'`{x}`' for x in known[:4])}, and no {title} address.",
            hint=_hint(trace, names),
            families=(trace.family,),
            evidence=(
                Evidence(
                    f"`{host}`: {', '.join(known)}", "the target itself" if trace.target.literal else "getaddrinfo"
                ),
            ),
            flows=(trace.key,),
        )


def _of_service(trace: Trace) -> Finding:
    hop, title = trace.at(Hop.RESOLVE), trace.family.title
    if hop.mark == UNTOLD:
        return Finding(
            summary=f"The name gives no {'' if UNRESOLVABLE in hop.why else f'{title} '}address",
            detail=f"{hop.why}, and the Service has one: the nameserver of the cluster keeps it back.",
            hint="Look for plugins of CoreDNS that answer for this record: `template`, `rewrite`, `filter`.",
            families=(trace.family,),
            evidence=hop.evidence,
            flows=(trace.key,),
        )
    return Finding(
        summary=f"The Service has no {title} address",
        detail=f"{hop.why}: the DNS of the cluster has the addresses of a Service and no others.",
        hint=f"Give the Service {title}, where the cluster has a range of it.",
        families=(trace.family,),
        evidence=hop.evidence,
        flows=(trace.key,),
    )


def _hint(trace: Trace, names: Names) -> str:
    host, record = trace.target.host, trace.family.record
    if trace.target.literal:
        return f"Send to a name that has both an A and an AAAA record, or to an {trace.family.title} address."
    lines = names.files.hosts_of(host)
    if lines:
        return f"Add a line with an {trace.family.title} address for `{host}` to `{names.files.hosts_path}`."
    if record == "AAAA" and NO_AAAA in names.files.options:
        return f"Remove `{NO_AAAA}` from the options in `{names.files.resolv_path}`: it hides AAAA records."
    published = next((x.name for x in answers_for(names, host) if x.addresses), host)  # dig knows no search list
    return f"Publish an {record} record for `{published}`, then check it with `dig {published} {record}`."

"""The name has no address at all.

## What it detects
getaddrinfo gives an error for the target's name. In a cluster a client names a Service that is not there or cannot be
called so, one that stands for an address or for a name of another domain, or a pod that says another Service; or its
own pod makes no name of the cluster of it, or nobody answers it: it has no address of the family of the nameservers
that its `dnsConfig` names, or no Service has theirs. It is a warning where the pod asks nameservers that need not know
the cluster, and where the nameserver of the cluster has no ready endpoint.

## Why it breaks
No address, no connection, in either family. A misspelt name, a short name outside its search domain, a dead CNAME, a
nameserver that is silent or denies what the next one has, and a `hosts:` line that stops early look alike to a client.

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
target: collector.example:4317
names: {collector.example: EAI_NODATA}
options: [no-aaaa]
dns: ["10.9.0.53 collector.example A NOERROR", "10.9.0.53 collector.example AAAA NOERROR fd00:9::7"]
```
```yaml fires
target: http://collector.example:4318
names: {collector.example: EAI_NONAME}
dns: ["10.9.0.53 collector.example A NXDOMAIN gone.example", "10.9.0.53 collector.example AAAA NXDOMAIN gone.example"]
```
```yaml quiet
target: collector:4317
names: {collector: [10.9.0.7]}
dns: ["10.9.0.53 collector A NXDOMAIN"]
probes: ["10.9.0.7:4317 grpc accepted"]
```

## References
- getaddrinfo(3): the EAI errors; RFC 6895 section 2.3: the response codes; resolv.conf(5): `search`;
  nsswitch.conf(5): actions
"""

from collections.abc import Iterator

from dualstack.model.address import OTLP_PORTS, TITLES
from dualstack.model.cluster import Cluster
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Severity
from dualstack.model.names import Names
from dualstack.model.trace import Disposition, Hop, Status, Trace, Traces
from dualstack.reach.lookup import answers_for
from dualstack.reach.nameless import NAMELESS, is_doubted, said_of
from dualstack.reach.nowhere import UNMADE, unmade_of
from dualstack.reach.unresolved import WORDS, fact, why

HOP = Hop.RESOLVE
SEVERITY = Severity.ERROR
BECAUSE = ("DS402", "DS403", "DS410")


def check(traces: Traces, names: Names | None, cluster: Cluster | None) -> Iterator[Finding]:
    """One finding for each flow whose name has no address, and a warning where it may have none for its client."""
    yield from (_of_client(x) for x in traces.items if cluster and is_doubted(x.at(HOP)))
    for trace in (x for x in traces.broken if x.disposition is Disposition.NO_ADDRESS and not x.through):
        if cluster and trace.at(HOP).mark in NAMELESS:
            yield _of_client(trace)
        found = names.lookup(trace.target.host) if names else None
        if names is None or found is None or found.addresses:
            continue
        words = WORDS.get(found.error, "the lookup failed")
        said, hint = why(names, found)
        yield Finding(
            summary="The name does not resolve",
            detail=f"`{found.name}`: {words} ({found.error}).{said}",
            hint=hint,
            families=(trace.family,),
            evidence=(
                Evidence(f"{found.error} for `{found.name}`", found.source),
                *(fact(x) for x in answers_for(names, found.name)),
            ),
            flows=(trace.key,),
        )


def _of_client(trace: Trace) -> Finding:
    hop = trace.at(HOP)
    summary, hint = said_of(hop)
    return Finding(
        summary=summary,
        detail=f"Clients send to `{trace.asked or trace.target.text}`: {hop.why}.",
        hint=f"{hint}{_beside(trace)}",
        severity=SEVERITY if hop.status is Status.FAIL else Severity.WARNING,
        families=(trace.family,),
        evidence=hop.evidence,
        flows=(trace.key,),
        causes=_causes(hop.why),
        within=unmade_of(hop.why),
    )


def _causes(why: str) -> tuple[str, ...] | None:
    """What else may stand behind a Service that the Operator has not made; None where it is none.

    It makes none of receivers that it finds no port in, nor where something else is known to keep it from that.
    """
    _, made, reason = why.partition(UNMADE)
    return (*BECAUSE, *(() if "," in reason else ("DS122",)), "DS515", "DS516") if made else None


def _beside(trace: Trace) -> str:
    """That the port is that of another protocol than clients speak, which nobody has met yet."""
    usual, port = OTLP_PORTS.get(trace.target.port, trace.protocol), trace.target.port
    if usual is trace.protocol:
        return ""
    return f" They send {TITLES[trace.protocol]}, and port {port} is mostly that of {TITLES[usual]}: see that as well."

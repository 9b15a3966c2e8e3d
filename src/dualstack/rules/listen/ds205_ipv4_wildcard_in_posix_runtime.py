"""`0.0.0.0` is the IPv4 wildcard alone in this program.

## What it detects
A receiver that is not written in Go or Java listens on `0.0.0.0`, and a client that is handed an IPv6 address of the
host is refused. In files: such a program is told to, and nobody says that IPv4 is all there is.

## Why it breaks
`bind(2)` of an IPv4 socket to `0.0.0.0` takes IPv4 only. Rust, C, Python, Node and .NET receivers make such a socket.
Go and Java do not: there `0.0.0.0` is a dual-stack socket, so this rule never speaks of them.

## Fix
Bind `[::]`: with `net.ipv6.bindv6only=0` it takes both families in C, Rust and Python sockets, and always in Node.
Where the sysctl is 1, bind both wildcards. asyncio makes every `[::]` IPv6-only: pass it `host=None` for both.

## Fix safety
Unsafe: the receiver becomes reachable over IPv6 from wherever the packet filter lets IPv6 in.

## Example
```yaml fires
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["0.0.0.0:4318 rust"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
```
```yaml quiet
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["[::]:4318 go"]
probes: ["[::1]:4318 http accepted", "127.0.0.1:4318 http accepted"]
```

```yaml fires
services:
  openobserve:
    image: public.ecr.aws/zinclabs/openobserve:v0.14.0
    environment: {ZO_GRPC_ADDR: 0.0.0.0}
```
```yaml quiet
services:
  openobserve:
    image: public.ecr.aws/zinclabs/openobserve:v0.14.0
    environment: {ZO_GRPC_ADDR: "[::]"}
```

## References
- ip(7), ipv6(7): `IPV6_V6ONLY`
- Measured: Rust, C, Python and Node listeners on Linux 6.18
"""

from collections.abc import Iterator

from dualstack.model.address import Family
from dualstack.model.deployed import Deployed, Deployments
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Applicability, Confidence, Finding, Fix, Severity
from dualstack.model.foreign import ForeignListener, ForeignListeners
from dualstack.model.host import Namespaces
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.question import Question
from dualstack.model.sockets import Listeners, Runtime
from dualstack.model.trace import Hop, Traces
from dualstack.reach.bind import BindRequest, families, possible
from dualstack.reach.callers import services
from dualstack.reach.edits import fix
from dualstack.reach.hint import owner, rebind, wildcard
from dualstack.reach.stacks import granted, listed
from dualstack.reach.start import declared_on
from dualstack.reach.trace import refusals
from dualstack.reach.unknowns import may_matter

HOP = Hop.LISTEN
SEVERITY = Severity.ERROR
BECAUSE = ("DS210",)

_IPV4_ONLY = (Runtime.RUST, Runtime.POSIX, Runtime.PYTHON, Runtime.NODE, Runtime.DOTNET)
_ONLY_IPV4, _ONLY_IPV6 = frozenset({Family.IPV4}), (Family.IPV6,)


def check(traces: Traces, listeners: Listeners, namespaces: Namespaces, declared: Declared | None) -> Iterator[Finding]:
    """One finding for each IPv4 wildcard socket that turned an IPv6 flow away; an error where none comes over IPv4."""
    for trace, sockets in refusals(traces, listeners):
        for socket in sockets:
            if trace.family is Family.IPV6 and socket.address == "0.0.0.0" and socket.runtime in _IPV4_ONLY:
                holder, space = owner(socket), namespaces.at(trace.server)
                endpoint, beside = declared_on(declared, trace.port), traces.sibling(trace)
                yield Finding(
                    summary=f"`0.0.0.0:{socket.port}` takes IPv4 only",
                    detail=f"{holder} ({socket.runtime}) bound the IPv4 wildcard; here that takes no IPv6.",
                    hint=rebind(socket, space, endpoint),
                    severity=Severity.WARNING if beside else Severity.ERROR,
                    families=(Family.IPV6,),
                    evidence=trace.at(Hop.LISTEN).evidence,
                    location=endpoint.location if endpoint else None,
                    fix=Fix(f"Bind {wildcard(socket, space)}", Applicability.UNSAFE),
                    flows=(trace.key,),
                )


def lint(foreign: ForeignListeners, deployments: Deployments, question: Question) -> Iterator[Finding]:
    """One finding for each program that is told to listen on the IPv4 wildcard where IPv6 can matter.

    An error in pods that nobody can come to over IPv4: the cluster has IPv6 alone, or a Service that leads there does.
    """
    read = [(x, y) for x in deployments.foreign if x.workload and x.workload.pod for y in x.config.endpoints]
    pods = {y.written: over for x, y in read if (over := _over(x, y, question))}
    for item in foreign.items if may_matter(Family.IPV6, question) else ():
        bound = possible(BindRequest(item.address, item.network, runtime=item.runtime), question.cluster)
        sockets = [y for x in bound for y in x.sockets]
        if sockets and all(families(x) == _ONLY_IPV4 and x.address == "0.0.0.0" for x in sockets):
            yield _declared(item, question, pods.get(item.written, ""))


def _over(item: Deployed, endpoint: DeclaredEndpoint, question: Question) -> str:
    """What leads clients to a pod over IPv6 alone; empty where nothing is known to, as on the addresses of a node."""
    if not item.workload or item.workload.host_network:
        return ""
    if question.cluster == _ONLY_IPV6:
        return " The cluster has IPv6 alone."
    behind = (x for x, _ in services(item, endpoint) if listed(x) == _ONLY_IPV6)
    alone = (x.meta.called for x in behind if granted(x, question) == _ONLY_IPV6)
    return next((f" {x} leads clients over IPv6 alone there." for x in alone), "")


def _declared(item: ForeignListener, question: Question, over: str) -> Finding:
    meant = item.written.text.replace("0.0.0.0", item.wildcard)
    known = "" if question.cluster or question.expect else " Where all is IPv4, `--expect ipv4` says so."
    return Finding(
        summary=f"`{item.written.text}` takes IPv4 only",
        detail=f"In {item.product} the IPv4 wildcard takes no IPv6: IPv6 clients are refused.{over or known}",
        hint=f"Write `{meant}`, which takes both families while `net.ipv6.bindv6only` is 0.",
        severity=Severity.ERROR if over else Severity.WARNING,
        families=(Family.IPV6,),
        confidence=Confidence.DECLARED,
        evidence=(Evidence(item.written.text, item.field, Layer.DECLARED),),
        location=item.written.at,
        fix=fix(f"Write `{meant}`", Applicability.UNSAFE, item.written, meant),
    )

"""The host has no way to the address.

## What it detects
The kernel of the client's place has no route to an address that the client is handed, or a route that refuses, or
nothing on the link answers for the address, or a router on the way says that it has none. Or the interface on the way
is down, at either end in sight.

## Why it breaks
connect(2) says "network is unreachable" without a route, and "no route to host" where neighbour discovery or ARP gets
no answer. A pod or host with IPv6 addresses and no IPv6 default route reaches its own link only.

## Fix
Bring up the interface, add the address and the route, or do not publish the address to clients without a way to it.

## Example
```yaml fires
target: http://[fd00:1::7]:4318
routes: ["fd00:1::7 ENETUNREACH"]
```
```yaml fires
target: 10.9.0.99:4317
probes: ["10.9.0.99:4317 grpc unreachable"]
```
```yaml fires
target: grpc://[fe80::7]:4317
routes: ["fe80::7 EINVAL"]
probes: ["[fe80::7]:4317 grpc bad_address"]
```
```yaml fires
target: "grpc://[fe80::7%eth7]:4317"
routes: ["fe80::7%eth7 ENODEV"]
```
```yaml fires
target: http://10.9.0.7:4318
down: [eth0]
routes: ["10.9.0.7 ENETUNREACH"]
probes: ["10.9.0.7:4318 http no_route"]
```
```yaml quiet
target: http://collector:4318
names: {collector: ["2001:db8::7", 10.9.0.7]}
interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24, "fe80::5/64"]}
routes: ["2001:db8::7 ENETUNREACH"]
probes: ["[2001:db8::7]:4318 http no_route", "10.9.0.7:4318 http accepted"]
```

## References
- connect(2): ENETUNREACH, EHOSTUNREACH; ip-route(8): types unreachable, prohibit, blackhole
- RFC 4861 section 7.2.2
- Measured on Linux 6.18: the errno of each route type in both families
"""

from collections.abc import Iterator

from dualstack.model.address import Family, Scope, join, scope, zone
from dualstack.model.finding import Finding, Severity
from dualstack.model.host import Namespaces, Routes, Transits
from dualstack.model.probe import Outcome, Probes
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.answers import deserted
from dualstack.reach.astray import idle_link, reaches_out, unreached
from dualstack.reach.hint import inside
from dualstack.reach.router import NOT_FORWARDED, NOT_RETURNED, beyond, idle, unforwarded, unheard, unreturned

HOP = Hop.ROUTE
SEVERITY = Severity.ERROR
BECAUSE = ("DS212", "DS301", "DS302", "DS303", "DS304", "DS306", "DS405", "DS406", "DS409", "DS410")

_OTHERS = (Outcome.FAMILY_ABSENT, Outcome.NO_SOURCE, Outcome.TIMED_OUT)
_SILENT = Outcome.UNREACHABLE
_REFUSED_BY_ROUTE = {"eacces": "prohibits", "einval": "discards packets to", "ehostunreach": "refuses"}


def check(
    traces: Traces,
    namespaces: Namespaces | None,
    routes: Routes | None,
    transits: Transits | None,
    probes: Probes | None,
) -> Iterator[Finding]:
    """One finding for each flow that the routes, or the neighbours, stop."""
    unzoned = [x for x, _ in deserted(traces) if x.at(Hop.ROUTE).mark == Outcome.BAD_ADDRESS]
    for trace in unreached(traces):
        hop, link = trace.at(Hop.ROUTE), idle_link(trace, namespaces)
        if trace in unzoned or (not link and (hop.status is not Status.FAIL or hop.mark in _OTHERS)):
            continue
        route = routes.to(trace.vantage, trace.addresses[0]) if routes else None
        mark = _SILENT if route and route.silent else (route.error.lower() if route else "") or hop.mark
        lost = transits.lost(trace.addresses[0]) if transits and hop.mark == NOT_RETURNED else None
        if link:
            summary, detail, hint = idle(*link)
        elif lost:
            summary, detail, hint = unreturned(trace, lost)
        elif route and route.gateway and mark in (_SILENT, NOT_FORWARDED):
            summary, detail, hint = beyond(trace, route, probes, transits)
        else:
            summary, detail, hint = _words(trace, mark, namespaces, on_link=route is not None and route.silent)
        yield Finding(
            summary=summary,
            detail=detail,
            hint=hint,
            families=(trace.family,),
            evidence=hop.evidence,
            flows=(trace.key,),
        )


def _words(trace: Trace, mark: str, namespaces: Namespaces | None, *, on_link: bool) -> tuple[str, str, str]:
    address, title, place = trace.addresses[0], trace.family.title, trace.vantage
    option = "-6" if trace.family is Family.IPV6 else "-4"
    look = inside(place, f"ip {option} route get {address}")
    if scope(address.partition("%")[0]) is Scope.LINK_LOCAL and "%" not in address and trace.family is Family.IPV6:
        spelled = join(f"{address}%{_device(place, namespaces)}", trace.target.port)
        detail = f"`{address}` is valid on every link. Without a zone the kernel cannot tell which one is meant."
        record = f"Give `{trace.target.host}` an address that is valid beyond its link."
        hint = f"Write `{spelled}`, with the right interface." if trace.target.literal else record
        return "A link-local address needs a zone", detail, hint
    if zone(address) and not _device_is_there(zone(address), place, namespaces):
        detail = f"`{place}` has no interface `{zone(address)}`, which the target names as its zone."
        return "The zone is no interface here", detail, f"Write the zone as `{_device(place, namespaces)}`, for one."
    if mark == _SILENT:
        of_pods = trace.at(Hop.POD).status is not Status.NOT_APPLICABLE
        return unforwarded(trace, namespaces) if of_pods else unheard(trace, on_link=on_link)
    if mark in _REFUSED_BY_ROUTE:
        detail = f"A route of `{place}` {_REFUSED_BY_ROUTE[mark]} `{address}`."
        return f"A route refuses this {title} address", detail, f"Look at `{look}` and remove that route."
    detail = f"The routing table of `{place}` has no entry for `{address}` and no {title} default route."
    hint = f"Look at `{look}`, then add a route, such as `ip {option} route add default via ROUTER`."
    if reaches_out(trace, namespaces):
        return f"No {title} route to this address", detail, hint
    add = inside(place, f"ip {option} addr add ADDRESS/PREFIX dev {_device(place, namespaces)}")
    lacking = f"No interface has an {title} address beyond its link either."
    return f"No {title} address or route here", f"{detail} {lacking}", f"Run `{add}` first. {hint}"


def _device_is_there(device: str, place: str, namespaces: Namespaces | None) -> bool:
    """Whether the place has that interface, by name or index; a place out of sight is taken to have it."""
    space = namespaces.at(place) if namespaces else None
    return space is None or any(device in (x.name, str(x.index)) for x in space.interfaces)


def _device(place: str, namespaces: Namespaces | None) -> str:
    """An interface that could be meant."""
    space = namespaces.at(place) if namespaces else None
    return next((x.name for x in space.interfaces if x.up and not x.loopback), "eth0") if space else "eth0"

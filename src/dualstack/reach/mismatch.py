"""Who speaks another protocol than the receiver that it is led to, as far as the files tell: clients and proxies."""

from collections.abc import Iterator

from dualstack.model.address import TITLES, Protocol
from dualstack.model.deployed import Senders
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Confidence, Finding
from dualstack.model.gateway import Gates
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.source import Location
from dualstack.reach.answers import usual
from dualstack.reach.destination import read
from dualstack.reach.landscape import Landscape
from dualstack.reach.ports import reached, sends_otlp
from dualstack.reach.routes import Route, followed, misled, other, place, requested, routes, shown, spoken
from dualstack.reach.start import port

_SPEAKS = {Protocol.GRPC: "gRPC", Protocol.HTTP: "HTTP/1"}
_A = {Protocol.GRPC: "a gRPC port", Protocol.HTTP: "an OTLP/HTTP port"}


def of_clients(senders: Senders, land: Landscape) -> Iterator[Finding]:
    """One finding for each client that speaks another protocol than the receiver that it leads to."""
    for sender in senders.items:
        said = sender.destination
        found = list(reached(sender, land)) if said.protocol in TITLES and sends_otlp(said) else []
        if found and said.protocol not in {x.protocol for x in found}:
            mine, theirs = (TITLES[x] for x in (said.protocol, found[0].protocol))
            yield _finding(
                f"Port {read(said.value, said.form).port} speaks {theirs}, not {mine}",
                f"{said.owner} sends {mine} to `{said.value}`, where {found[0].component} takes {theirs}.",
                f"Send to the port of {mine}, {usual(said.protocol)} by default, or send {theirs}.",
                found[0],
                said.written.at,
            )


def of_routes(senders: Senders, land: Landscape, gates: Gates) -> Iterator[Finding]:
    """One finding for each proxy that speaks another protocol than what is behind it, and each client of such names."""
    found = list(routes(gates, land))
    faults = [(x, _of_requests(x) or _of_proxy(x)) for x in found]
    yield from (y for _, each in faults for y in each)
    wrong = {id(x) for x, each in faults if each}
    for sender in senders.items if found else ():
        ways = followed(sender, found, gates) if sends_otlp(sender.destination) else []
        end = misled(sender, ways)
        if end and not any(id(x) in wrong for x in ways):
            said, (first, *_) = sender.destination, ways
            mine, theirs, host = TITLES[said.protocol], TITLES[end], read(said.value, said.form).host
            yield _finding(
                f"This name leads to {theirs}, not {mine}",
                f"{said.owner} sends {mine} to `{said.value}`. {first.gate.meta.called} leads `{host}` to "
                f"{shown(first)}, where {first.receivers[0].component} takes {theirs}.",
                f"Send {theirs}, or lead {mine} to the port that takes it, {usual(said.protocol)} by default.",
                first.receivers[0],
                said.written.at,
            )


def clashes(route: Route) -> str:
    """What is wrong with the protocol that a way takes to its receivers, as a sentence part; empty where nothing is."""
    return next((x.detail.rstrip(".") for x in _of_requests(route) or _of_proxy(route)), "")


def _of_requests(route: Route) -> list[Finding]:
    """Requests whose path says what they are, led to a port of another protocol."""
    mine, ends = requested(route), {x.protocol for x in route.receivers}
    if mine is None or not ends or mine in ends:
        return []
    first = route.receivers[0]
    theirs = TITLES[first.protocol]
    return [
        _finding(
            f"{TITLES[mine]} requests led to {_A[first.protocol]}",
            f"{route.gate.meta.called} leads {TITLES[mine]} to {shown(route)}, where {first.component} takes {theirs}.",
            f"Lead to the port of {TITLES[mine]}, {usual(mine)} by default.",
            first,
            _at(route),
            Evidence(f"path: {place(route)}", route.gate.meta.called, Layer.DECLARED),
        )
    ]


def _of_proxy(route: Route) -> list[Finding]:
    """A proxy that speaks another protocol to a port, or TLS to one without, or the reverse."""
    said = spoken(route)
    if said is None or not route.receivers:
        return []
    first, kind = route.receivers[0], route.gate.meta.kind
    mine, theirs = _SPEAKS[said.protocol], TITLES[first.protocol]
    if said.protocol not in {x.protocol for x in route.receivers}:
        change = other(said, first.protocol)
        summary = f"{kind} speaks {mine} to {_A[first.protocol]}"
        detail = f"speaks {mine} to {shown(route)}, where {first.component} takes {theirs}"
        hint = f"Lead to the port of {TITLES[said.protocol]}, {usual(said.protocol)} by default"
        hint += f", or set `{change}`." if change else "."
    elif said.tls is not None and not {x.tls for x in route.receivers} & {said.tls, None}:
        how, has = ("TLS", "without") if said.tls else ("plain text", "with")
        summary = f"{kind} speaks {how} to a port {has} TLS"
        detail = f"speaks {how} to {shown(route)}, where {first.component} is {has} TLS"
        hint = "Make the annotation of the Ingress and the `tls` section of the receiver agree."
    else:
        return []
    return [_finding(summary, f"{route.gate.meta.called} {detail}.", hint, first, _at(route))]


def _at(route: Route) -> Location:
    return (route.way.port or route.way.service).at


def _finding(summary: str, detail: str, hint: str, end: DeclaredEndpoint, at: Location, *more: Evidence) -> Finding:
    said = Evidence(f"port {port(end)}: {TITLES[end.protocol]}", end.field, Layer.DECLARED)
    return Finding(
        summary=summary,
        detail=detail,
        hint=hint,
        confidence=Confidence.DECLARED,
        evidence=(said, *more),
        location=at,
    )

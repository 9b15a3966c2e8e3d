"""What a receiver takes, against what its clients are known to bring: TLS, credentials, signals.

The exports of this tool bring no certificate and no token, and their own TLS and signals: what they are refused for
alone says nothing of clients, and what they are taken with is not what each client brings.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import Protocol, family
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.arrival import OUTSIDE
from dualstack.reach.brings import CERTIFICATE, HEADERS, SIGNALS
from dualstack.reach.crossed import is_crossing
from dualstack.reach.exports import clients, is_of_pods
from dualstack.reach.garbled import FOREIGN, NAMING, SCHEMELESS, UNSPOKEN, foreign, is_naming, named, unschemed
from dualstack.reach.outcomes import MEANINGS, reached
from dualstack.reach.paths import base, posted, unpiped, without
from dualstack.reach.pods import Place, Places
from dualstack.reach.redacted import is_redacted
from dualstack.reach.sidecars import Sidecar

_TLS = (Outcome.TLS_EXPECTED, Outcome.TLS_NOT_SPOKEN)
_ENDED = (Outcome.CLOSED, Outcome.TLS_EXPECTED)
"""What a client meets whose connection a proxy ends for want of a certificate."""
_WANTED = {Outcome.TLS_REFUSED: CERTIFICATE, Outcome.REJECTED: HEADERS}
"""What a client has to bring where exports of this tool end so for want of credentials."""
_ORDER = tuple(Hop)
UNCERTIFIED, UNNAMED = "no-certificate", "no-headers"
BLANK, BARE, UNSAID, PROXIED = "blank", "no-scheme", "tls-unsaid", "proxied"
PARTLY = "unpiped-in-part"
"""Marks of hops at which clients may end, by what they and the receiver say of themselves."""
_LACKING = {
    CERTIFICATE: (Hop.HANDSHAKE, "the receiver wants a certificate of clients, and they name none", UNCERTIFIED),
    HEADERS: (Hop.EXPORT, "the receiver wants credentials, and its clients set no headers", UNNAMED),
}
"""What a receiver asks for by its configuration: the hop where clients without it end, why, and its mark."""
_MOVED = "it takes exports at paths of its own, and none was made there"
_POSTING = "it takes exports at paths of its own, and nobody says where its clients post to"
_BARE = "the endpoint has no scheme: OTLP/HTTP wants `http://` or `https://`, and not every client does without"
_UNSAID = "the endpoint has no scheme and `OTEL_EXPORTER_OTLP_INSECURE` is not set: SDKs then use TLS, or refuse it"
_UNPROVED = "nothing was exported over this family"


def agreed(traces: Sequence[Trace], exporters: Iterable[Exporter], places: Places, seen: Glimpses) -> Iterator[Trace]:
    """The traces, each as its clients fare as far as they are known; `seen` are the exports that were made."""
    mine = clients(traces, exporters)
    of_host = defaultdict[str, list[Exporter]](list)
    for number, sent in list(mine.items()):
        of_host[traces[number].target.host] += sent
    apart = set[str]()
    for number, whole in enumerate(traces):
        place = places.named(whole.server)
        tls = speaks_tls(whole, place, seen)
        for trace, brought in _sides(whole, mine[number], tls):
            if trace is whole or trace.key not in apart:
                yield _agreed(trace, brought, brought or of_host[trace.target.host], place, seen, tls)
            apart.add(trace.key)


def _agreed(
    trace: Trace,
    brought: Sequence[Exporter],
    near: Sequence[Exporter],
    place: Place | None,
    seen: Glimpses,
    tls: bool | None,  # noqa: FBT001 -- or unknown
) -> Trace:
    """A trace as its clients fare; `near` are those of the same name, on any port, where nobody else is known.

    `tls` is whether the receiver speaks it.
    """
    found = _over_tls(trace, brought, tls)
    if tls is False and (proxy := _ended_by(trace, place)):
        why = f"the proxy of {proxy.mesh} ends what comes without a certificate of the mesh"
        stop = replace(trace.at(Hop.HANDSHAKE), why=why, mark=OUTSIDE)
        found = replace(trace, hops=tuple(stop if x.hop is Hop.HANDSHAKE else x for x in trace.hops))
    asked = _credentials(found, brought)
    if _is_moved(asked, place):
        asked = replace(_doubted(asked, Hop.EXPORT, _MOVED), signals=())
    piped = _piped(trace, place)
    told = _taken(asked, near) if asked.signals else _partly(_unpiped(asked, brought, piped), brought, piped)
    told = posted(told, brought, place)
    if told.accepted and not brought and place and any(base(x.endpoint) for x in place.on(trace.port)):
        told = _doubted(told, Hop.EXPORT, _POSTING)
    told = _unmet(_written(told, brought, tls), brought, place)
    guess = _is_guess(found, told, place, seen)
    return replace(_doubted(found, Hop.EXPORT, _UNPROVED), signals=()) if guess else told


def _sides(
    trace: Trace,
    brought: Sequence[Exporter],
    tls: bool | None,  # noqa: FBT001 -- or unknown
) -> Iterator[tuple[Trace, Sequence[Exporter]]]:
    """A flow of any pods with its clients; those that do not speak as the receiver does apart, where others do."""
    others = _others(brought, tls)
    fit = [x for x in brought if x not in others]
    if not others or not fit or is_of_pods(trace):
        yield trace, brought
        return
    yield trace, fit
    there = [x for x in others if not (x.nodes and trace.nodes) or {*x.nodes}.intersection(trace.nodes)]
    several = len({x.namespace for x in others}) > 1
    for who in dict.fromkeys(x.made_by(ambiguous=several) for x in there):
        alike = [x for x in there if x.made_by(ambiguous=several) == who]
        yield replace(trace, vantage=f"pods of {who}", nodes=()), alike


def _others(brought: Iterable[Exporter], tls: bool | None) -> list[Exporter]:  # noqa: FBT001 -- or unknown
    """The clients that do not speak as the receiver does."""
    return [x for x in brought if tls is not None and x.tls is not tls and x.tls is not None]


def speaks_tls(trace: Trace, place: Place | None, seen: Glimpses) -> bool | None:
    """Whether a receiver speaks TLS: by the exports that it took or refused for that, else by its configuration."""
    looks = [x for x in seen.items if (x.place, x.port, x.protocol) == (trace.server, trace.port, trace.protocol)]
    told = [_is_over_tls(x) for x in looks if x.outcome in _SPOKEN and not _is_met_before(x, place)]
    written = [x.endpoint.tls for x in place.on(trace.port) if not x.bound.unknown] if place else []
    return next((x for x in (*told, *written) if x is not None), None)


_SPOKEN = (
    *(Outcome.ACCEPTED, Outcome.CONNECTED, Outcome.REJECTED, Outcome.NOT_OTLP, Outcome.HTTP1_SPOKEN),
    *(Outcome.HTTP2_SPOKEN, Outcome.TLS_EXPECTED, Outcome.TLS_REFUSED, Outcome.TLS_NOT_SPOKEN, Outcome.UNPROVED),
)
"""What tells in itself whether TLS is spoken."""


def _is_met_before(look: Glimpse, place: Place | None) -> bool:
    """Whether the proxy of a mesh answered the API server, and not the receiver behind it."""
    return (
        look.way is Way.ADDRESS
        and place is not None
        and any(place.before(x, look.port) for x in place.pod.addresses[:1])
    )


def _ended_by(trace: Trace, place: Place | None) -> Sidecar | None:
    """The proxy of a mesh that ended an export from a node, to a receiver behind it that speaks plain text."""
    at = trace.failing
    if place is None or at is None or at.hop is not Hop.HANDSHAKE or at.mark not in _ENDED:
        return None
    mine = [x for x in place.pod.addresses if family(x) is trace.family]
    return place.before(mine[0], trace.port) if mine and any(map(is_crossing, at.evidence)) else None


def _is_over_tls(look: Glimpse) -> bool:
    return look.outcome is Outcome.TLS_EXPECTED or (look.tls and look.outcome is not Outcome.TLS_NOT_SPOKEN)


def _piped(trace: Trace, place: Place | None) -> tuple[str, ...]:
    """The signals that a receiver has pipelines of; none where that is not known."""
    there = [x.endpoint.signals for x in place.on(trace.port) if not x.bound.unknown] if place else []
    return there[0] if there and all(there) else ()


def _is_moved(trace: Trace, place: Place | None) -> bool:
    """Whether a page that is no OTLP answered where a receiver takes other paths (otlpreceiver, `traces_url_path`)."""
    end = trace.failing
    lost = end is not None and end.hop is Hop.EXPORT and end.mark in (Outcome.NOT_OTLP, Outcome.REJECTED)
    return lost and place is not None and any(x.endpoint.moved for x in place.on(trace.port))


def _over_tls(trace: Trace, brought: Sequence[Exporter], tls: bool | None) -> Trace:  # noqa: FBT001 -- or unknown
    met = trace.failing.mark if trace.failing and trace.failing.hop is Hop.HANDSHAKE else ""
    others = _others(brought, tls)
    if others and (met in _TLS or _is_open(trace, Hop.HANDSHAKE)):
        return _failed(trace, Hop.HANDSHAKE, Outcome.TLS_EXPECTED if tls else Outcome.TLS_NOT_SPOKEN, others)
    if met in _TLS:
        return _doubted(trace, Hop.HANDSHAKE, "nothing was exported in the way that it takes")
    return trace


def _credentials(trace: Trace, brought: Sequence[Exporter]) -> Trace:
    """A flow that lacks nothing but credentials fails where no client that is known has any."""
    for hop in (Hop.HANDSHAKE, Hop.EXPORT):
        mine = trace.at(hop)
        outcome = next((x for x in _WANTED if mine.status is Status.UNKNOWN and mine.mark == x), None)
        if outcome and not trace.signals and brought and not any(_WANTED[outcome] in x.credentials for x in brought):
            return _failed(trace, hop, outcome, brought, mine.why)
    return trace


def _written(trace: Trace, brought: Sequence[Exporter], tls: bool | None) -> Trace:  # noqa: FBT001 -- or unknown
    """A flow of whose clients some may make nothing of the endpoint as it is written.

    Of blanks and line breaks at an end, such as a block in YAML has, Go and Java say that the URL is invalid
    (net/url.Parse, java.net.URI); Node.js, Python and .NET cut them off.
    """
    blank = [x for x in brought if x.endpoint != x.endpoint.strip()]
    bare = [x for x in brought if "://" not in x.endpoint]
    unsaid, strange = [x for x in bare if x.tls is None and not x.tls_held], [x for x in brought if foreign(x)]
    held = [x for x in brought if x.tls is None and x.tls_held]
    if held and not trace.failed:
        trace = _doubted(trace, Hop.HANDSHAKE, held[0].tls_held, brought=held)
    if strange and not trace.failed:
        why = f"`{foreign(strange[0])}://` is no scheme of OTLP: some SDKs refuse it, and some then use TLS"
        trace = _doubted(trace, Hop.ENDPOINT, why, FOREIGN, strange)
    if bare and trace.protocol is Protocol.HTTP and not trace.failed:
        sure = [x for x in bare if x.configured]
        trace = _doubted(trace, Hop.ENDPOINT, _BARE, BARE, bare)
        trace = _doubted(trace, Hop.ENDPOINT, unschemed(sure[0]), SCHEMELESS, sure) if sure else trace
    if unsaid and trace.protocol is Protocol.GRPC and not trace.failed and not tls:
        trace = _doubted(trace, Hop.HANDSHAKE, _UNSAID, UNSAID, unsaid)
    naming = [x for x in brought if is_naming(x.endpoint) and x.protocol.startswith("http/")]
    if naming and not trace.failed:
        trace = _doubted(trace, Hop.ENDPOINT, named(naming[0]), NAMING, naming)
    odd = [x for x in brought if x.unspoken and not is_redacted(x.protocol)]
    if odd and not trace.failed:
        why = f"`{odd[0].protocol}` is no protocol of OTLP: Java, Go and Python refuse it, and others take another one"
        trace = _doubted(trace, Hop.ENDPOINT, why, UNSPOKEN, odd)
    if blank and not trace.failed:
        why = f"`{blank[0].endpoint.strip()}` has a blank or a line break at an end, which Go and Java refuse"
        trace = _doubted(trace, Hop.ENDPOINT, f"{why} and others cut off", BLANK, blank)
    return trace


def _unmet(trace: Trace, brought: Sequence[Exporter], place: Place | None) -> Trace:
    """A flow whose clients may not get there, or may not be let in, by what they and the receiver say of themselves.

    A program can have credentials, and spare a name from its proxy, in ways of its own.
    """
    wants = {y for x in place.on(trace.port) for y in x.endpoint.wants} if place else set()
    for what, (hop, why, mark) in _LACKING.items():
        if not trace.failed and what in wants and brought and not any(what in x.credentials for x in brought):
            trace = _doubted(trace, hop, why, mark, brought)
    away = [x for x in brought if x.proxy]
    if away and not trace.failed:
        said = f"`{away[0].proxy}` is set, and `NO_PROXY` does not spare `{away[0].host}`"
        return _doubted(trace, Hop.ROUTE, f"{said}: clients that heed it send to the proxy", PROXIED, away)
    return trace


def _taken(trace: Trace, brought: Sequence[Exporter]) -> Trace:
    """A flow that takes other signals than an export tried first; `brought` are clients of this name, on any port."""
    if not brought:
        return _doubted(trace, Hop.EXPORT, f"it takes {' and '.join(trace.signals)} alone")
    wanted = {y for x in brought for y in x.signals}
    return _passed(trace) if wanted <= set(trace.signals) else trace


def _unpiped(trace: Trace, brought: Sequence[Exporter], piped: Sequence[str]) -> Trace:
    """A flow whose clients send nothing that the receiver has a pipeline of.

    Of a flow to a Service others may send what it takes, who are not known; of the clients that are asked about nobody.
    """
    wanted = tuple(dict.fromkeys(y for x in brought for y in x.signals))
    if not wanted or not piped or set(wanted).intersection(piped) or not _is_open(trace, Hop.EXPORT):
        return trace
    found = _failed(trace, Hop.EXPORT, Outcome.REJECTED, brought)
    facts = [x for x in found.at(Hop.EXPORT).evidence if x.layer is Layer.DECLARED]
    stop = replace(found.at(Hop.EXPORT), why=without(wanted), mark=unpiped(wanted), evidence=tuple(facts))
    alone = is_of_pods(trace) and not {y for x in brought for y in x.may}.intersection(piped)
    hops = tuple(stop if x.hop is Hop.EXPORT else x for x in found.hops)
    return replace(found, hops=hops, signals=() if alone else tuple(piped))


def _partly(trace: Trace, brought: Sequence[Exporter], piped: Sequence[str]) -> Trace:
    """A flow of whose signals the receiver has a pipeline of some alone.

    Clients send those that somebody asked of them, and the Java agent all that nobody switched off (opentelemetry-java,
    `otel.metrics.exporter` and `otel.logs.exporter`); of others nobody knows whether they have any.
    """
    lost = {x: [y for y in (x.may if x.java else x.signals) if y not in piped] for x in brought}
    mine = [x for x, signals in lost.items() if signals]
    if trace.failed or not piped or not mine:
        return trace
    named = [x for x in SIGNALS if any(x in lost[y] for y in mine)]
    sent = " and ".join(named)
    why = f"the receiver has a pipeline of {' and '.join(piped)} alone, and its clients are set to send {sent} as well"
    return _doubted(trace, Hop.EXPORT, why, PARTLY, mine)


def _is_open(trace: Trace, hop: Hop) -> bool:
    """Whether a flow does not end before a hop, or at it."""
    return trace.failing is None or _ORDER.index(trace.failing.hop) > _ORDER.index(hop)


def _is_guess(before: Trace, after: Trace, place: Place | None, seen: Glimpses) -> bool:
    """Whether a flow is taken to work for an export that a receiver refused for its signal on another way.

    What the loopback takes says nothing of the addresses, and the API server dials the first one alone.
    """
    if not (before.failed and after.accepted) or place is None:
        return False
    first = before.family in place.pod.families[:1]
    looks = [x for x in seen.items if (x.place, x.port, x.protocol) == (place.name, before.port, before.protocol)]
    near = (x.way is Way.INSIDE and x.address and family(x.address) is before.family for x in looks)
    proxied = first and any(x.way is Way.ADDRESS and reached(x.outcome) for x in looks)
    crossed = any(map(is_crossing, before.at(Hop.EXPORT).evidence))
    return not (any(near) or proxied or crossed)


def _failed(trace: Trace, hop: Hop, outcome: Outcome, brought: Sequence[Exporter], why: str = "") -> Trace:
    meaning = MEANINGS[outcome]
    said = tuple(Evidence(x.says, x.place, Layer.DECLARED) for x in brought[:3])
    stop = TracedHop(hop, Status.FAIL, why or meaning.why, outcome, (*trace.at(hop).evidence, *said))
    after = _ORDER[_ORDER.index(hop) + 1 :]
    hops = (stop if x.hop is hop else TracedHop(x.hop, Status.UNKNOWN) if x.hop in after else x for x in trace.hops)
    return replace(trace, hops=tuple(hops), disposition=meaning.disposition, signals=())


def _doubted(trace: Trace, hop: Hop, why: str, mark: str = "", brought: Sequence[Exporter] = ()) -> Trace:
    """A flow of which an export that clients need not make says nothing; `brought` are those of which that is so."""
    said = tuple(Evidence(x.says, x.place, Layer.DECLARED) for x in brought[:3])
    at = trace.at(hop)
    open_ = replace(at, status=Status.UNKNOWN, why=why, mark=mark or at.mark, evidence=(*said, *at.evidence))
    hops = (open_ if x.hop is hop else x for x in trace.hops)
    return replace(trace, hops=tuple(hops), disposition=Disposition.INSUFFICIENT_INFO)


def _passed(trace: Trace) -> Trace:
    """A flow whose clients send what the receiver takes, and not what an export tried first."""
    why = f"it takes {' and '.join(trace.signals)}, which its clients send"
    hops = tuple(replace(x, status=Status.PASS, why=why, mark="") if x.hop is Hop.EXPORT else x for x in trace.hops)
    unclear = any(x.status is Status.UNKNOWN for x in hops)
    end = Disposition.INSUFFICIENT_INFO if unclear else Disposition.ACCEPTED
    return replace(trace, hops=hops, disposition=end, signals=())

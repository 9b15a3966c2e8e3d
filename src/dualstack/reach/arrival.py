"""The hops inside a pod: its address, and what listens there, as predicted, or as seen from outside."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from dualstack.model.address import Family, Protocol, Target, family
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.sockets import Listener, Transport
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.bind import accepts, listen_mark
from dualstack.reach.blame import FORWARDED, is_loopback
from dualstack.reach.lanes import Backend
from dualstack.reach.outcomes import MEANINGS, lacking, reached
from dualstack.reach.pods import Place
from dualstack.reach.sidecars import Sidecar
from dualstack.reach.spoken import answered, stranger
from dualstack.reach.states import troubles
from dualstack.reach.trace import NOTHING
from dualstack.reach.unbound import unbound

_ORDER = tuple(Hop)
_LOOPBACK = "127.0.0.1"
_NOTHING = Glimpses()
STALE, ABSENT = "stale", "absent"
"""Marks: an endpoint whose pod does not have its address, and a pod that lost its address."""
UNMET, OUTSIDE, LED_PAST = "unmet", "outside", "led past"
"""Marks: a proxy of a mesh that does not listen for what is led to it, one that turned away who is in no mesh, and one
that leads to the address of a pod whose receiver listens on the loopback."""

_UNANSWERED = (Outcome.TLS_STALLED, Outcome.LARGE_LOST, Outcome.LARGE_STALLED)
"""How exports end that wait in vain behind the hop at which connections do."""

_HANGS = "nothing came through a forwarded port, which does not tell whether a connection was accepted"

Looks = Mapping[Way, Glimpse]

_DISPOSITIONS = {
    Hop.ENDPOINT: Disposition.UNPARSABLE,
    Hop.RESOLVE: Disposition.NO_ADDRESS,
    Hop.ROUTE: Disposition.NO_ROUTE,
    Hop.POLICY: Disposition.DENIED,
    Hop.SERVICE: Disposition.NO_ENDPOINT,
    Hop.ENDPOINTS: Disposition.NO_ENDPOINT,
    Hop.POD: Disposition.NO_ENDPOINT,
    Hop.HOST: Disposition.NO_ROUTE,
    Hop.LISTEN: Disposition.REFUSED,
    Hop.HANDSHAKE: Disposition.HANDSHAKE_FAILED,
    Hop.EXPORT: Disposition.REJECTED,
}


class Flow(msgspec.Struct, frozen=True):
    """Who sends where, over which family: what all the traces of one question about an address share.

    `nodes` are those of the clients, or those whose address is asked.
    """

    vantage: str
    nodes: tuple[str, ...]
    target: Target
    family: Family
    addresses: tuple[str, ...]
    required: bool = True
    headless: bool = False


def traced(flow: Flow, hops: Sequence[TracedHop], backends: Sequence[Backend] = ()) -> Trace:
    """The trace of a flow whose hops are known as far as these go; the first backend stands for all."""
    done = {x.hop for x in hops}
    whole = (*hops, *(TracedHop(x, Status.UNKNOWN) for x in _ORDER if x not in done))
    ordered = tuple(sorted(whole, key=lambda x: _ORDER.index(x.hop)))
    failing = next((x for x in ordered if x.status is Status.FAIL), None)
    unclear = any(x.status is Status.UNKNOWN for x in ordered)
    end = Disposition.INSUFFICIENT_INFO if unclear else Disposition.ACCEPTED
    first = backends[0] if backends else None
    return Trace(
        flow.vantage,
        flow.target,
        flow.target.protocol,
        flow.family,
        tuple(x.address for x in backends) if flow.headless else flow.addresses,
        ordered,
        _ended(failing) if failing else end,
        required=flow.required,
        server=first.place.name if first and first.place else "",
        arrives=first.port if first else 0,
        nodes=flow.nodes,
        servers=tuple(x.place.name for x in backends if x.place),
    )


def _ended(failing: TracedHop) -> Disposition:
    """What becomes of a flow that fails at a hop; some of the exports that end there were never answered."""
    lost = MEANINGS[Outcome(failing.mark)].disposition if failing.mark in _UNANSWERED else None
    return lost or _DISPOSITIONS[failing.hop]


def led(
    flow: Flow, before: Sequence[TracedHop], every: Sequence[Backend], using: Sequence[Backend], seen: Glimpses
) -> Iterator[Trace]:
    """The traces to backends, one for each way in which they differ; where none is in use, to all, which end before."""
    for backends in alike(flow.target.protocol, using or every, seen):
        counted = _counted(backends, using, every)
        found = traced(flow, (*before, counted, *behind(flow.target.protocol, backends[0], seen)), backends)
        rejected = found.disposition is Disposition.REJECTED
        taken = _signals(looks_at(flow.target.protocol, backends[0], seen)) if rejected else ()
        yield msgspec.structs.replace(found, signals=taken)


def alike(protocol: Protocol, every: Sequence[Backend], seen: Glimpses) -> Iterator[tuple[Backend, ...]]:
    """Backends in groups that fare alike, in each the one first that was looked at."""
    ways: dict[tuple[object, ...], list[Backend]] = {}
    for backend in every:
        ways.setdefault(_fate(protocol, backend, seen), []).append(backend)
    for backends in ways.values():
        shown = next((x for x in backends if looks_at(protocol, x, seen)), backends[0])
        yield (shown, *(x for x in backends if x is not shown))


def _counted(backends: Sequence[Backend], using: Sequence[Backend], every: Sequence[Backend]) -> TracedHop:
    shown = ", ".join(x.address for x in backends[:5])
    fact = (Evidence(shown, "EndpointSlice"),)
    if not using:
        pods = [x.place.pod for x in backends if x.place]
        why = f"no endpoint is ready: {troubles(pods) or shown}"
        return TracedHop(
            Hop.ENDPOINTS, Status.FAIL, why, f"0-of-{len(every)}", (Evidence(f"not ready: {shown}", "EndpointSlice"),)
        )
    count = f"{len(backends)}-of-{len(using)}" if len(backends) < len(using) else str(len(using))
    return TracedHop(Hop.ENDPOINTS, Status.PASS, f"ready: {shown}", count, fact)


def behind(protocol: Protocol, backend: Backend, seen: Glimpses) -> Iterator[TracedHop]:
    """The hops from the pod on."""
    place = backend.place
    if place is None:
        near = "no pod in the network of the node is known to listen at" if is_loopback(backend.address) else ""
        why = f"{near or 'no pod is known to have'} {backend.address}"
        yield backend.vacant or TracedHop(Hop.POD, Status.UNKNOWN, why)
        return
    name = place.pod.metadata.called
    held = is_loopback(backend.address) or place.pod.has(backend.address)
    if held is None:
        why = f"nobody says which addresses the pod {name} has"
        yield from (TracedHop(x, Status.UNKNOWN, why) for x in _ORDER[_ORDER.index(Hop.POD) :])
        return
    why = f"the pod {name} has {backend.address}" if held else f"the pod {name} does not have {backend.address}"
    fact = Evidence(", ".join(place.pod.addresses), f"status of the pod {name}")
    yield TracedHop(Hop.POD, Status.PASS if held else Status.FAIL, why, "" if held else STALE, (fact,))
    yield _host(backend, place) if held else TracedHop(Hop.HOST, Status.UNKNOWN)
    looked = looks_at(protocol, backend, seen)
    yield _listen(backend, place, looked)
    yield from (_later(x, protocol, backend, place, looked) for x in (Hop.HANDSHAKE, Hop.EXPORT))


def _host(backend: Backend, place: Place) -> TracedHop:
    """Whether a pod still holds its own address, as far as a container inside saw: its status is what it was given."""
    if place.observed is None or place.pod.spec.host_network or place.space.owner(backend.address):
        return TracedHop(Hop.HOST, Status.PASS)
    fact = Evidence(f"no interface holds {backend.address}", f"{place.space.source} in the {place.name}")
    return TracedHop(Hop.HOST, Status.FAIL, f"no interface of the {place.name} holds it", ABSENT, (fact,))


def looks_at(protocol: Protocol, backend: Backend, seen: Glimpses) -> Looks:
    """What was seen of a port of a pod; of its addresses the API server dials the first one alone."""
    place = backend.place
    found = {x: seen.of(place.name, backend.port, protocol, x, backend.address) for x in Way} if place else {}
    if place and is_loopback(backend.address):
        found = {Way.INSIDE: found[Way.INSIDE] or _as_client(found[Way.LOOPBACK], backend, place)}
    elif place and backend.address != next(iter(place.pod.addresses), ""):
        found[Way.ADDRESS] = None
    return {k: v for k, v in found.items() if v}


def _as_client(forwarded: Glimpse | None, backend: Backend, place: Place) -> Glimpse | None:
    """What a forwarded port tells of clients in the pod: it tries IPv4 before IPv6, so a refusal is one of both."""
    if forwarded is None or forwarded.hangs:
        return None
    if forwarded.outcome is Outcome.REFUSED:
        return forwarded
    sockets = [x for x in place.sockets if x.port == backend.port]
    first = family(backend.address) is Family.IPV4 and _taken(sockets, _LOOPBACK, place) is not False
    return forwarded if first or not sockets else None


def _fate(protocol: Protocol, backend: Backend, seen: Glimpses) -> tuple[object, ...]:
    """What tells the fate of a backend from others: what is predicted, and what was seen to go wrong.

    A look at one pod that works speaks for those of which the same is predicted.
    """
    predicted = _alike(tuple(behind(protocol, backend, _NOTHING)), backend)
    found = tuple(behind(protocol, backend, seen)) if looks_at(protocol, backend, seen) else ()
    failed = any(x.status is Status.FAIL for x in found)
    name = backend.place.name if backend.place else ""
    across = seen.unreached.get((name, backend.port, protocol, family(backend.address)))
    return (predicted, _alike(found, backend) if failed else (), across)


def _alike(hops: Sequence[TracedHop], backend: Backend) -> tuple[object, ...]:
    """Hops by status and mark; pods of one template differ in nothing but their own addresses."""
    held = backend.place.pod.addresses if backend.place else ()
    marks = {f"[{x}]" if ":" in x else x: str(family(x)) for x in held}
    return tuple((x.status, ",".join(marks.get(y, y) for y in x.mark.split(","))) for x in hops)


def _listen(backend: Backend, place: Place, looked: Looks) -> TracedHop:
    sockets = [x for x in place.sockets if x.port == backend.port]
    known = Layer.DECLARED if place.observed is None else Layer.OBSERVED
    facts = tuple(Evidence(f"{listen_mark(x)} on port {x.port}", x.source, known) for x in sockets)
    mark = ",".join(dict.fromkeys(map(listen_mark, sockets)))
    direct, proxy = _direct(looked, backend, place), place.before(backend.address, backend.port)
    said = _taken(sockets, backend.address, place)
    before = _before(backend, place, proxy, direct, said) if proxy else None
    if before:
        return msgspec.structs.replace(before, mark=before.mark or mark, evidence=(*before.evidence, *facts))
    inside = looked.get(Way.LOOPBACK)
    mute = (x for x in place.on(backend.port) if x.silent and x.container not in place.stopped)
    silent = [x for x in mute if place.observed is None and not sockets]
    if silent and not (direct and direct.outcome is not Outcome.REFUSED):
        seen = tuple(map(sight, filter(None, (direct, inside))))
        fact = Evidence(silent[0].value, silent[0].endpoint.field, Layer.DECLARED)
        return TracedHop(Hop.LISTEN, Status.FAIL, silent[0].bound.unknown, NOTHING, (*seen, fact))
    if direct:
        facts = (sight(direct), *facts)
        if direct.outcome is Outcome.REFUSED:
            inside = inside if direct.way is Way.ADDRESS else None
            told = mark or unbound(backend, place, mark, ()).mark or _heard(inside)
            why = f"{backend.address} refuses connections"
            return TracedHop(
                Hop.LISTEN, Status.FAIL, why, told or "refused", (*facts, *map(sight, [inside] if inside else ()))
            )
        return TracedHop(Hop.LISTEN, Status.PASS, "a listener accepts", mark, facts)
    if said is not None:
        why = "a listener accepts" if said else f"no socket on port {backend.port} accepts {backend.address}"
        return TracedHop(Hop.LISTEN, Status.PASS if said else Status.FAIL, why, mark, facts)
    found = unbound(backend, place, mark, facts)
    hangs = sight(inside) if found.status is Status.UNKNOWN and inside and inside.hangs else None
    return msgspec.structs.replace(found, why=_HANGS, evidence=(hangs, *facts)) if hangs else found


def _before(
    backend: Backend,
    place: Place,
    proxy: Sidecar,
    direct: Glimpse | None,
    said: bool | None,  # noqa: FBT001 -- or unknown
) -> TracedHop | None:
    """What becomes of a connection at the proxy of a mesh, where that tells; else it is as without one.

    The proxy connects to the address that the client asked for: what no listener takes there, it answers itself.
    """
    title, seen = family(backend.address).title, (sight(direct),) if direct else ()
    if family(backend.address) in proxy.deaf:
        why = f"the packet filter leads {title} to the proxy of {proxy.mesh}, which does not listen on it"
        fact = Evidence(f"the proxy has no socket for {title}", f"sock_diag in the {place.name}")
        return TracedHop(Hop.LISTEN, Status.FAIL, why, UNMET, (fact, *seen))
    if proxy.leads_on and said is False and not (direct and direct.way is Way.ADDRESS):
        return TracedHop(
            Hop.LISTEN, Status.UNKNOWN, f"{proxy.mesh} leads on to another address of the pod", evidence=seen
        )
    known = (Outcome.REFUSED, Outcome.ACCEPTED)
    answered = direct and direct.way is Way.ADDRESS and said is False and direct.outcome not in known
    if answered and _fails(direct):
        why = f"the proxy of {proxy.mesh} answers, and no socket on port {backend.port} accepts {backend.address}"
        return TracedHop(Hop.LISTEN, Status.FAIL, why, evidence=seen)
    if direct and not answered:
        return None
    why = f"{proxy.mesh} takes connections to this pod first"
    local = next((x for x in place.sockets if x.port == backend.port and is_loopback(x.address)), None)
    if proxy.connects and said is False and local:
        why = f"{why}, and connects to its address; the receiver listens on {local.address} alone"
        return TracedHop(Hop.LISTEN, Status.UNKNOWN, why, LED_PAST, seen)
    return TracedHop(Hop.LISTEN, Status.UNKNOWN, why, evidence=seen)


def _heard(inside: Glimpse | None) -> str:
    """What a look at the loopback of a pod tells of a port whose address refuses, where nothing else does."""
    return "" if inside is None or inside.hangs else NOTHING if inside.outcome is Outcome.REFUSED else _LOOPBACK


def heard(traces: Iterable[Trace], place: Place) -> Iterator[Listener]:
    """The sockets that answer at the loopback of a pod alone, on ports of which nothing else tells.

    A forwarded port comes to 127.0.0.1 or `::1`, where one of the other family alone would answer too.
    """
    for port in dict.fromkeys(x.port for x in traces if x.at(Hop.LISTEN).mark == _LOOPBACK):
        if all(x.port != port for x in place.sockets):
            mine = Listener(place.name, Transport.TCP, _LOOPBACK, port, Family.IPV4, source=FORWARDED)
            yield msgspec.structs.replace(mine, holder=place.holder(port))


def _direct(looked: Looks, backend: Backend, place: Place) -> Glimpse | None:
    """The look at an address of a pod that tells most: from inside, else by the API server; none that met nobody.

    What exports inside of a pod goes round the proxy of a mesh, to a Collector that takes it or not.
    """
    told = [x for x in (looked.get(Way.INSIDE), looked.get(Way.ADDRESS)) if x]
    told = [x for x in told if reached(x.outcome) or x.outcome is Outcome.REFUSED]
    proxy = place.before(backend.address, backend.port)
    outer = told[-1:] if proxy and (proxy.leads_on or not _is_refused(told[:1])) else []
    return next(iter((*outer, *told)), None)


def _is_refused(looks: Iterable[Glimpse]) -> bool:
    return any(x.outcome is Outcome.REFUSED for x in looks)


def _taken(sockets: Sequence[Listener], address: str, place: Place) -> bool | None:
    """Whether one of these takes connections to an address; None where nobody can say, or there are none."""
    said = [accepts(x, address, place.space) for x in sockets]
    return True if True in said else None if None in said or not said else False


def _later(hop: Hop, protocol: Protocol, backend: Backend, place: Place, looked: Looks) -> TracedHop:
    """Handshake and export: from a look at this address, or at the loopback where the same socket takes both.

    Where there is none, from what listens there by its configuration, if that is no OTLP receiver.
    """
    tried = _telling(backend, place, looked)
    told = [x for x in tried if x.outcome is not Outcome.CONNECTED]
    end = stranger(place, backend.port) if not told or told[0].outcome is Outcome.UNPROVED else None
    met = answered(protocol, end) if end else None
    if end and met and MEANINGS[met].hop is hop:
        fact = Evidence(f"port {backend.port}: {end.component}", end.field, Layer.DECLARED)
        return TracedHop(hop, Status.FAIL, MEANINGS[met].why, met, (fact, *map(sight, told)))
    if not told:
        opened = hop is Hop.HANDSHAKE and tried
        return TracedHop(hop, Status.PASS if opened else Status.UNKNOWN, evidence=tuple(map(sight, tried)))
    meaning, hangs = MEANINGS[told[0].outcome], told[0].hangs
    lacks = _HANGS if hangs else lacking(told[0].outcome, told[0].status, told[0].detail)
    facts, proxy = (sight(told[0]),), place.before(backend.address, backend.port)
    if proxy and (open_ := _past(told[0], hop, proxy)):
        return msgspec.structs.replace(open_, evidence=facts)
    if meaning.hop is hop and lacks:
        return TracedHop(hop, Status.UNKNOWN, lacks, "" if hangs else told[0].outcome, facts)
    if meaning.hop is hop:
        return TracedHop(hop, Status.FAIL, meaning.why, told[0].outcome, facts)
    passed = meaning.hop is None or _ORDER.index(meaning.hop) > _ORDER.index(hop)
    return TracedHop(hop, Status.PASS if passed else Status.UNKNOWN, "accepted" if passed else "", evidence=facts)


def _past(look: Glimpse, hop: Hop, proxy: Sidecar) -> TracedHop | None:
    """What a look leaves open of clients that come to the proxy of a mesh; None where it tells as much of them.

    The API server is in no mesh, and what exports inside of a pod goes round the proxy.
    """
    fails = MEANINGS[look.outcome].hop
    if look.way is Way.ADDRESS and fails is hop is Hop.HANDSHAKE:
        return TracedHop(hop, Status.UNKNOWN, f"{proxy.mesh} may take clients in the mesh alone", OUTSIDE)
    if look.way is Way.INSIDE and fails is None:
        return TracedHop(hop, Status.UNKNOWN, f"what exports inside of the pod goes round {proxy.mesh}")
    return None


def _telling(backend: Backend, place: Place, looked: Looks) -> Sequence[Glimpse]:
    """The looks that were answered, the one first that tells most of what a client meets.

    An export that fails at the loopback of the same socket is one of a client, the proxy of an API server none.
    """
    direct, inside = _direct(looked, backend, place), looked.get(Way.LOOPBACK)
    direct = direct if direct and direct.outcome is not Outcome.REFUSED else None
    sockets = [x for x in place.sockets if x.port == backend.port]
    same = [x for x in sockets if accepts(x, backend.address, place.space) and accepts(x, _LOOPBACK, place.space)]
    failed = _fails(inside)
    # What the loopback takes says nothing of the way here: a family that nobody exported over stays unknown.
    met = direct and not place.before(backend.address, backend.port)
    useful = inside and inside.outcome is not Outcome.REFUSED and (same or met) and (direct or failed)
    found = [x for x in (direct, inside if useful else None) if x]
    proxied = direct is not None and direct.way is Way.ADDRESS and _fails(direct)
    return found[::-1] if proxied and failed and (same or not sockets) else found


def _fails(look: Glimpse | None) -> bool:
    return look is not None and MEANINGS[look.outcome].hop is not None


def _signals(looked: Looks) -> tuple[str, ...]:
    """The signals that a receiver takes which rejects the one that was sent."""
    return next((x.signals for x in looked.values() if x.outcome is Outcome.REJECTED and x.signals), ())


def sight(look: Glimpse) -> Evidence:
    """What a look showed."""
    said = "; ".join(x for x in (str(look.outcome), look.status or look.detail) if x)
    return Evidence(said, look.source, Layer.PROBED)

"""What the named client makes of the addresses of a target: which it tries, when, and which it can do without."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.address import Target
from dualstack.model.client import Dialled, Outlook
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.host import Routes
from dualstack.model.names import Names, ResolverFiles
from dualstack.model.probe import ProbeResult, Probes
from dualstack.model.question import Client, Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.dial import ACCEPTED, NO_ROUTE, REFUSED, TIMED_OUT, dial, too_slow
from dualstack.reach.literals import mishandled
from dualstack.reach.required import addresses_of
from dualstack.reach.select import behaviour, order

QUICK = 1000
"""Milliseconds of waiting that an exporter does not mind: its own limit is 10 s (OTEL_EXPORTER_OTLP_TIMEOUT)."""

NEIGHBOUR_TIMEOUT = 3000
"""Milliseconds until a silent neighbour is given up: mcast_solicit 3, retrans_time_ms 1000 (ip-sysctl.rst)."""

LATE = "late"
"""The mark of an address that the client gives up before it can answer, and then has none."""

_CONNECTS = {
    Disposition.REFUSED: REFUSED,
    Disposition.TIMED_OUT: TIMED_OUT,
    Disposition.NO_ROUTE: NO_ROUTE,
}
_ANSWERED = ("reject", "reset", "denied")
"""The marks of a policy hop whose filter says no, and not nothing: the client hears of it at once."""


def as_client(snapshot: Snapshot, question: Question, traces: Sequence[Trace]) -> Iterator[Trace]:
    """The traces of one target as the named client lives them; unchanged where too little is known to say."""
    names, routes, probes = snapshot.having(Names), snapshot.having(Routes), snapshot.having(Probes)
    client = question.client
    view = outlook(traces[0].target, client, traces, names, routes, probes) if client and traces else None
    if view is None or view.dialled is None or len(view.order) == 1 == len(addresses_of(view.target, names)):
        yield from traces
        return
    tried = _tried(view.order, view.dialled)
    needed = any(x.required and set(tried).intersection(x.addresses) for x in traces)
    stranded = view.dialled.waited is None and not needed
    yield from (_lived(x, question, view, tried, stranded=stranded) for x in traces)


def _tried(order: Sequence[str], dialled: Dialled) -> tuple[str, ...]:
    """The addresses that a client ever dials; one that gets no connection has no more than its attempts."""
    if dialled.waited is None:
        return tuple(x.address for x in dialled.attempts)
    return tuple(x for x in order if x not in dialled.not_tried)


def outlook(
    target: Target,
    client: Client,
    traces: Sequence[Trace],
    names: Names | None,
    routes: Routes | None,
    probes: Probes | None,
) -> Outlook | None:
    """What a client makes of a target, given all traces of that target; None where no address is known."""
    known = addresses_of(target, names)
    if not known:
        return None
    row = behaviour(client.runtime, client.version)
    sources = routes.sources if routes else {}
    files = names.files if names else ResolverFiles()
    hosts = files.addresses_of(target.host)
    usable = () if mishandled(client, target) else known
    tried = order(usable, client.runtime, client.version, sources, files.policy, hosts)
    fates = {address: _fate(x) or "" for x in traces for address in x.addresses}
    results = {x: probes.of(x, target.port, target.protocol) for x in known} if probes else {}
    took = {x: round_trip(result) for x, result in results.items() if result}
    outcomes = {x: fates.get(x, "") for x in known}
    lived = {**outcomes, **dict.fromkeys(too_slow(tried, took, row), TIMED_OUT)}
    return Outlook(
        target,
        client,
        row.title,
        row.strategy,
        tried,
        tuple(x for x in known if outcomes[x] == ACCEPTED),
        dial(tried, lived, client, took=delays(traces, routes, probes)) if all(outcomes[x] for x in tried) else None,
        row.verified,
    )


def round_trip(result: ProbeResult) -> float:
    """Milliseconds of a round trip, 0 where it is not known: what the connection and the stage after it both took.

    One of them alone may be a machine that is busy.
    """
    spent = [x.milliseconds for x in result.stages if x.ok]
    return min(spent[:2]) if len(spent) > 1 else 0.0


def delays(traces: Iterable[Trace], routes: Routes | None, probes: Probes | None) -> dict[str, int]:
    """Milliseconds until a connection to each address of some traces fails, in whole seconds: 0 is at once."""
    found = {}
    for trace in traces:
        for address in trace.addresses:
            result = probes.of(address, trace.target.port, trace.protocol) if probes else None
            route = routes.to(trace.vantage, address) if routes else None
            unseen = NEIGHBOUR_TIMEOUT if route and route.silent else 0
            spent = sum(x.milliseconds for x in result.stages if not x.ok) if result else unseen
            found[address] = 1000 * round(spent / 1000)
    return found


def _fate(trace: Trace) -> str | None:
    """What a connection attempt meets; of an address that the client never tries, what it would meet."""
    if trace.disposition is not Disposition.NOT_TRIED:
        return connects(trace)
    failing = next((x.hop for x in trace.hops if x.status is Status.FAIL and x.hop is not Hop.SELECT), Hop.SELECT)
    passed = ACCEPTED if trace.at(Hop.LISTEN).status is Status.PASS else None
    ends = {Hop.ROUTE: NO_ROUTE, Hop.HOST: NO_ROUTE, Hop.POLICY: _filtered(trace), Hop.LISTEN: REFUSED}
    return ends.get(failing, passed)


def _filtered(trace: Trace) -> str:
    return REFUSED if trace.at(Hop.POLICY).mark in _ANSWERED else TIMED_OUT


def connects(trace: Trace) -> str | None:
    """What a connection attempt meets; None where that is not known."""
    if trace.disposition is Disposition.DENIED:
        return _filtered(trace)
    if trace.failing and (trace.failing.hop in (Hop.HANDSHAKE, Hop.EXPORT) or trace.failing.mark == LATE):
        return ACCEPTED
    if trace.at(Hop.LISTEN).status is Status.PASS and trace.disposition not in _CONNECTS:
        return ACCEPTED
    return _CONNECTS.get(trace.disposition)


def _lived(trace: Trace, question: Question, view: Outlook, tried: Sequence[str], *, stranded: bool) -> Trace:
    """The trace as the client lives it; it is stranded where nothing that it tries works or was needed anyway."""
    client, dialled = view.client, view.dialled
    if dialled is None or not trace.addresses:
        return trace
    mine = [x for x in trace.addresses if x in tried]
    asked = trace.family in question.expect
    if not mine:
        saving = stranded and connects(trace) == ACCEPTED
        lost = stranded and not saving  # it would not help either: its own fault is the one to mend
        return trace if lost else _untried(trace, client, required=asked or saving)
    if dialled.waited is None and connects(trace) == ACCEPTED:
        said = f"{client.runtime} gives {mine[0]} up before it can answer"
        late = TracedHop(Hop.SELECT, Status.FAIL, said, LATE)
        return replace(trace, hops=_with(trace, late), disposition=Disposition.TIMED_OUT)
    place = min(view.order.index(x) for x in mine) + 1
    fact = Evidence(f"{client.runtime} tries {', '.join(view.order)}", "knowledge of client runtimes", Layer.DECLARED)
    hop = TracedHop(
        Hop.SELECT, Status.PASS, f"{client.runtime} tries it as number {place}", f"{client.runtime}:{place}", (fact,)
    )
    spared = dialled.waited is not None and dialled.waited <= QUICK and connects(trace) != ACCEPTED
    return replace(trace, hops=_with(trace, hop), required=trace.required and (asked or not spared))


def _untried(trace: Trace, client: Client, *, required: bool) -> Trace:
    hop = TracedHop(Hop.SELECT, Status.FAIL, f"{client.runtime} never tries {trace.addresses[0]}", "never")
    return replace(trace, hops=_with(trace, hop), disposition=Disposition.NOT_TRIED, required=required)


def _with(trace: Trace, hop: TracedHop) -> tuple[TracedHop, ...]:
    return tuple(hop if x.hop is hop.hop else x for x in trace.hops)

"""What the named client makes of the addresses of a target: which it tries, when, and which it can do without."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.host import Routes
from dualstack.model.names import Names
from dualstack.model.question import Client, Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.dial import ACCEPTED, NO_ROUTE, REFUSED, TIMED_OUT, Dialled, dial
from dualstack.reach.required import addresses_of
from dualstack.reach.select import order

QUICK = 1000
"""Milliseconds of waiting that an exporter does not mind: its own limit is 10 s (OTEL_EXPORTER_OTLP_TIMEOUT)."""

_CONNECTS = {
    Disposition.REFUSED: REFUSED,
    Disposition.TIMED_OUT: TIMED_OUT,
    Disposition.DENIED: TIMED_OUT,
    Disposition.NO_ROUTE: NO_ROUTE,
}


def as_client(snapshot: Snapshot, question: Question, traces: Sequence[Trace]) -> Iterator[Trace]:
    """The traces of one target as the named client lives them; unchanged where too little is known to say."""
    answers = {address: connects(x) for x in traces for address in x.addresses}
    known = addresses_of(traces[0].target, snapshot.having(Names)) if traces else ()
    if question.client is None or len(known) < 2 or None in answers.values() or set(known) - set(answers):
        yield from traces
        return
    routes = snapshot.having(Routes) or Routes()
    sources = {x.destination: x.source for x in routes.items if not x.error}
    tried = order(known, question.client.runtime, question.client.version, sources)
    dialled = dial(tried, {k: v for k, v in answers.items() if v}, question.client)
    yield from (_lived(x, question, tried, dialled) for x in traces)


def connects(trace: Trace) -> str | None:
    """What a connection attempt meets; None where that is not known."""
    if trace.at(Hop.LISTEN).status is Status.PASS and trace.disposition not in _CONNECTS:
        return ACCEPTED
    return _CONNECTS.get(trace.disposition)


def _lived(trace: Trace, question: Question, tried: Sequence[str], dialled: Dialled) -> Trace:
    client = question.client
    mine = [x for x in trace.addresses if x not in dialled.not_tried]
    asked = trace.family in question.expect
    if client is None or not trace.addresses:
        return trace
    if not mine:
        return _untried(trace, client, required=asked)
    place = min(tried.index(x) for x in mine) + 1
    fact = Evidence(f"{client.runtime} tries {', '.join(tried)}", "knowledge of client runtimes", Layer.DECLARED)
    hop = TracedHop(
        Hop.SELECT, Status.PASS, f"{client.runtime} tries it as number {place}", f"{client.runtime}:{place}", (fact,)
    )
    spared = dialled.waited is not None and dialled.waited <= QUICK and trace.disposition in _CONNECTS
    stranded = dialled.waited is None and not question.expect
    return replace(trace, hops=_with(trace, hop), required=(trace.required or stranded) and (asked or not spared))


def _untried(trace: Trace, client: Client, *, required: bool) -> Trace:
    hop = TracedHop(Hop.SELECT, Status.FAIL, f"{client.runtime} never tries {trace.addresses[0]}", "never")
    return replace(trace, hops=_with(trace, hop), disposition=Disposition.NOT_TRIED, required=required)


def _with(trace: Trace, hop: TracedHop) -> tuple[TracedHop, ...]:
    return tuple(hop if x.hop is hop.hop else x for x in trace.hops)

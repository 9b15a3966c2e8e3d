"""Ways into a cluster from outside, joined to what is known of the ways behind them.

What fails behind the entrance fails for certain. What leads up to it is known where an export from this host went
through, and what a proxy answers by itself, in words that are its own, it answers to everybody. Whatever else was met
says nothing of clients elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec
from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.address import Family, Target, family
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.finding import Finding, Skipped
from dualstack.model.glimpse import Glimpses
from dualstack.model.probe import Outcome, ProbeResult, ProbeTask
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop, Traces
from dualstack.reach.arrival import Flow, traced
from dualstack.reach.forward import LOCAL
from dualstack.reach.outcomes import MEANINGS
from dualstack.reach.resolved import UNTRIED

LACKS, PENDING, OTHER_FAMILY, DEAD = "front-lacks", "front-pending", "front-other", "front-dead"
"""Marks: no address of the family although clients are expected over it, no address at all, one of a family that the
Service behind does not have, and a Service behind which every way ends."""
NAMELESS = "front-nameless"
"""Mark of the hop `resolve`: the name gives no address where this was run."""
ASIDE = "front-aside"
"""Mark of the hop `policy`: an export of traces, as this tool makes it, is not led on by this way, or by others too."""

_ORDER = tuple(Hop)
_BEFORE, _BEHIND = _ORDER[: _ORDER.index(Hop.SERVICE)], _ORDER[_ORDER.index(Hop.ENDPOINTS) :]


class Entrance(msgspec.Struct, frozen=True):
    """One way in: who comes to which target over which family, the hops up to a port of a Service, and that port.

    `service` is the name of the Service in the cluster. `straight` says that what comes in goes on over the family that
    it came over; else somebody on the way opens connections of its own, over whichever family.
    """

    vantage: str
    target: Target
    family: Family
    addresses: tuple[str, ...]
    hops: tuple[TracedHop, ...]
    service: str
    port: int
    straight: bool = False
    required: bool = True


def entered(entrance: Entrance, inside: Sequence[Trace]) -> Iterator[Trace]:
    """The traces of a way in: one for each way in which the backends differ, by the traces from inside."""
    flow = Flow(entrance.vantage, (), entrance.target, entrance.family, entrance.addresses, entrance.required)
    mine = [x for x in led_by(entrance.service, inside) if (x.target.port, x.protocol) == _asked(entrance)]
    failed = any(x.status is Status.FAIL for x in entrance.hops)
    ends = _straight(entrance, mine) if entrance.straight and not failed else []
    for end in ends:
        found = traced(flow, (*entrance.hops, *_behind(end)))
        yield replace(found, through=entrance.service, server=end.server, servers=end.servers, arrives=end.arrives)
    if not ends:
        dead = () if failed or entrance.straight else tuple(_dead(mine))
        hops = (*(x for x in entrance.hops if x.hop not in {y.hop for y in dead}), *dead)
        found = replace(traced(flow, hops), through=entrance.service)
        lacking = found.failing is not None and found.failing.mark in (LACKS, PENDING)
        yield replace(found, disposition=Disposition.NO_ADDRESS) if lacking else found


def tried(traces: Iterable[Trace], seen: Glimpses) -> Iterator[Trace]:
    """The traces, those that nothing is known to fail of by the exports that this host made through them."""
    for trace in traces:
        mine = [
            x
            for x in seen.entrances
            if x.outcome is not Outcome.CANCELLED and _is_of(x.task, trace) and can_be_tried(trace)
        ]
        # Of several addresses of a name a client takes any.
        lost = next((x for x in mine if x.outcome is not Outcome.ACCEPTED), None)
        own = next(((x, y) for x in mine if (y := own_answer(trace, x))), None)
        if not mine or not is_open(trace):
            yield _unnamed(trace) if trace.target.host in seen.nameless else trace
        elif own:
            yield _answered(trace, *own)
        elif lost:
            why = f"{MEANINGS[lost.outcome].why}, from where this was run"
            open_ = TracedHop(Hop.ROUTE, Status.UNKNOWN, why, "", (_sight(lost),))
            yield replace(trace, hops=tuple(open_ if x.hop is Hop.ROUTE else x for x in trace.hops))
        else:
            yield replace(
                trace, hops=tuple(_passed(x, _sight(mine[0])) for x in trace.hops), disposition=Disposition.ACCEPTED
            )


def _unnamed(trace: Trace) -> Trace:
    """A flow to a name that gives no address where this was run; whether it has one elsewhere is not known."""
    hop = trace.at(Hop.RESOLVE)
    told = replace(hop, why=hop.why.replace(UNTRIED, "gives no address where this was run"), mark=NAMELESS)
    return replace(trace, hops=tuple(told if x is hop else x for x in trace.hops))


def is_open(trace: Trace) -> bool:
    """Whether nobody knows how a flow from outside ends."""
    return bool(trace.through) and trace.disposition is Disposition.INSUFFICIENT_INFO


def can_be_tried(trace: Trace) -> bool:
    """Whether an export takes this way: it is known how clients call what they come to, and nothing leads it aside.

    A host of a domain is no name to call, and neither is a mere object.
    """
    return not {"*", " "} & {*trace.target.host} and trace.at(Hop.POLICY).mark != ASIDE


def own_answer(trace: Trace, made: ProbeResult) -> Mapping[str, str] | None:
    """The row of an answer that the proxy in front gives by itself; None for any other."""
    proxy = trace.at(Hop.POLICY).mark
    rows = (x for x in table("front_answers") if proxy in x["proxies"].split())
    return next((x for x in rows if made.status == f"HTTP {x['status']}" and fnmatchcase(made.detail, x["body"])), None)


def untried(traces: Traces) -> Iterator[Skipped]:
    """What nobody could know from inside: the ways through what stands in front, as far as nothing fails behind it."""
    for why, flows in _by_reason(x for x in traces.items if is_open(x)).items():
        ways = " and ".join(dict.fromkeys(x.vantage for x in flows))
        named = (f"{x.target.scheme}://{x.target.endpoint}" for x in flows if can_be_tried(x))
        asked = f"`dualstack diagnose {next(named, 'URL')}`"
        said = f"{why}: the way through {ways}" if why else f"nobody exported through {ways}"
        yield Skipped("the ways from outside", f"{said}; {asked} tells more where clients are")


def _by_reason(traces: Iterable[Trace]) -> Mapping[str, Sequence[Trace]]:
    """Flows by what became of exports from this host, or of their names; none was made where that is empty."""
    found: dict[str, list[Trace]] = {}
    for trace in traces:
        hop, name = trace.at(Hop.ROUTE), trace.at(Hop.RESOLVE)
        why = hop.why if hop.evidence else name.why if name.mark == NAMELESS else ""
        found.setdefault(why, []).append(trace)
    return found


def _is_of(task: ProbeTask, trace: Trace) -> bool:
    target = trace.target
    asked = (target.host, target.port, trace.protocol, trace.family)
    return (task.host, task.port, task.protocol, family(task.address)) == asked


def _answered(trace: Trace, made: ProbeResult, row: Mapping[str, str]) -> Trace:
    """A flow that the proxy answers by itself: it is reached, and gets nothing from what is behind."""
    fact, why = _sight(made), f"the proxy answers by itself: it {row['why']}"
    changed = {x.hop: replace(_passed(x, fact), mark=x.mark) for x in trace.hops if x.hop in _BEFORE}
    changed[Hop.EXPORT] = TracedHop(Hop.EXPORT, Status.FAIL, why, made.outcome, (fact,))
    hops = tuple(changed.get(x.hop, x) for x in trace.hops)
    return replace(trace, hops=hops, addresses=(made.task.address,), disposition=Disposition.REJECTED)


def answered(traces: Iterable[Trace], made: Sequence[ProbeResult]) -> Iterator[tuple[Trace, ProbeResult]]:
    """The flows that a proxy in front answers by itself, each with that answer."""
    for trace in (x for x in traces if x.through and x.failing and x.failing.hop is Hop.EXPORT):
        yield from ((trace, x) for x in made if _is_of(x.task, trace) and own_answer(trace, x))


def _passed(hop: TracedHop, fact: Evidence) -> TracedHop:
    if hop.status is Status.NOT_APPLICABLE:
        return hop
    if hop.hop is Hop.EXPORT:
        return TracedHop(Hop.EXPORT, Status.PASS, "accepted", "", (fact,))
    return replace(hop, status=Status.PASS, why=hop.why if hop.status is Status.PASS else "")


def _sight(made: ProbeResult) -> Evidence:
    said = "; ".join(x for x in (str(made.outcome), made.status or made.detail) if x)
    return Evidence(said, f"{made.task.protocol} export to {made.task.endpoint} from where this was run", Layer.PROBED)


def told(finding: Finding, traces: Traces) -> Finding:
    """A finding with the flows from outside that end as those do that it is about, or as its words say."""
    hosts = {x.target.host for x in traces.items if x.key in finding.flows and not x.through}
    front = [(x, x.failing) for x in traces.items if x.through]
    dead = [x.key for x, stop in front if stop and stop.mark == DEAD and x.through in hosts]
    said = [x.key for x, stop in front if stop and stop.why == finding.detail.rstrip(".")]
    return replace(finding, flows=tuple(dict.fromkeys((*finding.flows, *dead, *said))))


def led_by(service: str, inside: Iterable[Trace]) -> Iterator[Trace]:
    """The flows of clients inside the cluster to a Service by its name."""
    return (x for x in inside if x.target.host == service and not x.through)


def _asked(entrance: Entrance) -> tuple[int, str]:
    return entrance.port, entrance.target.protocol


def _behind(end: Trace) -> tuple[TracedHop, ...]:
    return tuple(x for x in end.hops if x.hop in _BEHIND)


def _straight(entrance: Entrance, mine: Iterable[Trace]) -> list[Trace]:
    """One flow of this family for each way in which it goes on behind the Service."""
    found: dict[tuple[object, ...], Trace] = {}
    for trace in mine:
        if trace.family is entrance.family and _arrives(trace):
            found.setdefault(tuple((x.status, x.mark) for x in _behind(trace)), trace)
    return list(found.values())


def _dead(mine: Sequence[Trace]) -> Iterator[TracedHop]:
    """The hop at the Service where every flow ends behind it, over whichever family."""
    arrived = [x for x in mine if _arrives(x)]
    lost = [y[0] for x in arrived if (y := [z for z in _behind(x) if z.status is Status.FAIL])]
    if lost and len(lost) == len(arrived):
        yield TracedHop(
            Hop.SERVICE, Status.FAIL, f"nobody takes exports behind it: {lost[0].why}", DEAD, lost[0].evidence
        )


def _arrives(trace: Trace) -> bool:
    """Whether a flow tells what is behind the Service: it gets there, and is not kept on the node of its client."""
    failing = trace.failing
    return failing is None or (failing.hop in (*_BEHIND, Hop.POLICY) and failing.mark != LOCAL)

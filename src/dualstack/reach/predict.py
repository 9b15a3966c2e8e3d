"""From the evidence to one trace for each flow.

Every hop is judged by a function of its own from whatever layers there are: what a probe showed beats what was
observed, and what nobody saw is unknown.
"""

from collections.abc import Iterable, Iterator
from itertools import takewhile

import msgspec

from dualstack.model.address import BOTH, Family, Protocol, Scope, Target, family, join, parse, scope, without_zone
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.host import (
    Filters,
    FilterVerdict,
    InterfaceAddress,
    Namespace,
    Namespaces,
    Return,
    Routes,
    Transit,
    Transits,
)
from dualstack.model.names import Names
from dualstack.model.probe import Outcome, ProbeResult, Probes
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listener, Listeners, Transport
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop, Traces
from dualstack.reach.bind import accepts, listen_mark
from dualstack.reach.client import as_client
from dualstack.reach.doubt import UNDECIDED, rejected, suspect
from dualstack.reach.outcomes import MEANINGS
from dualstack.reach.required import addresses_of, examined, required, waive_assumed
from dualstack.reach.router import NOT_FORWARDED, NOT_RETURNED

_ORDER = tuple(Hop)
_UNUSABLE = ("dadfailed", "tentative")
_UNEXPLAINED = (Outcome.TIMED_OUT, Outcome.CANCELLED, Outcome.DENIED)  # a prohibit route denies as a filter does
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where a connection to a wildcard address ends (ip_route_connect() in net/route.h, tcp_v6_connect())."""
_CLUSTER = (Hop.SERVICE, Hop.ENDPOINTS, Hop.POD)


class Flow(msgspec.Struct, frozen=True):
    """One address of one target with everything that is known of the way there; the kernel goes to `destination`.

    `resolver` is what gave the address.
    """

    target: Target
    address: str
    resolver: str
    destination: str
    vantage: str
    result: ProbeResult | None
    routes: Routes | None
    transits: tuple[Transit, ...]
    lost: Return | None
    filters: Filters | None
    space: Namespace | None
    sockets: tuple[Listener, ...] | None

    @property
    def failed_at(self) -> Hop | None:
        """The hop at which the probe ended, None where it made its way or was not made."""
        if self.result is None:
            return None
        if self.is_full:
            return Hop.LISTEN
        return Hop.POLICY if rejected(self.filtering, self.result.outcome) else MEANINGS[self.result.outcome].hop

    @property
    def is_full(self) -> bool:
        """Whether nothing answered because every socket that takes this address has no room for a connection."""
        mine = [x for x in self.sockets or () if accepts(x, self.destination, self.space)]
        silent = self.result is not None and self.result.outcome is Outcome.TIMED_OUT
        return silent and bool(mine) and all(x.is_full for x in mine)

    @property
    def filtering(self) -> tuple[FilterVerdict, ...]:
        """What the packet filters in sight do with this flow."""
        return self.filters.to(self.address, self.target.port) if self.filters else ()

    @property
    def probed(self) -> bool:
        """Whether a probe was made and came to an end."""
        return self.result is not None and self.result.outcome is not Outcome.CANCELLED

    def passed(self, hop: Hop) -> bool:
        """Whether the probe got beyond a hop."""
        if not self.probed:
            return False
        return self.failed_at is None or _ORDER.index(self.failed_at) > _ORDER.index(hop)

    @property
    def socket_says(self) -> bool | None:
        """Whether the sockets in sight accept this address; None where they are out of sight or do not tell."""
        if self.sockets is None:
            return None
        said = [accepts(x, self.destination, self.space) for x in self.sockets]
        return True if True in said else None if None in said else False


def predict(snapshot: Snapshot) -> Traces:
    """The traces of a question, by target, family and what became of the addresses."""
    question = snapshot.having(Question)
    if question is None:
        return Traces()
    found: list[Trace] = []
    for target in question.targets:
        mine = [x for wanted in BOTH for x in _traces(snapshot, question, target, wanted)]
        found.extend(as_client(snapshot, question, mine))
    return Traces(tuple(waive_assumed(found)))


def _traces(snapshot: Snapshot, question: Question, target: Target, wanted: Family) -> Iterator[Trace]:
    known = addresses_of(target, snapshot.having(Names))
    mine = [x for x in examined(known) if family(x) is wanted]
    if not mine:
        if wanted in question.expect or (not known and not question.expect):
            yield _addressless(snapshot, question, target, wanted)
        return
    alike: dict[tuple[object, ...], list[Trace]] = {}
    for address in sorted(mine, key=lambda x: (parse(without_zone(x)).packed, x)):  # nameservers shuffle
        trace = _trace(snapshot, question, target, _flow(snapshot, question, target, address))
        key = (trace.disposition, trace.server, *((x.status, x.mark) for x in trace.hops))
        alike.setdefault(key, []).append(trace)
    for first, *rest in alike.values():
        yield msgspec.structs.replace(first, addresses=tuple(a for x in (first, *rest) for a in x.addresses))


def _trace(snapshot: Snapshot, question: Question, target: Target, flow: Flow) -> Trace:
    hops = tuple(_hops(flow))
    became = _disposition(flow, hops)
    kind = family(flow.address)
    return Trace(
        vantage=question.place,
        target=target,
        protocol=target.protocol,
        family=kind,
        addresses=(flow.address,),
        hops=hops,
        disposition=became,
        required=required(snapshot, question, target, kind, became),
        server=flow.space.place if flow.space else "",
        signals=flow.result.signals if flow.result and became is Disposition.REJECTED else (),
    )


def _addressless(snapshot: Snapshot, question: Question, target: Target, wanted: Family) -> Trace:
    """The trace of a family in which the name has no address, or whose addresses nobody could look up."""
    names = snapshot.having(Names)
    said = names.lookup(target.host) if names else None
    asked = target.literal or said is not None
    why = f"has no {wanted.title} address" if asked else "was not looked up"
    if said and said.error:
        why = f"does not resolve: {said.error} from {said.source}"
    fact = Evidence(said.error or ", ".join(said.addresses), said.source) if said else None
    hop = TracedHop(
        Hop.RESOLVE,
        Status.FAIL if asked else Status.UNKNOWN,
        f"`{target.host}` {why}",
        mark=f"no-{wanted.record}",
        evidence=(fact,) if fact else (),
    )
    after = [TracedHop(x, Status.UNKNOWN) for x in _ORDER[2:]]
    became = Disposition.NO_ADDRESS if asked else Disposition.INSUFFICIENT_INFO
    hops = (TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses"), hop, *after)
    return Trace(question.place, target, target.protocol, wanted, (), hops, became)


def _flow(snapshot: Snapshot, question: Question, target: Target, address: str) -> Flow:
    probes, spaces = snapshot.having(Probes), snapshot.having(Namespaces)
    listeners = snapshot.having(Listeners)
    destination = _WILDCARDS.get(address, address)
    space = _place_of(destination, spaces, question.place)
    transport = Transport.UDP if target.protocol is Protocol.UDP else Transport.TCP
    seen = listeners is not None and space is not None and space.place in listeners.places
    names = snapshot.having(Names)
    found = names.lookup(target.host) if names else None
    transits = snapshot.having(Transits) or Transits()
    flow = Flow(
        target=target,
        address=address,
        resolver=found.source if found else "",
        destination=destination,
        vantage=question.place,
        result=probes.of(address, target.port, target.protocol) if probes else None,
        routes=snapshot.having(Routes),
        transits=transits.to(destination),
        lost=transits.lost(destination),
        filters=snapshot.having(Filters),
        space=space,
        sockets=listeners.on(space.place, target.port, transport) if seen and listeners and space else None,
    )
    return flow if flow.passed(Hop.LISTEN) else _led(flow)


def _led(flow: Flow) -> Flow:
    """The flow without what is in sight from the place on whose packet filter leads it to another address or port."""
    moving = {x.place for x in flow.filtering if x.moved}
    if not moving:
        return flow
    before = () if flow.vantage in moving else takewhile(lambda x: x.place not in moving, flow.transits)
    return msgspec.structs.replace(flow, transits=tuple(before), lost=None, space=None, sockets=None)


def _place_of(address: str, spaces: Namespaces | None, vantage: str) -> Namespace | None:
    """The place in sight that answers for an address: its owner, and for every loopback address the vantage itself."""
    if spaces is None:
        return None
    owned = spaces.owner(address)
    if owned:
        return owned[0]
    return spaces.at(vantage) if scope(without_zone(address)) is Scope.LOOPBACK else None


def _hops(flow: Flow) -> Iterator[TracedHop]:
    yield TracedHop(Hop.ENDPOINT, Status.PASS, "the target parses")
    yield _resolve(flow)
    yield TracedHop(Hop.SELECT, Status.NOT_APPLICABLE)
    yield _route(flow)
    yield _policy(flow)
    yield from (TracedHop(x, Status.NOT_APPLICABLE) for x in _CLUSTER)
    yield _host(flow)
    yield _listen(flow)
    yield _later(flow, Hop.HANDSHAKE)
    yield _later(flow, Hop.EXPORT)


def _resolve(flow: Flow) -> TracedHop:
    if flow.target.literal or flow.target.addresses:
        return TracedHop(Hop.RESOLVE, Status.NOT_APPLICABLE, "the target is an address")
    kind = family(flow.address)
    fact = Evidence(f"`{flow.target.host}` has {flow.address}", flow.resolver)
    return TracedHop(Hop.RESOLVE, Status.PASS, f"the name has this {kind.title} address", kind.record, (fact,))


def _probed(flow: Flow) -> tuple[Evidence, ...]:
    """What the probe saw, for the hop where it ended."""
    result = flow.result
    if result is None:
        return ()
    where = f"{result.task.protocol} probe of {result.task.endpoint}"
    said = "; ".join(x for x in (result.status, result.detail) if x) or MEANINGS[result.outcome].why
    return (Evidence(said, where, Layer.PROBED),)


def _failure(flow: Flow, hop: Hop) -> TracedHop | None:
    """The hop as the probe says it failed there, None where it did not."""
    if flow.failed_at is not hop or flow.result is None:
        return None
    meaning = MEANINGS[flow.result.outcome]
    return TracedHop(hop, meaning.status, meaning.why, flow.result.outcome, _probed(flow))


def _route(flow: Flow) -> TracedHop:
    answer = flow.routes.to(flow.vantage, flow.destination) if flow.routes else None
    failure = _failure(flow, Hop.ROUTE)
    if answer is None:
        return failure or TracedHop(Hop.ROUTE, Status.PASS if flow.passed(Hop.ROUTE) else Status.UNKNOWN)
    told = answer.error or f"{answer.interface} from {answer.source or 'no address'}"
    fact = Evidence(f"route to {flow.address}: {told}", "rtnetlink RTM_GETROUTE")
    if failure:
        return msgspec.structs.replace(failure, evidence=(*failure.evidence, fact))
    stop = next((x for x in flow.transits if x.stops), None)
    if stop and (flow.result is None or flow.result.outcome in _UNEXPLAINED):
        return TracedHop(Hop.ROUTE, Status.FAIL, f"the router {stop.place} does not pass it on", NOT_FORWARDED, (fact,))
    if flow.lost and flow.result and flow.result.outcome is Outcome.TIMED_OUT:
        why = f"{flow.lost.place} has no route back to {flow.lost.client}"
        back = Evidence(f"{flow.lost.place}: route to {flow.lost.client}: {flow.lost.error}", "rtnetlink RTM_GETROUTE")
        return TracedHop(Hop.ROUTE, Status.FAIL, why, NOT_RETURNED, (fact, back))
    if answer.error and not flow.passed(Hop.LISTEN):
        silent = f"no host answers for {flow.address} on {answer.interface}"
        why = silent if answer.silent else f"no route to {flow.address}"
        return TracedHop(Hop.ROUTE, Status.FAIL, why, answer.error.lower(), (fact,))
    return TracedHop(Hop.ROUTE, Status.PASS, f"leaves by {answer.interface}", answer.interface, (fact,))


def _policy(flow: Flow) -> TracedHop:
    said = flow.filtering
    facts = tuple(map(_rule, said))
    against = [x for x in said if x.verdict in ("drop", "reject")]
    if flow.passed(Hop.LISTEN):
        return TracedHop(Hop.POLICY, Status.PASS, "connections get through", evidence=facts)
    if against:
        rule = against[0]
        why = f"the packet filter ({rule.where}) says {rule.verdict}: {rule.rule}"
        return TracedHop(Hop.POLICY, Status.FAIL, why, rule.verdict, (*facts, *_probed(flow)))
    failure = _failure(flow, Hop.POLICY) or _hidden_filter(flow)
    if failure:
        return msgspec.structs.replace(failure, evidence=(*failure.evidence, *facts))
    open_ = bool(said) and all(x.verdict == "accept" for x in said) and flow.space is not None
    doubted = suspect(said, flow.result.outcome) if flow.result and flow.socket_says is None else None
    if doubted:
        why = f"a rule of the packet filter ({doubted.where}) could not be decided: {doubted.rule}"
        return TracedHop(Hop.POLICY, Status.UNKNOWN, why, UNDECIDED, facts)
    passed = open_ or (flow.passed(Hop.POLICY) and all(x.verdict == "accept" for x in said))
    return TracedHop(Hop.POLICY, Status.PASS if passed else Status.UNKNOWN, evidence=facts)


def _rule(said: FilterVerdict) -> Evidence:
    rule = f"undecided: {said.rule}" if said.may else said.rule or said.verdict
    return Evidence(f"{said.where}: {rule}", said.source)


def _hidden_filter(flow: Flow) -> TracedHop | None:
    """A reset although a socket in sight accepts: something in between answered in its place."""
    if flow.failed_at is not Hop.LISTEN or flow.is_full or not flow.socket_says:
        return None
    why = "a listener accepts this address, yet a reset answers: something in between rejects"
    return TracedHop(Hop.POLICY, Status.FAIL, why, "reset", _probed(flow))


def _host(flow: Flow) -> TracedHop:
    if flow.space is None:
        return TracedHop(Hop.HOST, Status.PASS if flow.passed(Hop.LISTEN) else Status.UNKNOWN)
    interface = flow.space.owner(flow.destination)
    mine = interface.addresses if interface else ()
    held = next((x for x in mine if x.address == without_zone(flow.destination)), None)
    status, why = _holding(flow, held, owned=interface is not None)
    where = f"{flow.destination} on {interface.name}" if interface else f"{flow.destination} is on no interface"
    mark = interface.name if interface else "no-address"
    return TracedHop(Hop.HOST, status, why, mark, (Evidence(where, flow.space.source),))


def _holding(flow: Flow, held: InterfaceAddress | None, *, owned: bool) -> tuple[Status, str]:
    if flow.passed(Hop.LISTEN):
        return Status.PASS, "the host holds the address"
    if not owned:
        return Status.FAIL, "no interface holds the address"
    bad = [x for x in held.flags if x in _UNUSABLE] if held else []
    return (Status.FAIL, f"the address is {bad[0]}") if bad else (Status.PASS, "the host holds the address")


def _listen(flow: Flow) -> TracedHop:
    sockets = flow.sockets or ()
    facts = tuple(Evidence(f"{listen_mark(x)} on port {x.port}{_owner(x, flow)}", x.source) for x in sockets)
    mark = ",".join(map(listen_mark, sockets)) or ("none" if flow.sockets is not None else "")
    if flow.is_full:
        return TracedHop(Hop.LISTEN, Status.FAIL, "the queue of the listener is full", mark, (*_probed(flow), *facts))
    if flow.failed_at is Hop.LISTEN and not flow.socket_says:
        return TracedHop(Hop.LISTEN, Status.FAIL, _deaf(flow), mark or "refused", (*_probed(flow), *facts))
    if flow.passed(Hop.LISTEN):
        redirected = flow.socket_says is False
        why = "accepted, yet no socket in sight takes this address: a redirect" if redirected else "a listener accepts"
        return TracedHop(Hop.LISTEN, Status.PASS, why, "redirected" if redirected else mark, facts)
    status = {True: Status.PASS, False: Status.FAIL, None: Status.UNKNOWN}[flow.socket_says]
    why = {True: "a listener accepts", False: _deaf(flow), None: ""}[flow.socket_says]
    return TracedHop(Hop.LISTEN, status, why, mark, facts)


def _owner(listener: Listener, flow: Flow) -> str:
    owner = listener.processes[0] if listener.processes else None
    held = f" by {owner.name}{f' (pid {owner.pid})' if owner.pid else ''}" if owner else ""
    return held if listener.place == flow.vantage else f"{held} in {listener.place}"


def _deaf(flow: Flow) -> str:
    where = join(flow.address, flow.target.port)
    if flow.sockets:
        return f"no socket on port {flow.target.port} accepts {flow.address}"
    return f"nothing listens on port {flow.target.port}" if flow.sockets is not None else f"{where} refuses connections"


def _later(flow: Flow, hop: Hop) -> TracedHop:
    """Handshake and export: only a probe can tell."""
    if flow.target.protocol in (Protocol.TCP, Protocol.UDP):
        return TracedHop(hop, Status.NOT_APPLICABLE)
    failure = _failure(flow, hop)
    if failure:
        return failure
    passed = flow.passed(hop)
    facts = _probed(flow) if passed and hop is Hop.EXPORT else ()
    return TracedHop(hop, Status.PASS if passed else Status.UNKNOWN, "accepted" if facts else "", evidence=facts)


# The disposition of a flow that fails at a hop for want of a probe that says more.
_PREDICTED = {
    Hop.ROUTE: Disposition.NO_ROUTE,
    Hop.POLICY: Disposition.DENIED,
    Hop.HOST: Disposition.NO_ROUTE,
    Hop.LISTEN: Disposition.REFUSED,
}


def _disposition(flow: Flow, hops: Iterable[TracedHop]) -> Disposition:
    ordered = tuple(hops)
    failing = next((x for x in ordered if x.status is Status.FAIL), None)
    if failing is None:
        done = flow.passed(Hop.EXPORT) or flow.target.protocol in (Protocol.TCP, Protocol.UDP)
        unclear = any(x.status is Status.UNKNOWN for x in ordered)
        return Disposition.ACCEPTED if done and not unclear else Disposition.INSUFFICIENT_INFO
    if flow.result and failing.hop is flow.failed_at:
        filtered = failing.mark in ("drop", "reject")
        return Disposition.DENIED if filtered else MEANINGS[flow.result.outcome].disposition
    return _PREDICTED[failing.hop]

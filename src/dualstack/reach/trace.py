"""One line for each trace, and what rules ask of traces."""

from collections.abc import Iterable, Iterator

from dualstack.model.address import Protocol, Scope, join, scope, unmapped, without_zone
from dualstack.model.finding import Finding
from dualstack.model.sockets import Listener, Listeners, Transport
from dualstack.model.trace import Disposition, Hop, Status, Trace, Traces

_SHOWN = (Hop.RESOLVE, Hop.SELECT, Hop.ROUTE, Hop.POLICY, Hop.HOST, Hop.LISTEN, Hop.HANDSHAKE, Hop.EXPORT)

IN_FRONT = "in-front"
"""Mark of the hop `endpoints`: what stands in front of Services has the address."""
CRASHED, NOTHING = "crashed", "none"
"""Marks of the hop `listen`: a receiver that does not run, and a port without a socket."""


def line(trace: Trace, codes: tuple[str, ...] = ()) -> str:
    """The trace in one line that can be found with grep: the marks of its hops up to the first that fails."""
    where = join(trace.addresses[0], trace.target.port) if trace.addresses else trace.target.endpoint
    parts = [f"client={trace.vantage.replace(' ', ':')}", f"target={where}/{trace.protocol}"]
    if trace.addresses and not trace.target.literal:
        parts.append(f"name={trace.target.host}")
    parts.append(f"family={trace.family}")
    for hop in trace.hops:
        if hop.mark and hop.hop in _SHOWN:
            parts.append(f"{hop.hop}={hop.mark}")
        if hop.status is Status.FAIL:
            break
    said = f" ({', '.join(codes)})" if codes else ""
    return f"flow: {' '.join(parts)} -> {trace.disposition}{said}"


def refusals(traces: Traces, listeners: Listeners) -> Iterator[tuple[Trace, tuple[Listener, ...]]]:
    """The required flows turned away at a place in sight, each with the sockets on that port there."""
    for trace in traces.broken:
        met = trace.server in listeners.places and is_turned_away(trace) and trace.addresses
        if met and not comes_home(traces, trace):
            yield trace, sockets_of(trace, listeners)


def comes_home(traces: Traces, trace: Trace) -> bool:
    """Whether the name of another host, which answers at another address, leads the client to its own loopback."""
    named = not trace.target.literal and not trace.target.addresses
    others = (x for x in traces.items if x.target == trace.target and x.server != trace.vantage)
    answering = (x for x in others if x.at(Hop.LISTEN).status is Status.PASS and x.addresses)
    return named and _stays(trace) and any(not _stays(x) for x in answering)


def _stays(trace: Trace) -> bool:
    return bool(trace.addresses) and scope(without_zone(unmapped(trace.addresses[0]))) is Scope.LOOPBACK


def is_refused(trace: Trace) -> bool:
    """Whether a reset answered a flow, or would if the pod that it leads to was ready."""
    unready = trace.failing is not None and trace.failing.hop is Hop.ENDPOINTS
    return _is_reset(trace) or (unready and trace.at(Hop.LISTEN).status is Status.FAIL)


def is_turned_away(trace: Trace) -> bool:
    """Whether a reset answered a flow, or would if what stops it earlier let it in: a packet filter, an unready pod.

    The second is told only from sockets in sight, of which none takes the flow.
    """
    masked = trace.failing is not None and trace.failing.hop in (Hop.POLICY, Hop.ENDPOINTS)
    deaf = trace.at(Hop.LISTEN).status is Status.FAIL and trace.at(Hop.LISTEN).mark != NOTHING
    return _is_reset(trace) or (masked and deaf)


def _is_reset(trace: Trace) -> bool:
    """Whether a reset answered a flow, and not one of the cluster address, behind which the pods accept."""
    served = trace.failing is None or trace.failing.hop is not Hop.SERVICE
    return trace.disposition is Disposition.REFUSED and served


def sockets_of(trace: Trace, listeners: Listeners) -> tuple[Listener, ...]:
    """The sockets on a flow's port and in its transport, at the place that holds its addresses.

    None where the program that would have them has ended: what else has the port is another's.
    """
    if trace.at(Hop.LISTEN).mark == "crashed":
        return ()
    transport = Transport.UDP if trace.protocol is Protocol.UDP else Transport.TCP
    return listeners.on(trace.server, trace.port, transport)


def answered(traces: Traces, trace: Trace) -> bool:
    """Whether a connection to the same target over the other family was answered by a listener."""
    return any(x.at(Hop.LISTEN).status is Status.PASS for x in traces.sibling(trace))


def codes_of(trace: Trace, findings: Iterable[Finding]) -> tuple[str, ...]:
    """The code of the root cause of a failed trace: the first finding that speaks of it and that nothing explains."""
    mine = [x for x in findings if trace.key in x.flows] if trace.failed else []
    roots = [x for x in mine if not x.because] or mine
    return (roots[0].code,) if roots else ()

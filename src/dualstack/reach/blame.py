"""What rules ask of sockets that failed a flow."""

import enum
from collections.abc import Iterator, Sequence

from dualstack.model.address import BOTH, OTLP_PORTS, Scope, family, scope, unmapped, without_zone
from dualstack.model.sockets import Listener, Listeners, Transport
from dualstack.model.trace import Trace, Traces
from dualstack.reach.bind import families
from dualstack.reach.trace import comes_home, is_refused, sockets_of

FORWARDED = "a forwarded port"
"""The source of a socket of which is known that it answers at the loopback of a pod, and not at its address."""
_RECEIVERS = ("otel", "collector", "alloy", "rotel", "tempo", "jaeger", "vector", "fluent-bit")
"""Parts of the names of programs that take OTLP."""


def is_loopback(address: str) -> bool:
    """Whether an address, with or without a zone, never leaves its host."""
    return scope(without_zone(unmapped(address))) is Scope.LOOPBACK


def is_wildcard(socket: Listener) -> bool:
    """Whether a socket takes every address of its device or host."""
    return scope(unmapped(socket.address)) is Scope.WILDCARD


class Narrow(enum.Enum):
    """How the sockets of a port are too narrow for a flow."""

    LOOPBACK = enum.auto()  # all on the loopback, and the flow goes elsewhere
    OTHER_LOOPBACK = enum.auto()  # all on the loopback of the other family, and the flow goes to the loopback
    SINGLE = enum.auto()  # all on other addresses or devices


def narrow(trace: Trace, sockets: Sequence[Listener]) -> Narrow | None:
    """How the sockets of a port are too narrow for a refused flow; None where one is a wildcard of another family."""
    if not sockets or not all(_is_single(x, trace) for x in sockets):
        return None
    if not all(is_loopback(x.address) for x in sockets):
        return Narrow.SINGLE
    if not is_loopback(trace.addresses[0]):
        return Narrow.LOOPBACK
    same = any(family(x.address) is trace.family for x in sockets)
    return Narrow.SINGLE if same else Narrow.OTHER_LOOPBACK


def _is_single(socket: Listener, trace: Trace) -> bool:
    """Whether a socket takes one address alone, or has the family of a flow and is bound to another device."""
    if not is_wildcard(socket):
        return True
    return bool(socket.interface) and trace.family in (families(socket) or ())


def unserved(traces: Traces, listeners: Listeners) -> Iterator[Trace]:
    """The required flows that were refused at a place in sight where nothing listens on their port."""
    for trace in traces.broken:
        seen = trace.server in listeners.places and is_refused(trace)
        if seen and not sockets_of(trace, listeners) and not comes_home(traces, trace):
            yield trace


def elsewhere_in(trace: Trace, listeners: Listeners, meant: int) -> Listener | None:
    """A socket of the same place on which a receiver seems to wait: of the port that is `meant`, or of the protocol."""
    there = (x for x in listeners.items if x.place == trace.server and x.transport is Transport.TCP)
    mine = [x for x in there if _may_meet(x, trace)]
    same = (x for x in mine if OTLP_PORTS.get(x.port) is trace.protocol)
    by_port = [*(x for x in mine if x.port == meant), *same, *(x for x in mine if x.port in OTLP_PORTS)]
    by_name = [x for x in mine if x.processes and any(name in x.processes[0].name for name in _RECEIVERS)]
    return next(iter((*by_port, *by_name)), None)


def _may_meet(socket: Listener, trace: Trace) -> bool:
    """Whether a socket can take what comes in the family of a flow, from where that comes."""
    inside = all(map(is_loopback, trace.addresses)) or not is_loopback(socket.address)
    return inside and trace.family in (families(socket) or BOTH)

"""Flows whose clients speak another protocol than the receiver that they come to, by its configuration."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.exporter import Exporter
from dualstack.model.otel import DeclaredEndpoint
from dualstack.model.probe import Outcome
from dualstack.model.sockets import Runtime
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop, Traces
from dualstack.reach.outcomes import MEANINGS
from dualstack.reach.pods import Place, Places

FIELD = "field:"
"""How the mark of the hop `endpoint` begins where a configuration says what an agent sends: the field follows."""
_RECEIVER = "receivers/otlp"
_CROSSED = {Protocol.GRPC: Outcome.HTTP1_SPOKEN, Protocol.HTTP: Outcome.HTTP2_SPOKEN}
"""What a client that speaks this meets at a server of the other."""


def stranger(place: Place, number: int) -> DeclaredEndpoint | None:
    """What listens on a port of a pod and is no OTLP receiver, by the configuration that is read there."""
    ends = [x.endpoint for x in place.on(number) if not x.bound.cause and x.anew is None]
    known = ends and not place.proxy(number) and all(x.runtime == Runtime.GO and x.tls is False for x in ends)
    others = [x for x in ends if x.otlp is not True]
    return others[0] if known and len(others) == len(ends) else None


def answered(protocol: Protocol, end: DeclaredEndpoint) -> Outcome | None:
    """What a client meets at a listener that is no OTLP receiver; None where nobody can say.

    Measured with the Collector 0.161: HTTP servers answer gRPC in HTTP/1, and gRPC servers know no service of OTLP.
    """
    if end.protocol is not protocol and end.protocol in _CROSSED:
        return _CROSSED.get(protocol)
    return Outcome.NOT_OTLP if end.otlp is False else None


def misdirected(traces: Traces, places: Places) -> Iterator[Trace]:
    """The flows that are refused by what surely takes no OTLP: were it open to them, it would be no receiver."""
    for trace in traces.broken:
        place = places.named(trace.server) if trace.failing and trace.failing.hop is Hop.LISTEN else None
        end = stranger(place, trace.port) if place else None
        if end and end.otlp is False:
            yield trace


def understood(trace: Trace, places: Mapping[tuple[str, str], Place]) -> Trace:
    """A trace; where it would get to a receiver of another protocol, it ends there. For TLS see `reach/terms.py`."""
    there = next((x for x in places.values() if x.name == trace.server), None)
    open_yet = trace.failing is None and trace.at(Hop.HANDSHAKE).status is not Status.PASS
    met_first = there is None or there.proxy(trace.port)
    ends = [x.endpoint for x in there.on(trace.port) if not x.bound.cause] if there and not met_first else []
    if not open_yet or not ends or not all(x.component.startswith(_RECEIVER) for x in ends):
        return trace
    met = _met(trace, ends)
    if met is None:
        return trace
    meaning = MEANINGS[met]
    fact = Evidence(f"port {trace.port}: {_spoken(ends[0])}", ends[0].field, Layer.DECLARED)
    stop = TracedHop(Hop.HANDSHAKE, Status.FAIL, meaning.why, met, (fact,))
    hops = tuple(stop if x.hop is Hop.HANDSHAKE else x for x in trace.hops)
    return replace(trace, hops=hops, disposition=Disposition.HANDSHAKE_FAILED)


def _met(trace: Trace, ends: list[DeclaredEndpoint]) -> Outcome | None:
    """What a client meets that speaks so; None where a receiver takes it, or TLS is what they disagree about.

    Over TLS it is the same. Measured with the Collector 0.161: its server of HTTP answers gRPC with 404, and that of
    gRPC ends connections of HTTP/1.
    """
    if any(bool(x.tls) is not trace.target.tls or x.protocol is trace.protocol for x in ends):
        return None
    return _CROSSED.get(trace.protocol)


def _spoken(end: DeclaredEndpoint) -> str:
    kind = "gRPC" if end.protocol is Protocol.GRPC else "OTLP/HTTP"
    return f"{kind}{' with TLS' if end.tls else ''}"


def as_told(trace: Trace, exporter: Exporter) -> Trace:
    """A trace whose hop `endpoint` is marked with what says the protocol, where that is not the usual variable.

    Where the protocol is what it fails for, what the client says of itself is there as well.
    """
    end = trace.at(Hop.HANDSHAKE)
    if end.status is Status.FAIL and end.mark in _CROSSED.values():
        said = Evidence(exporter.says, exporter.place, Layer.DECLARED)
        known = replace(end, evidence=(*end.evidence, said))
        trace = replace(trace, hops=tuple(known if x is end else x for x in trace.hops))
    mark = exporter.protocol_by or (f"{FIELD}{exporter.variable}" if exporter.configured else "")
    if not mark:
        return trace
    hops = (replace(x, mark=mark) if x.hop is Hop.ENDPOINT and x.status is Status.PASS else x for x in trace.hops)
    return replace(trace, hops=tuple(hops))

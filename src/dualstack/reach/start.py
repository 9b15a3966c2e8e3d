"""Whether the endpoints of a configuration can be bound in a place, and which flows fail where they cannot."""

from collections.abc import Iterator

import msgspec

from dualstack.model.evidence import Evidence, Layer
from dualstack.model.host import Namespace, Namespaces
from dualstack.model.names import Names
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.sockets import Listener, Listeners, Runtime, Transport
from dualstack.model.trace import Trace, Traces
from dualstack.reach.bind import BindRequest, Bound, bind
from dualstack.reach.blame import unserved


class Failure(msgspec.Struct, frozen=True):
    """An endpoint that cannot be bound, what the bind says, and the flows that find nobody for that reason."""

    endpoint: DeclaredEndpoint
    bound: Bound
    flows: tuple[Trace, ...]

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The endpoint as declared, and what binding it says."""
        field = self.endpoint.field
        declared = Evidence(self.endpoint.effective, field, Layer.DECLARED)
        return (declared, Evidence(self.bound.error, f"prediction for {field}", Layer.DECLARED))


def port(endpoint: DeclaredEndpoint) -> int:
    """The port of an endpoint, 0 where it names none."""
    digits = endpoint.effective.rpartition(":")[2]
    return int(digits) if digits.isdecimal() else 0


def declared_on(
    declared: Declared | None, number: int, transport: Transport = Transport.TCP
) -> DeclaredEndpoint | None:
    """The endpoint of a configuration that listens on a port."""
    endpoints = declared.endpoints if declared else ()
    return next((x for x in endpoints if port(x) == number and x.transport is transport), None)


def here(namespaces: Namespaces | None) -> Namespace:
    """The place of the question, where a configuration given with it runs; an empty one where it is out of sight."""
    return next(iter(namespaces.items if namespaces else ()), Namespace(""))


def predicted(endpoint: DeclaredEndpoint, space: Namespace | None, names: Names | None) -> Bound:
    """What becomes of an endpoint when the Collector binds it in a place."""
    lookups = names.lookups if names else ()
    return bind(BindRequest(endpoint.effective, endpoint.network, endpoint.call, Runtime.GO, space, lookups))


def runs(declared: Declared, listeners: Listeners, place: str) -> bool:
    """Whether a Go process listens on a port of the configuration, or one that could not be read."""
    return any(x.runtime in (Runtime.GO, Runtime.UNKNOWN) for x in _sockets(declared, listeners, place))


def _sockets(declared: Declared, listeners: Listeners, place: str) -> Iterator[Listener]:
    for endpoint in declared.endpoints:
        yield from listeners.on(place, port(endpoint), endpoint.transport)


def failures(
    traces: Traces, declared: Declared | None, listeners: Listeners | None, space: Namespace, names: Names | None
) -> tuple[Failure, ...]:
    """The endpoints that kept a Collector from starting in a place; one is enough to end it with all its receivers.

    Empty where the sockets of the place are out of sight, where the Collector runs, and where no flow fails for it.
    """
    if not declared or not listeners or runs(declared, listeners, space.place):
        return ()
    ports = {port(x) for x in declared.endpoints}
    flows = tuple(x for x in unserved(traces, listeners) if x.server == space.place and x.target.port in ports)
    bounds = ((x, predicted(x, space, names)) for x in declared.endpoints)
    return tuple(Failure(x, bound, flows) for x, bound in bounds if flows and bound.cause)

"""The targets of a question that names none: the OTLP listeners of a place, and what a configuration declares."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.model.address import BOTH, OTLP_PORTS, Family, Protocol, Scope, Target, family, scope, without_zone
from dualstack.model.host import Namespace
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.sockets import Listener, Listeners, Process, Runtime, Transport
from dualstack.reach.bind import accepts
from dualstack.reach.start import port as number

HOST = "localhost"
_OTLP = ("otlp", "otelarrow")  # types of receivers that take OTLP


class _Spoken(NamedTuple):
    port: int
    protocol: Protocol
    tls: bool


def listed(
    place: str, listeners: Listeners | None, space: Namespace | None, declared: Declared | None
) -> tuple[Target, ...]:
    """One target for each OTLP listener in sight or declared endpoint, by port; empty where there is neither."""
    said = declared.endpoints if declared else ()
    spoken = {(port, _protocol(x)): bool(x.tls) for x in said if (port := number(x))}
    for listener in listeners.items if listeners else ():
        known = listener.place == place and listener.transport is Transport.TCP and listener.port in OTLP_PORTS
        if known and not any(port == listener.port for port, _ in spoken):
            spoken[listener.port, OTLP_PORTS[listener.port]] = False
    return tuple(_target(place, _Spoken(*key, tls), listeners, space) for key, tls in sorted(spoken.items()))


def ports_of(declared: Declared) -> set[int]:
    """Every port that a configuration binds."""
    return {port for x in declared.endpoints if (port := number(x))}


def _protocol(endpoint: DeclaredEndpoint) -> Protocol:
    """What to probe: an export where OTLP is spoken, elsewhere no more than a connection."""
    if endpoint.component.split("/")[1] in _OTLP:
        return endpoint.protocol
    return Protocol.UDP if endpoint.transport is Transport.UDP else Protocol.TCP


def _target(place: str, spoken: _Spoken, listeners: Listeners | None, space: Namespace | None) -> Target:
    port, protocol, tls = spoken
    transport = Transport.UDP if protocol is Protocol.UDP else Transport.TCP
    sockets = listeners.on(place, port, transport) if listeners else ()
    addresses = tuple(_addresses(sockets, space)) if space else ()
    near = not addresses or any(scope(without_zone(x)) is Scope.LOOPBACK for x in addresses)
    host = HOST if near else addresses[0]
    return Target(f"listeners on port {port}", host, port, protocol, tls, addresses=addresses or ("127.0.0.1",))


def _addresses(sockets: Sequence[Listener], space: Namespace) -> Iterator[str]:
    """The addresses of a place that some socket accepts or may accept, loopback first."""
    for address in local_addresses(space, BOTH):
        if any(accepts(x, address, space) is not False for x in sockets):
            yield address


def local_addresses(space: Namespace, wanted: Iterable[Family]) -> tuple[str, ...]:
    """The addresses of a place that clients can use: all but link-local ones, which need a zone."""
    found = [x for kind in wanted for x in space.addresses(kind)]
    return tuple(x for x in found if scope(without_zone(x)) is not Scope.LINK_LOCAL)


def widened(target: Target, space: Namespace | None, expect: Iterable[Family]) -> Target:
    """A listed target with the local addresses of the families that the user insists on, accepted or not."""
    if space is None or not target.addresses:
        return target
    missing = [x for x in expect if all(family(y) is not x for y in target.addresses)]
    more = local_addresses(space, missing)
    return Target(
        target.text, target.host, target.port, target.protocol, target.tls, addresses=(*target.addresses, *more)
    )


def told(listeners: Listeners, runtime: Runtime) -> Listeners:
    """The listeners, those without a known owner held by the runtime that the user named."""
    owner = Process(0, f"a {runtime} program, as --server says", runtime=runtime)
    items = (x if x.processes else replace(x, processes=(owner,)) for x in listeners.items)
    return replace(listeners, items=tuple(items))

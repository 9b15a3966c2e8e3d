"""Whether the endpoints of a configuration can be bound in a place, and which flows fail where they cannot."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product, zip_longest

import msgspec

from dualstack.model.address import OTLP_PORTS, Family, is_address, unmapped, without_zone, zone
from dualstack.model.evidence import Evidence, Layer
from dualstack.model.host import Namespace, Namespaces
from dualstack.model.names import Names
from dualstack.model.otel import Declared, DeclaredEndpoint
from dualstack.model.sockets import Listener, Listeners, Process, Runtime, Transport
from dualstack.model.trace import Trace, Traces
from dualstack.reach.bind import BindRequest, Bound, bind, families
from dualstack.reach.blame import is_wildcard, unserved

_NATIVE = (Runtime.RUST, Runtime.POSIX)
"""Programs that may carry no mark of what they are written in."""

_CONFIG_FLAGS = ("--config", "-config")
_UNREAD = ("env:", "http:", "https:")  # sources of a configuration that can be any file


class Failure(msgspec.Struct, frozen=True):
    """An endpoint that cannot be bound, or may not be, what the bind says, and the flows that find nobody for it.

    `holder` is the socket of another program that is in the way, `beside` the endpoint of the same configuration.
    """

    endpoint: DeclaredEndpoint
    bound: Bound
    flows: tuple[Trace, ...] = ()
    holder: Listener | None = None
    beside: DeclaredEndpoint | None = None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The endpoint as declared, and what binding it says."""
        field = self.endpoint.field
        declared = Evidence(self.endpoint.effective, field, Layer.DECLARED)
        return (declared, Evidence(self.bound.error, f"prediction for {field}", Layer.DECLARED))


def port(endpoint: DeclaredEndpoint) -> int:
    """The port of an endpoint; 0 where it has none that a client could use."""
    return numbered(endpoint.effective.rpartition(":")[2])


def numbered(text: str) -> int:
    """The port that a text names by its number; 0 for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536 else 0


def names_in(declared: Declared) -> tuple[str, ...]:
    """The hosts of the endpoints of a configuration that have to be looked up before they can be bound."""
    hosts = (x.effective.rpartition(":")[0].strip("[]") for x in declared.endpoints if "$" not in x.effective)
    return tuple(dict.fromkeys(x for x in hosts if x and not is_address(x)))


def declared_on(
    declared: Declared | None, number: int, transport: Transport = Transport.TCP
) -> DeclaredEndpoint | None:
    """The endpoint of a configuration that listens on a port."""
    endpoints = declared.endpoints if declared else ()
    return next((x for x in endpoints if port(x) == number and x.transport is transport), None)


def idle_on(declared: Declared | None, numbers: Sequence[int]) -> DeclaredEndpoint | None:
    """What a configuration has for one of these ports, and does not use."""
    return next((x for x in declared.idle if port(x) in numbers), None) if declared else None


def here(namespaces: Namespaces | None) -> Namespace:
    """The place of the question, where a configuration given with it runs; an empty one where it is out of sight."""
    return next(iter(namespaces.items if namespaces else ()), Namespace(""))


def predicted(endpoint: DeclaredEndpoint, space: Namespace | None, names: Names | None) -> Bound:
    """What becomes of an endpoint when its program binds it in a place."""
    lookups = names.lookups if names else ()
    return bind(BindRequest(endpoint.effective, endpoint.network, endpoint.call, endpoint.runtime, space, lookups))


def held(
    traces: Traces, declared: Declared | None, listeners: Listeners | None, space: Namespace, names: Names | None
) -> Iterator[Failure]:
    """The endpoints, without flows, whose port another program holds, and takes no export there.

    Another program is also a Collector that was started with another configuration, where a declared port is closed:
    where none is, this may be the one, and the file has another path for it, as in a container.
    """
    closed = declared and listeners and stranded(traces, declared, listeners, space.place)
    mine = _may_run if closed else _is_alike
    served = {x.port for x in traces.items if x.accepted and x.protocol in OTLP_PORTS.values()}
    for endpoint in declared.endpoints if declared and listeners else ():
        there = listeners.on(space.place, port(endpoint), endpoint.transport) if listeners else ()
        if port(endpoint) in served or any(mine(x, endpoint, declared) for x in there):
            continue
        bound = predicted(endpoint, space, names)
        holder = next((x for x in there if bound.unknown or any(conflicts(x, y) for y in bound.sockets)), None)
        if holder:
            yield Failure(endpoint, _in_use(endpoint, "DS210"), holder=holder)


def _clashes(found: Sequence[Failure]) -> Iterator[Failure]:
    """The endpoints that cannot be bound beside another one of the same configuration."""
    for one, other in combinations(found, 2):
        pairs = product(one.bound.sockets, other.bound.sockets)
        if port(one.endpoint) and any(conflicts(x, y) for x, y in pairs):
            yield Failure(other.endpoint, _in_use(other.endpoint, "DS115"), beside=one.endpoint)


def _in_use(endpoint: DeclaredEndpoint, cause: str) -> Bound:
    return Bound(error=f"listen {endpoint.network} {endpoint.effective}: bind: address already in use", cause=cause)


def conflicts(one: Listener, other: Listener) -> bool:
    """Whether two sockets without SO_REUSEPORT cannot be bound side by side.

    They cannot where an address would be taken by both: net/ipv6/inet6_hashtables.c inet_rcv_saddr_equal, and
    net/ipv4/inet_connection_sock.c inet_csk_bind_conflict for the devices. Of a socket whose IPV6_V6ONLY nobody could
    read, IPv6 alone is counted.
    """
    if (one.transport, one.port) != (other.transport, other.port):
        return False
    devices = {x.interface or zone(x.address) for x in (one, other)} - {""}
    shared = (families(one) or {Family.IPV6}) & (families(other) or {Family.IPV6})
    same = len({without_zone(unmapped(x.address)) for x in (one, other)}) == 1
    return bool(shared) and len(devices) < 2 and (same or is_wildcard(one) or is_wildcard(other))


def runs(declared: Declared, listeners: Listeners, place: str) -> bool:
    """Whether what listens on a port of the configuration can be its program, or could not be read."""
    return any(_may_run(x, end, declared) for x, end in sockets(declared, listeners, place))


def sockets(declared: Declared, listeners: Listeners, place: str) -> Iterator[tuple[Listener, DeclaredEndpoint]]:
    """The sockets of a place on ports of the configuration, each with the endpoint that has the port."""
    for endpoint in declared.endpoints:
        yield from ((x, endpoint) for x in listeners.on(place, port(endpoint), endpoint.transport))


def _is_alike(socket: Listener, endpoint: DeclaredEndpoint, _: Declared | None) -> bool:
    """Whether a socket can be that of a program of this kind, as far as can be seen."""
    native = endpoint.runtime in _NATIVE and socket.runtime in _NATIVE
    return native or socket.runtime in (endpoint.runtime, Runtime.UNKNOWN)


def _may_run(socket: Listener, endpoint: DeclaredEndpoint, declared: Declared | None) -> bool:
    """Whether a socket can be that of the program of this configuration."""
    return _is_alike(socket, endpoint, declared) and not (declared and started_otherwise(socket, declared))


def started_otherwise(socket: Listener, declared: Declared) -> bool:
    """Whether the command line of a socket's owner names configurations, and this one is not among them."""
    files = [file for x in socket.processes[:1] for file in started_with(x)]
    return bool(files) and not any(x.startswith(_UNREAD) or is_same_file(x, declared.file) for x in files)


def found_running(
    traces: Traces, declared: Declared, listeners: Listeners, namespaces: Namespaces
) -> tuple[Namespace, list[Listener]]:
    """The sockets of its kind of program on the ports of a configuration: here, or else at a place where flows end.

    Those of a process that was started with this configuration come first.
    """
    ends = [x for x in namespaces.items if any(y.server == x.place for y in traces.items)]
    for space in (here(namespaces), *ends):
        mine = [x for x, end in sockets(declared, listeners, space.place) if x.runtime == end.runtime]
        if mine:
            return space, sorted(mine, key=lambda x: started_otherwise(x, declared))
    return here(namespaces), []


def failures(
    traces: Traces, declared: Declared | None, listeners: Listeners | None, space: Namespace, names: Names | None
) -> tuple[Failure, ...]:
    """The endpoints that kept a Collector from starting in a place; one is enough to end it with all its receivers.

    Empty where the sockets of the place are out of sight, where the Collector runs, and where no flow fails for it.
    """
    return tuple(x for x in suspects(traces, declared, listeners, space, names) if x.bound.cause)


def suspects(
    traces: Traces, declared: Declared | None, listeners: Listeners | None, space: Namespace, names: Names | None
) -> tuple[Failure, ...]:
    """The `failures`, then the endpoints of which the evidence does not tell whether they can be bound.

    The flows are those to ports of the configuration, and all where a port is among what is wrong.
    """
    if not declared or not listeners or runs(declared, listeners, space.place):
        return ()
    each = [Failure(x, predicted(x, space, names)) for x in declared.endpoints]
    failed = (*(x for x in each if x.bound.cause), *held(traces, declared, listeners, space, names), *_clashes(each))
    found = (*failed, *(x for x in each if x.bound.unknown and not x.endpoint.effective.startswith("localhost:")))
    if any(port(x.endpoint) == 0 for x in found):
        flows = tuple(x for x in unserved(traces, listeners) if x.server == space.place)
    else:
        flows = stranded(traces, declared, listeners, space.place)
    return tuple(msgspec.structs.replace(x, flows=flows) for x in found if flows)


def stranded(traces: Traces, declared: Declared, listeners: Listeners, place: str) -> tuple[Trace, ...]:
    """The required flows to ports of a configuration that find no socket in a place."""
    ports = {port(x) for x in declared.endpoints}
    return tuple(x for x in unserved(traces, listeners) if x.server == place and x.port in ports)


def started_with(process: Process) -> tuple[str, ...]:
    """The files that `--config` names on a Collector's command line."""
    return configurations(process.command)


def configurations(words: Sequence[str]) -> tuple[str, ...]:
    """The files that `--config` names on a command line."""
    return tuple(x.removeprefix("file:") for x in flags(words, _CONFIG_FLAGS))


def flags(words: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The values of a flag on a command line, as Go's package flag reads it."""
    said = [(*x.partition("="), y) for x, y in zip_longest(words, words[1:], fillvalue="") if x.startswith("-")]
    return tuple(value if equals else following for flag, equals, value, following in said if flag in names)


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths can be one file; a relative one is compared by its last part, for nobody knows its folder."""
    if one.startswith("/") and other.startswith("/"):
        return one == other
    return one.rpartition("/")[2] == other.rpartition("/")[2]

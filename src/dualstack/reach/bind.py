"""Which sockets an address string becomes, and which connections a socket takes.

`bind` predicts the sockets that a runtime makes, by the rows of `knowledge/bind.table`; `accepts`, `families`,
`listen_mark` and `accepts_phrase` read a socket, predicted or observed.
"""

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import (
    BOTH,
    Family,
    Scope,
    family,
    is_address,
    join,
    parse,
    scope,
    unmapped,
    without_zone,
    zone,
)
from dualstack.model.host import Interface, Namespace
from dualstack.model.names import Lookup
from dualstack.model.sockets import Listener, Runtime, Transport
from dualstack.reach.place import Place, placed


class BindRequest(msgspec.Struct, frozen=True):
    """An address that a component is about to bind.

    `address` is `host:port` as the runtime gets it; `network` is `tcp`, `tcp4`, `tcp6`, `udp`, `udp4` or
    `udp6`; `call` is `listen`, or `resolve` for ResolveUDPAddr with ListenUDP. `runtime` is a word of the column
    `runtime` in `knowledge/bind.table`. `names` holds what names resolve to in `namespace`.
    """

    address: str
    network: str = "tcp"
    call: str = "listen"
    runtime: str = Runtime.GO
    namespace: Namespace | None = None
    names: tuple[Lookup, ...] = ()


class Bound(msgspec.Struct, frozen=True):
    """What became of it: sockets, or an error in the runtime's words, or the reason why nobody can tell.

    `cause` is the code of the rule that speaks of the failure. No socket, no error and no `unknown`: a server that
    started deaf.
    """

    sockets: tuple[Listener, ...] = ()
    error: str = ""
    cause: str = ""
    unknown: str = ""

    @property
    def started(self) -> bool | None:
        """Whether the bind succeeds, None where that is unknown."""
        return None if self.unknown else not self.error


def bind(request: BindRequest) -> Bound:
    """The sockets that the runtime makes of an address in that namespace, or its error.

    Where evidence is missing, every value that it could have is tried; the answer is known where all agree.
    """
    if "$" in request.address:
        return Bound(unknown=f"a variable in {request.address} has no known value")
    place = placed(request.address, request.names)
    if place.form == "service":
        return Bound(unknown=f"the services file there says which port `{place.port}` is, or that it is none")
    outcomes = {_outcome(request, place, state) for state in _states(request.namespace, place)}
    if len(outcomes) > 1:
        outcomes = {_without_v6only(x) for x in outcomes}
    if len(outcomes) > 1:
        return Bound(unknown=f"what {request.address} becomes depends on a network namespace that was not fully read")
    return outcomes.pop()


class State(NamedTuple):
    """What a bind depends on, in the words of the columns of `knowledge/bind.table`; empty where nothing does."""

    ipv6: str = ""
    ipv4: str = ""
    bindv6only: str = ""
    local: str = ""


def possible(request: BindRequest, having: tuple[Family, ...] = ()) -> tuple[Bound, ...]:
    """All that may become of it in a network with these families; where none is named, in any."""
    return tuple(dict.fromkeys(x for _, x in by_state(request, having)))


@lru_cache(maxsize=4096)
def by_state(request: BindRequest, having: tuple[Family, ...] = ()) -> tuple[tuple[State, Bound], ...]:
    """What becomes of it in each state that a network with these families can be in; where none is named, any network.

    One pair with an empty state where no state decides.
    """
    if "$" in request.address:
        return ((State(), Bound(unknown=f"a variable in {request.address} has no known value")),)
    place = placed(request.address, request.names)
    if place.form == "service":
        why = f"the services file there says which port `{place.port}` is, or that it is none"
        return ((State(), Bound(unknown=why)),)
    wanted = ("on", "lo-off") if Family.IPV6 in having else ("off", "absent")
    states = (x for x in _states(request.namespace, place) if not having or x.ipv6 in wanted)
    if _is_foreign(place.host, having):
        states = (x for x in states if x.local != "yes")
    return tuple((x, _outcome(request, place, x)) for x in states)


def _is_foreign(host: str, having: tuple[Family, ...]) -> bool:
    """Whether a network with these families cannot hold an IPv4 address; the loopback and link-local ones it can."""
    if not having or Family.IPV4 in having or not is_address(host) or family(host) is Family.IPV6:
        return False
    return scope(host) not in (Scope.LOOPBACK, Scope.LINK_LOCAL, Scope.WILDCARD)


def _without_v6only(bound: Bound) -> Bound:
    sockets = tuple(msgspec.structs.replace(x, v6only=None) for x in bound.sockets)
    return msgspec.structs.replace(bound, sockets=sockets)


def _states(namespace: Namespace | None, place: Place) -> Iterator[State]:
    """Every state that the evidence allows."""
    only = namespace.bindv6only if namespace else None
    bindv6only = ("0", "1") if only is None else (str(int(only)),)
    for ipv6, ipv4, digit in product(_ipv6(namespace), _ipv4(namespace), bindv6only):
        yield from (State(ipv6, ipv4, digit, local) for local in _local(namespace, place.host, ipv6, ipv4))


def _ipv6(namespace: Namespace | None) -> tuple[str, ...]:
    if namespace is None:
        return ("on", "lo-off", "off", "absent")
    if namespace.ipv6_absent:
        return ("absent",)
    enabled = {x.loopback for x in namespace.interfaces if _has_ipv6(x)}
    return ("on" if True in enabled else "lo-off" if enabled else "off",)


def _ipv4(namespace: Namespace | None) -> tuple[str, ...]:
    loopbacks = [x for x in namespace.interfaces if x.loopback] if namespace else []
    if namespace and not loopbacks:
        return ("on",)
    held = (unmapped(y.address) == "127.0.0.1" for x in loopbacks for y in x.addresses)
    return ("on", "off") if namespace is None else ("on" if any(held) else "off",)


def _has_ipv6(interface: Interface) -> bool:
    if interface.disable_ipv6 is not None:
        return not interface.disable_ipv6
    return any(family(x.address) is Family.IPV6 for x in interface.addresses)


def _local(namespace: Namespace | None, host: str, ipv6: str, ipv4: str) -> tuple[str, ...]:
    if not is_address(host) or scope(host) is Scope.WILDCARD:
        return ("",)
    loopback_off = ipv6 == "lo-off" and scope(host) is Scope.LOOPBACK
    if family(host) is Family.IPV6 and (ipv6 == "off" or loopback_off):
        return (ipv6,)
    if namespace is None and without_zone(unmapped(host)) in ("127.0.0.1", "::1"):
        return ("yes" if family(host) is Family.IPV6 or ipv4 == "on" else "no",)
    if namespace is None:
        return ("yes", "no")
    return (_held(namespace, unmapped(host)),)


def _held(namespace: Namespace, address: str) -> str:
    owner = namespace.owner(address)
    if owner is None:
        return "no"
    flags = {flag for x in owner.addresses if x.address == without_zone(address) for flag in x.flags}
    return "tentative" if flags & {"tentative", "dadfailed"} else "yes"


def rows(request: BindRequest) -> tuple[dict[str, str], ...]:
    """The rows of `knowledge/bind.table` that answer a request, one for each state that the evidence leaves open.

    For a name it is the row that chooses among its addresses.
    """
    place = placed(request.address, request.names)
    found = (_row(request, place, state) for state in _states(request.namespace, place))
    return tuple({id(x): x for x in found if x}.values())


_WHY_NOT_LOCAL = {"no": "DS212", "off": "DS302", "lo-off": "DS303", "tentative": "DS304"}
_Asked = dict[str, frozenset[str]]
_Row = dict[str, str]


@cache
def _rows_of(runtime: str) -> tuple[tuple[_Asked, _Asked, _Row], ...]:
    """The rows of a runtime, each with what it asks of a request, and of a state."""
    rows = (x for x in table("bind") if runtime in x["runtime"].split(","))
    return tuple((_asked(x, ("network", "call", "host")), _asked(x, State._fields), x) for x in rows)


def _asked(row: _Row, columns: tuple[str, ...]) -> _Asked:
    return {x: frozenset(row[x].split(",")) for x in columns if row[x] != "-"}


@lru_cache(maxsize=256)
def _candidates(runtime: str, network: str, call: str, words: frozenset[str]) -> list[tuple[_Asked, _Row]]:
    """The rows that answer a request in some state; `words` are what the column `host` can say of its address."""
    facts = {"network": {network}, "call": {call}, "host": words}
    return [(state, row) for asked, state, row in _rows_of(runtime) if all(facts[x] & y for x, y in asked.items())]


def _row(request: BindRequest, place: Place, state: State) -> _Row | None:
    candidates = _candidates(request.runtime, request.network, request.call, frozenset(place.words))
    facts = state._asdict()
    return next((row for asked, row in candidates if all(facts[x] in y for x, y in asked.items())), None)


def _outcome(request: BindRequest, place: Place, state: State) -> Bound:
    row = _row(request, place, state)
    if row is None:
        return Bound(unknown=f"how {request.runtime} binds {request.address} ({request.network}) is not in the table")
    if row["result"] in _PICKS:
        return _bind_name(request, place, row)
    cause = _WHY_NOT_LOCAL[state.local] if row["cause"] == "by-address" else row["cause"]
    kinds = (x for x in row["result"].split() if x not in ("fail", "none"))
    sockets = tuple(_socket(request, place, _bound_address(x, place.host, state.bindv6only)) for x in kinds)
    return Bound(sockets, _words(row["error"], request, place), cause)


def _words(template: str, request: BindRequest, place: Place) -> str:
    shown = unmapped(place.host) if is_address(place.host) else place.host
    end = join(shown, place.number)
    return template.format(
        network=request.network, address=request.address, host=place.host, port=place.port, endpoint=end
    )


_WILDCARDS = {"dual": ("::", False), "ipv6": ("::", True), "ipv4": ("0.0.0.0", None)}


def _bound_address(kind: str, host: str, bindv6only: str) -> tuple[str, bool | None]:
    """The bound address and IPV6_V6ONLY of a word in the column `result`; an address there stands for itself."""
    if kind == "default":
        return "::", bindv6only == "1"
    if kind in _WILDCARDS:
        return _WILDCARDS[kind]
    if kind == "literal":
        return host, None
    if kind in ("mapped", "unmapped"):
        return ("::ffff:" if kind == "mapped" else "") + unmapped(host), None
    return kind, None


def _socket(request: BindRequest, place: Place, bound: tuple[str, bool | None]) -> Listener:
    address, v6only = bound
    return Listener(
        place=request.namespace.place if request.namespace else "",
        transport=Transport.UDP if request.network.startswith("udp") else Transport.TCP,
        address=address,
        port=place.number,
        socket_family=Family.IPV6 if ":" in address else Family.IPV4,
        v6only=v6only,
        source="bind.table",
    )


def _of(wanted: Family, addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(x for x in addresses if family(x) is wanted)


_PICKS: dict[str, Callable[[tuple[str, ...]], tuple[str, ...]]] = {
    "first": lambda found: found[:1],
    "ipv4-first": lambda found: (_of(Family.IPV4, found) or found)[:1],
    "ipv4-only": lambda found: _of(Family.IPV4, found)[:1],
    "ipv6-only": lambda found: _of(Family.IPV6, found)[:1],
    "ipv4-asked": lambda found: _of(Family.IPV4, tuple("127.0.0.1" if x == "::1" else x for x in found))[:1],
    "first-bound": lambda found: found,
    "first-bound-last": lambda found: found,
    "each-bound": lambda found: found,
    "each": lambda found: found,
}


def _bind_name(request: BindRequest, place: Place, row: dict[str, str]) -> Bound:
    addresses = next((x.addresses for x in request.names if x.name == place.host), ())
    chosen = _PICKS[row["result"]](addresses)
    if not addresses or not (chosen or row["error"]):
        return Bound(unknown=f"what {place.host} resolves to there is not known")
    if not chosen:
        return Bound(error=_words(row["error"], request, place), cause=row["cause"])
    tried = [bind(msgspec.structs.replace(request, address=join(x, place.number))) for x in chosen]
    found = _of_each(row["result"], tried)
    whole_name = not found.started and row["cause"] == "by-address"
    return msgspec.structs.replace(found, error=_words(row["error"], request, place)) if whole_name else found


def _of_each(result: str, tried: list[Bound]) -> Bound:
    """What becomes of a name whose addresses have been tried one by one."""
    whole = Bound(tuple(socket for x in tried for socket in x.sockets))
    failed = [x for x in tried if not x.started]
    if result == "each" and len(failed) > 1:  # asyncio tries them in the order of a set
        return Bound(unknown="which of the addresses of a name fails first is not told")
    if result == "each":
        return failed[0] if failed else whole
    if result == "each-bound" and whole.sockets:
        return whole
    working = [x for x in tried if x.started]
    return (working or failed)[-1 if result == "first-bound-last" and not working else 0]


def _is_wildcard(listener: Listener) -> bool:
    return scope(listener.address) is Scope.WILDCARD


def families(listener: Listener) -> frozenset[Family] | None:
    """The families whose connections a socket takes; None for an IPv6 wildcard whose IPV6_V6ONLY nobody could read.

    An IPv6 wildcard takes IPv4 as well unless IPV6_V6ONLY is set (RFC 3493 section 5.3); any other socket takes the
    family of its address, an IPv4-mapped one IPv4.
    """
    if not _is_wildcard(listener) or family(listener.address) is Family.IPV4:
        return frozenset({family(listener.address)})
    if listener.v6only is None:
        return None
    return frozenset({Family.IPV6} if listener.v6only else BOTH)


def accepts(listener: Listener, address: str, namespace: Namespace | None) -> bool | None:
    """Whether the socket takes a connection to `address`, an address of `namespace`; None where the facts do not say.

    False for an address that the namespace does not hold, and for one of another device than the socket is bound to
    (SO_BINDTODEVICE, or the zone of a link-local address). Measured on Linux 6.18 from inside and from a neighbour: a
    socket bound to a device takes the addresses of that device alone, also from the same host.
    """
    destination = unmapped(address)
    device = _same_device(listener.interface or zone(listener.address), destination, namespace)
    return _all_of(device, _same_address(listener, destination))


def _same_device(bound: str, destination: str, namespace: Namespace | None) -> bool | None:
    if namespace is None:
        return not bound or (zone(destination) == bound if zone(destination) else None)
    owner = namespace.owner(destination)
    return owner is not None and bound in ("", owner.name, str(owner.index))


def _same_address(listener: Listener, destination: str) -> bool | None:
    if not _is_wildcard(listener):
        return _bare(unmapped(listener.address)) == _bare(destination)
    taken = families(listener)
    if taken is None:
        return True if family(destination) is Family.IPV6 else None
    return family(destination) in taken


def _bare(address: str) -> object:
    return parse(without_zone(address))


def _all_of(*facts: bool | None) -> bool | None:
    return False if False in facts else None if None in facts else True


def listen_mark(listener: Listener) -> str:
    """The socket in the short form of a trace: `*/dual-stack`, `0.0.0.0/ipv4-only`, `[::]/ipv6-only`, `127.0.0.1`.

    The addresses are spelled as `ss` does, which writes `*` for both families and a device after `%`.
    """
    host = f"[{listener.address}]" if ":" in listener.address else listener.address
    device = f"%{listener.interface}" if listener.interface and not zone(listener.address) else ""
    if not _is_wildcard(listener):
        return host + device
    taken = families(listener)
    if taken is None:
        return f"{host}{device}/v6only-unknown"
    return f"*{device}/dual-stack" if len(taken) > 1 else f"{host}{device}/{min(taken)}-only"


def accepts_phrase(listener: Listener) -> str:
    """What the socket takes, as the end of a sentence: `accepts IPv4 and IPv6`, `accepts IPv4 on 10.9.0.5 only`."""
    taken = families(listener)
    if taken is None:
        return "accepts IPv6, and IPv4 unless IPV6_V6ONLY is set (not readable)"
    names = " and ".join(x.title for x in BOTH if x in taken)
    where = _where(listener)
    if where:
        return f"accepts {names} on {where} only"
    return f"accepts {names}" if len(taken) > 1 else f"accepts {names} only"


def _where(listener: Listener) -> str:
    if scope(listener.address) is Scope.LOOPBACK:
        return "the loopback"
    return listener.interface if _is_wildcard(listener) else listener.address

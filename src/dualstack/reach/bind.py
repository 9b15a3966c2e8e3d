"""Which sockets an address string becomes, and which connections a socket takes."""

from dualstack.model.address import BOTH, Family, Scope, family, parse, scope, unmapped, without_zone, zone
from dualstack.model.host import Namespace
from dualstack.model.sockets import Listener


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
    place = _place(listener)
    if place:
        return f"accepts {names} on {place} only"
    return f"accepts {names}" if len(taken) > 1 else f"accepts {names} only"


def _place(listener: Listener) -> str:
    if scope(listener.address) is Scope.LOOPBACK:
        return "the loopback"
    return listener.interface if _is_wildcard(listener) else listener.address

"""The interfaces, addresses and sysctls of a network namespace, by rtnetlink(7) and /proc/sys/net.

Both speak for the network namespace of the reading thread. Layout: include/uapi/linux/{if_link,if_addr}.h.
"""

import socket
import struct
from collections.abc import Iterable

from dualstack.gather.env import Env
from dualstack.gather.errors import legible
from dualstack.gather.netlink import (
    ROUTE,
    Message,
    Refused,
    address,
    attribute,
    attributes,
    exchange,
    number,
    request,
    text,
)
from dualstack.model.host import Interface, InterfaceAddress, Namespace

_SYSCTLS = "/proc/sys/net"

_NEWLINK, _GETLINK = 16, 18
_NEWADDR, _GETADDR = 20, 22

_IFINFO = struct.Struct("=BxHiII")  # ifinfomsg: family, device type, index, flags, change
_UP, _LOOPBACK, _LOWER_UP = 0x1, 0x8, 0x10000  # IFF_*
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_EXT_MASK = 1, 3, 4, 29
_SKIP_STATS = attribute(_IFLA_EXT_MASK, struct.pack("=I", 1 << 3))  # RTEXT_FILTER_SKIP_STATS

_IFADDR = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, interface index
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_OPTIMISTIC = 0x04  # IFA_F_OPTIMISTIC
_FLAGS = ((0x40, "tentative"), (0x08, "dadfailed"), (0x20, "deprecated"), (0x01, "temporary"))


@legible("rtnetlink")
def namespace(env: Env) -> Namespace:
    """The network settings of this place. Raises OSError where rtnetlink does not answer.

    A socket of IPv4 is the control: where that cannot be made either, it says nothing about IPv6.
    """
    links = exchange(env, ROUTE, request(_GETLINK, _IFINFO.pack(0, 0, 0, 0, 0) + _SKIP_STATS, dump=True))
    addresses = exchange(env, ROUTE, request(_GETADDR, _IFADDR.pack(0, 0, 0, 0, 0), dump=True))
    held: dict[int, list[InterfaceAddress]] = {}
    for index, item in _addresses(addresses):
        held.setdefault(index, []).append(item)
    return Namespace(
        place=env.place,
        interfaces=tuple(_interface(env, x, held) for x in links if x.kind == _NEWLINK),
        ipv6_absent=env.can(socket.AF_INET) and not env.can(socket.AF_INET6),
        bindv6only=sysctl(env, "ipv6/bindv6only"),
        disable_ipv6_all=sysctl(env, "ipv6/conf/all/disable_ipv6"),
        disable_ipv6_default=sysctl(env, "ipv6/conf/default/disable_ipv6"),
        tcp_mtu_probing=sysctl(env, "ipv4/tcp_mtu_probing"),
    )


def _interface(env: Env, message: Message, held: dict[int, list[InterfaceAddress]]) -> Interface:
    """One link. `up` is IFF_UP and IFF_LOWER_UP: switched on, and with a carrier (netdevice(7))."""
    _, _, index, flags, _ = _IFINFO.unpack_from(message.payload)
    found = attributes(message.payload, _IFINFO.size)
    name = text(found, _IFLA_IFNAME)
    return Interface(
        name=name,
        index=index,
        up=flags & (_UP | _LOWER_UP) == _UP | _LOWER_UP,
        loopback=bool(flags & _LOOPBACK),
        mac=found.get(_IFLA_ADDRESS, b"").hex(":"),
        mtu=number(found, _IFLA_MTU),
        disable_ipv6=sysctl(env, f"ipv6/conf/{name}/disable_ipv6"),
        addresses=tuple(held.get(index, ())),
    )


def _addresses(messages: Iterable[Message]) -> Iterable[tuple[int, InterfaceAddress]]:
    """Interface index and address of each RTM_NEWADDR. On a point-to-point link IFA_ADDRESS is the peer's."""
    for message in messages:
        family, prefix, low, _, index = _IFADDR.unpack_from(message.payload)
        found = attributes(message.payload, _IFADDR.size)
        raw = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
        if message.kind == _NEWADDR and raw and family in (socket.AF_INET, socket.AF_INET6):
            flags = _flags(family, number(found, _IFA_FLAGS, low))
            yield index, InterfaceAddress(address(raw), prefix, flags)


def _flags(family: int, bits: int) -> tuple[str, ...]:
    """The flags that matter. An optimistic address is in use while it is checked (RFC 4429 section 2.1).

    They are those of IPv6; for IPv4 the lowest bit means secondary.
    """
    if family != socket.AF_INET6:
        return ()
    return tuple(name for bit, name in _FLAGS if bits & bit and not (name == "tentative" and bits & _OPTIMISTIC))


def sysctl(env: Env, name: str) -> bool | None:
    """Whether a sysctl below `net/`, written with slashes, is not 0; None where it could not be read."""
    try:
        return int(env.read(f"{_SYSCTLS}/{name}")) != 0
    except (OSError, ValueError):
        return None


def interface_name(env: Env, index: int) -> str:
    """The name of the interface with that index; its number where the kernel no longer knows it."""
    wanted = request(_GETLINK, _IFINFO.pack(0, 0, index, 0, 0) + _SKIP_STATS)
    try:
        links = exchange(env, ROUTE, wanted)
    except Refused:
        return str(index)
    return text(attributes(links[0].payload, _IFINFO.size), _IFLA_IFNAME)


def interface_index(env: Env, name: str) -> int:
    """The index of the interface with that name, or the number that `name` is. Raises Refused (ENODEV)."""
    if name.isascii() and name.isdigit():
        return int(name)
    wanted = request(_GETLINK, _IFINFO.pack(0, 0, 0, 0, 0) + attribute(_IFLA_IFNAME, name.encode() + b"\0"))
    index: int = _IFINFO.unpack_from(exchange(env, ROUTE, wanted)[0].payload)[2]
    return index

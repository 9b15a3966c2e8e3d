"""How the kernel would send to an address, by RTM_GETROUTE (rtnetlink(7)) in the namespace of the calling thread."""

import errno
import ipaddress
import socket
import struct

from dualstack.gather.env import Env
from dualstack.gather.errors import legible
from dualstack.gather.namespaces import interface_index, interface_name
from dualstack.gather.netlink import ROUTE, Refused, address, attribute, attributes, exchange, number, request
from dualstack.model.address import Scope, scope, unmapped, without_zone, zone
from dualstack.model.host import Route

_GETROUTE = 26
_RTMSG = struct.Struct("=BBBBBBBBI")  # family, destination and source length, tos, table, protocol, scope, type, flags
_DST, _SRC, _OIF, _GATEWAY, _PREFSRC, _METRICS, _VIA = 1, 2, 4, 5, 7, 8, 18  # RTA_*
_MTU = 2  # RTAX_MTU

_REFUSING = {6: errno.EINVAL, 7: errno.EHOSTUNREACH, 8: errno.EACCES, 9: errno.ENETUNREACH}
"""What connect(2) says on a route of type RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW.

net/ipv4/fib_semantics.c (fib_props) and net/ipv6/route.c (ip6_rt_type_to_error). IPv4 answers with the error itself;
IPv6 answers with the route.
"""


@legible("rtnetlink")
def route(env: Env, destination: str, source: str = "") -> Route:
    """The kernel's answer for one address, zone included, as sent from `source`, one of its own, where that is given.

    Raises OSError where rtnetlink itself cannot be asked.
    """
    bare, device = without_zone(unmapped(destination)), zone(destination)
    if not device and ":" in bare and scope(bare) is Scope.LINK_LOCAL:
        # A lookup would pick some interface; connect(2) refuses (net/ipv6/tcp_ipv6.c, tcp_v6_connect).
        return Route(env.place, destination, error="EINVAL")
    try:
        found = _ask(env, bare, device, source)
    except Refused as error:
        return Route(env.place, destination, error=errno.errorcode.get(error.errno or 0, "EIO"))
    return _route(env, destination, found)


def _ask(env: Env, bare: str, device: str, source: str) -> bytes:
    raw = ipaddress.ip_address(bare).packed
    sent_from = ipaddress.ip_address(source).packed if source else b""
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    header = _RTMSG.pack(family, 8 * len(raw), 8 * len(sent_from), 0, 0, 0, 0, 0, 0)
    oif = attribute(_OIF, struct.pack("=I", interface_index(env, device))) if device else b""
    src = attribute(_SRC, sent_from) if source else b""
    return exchange(env, ROUTE, request(_GETROUTE, header + attribute(_DST, raw) + src + oif))[0].payload


def _route(env: Env, destination: str, payload: bytes) -> Route:
    kind = _RTMSG.unpack_from(payload)[7]
    if kind in _REFUSING:
        return Route(env.place, destination, error=errno.errorcode[_REFUSING[kind]])
    found = attributes(payload, _RTMSG.size)
    gateway = found.get(_GATEWAY) or found.get(_VIA, b"")[2:]
    metrics = attributes(found.get(_METRICS, b""))
    return Route(
        place=env.place,
        destination=destination,
        interface=interface_name(env, number(found, _OIF)) if _OIF in found else "",
        gateway=address(gateway) if gateway else "",
        source=address(found[_PREFSRC]) if _PREFSRC in found else "",
        mtu=number(metrics, _MTU),
    )

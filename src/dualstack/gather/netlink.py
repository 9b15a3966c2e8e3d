"""Netlink: how the kernel is asked about sockets, links, addresses and routes.

`ask` is the only function here that does I/O, and it is reached through `Env.netlink`; all others turn bytes into
values and back. Layout: RFC 3549 section 2.2; include/uapi/linux/netlink.h and net/netlink/af_netlink.c of Linux 6.18.
"""

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dualstack.gather.env import Env

ROUTE = 0  # NETLINK_ROUTE
SOCK_DIAG = 4  # NETLINK_SOCK_DIAG

_REQUEST = 0x01  # NLM_F_REQUEST
_MULTI = 0x02  # NLM_F_MULTI
_DUMP_INTR = 0x10  # NLM_F_DUMP_INTR
_DUMP = 0x300  # NLM_F_ROOT | NLM_F_MATCH
_ERROR = 2  # NLMSG_ERROR
_DONE = 3  # NLMSG_DONE
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_CODE = struct.Struct("=i")

_DATAGRAM = 1 << 16  # The kernel fills at most 32 KiB of a reader's buffer in a dump (netlink_recvmsg).
_QUEUE = 1 << 20
_PATIENCE = 10.0  # seconds; the kernel answers within the call, so this ends only a wait for a broken emulation
_ATTEMPTS = 8  # An address or link changed during the dump in each of them: this namespace does not hold still.


class Refused(OSError):
    """The kernel's own answer to a request that it does not grant; any other OSError means that it was not asked."""


class Message(NamedTuple):
    """One netlink message without its header."""

    kind: int
    flags: int
    payload: bytes


def ask(protocol: int, request: bytes) -> Iterator[bytes]:
    """Send one request and give the datagrams that answer it, up to and with the one that ends it. Raises OSError.

    The answer speaks for the network namespace of the thread that takes the first datagram.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as channel:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE)
        channel.settimeout(_PATIENCE)
        channel.sendto(request, (0, 0))
        ended = False
        while not ended:
            datagram = channel.recv(_DATAGRAM)
            ended = _ends(datagram)
            yield datagram


def _ends(datagram: bytes) -> bool:
    """Whether nothing follows: an answer of one message, an error, or the end mark of a dump."""
    return any(kind in (_DONE, _ERROR) or not flags & _MULTI for kind, flags, _, _ in _walk(datagram))


def request(kind: int, payload: bytes, *, dump: bool = False) -> bytes:
    """One request message."""
    return _HEADER.pack(_HEADER.size + len(payload), kind, _REQUEST | (_DUMP if dump else 0), 1, 0) + payload


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes (RFC 3549 section 2.2)."""
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def attributes(payload: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes that stand in `payload` after `offset` bytes, by type; a malformed rest is left out."""
    found = {}
    while offset + _ATTRIBUTE.size <= len(payload):
        size, kind = _ATTRIBUTE.unpack_from(payload, offset)
        if size < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = payload[offset + _ATTRIBUTE.size : offset + size]
        offset += size + (-size % 4)
    return found


def exchange(env: "Env", protocol: int, request: bytes) -> list[Message]:
    """The messages that answer `request`. Raises Refused with the kernel's errno where it says no.

    A dump during which a table changed is inconsistent (NLM_F_DUMP_INTR), one that overran the queue is incomplete
    (ENOBUFS, netlink(7)): both are asked for again.
    """
    for _ in range(_ATTEMPTS):
        try:
            answer = list(messages(env.netlink(protocol, request)))
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
        else:
            if not any(x.flags & _DUMP_INTR for x in answer):
                return [x for x in answer if x.kind not in (_DONE, _ERROR)]
    raise OSError(errno.EAGAIN, f"the kernel's tables changed during each of {_ATTEMPTS} reads")


def messages(datagrams: Iterable[bytes]) -> Iterator[Message]:
    """The messages in `datagrams`, the end mark included. Raises Refused where one of them is an error."""
    for datagram in datagrams:
        for kind, flags, start, end in _walk(datagram):
            if kind in (_DONE, _ERROR):
                _check(datagram[start:end])
            yield Message(kind, flags, datagram[start:end])


def _check(payload: bytes) -> None:
    """Raise what an error message or an end mark carries: zero or a negative errno in its first four bytes."""
    code = _CODE.unpack_from(payload)[0] if len(payload) >= _CODE.size else 0
    if code:
        raise Refused(-code, os.strerror(-code))


def _walk(datagram: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Type, flags, start and end of each payload in a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(datagram):
        size, kind, flags, _, _ = _HEADER.unpack_from(datagram, offset)
        if size < _HEADER.size:
            return
        yield kind, flags, offset + _HEADER.size, offset + size
        offset += size + (-size % 4)


@lru_cache(maxsize=4096)
def address(raw: bytes) -> str:
    """The canonical text of 4 or 16 bytes in network order; IPv4-mapped ones as `::ffff:a.b.c.d`."""
    ip = ipaddress.ip_address(raw)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return f"::ffff:{mapped}" if mapped else str(ip)


def text(found: Mapping[int, bytes], kind: int) -> str:
    """A string attribute, empty where it is absent."""
    return found.get(kind, b"").rstrip(b"\0").decode(errors="replace")


def number(found: Mapping[int, bytes], kind: int, default: int = 0) -> int:
    """An unsigned attribute in host order, `default` where it is absent."""
    return int.from_bytes(found[kind], "little" if struct.pack("=H", 1)[0] else "big") if kind in found else default

"""TCP connections to literal addresses, and what a failing one says."""

import errno
import os
import socket
import struct

from dualstack.knowledge import table
from dualstack.model.probe import Outcome
from dualstack.probe.talk import Failed, Unacknowledged

_INFO = struct.Struct("=8B5I")  # struct tcp_info up to tcpi_unacked, linux/tcp.h
_RETRANSMITS, _SND_MSS, _UNACKED = 2, 10, 12
_LOST = 2
"""Retransmissions without any acknowledgement from which data counts as lost on its way, and not just late."""


def outcome(name: str, *, early: bool) -> Outcome:
    """The outcome for an errno's name by the table of connect errors; `unreachable` for one that is not in it."""
    when = ("*", "at once" if early else "later")
    rows = (x["outcome"] for x in table("connect_errors") if x["errno"] == name and x["when"] in when)
    return Outcome(next(rows, Outcome.UNREACHABLE))


def failed(number: int, *, early: bool) -> Failed:
    """The failure that an errno of connect(2) stands for; `early` says that no packet can have left."""
    name = errno.errorcode.get(number, str(number))
    return Failed(outcome(name, early=early), name, os.strerror(number))


def dial(address: str, port: int, segment: int = 0) -> socket.socket:
    """A non-blocking socket on its way to a literal address. Raises Failed where the kernel says no at once.

    `segment` is the most bytes that one segment may carry either way, 0 for what the kernel finds.
    """
    try:
        family, _, _, _, peer = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[
            0
        ]
    except socket.gaierror as error:  # a zone that names no interface here
        raise failed(errno.ENODEV, early=True) from error
    try:
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise failed(error.errno or 0, early=True) from error
    if segment:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
    number = sock.connect_ex(peer)
    if number not in (0, errno.EINPROGRESS):
        sock.close()
        raise failed(number, early=True)
    return sock


def settle(sock: socket.socket) -> None:
    """Ends the handshake of a socket that became writable. Raises Failed where it failed."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number == 0 and _is_own_peer(sock):
        number = errno.ECONNREFUSED
    # A SYN is refused, never reset: with ECONNRESET a connection came about and was ended at once.
    if number not in (0, errno.ECONNRESET):
        raise failed(number, early=False)


def _is_own_peer(sock: socket.socket) -> bool:
    """Whether TCP connected the socket to itself, which it may do where nobody listens (RFC 9293 section 3.5)."""
    try:
        return bool(sock.getsockname() == sock.getpeername())
    except OSError:  # reset since
        return False


def late(sock: socket.socket) -> TimeoutError:
    """Why the time of a connected socket is up: its data was lost on the way, or nothing more than that it is late.

    The kernel sends again after 0.2 s at first and doubles that each time (TCP_RTO_MIN, net/tcp.h).
    """
    said = _INFO.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
    lost = said[_UNACKED] and said[_RETRANSMITS] >= _LOST
    return Unacknowledged(said[_SND_MSS], said[_RETRANSMITS] + 1) if lost else TimeoutError()

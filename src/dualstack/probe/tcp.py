"""TCP connections to literal addresses, and what a failing one says."""

import errno
import os
import socket
import struct
from typing import NamedTuple

from dualstack.knowledge import table
from dualstack.model.probe import Outcome
from dualstack.probe.talk import Failed, Unacknowledged

_INFO = struct.Struct("=8B13I")  # struct tcp_info up to tcpi_last_ack_recv, linux/tcp.h
_RETRANSMITS, _SND_MSS, _UNACKED, _LAST_ACK = 2, 10, 12, 20
_STALLED = 1000
"""Milliseconds since the last acknowledgement from which data is not on its way any more, but held up."""

_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR, IPV6_RECVERR: linux/in.h, linux/in6.h."""

_QUEUED = struct.Struct("=IBBB9x")  # struct sock_extended_err, linux/errqueue.h
_ORIGINS = {2: "icmp", 3: "icmpv6"}  # SO_EE_ORIGIN_*
_OFFENDER = {socket.AF_INET: slice(20, 24), socket.AF_INET6: slice(24, 40)}  # the address in the sockaddr after it


class _Told(NamedTuple):
    """An ICMP error: the errno that it gives, who says what, and the outcome, empty where the errno decides."""

    number: int
    words: str
    outcome: str


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
    sock.setsockopt(*_RECVERR[sock.family], 1)
    number = sock.connect_ex(peer)
    if number not in (0, errno.EINPROGRESS):
        sock.close()
        raise failed(number, early=True)
    return sock


def settle(sock: socket.socket) -> None:
    """Ends the handshake of a socket that became writable. Raises Failed where it failed."""
    told = _told(sock)
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number == 0 and _is_own_peer(sock):
        number = errno.ECONNREFUSED
    if number == 0 and told and not _is_connected(sock):
        number = told.number
    # A SYN is refused, never reset: with ECONNRESET a connection came about and was ended at once.
    if number not in (0, errno.ECONNRESET):
        error = failed(number, early=False)
        raise _as_told(error, told) if told and told.number == number else error
    sock.setsockopt(*_RECVERR[sock.family], 0)  # else ICMP errors would end the connection, as they do for no client


def _told(sock: socket.socket) -> _Told | None:
    """The ICMP error that came for a connection attempt, None where there was none that the table has."""
    try:
        _, ancillary, _, _ = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    data = next((x for level, kind, x in ancillary if (level, kind) == _RECVERR[sock.family]), b"")
    if len(data) < _OFFENDER[sock.family].stop:
        return None
    number, origin, kind, code = _QUEUED.unpack_from(data)
    wanted = (_ORIGINS.get(origin), str(kind), str(code))
    row = next((x for x in table("icmp_errors") if (x["origin"], x["type"], x["code"]) == wanted), None)
    sender = socket.inet_ntop(sock.family, data[_OFFENDER[sock.family]])
    return _Told(number, f"{sender} answers with ICMP: {row['words']}", row["outcome"]) if row else None


def _as_told(error: Failed, told: _Told) -> Failed:
    kind = Outcome(told.outcome) if told.outcome else error.outcome
    return Failed(kind, error.reason, f"{error.detail}; {told.words}")


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _is_own_peer(sock: socket.socket) -> bool:
    """Whether TCP connected the socket to itself, which it may do where nobody listens (RFC 9293 section 3.5)."""
    try:
        return bool(sock.getsockname() == sock.getpeername())
    except OSError:  # reset since
        return False


def late(sock: socket.socket) -> TimeoutError:
    """Why the time of a connected socket is up: its data is not acknowledged, or it is, and only the answer is late.

    How often the kernel sends again says little: after 0.2 s at first, or after three times the round trip that it
    remembers of the host, which one lost SYN makes a second (TCP_RTO_MIN, net/tcp.h; tcp_init_metrics()). Where nothing
    is in flight and something waits, the peer's buffer is full: what it has, it has not read.
    """
    stall = _stall(sock)
    return stall or TimeoutError()


def end(sock: socket.socket) -> None:
    """Closes a socket, with RST where its data is held up: the kernel would send it for minutes, and the peer wait."""
    if _stall(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _stall(sock: socket.socket) -> Unacknowledged | None:
    said = _INFO.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
    lost = said[_UNACKED] and said[_LAST_ACK] >= _STALLED
    return Unacknowledged(said[_SND_MSS], said[_RETRANSMITS] + 1) if lost else None

"""TCP connections to literal addresses, and what a failing one says."""

import errno
import os
import socket

from dualstack.knowledge import table
from dualstack.model.probe import Outcome
from dualstack.probe.talk import Failed


def outcome(name: str, *, early: bool) -> Outcome:
    """The outcome for an errno's name by the table of connect errors; `unreachable` for one that is not in it."""
    when = ("*", "at once" if early else "later")
    rows = (x["outcome"] for x in table("connect_errors") if x["errno"] == name and x["when"] in when)
    return Outcome(next(rows, Outcome.UNREACHABLE))


def failed(number: int, *, early: bool) -> Failed:
    """The failure that an errno of connect(2) stands for; `early` says that no packet can have left."""
    name = errno.errorcode.get(number, str(number))
    return Failed(outcome(name, early=early), name, os.strerror(number))


def dial(address: str, port: int) -> socket.socket:
    """A non-blocking socket on its way to a literal address. Raises Failed where the kernel says no at once."""
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

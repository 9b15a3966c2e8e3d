"""The one door to the operating system.

Every gatherer takes an `Env` and reaches the world through it alone, so that a test can say what the world is.
"""

import errno
import os
import socket
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

ADDRINFO = list[tuple[int, int, int, str, tuple[str | int, ...]]]


def _no_part(path: str, offset: int, size: int) -> bytes:  # noqa: ARG001
    raise OSError(errno.ENOSYS, "files are not read in parts here", path)


def _no_sockopt(pid: int, descriptor: int, level: int, option: int) -> int:  # noqa: ARG001
    raise OSError(errno.ENOSYS, "sockets of processes are out of reach here")


@dataclass(frozen=True, slots=True)
class Env:
    """What a gatherer may do. Every callable raises OSError where the system says no.

    `read(path)` gives a file's bytes; `names(path)` the entries of a folder; `link(path)` what a symbolic link says.
    `netlink(protocol, request)` sends one netlink request and gives the datagrams that answer it, up to and with the
    one that ends it. `getaddrinfo(name)` asks the C library for stream addresses, in its order; it raises
    socket.gaierror. `run(argv)` gives the standard output of a command; it raises FileNotFoundError where there is
    none, and CalledProcessError (with stderr) where it fails. `can(family)` says whether a socket of a family can be
    made.
    `part(path, offset, size)` gives at most that many bytes of a file; `sockopt(pid, descriptor, level, option)` asks
    the socket that another process holds. A world that says nothing of these two refuses them.
    """

    place: str
    read: Callable[[str], bytes]
    names: Callable[[str], list[str]]
    link: Callable[[str], str]
    netlink: Callable[[int, bytes], Iterable[bytes]]
    getaddrinfo: Callable[[str], list[str]]
    run: Callable[[Sequence[str]], str]
    can: Callable[[int], bool]
    part: Callable[[str, int, int], bytes] = _no_part
    sockopt: Callable[[int, int, int, int], int] = _no_sockopt


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _part(path: str, offset: int, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)


def _getaddrinfo(name: str) -> list[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(_zoned(x[4]) for x in found))


def _zoned(address: tuple[object, ...]) -> str:
    """The address with its zone, which a socket address of IPv6 keeps as a number beside it (RFC 3493 section 3.3)."""
    host, index = str(address[0]), address[3] if len(address) == 4 else 0
    return f"{host}%{socket.if_indextoname(index)}" if isinstance(index, int) and index and "%" not in host else host


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=20)
    return done.stdout.decode(errors="replace")


def _can(family: int) -> bool:
    try:
        socket.socket(family, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


def real(place: str = "host") -> Env:
    """The world that the calling thread is in."""
    from dualstack.gather.netlink import ask
    from dualstack.gather.procfs import sockopt

    return Env(place, _read, os.listdir, os.readlink, ask, _getaddrinfo, _run, _can, _part, sockopt)

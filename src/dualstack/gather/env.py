"""The one door to the operating system.

Every gatherer takes an `Env` and reaches the world through it alone, so that a test can say what the world is.
"""

import atexit
import errno
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dualstack.gather.regular import opened, read

_PATIENCE = 20.0  # seconds for a command
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where nft and iptables-save are, and which the PATH of a user, or of su(1) without a login, may not name."""


def _no_part(path: str, offset: int, size: int) -> bytes:  # noqa: ARG001
    raise OSError(errno.ENOSYS, "files are not read in parts here", path)


def _no_sockopt(pid: int, descriptor: int, level: int, option: int) -> int:  # noqa: ARG001
    raise OSError(errno.ENOSYS, "sockets of processes are out of reach here")


@dataclass(frozen=True, slots=True)
class Env:
    """What a gatherer may do. Every callable raises OSError where the system says no.

    `read(path)` gives the bytes of a regular file; `names(path)` the entries of a folder; `link(path)` what a symbolic
    link says.
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


def _part(path: str, offset: int, size: int) -> bytes:
    descriptor = opened(path)
    try:
        return os.pread(descriptor, size, min(offset, sys.maxsize))  # the header of a program may say anything
    finally:
        os.close(descriptor)


def _getaddrinfo(name: str) -> list[str]:
    import socket

    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(_zoned(x[4]) for x in found))


def _zoned(address: tuple[object, ...]) -> str:
    """The address with its zone, which a socket address of IPv6 keeps as a number beside it (RFC 3493 section 3.3)."""
    import socket

    host, index = str(address[0]), address[3] if len(address) == 4 else 0
    return f"{host}%{socket.if_indextoname(index)}" if isinstance(index, int) and index and "%" not in host else host


def _run(argv: Sequence[str]) -> str:
    import shutil  # it loads every kind of archive
    import subprocess

    pipe = subprocess.PIPE
    program = shutil.which(argv[0], path=f"{os.environ.get('PATH', os.defpath)}:{_SBIN}")
    with subprocess.Popen(argv, executable=program, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as child:
        atexit.register(child.kill)  # the thread that waits here may be left behind by an interrupt
        try:
            out, err = child.communicate(timeout=_PATIENCE)
        finally:
            child.kill()
            atexit.unregister(child.kill)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, argv, out, err)
    return out.decode(errors="replace")


def _can(family: int) -> bool:
    import socket

    try:
        socket.socket(family, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


def real(place: str = "host") -> Env:
    """The world that the calling thread is in."""
    from dualstack.gather.netlink import ask
    from dualstack.gather.procfs import sockopt

    return Env(place, read, os.listdir, os.readlink, ask, _getaddrinfo, _run, _can, _part, sockopt)

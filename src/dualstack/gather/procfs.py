"""Sockets as /proc shows them: the way in where netlink is refused, and the way from a socket to its processes.

Always /proc/thread-self: /proc/self/net speaks for the first thread of a process, whichever namespace the reading
thread has entered (fs/proc/proc_net.c, get_proc_task_net).
"""

import ctypes
import errno
import os
import socket
import sys
from collections.abc import Collection, Sequence

import msgspec

from dualstack.gather.env import Env
from dualstack.gather.errors import legible
from dualstack.gather.netlink import address
from dualstack.model.address import Family
from dualstack.model.sockets import Listener, Transport

_FOLDER = "/proc/thread-self/net"
_STATE = {Transport.TCP: "0A", Transport.UDP: "07"}  # TCP_LISTEN; TCP_CLOSE is a UDP socket without a peer
_PIDFD_GETFD = 438  # the same on every architecture (include/uapi/asm-generic/unistd.h)

Holders = dict[int, list[tuple[int, int]]]
"""The (pid, descriptor) pairs that hold a socket, by its inode."""


@legible(_FOLDER)
def listeners(env: Env, transport: Transport) -> list[Listener]:
    """The listening sockets in /proc/thread-self/net. Raises OSError where the table of IPv4 cannot be read.

    /proc does not say whether an IPv6 socket takes IPv4, nor which device a socket is bound to. The first is asked of
    the socket itself, through its process, where that is permitted.
    """
    found = _table(env, transport, Family.IPV4, f"{_FOLDER}/{transport}")
    try:
        found += _table(env, transport, Family.IPV6, f"{_FOLDER}/{transport}6")
    except FileNotFoundError:
        return found  # the kernel has no IPv6
    return _with_v6only(env, found)


def _table(env: Env, transport: Transport, family: Family, path: str) -> list[Listener]:
    """The rows of one table that wait for peers (proc(5); net/ipv4/tcp_ipv4.c get_tcp4_sock, net/ipv6/udp.c)."""
    rows = [x.split() for x in env.read(path).decode().splitlines()[1:]]
    return [
        Listener(
            place=env.place,
            transport=transport,
            address=_address(row[1].partition(":")[0]),
            port=int(row[1].partition(":")[2], 16),
            socket_family=family,
            inode=int(row[9]),
            uid=int(row[7]),
            source=path,
        )
        for row in rows
        if row[3] == _STATE[transport]
    ]


def _address(digits: str) -> str:
    """The address in a table's hexadecimal: words of 32 bits, each in the byte order of this machine."""
    words = [int(digits[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(digits), 8)]
    return address(b"".join(words))


def _with_v6only(env: Env, found: Sequence[Listener]) -> list[Listener]:
    held, _ = holders(env, {x.inode for x in found if x.socket_family is Family.IPV6})
    return [msgspec.structs.replace(x, v6only=_v6only(env, held[x.inode])) if x.inode in held else x for x in found]


def _v6only(env: Env, holders: Sequence[tuple[int, int]]) -> bool | None:
    for pid, descriptor in holders:
        try:
            return bool(env.sockopt(pid, descriptor, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))
        except OSError:
            continue
    return None


def holders(env: Env, inodes: Collection[int]) -> tuple[Holders, bool]:
    """Who holds the sockets with these inodes, and whether the descriptors of some process could not be read."""
    wanted = {f"socket:[{x}]": x for x in inodes}
    held: Holders = {}
    if not wanted:
        return held, False
    pids = _pids(env)
    denied = 1 not in pids  # every /proc has a process 1, but for who may not see it (proc(5), hidepid)
    for pid in pids:
        try:
            for descriptor in env.names(f"/proc/{pid}/fd"):
                inode = wanted.get(_link(env, f"/proc/{pid}/fd/{descriptor}"))
                if inode is not None:
                    held.setdefault(inode, []).append((pid, int(descriptor)))
        except OSError as error:  # anything but a refusal says that the process has ended
            denied |= error.errno in (errno.EACCES, errno.EPERM)
    return held, denied


def _pids(env: Env) -> list[int]:
    try:
        return sorted(int(x) for x in env.names("/proc") if x.isdigit())
    except OSError:
        return []


def _link(env: Env, path: str) -> str:
    try:
        return env.link(path)
    except FileNotFoundError:
        return ""  # closed since it was listed


def sockopt(pid: int, descriptor: int, level: int, option: int) -> int:
    """A socket option of another process's socket, by a duplicate of its descriptor (pidfd_getfd(2), Linux 5.6).

    Raises OSError; needs CAP_SYS_PTRACE for a process of another user.
    """
    process = os.pidfd_open(pid)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        duplicate = libc.syscall(_PIDFD_GETFD, process, descriptor, 0)
        if duplicate < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(process)
    with socket.socket(fileno=duplicate) as held:
        return held.getsockopt(level, option)

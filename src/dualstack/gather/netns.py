"""Other network namespaces: find one, list them, and run a gatherer inside one.

A thread of its own enters the namespace, so nothing changes for the rest of the process: setns(2) with CLONE_NEWNET
moves one thread. /proc/sys/net and /proc/thread-self/net follow that thread; /proc/self/net does not. The files that
the C library reads for names are shown as that place has them, by bind mounts for this thread alone (ip-netns(8)).
"""

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from dualstack.gather.apart import apart
from dualstack.gather.env import Env
from dualstack.gather.errors import BadInput
from dualstack.gather.regular import read

T = TypeVar("T")

FOLDER = "/run/netns"
ETC = "/etc/netns"
RESOLVER_FILES = ("hosts", "resolv.conf", "nsswitch.conf", "gai.conf")

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_NS_GET_NSTYPE = 0xB703  # ioctl_ns(2)
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_MNT_DETACH = 0x2


class BadNamespace(BadInput):
    """A network namespace that does not exist or cannot be entered, in one sentence with the way out."""


class Netns(msgspec.Struct, frozen=True):
    """A network namespace: how reports call it, the file that leads to it, its inode.

    `etc` is the folder whose resolver files are valid there, empty where those of the caller are.
    """

    place: str
    path: str
    inode: int
    etc: str = ""


def find(text: str) -> Netns:
    """The namespace that `text` names: a name of `ip netns`, the PID of a process in it, or a namespace file.

    A name wins over a PID. A file among those of `ip netns` has the resolver files of its name. Raises BadNamespace.
    """
    if "/" in text:
        folder, _, name = os.path.realpath(text).rpartition("/")
        return _at(text, f"netns {text}", f"{ETC}/{name}" if folder == os.path.realpath(FOLDER) else "")
    if text in _names():
        return _at(f"{FOLDER}/{text}", f"netns {text}", f"{ETC}/{text}")
    if text.isascii() and text.isdigit() and os.path.exists(f"/proc/{text}"):
        return _at(f"/proc/{text}/ns/net", f"netns {text}", f"/proc/{text}/root/etc")
    msg = f"There is no network namespace or process {text!r}; {_choice()}"
    raise BadNamespace(msg)


def _names() -> list[str]:
    try:
        return sorted(os.listdir(FOLDER))
    except OSError:
        return []


def _choice() -> str:
    names = _names()
    return f"this host has {', '.join(names)}." if names else "give a PID or the path of a namespace file."


def _at(path: str, place: str, etc: str) -> Netns:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            kind, inode = fcntl.ioctl(descriptor, _NS_GET_NSTYPE), os.fstat(descriptor).st_ino
        finally:
            os.close(descriptor)
    except PermissionError:
        msg = f"{path} may not be opened; run as root (CAP_SYS_ADMIN and CAP_SYS_PTRACE)."
        raise BadNamespace(msg) from None
    except OSError as error:
        reason = "is no namespace file" if error.errno == errno.ENOTTY else f"cannot be opened ({error.strerror})"
        msg = f"{path} {reason}; {_choice()}"
        raise BadNamespace(msg) from None
    if kind != _CLONE_NEWNET:
        msg = f"{path} is a namespace, but none of networks; {_choice()}"
        raise BadNamespace(msg)
    return Netns(place, path, inode, etc)


def named(env: Env) -> list[Netns]:
    """Every other network namespace in sight, one entry each: those of /run/netns first, then those of processes."""
    seen = {_inode(env, "/proc/thread-self/ns/net")}
    found = []
    for item in _in_sight(env):
        if item.inode not in seen:
            seen.add(item.inode)
            found.append(item)
    return found


def _in_sight(env: Env) -> Iterator[Netns]:
    for name in _names():
        try:
            yield find(name)
        except BadNamespace:  # the bare file that is left when a namespace is deleted while it is held
            continue
    for pid in sorted(int(x) for x in env.names("/proc") if x.isdigit()):
        path = f"/proc/{pid}/ns/net"
        inode = _inode(env, path)
        if inode:
            yield Netns(f"netns {pid}", path, inode, f"/proc/{pid}/root/etc")


def _inode(env: Env, path: str) -> int:
    """The N of `net:[N]`, 0 where the link cannot be read."""
    try:
        return int(env.link(path)[len("net:[") : -1])
    except (OSError, ValueError):
        return 0


def inside(netns: Netns, function: Callable[[], T]) -> T:
    """What `function()` returns or raises when a thread runs it in that namespace. Raises BadNamespace."""

    def work() -> T:
        _enter(netns)
        return function()

    return apart(work)[0]


def _enter(netns: Netns) -> None:
    try:
        files = _resolver_files(netns.etc) if netns.etc else {}
        descriptor = os.open(netns.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("setns", descriptor, _CLONE_NEWNET)
        finally:
            os.close(descriptor)
        if files:
            _show(files)
    except OSError as error:
        way_out = "run as root (CAP_SYS_ADMIN)" if isinstance(error, PermissionError) else "has it ended?"
        msg = f"{netns.place} cannot be entered ({error.strerror}); {way_out}"
        raise BadNamespace(msg) from error


def _resolver_files(folder: str) -> dict[str, bytes]:
    """The files of `folder` by their path in /etc.

    /etc/netns/NAME replaces what it has. The /etc of a process replaces all: a file that is not there is shown empty,
    which is how the C library takes a missing one.
    """
    found = {}
    for name in RESOLVER_FILES:
        try:
            found[f"/etc/{name}"] = read(f"{folder}/{name}")
        except FileNotFoundError:
            if not folder.startswith(ETC):
                found[f"/etc/{name}"] = b""
    return found


def _show(files: dict[str, bytes]) -> None:
    """Lay `files` over those of the same path, for this thread alone.

    They are copies on a tmpfs, because a file of another mount namespace cannot be bound (fs/namespace.c, check_mnt).
    /proc is where it is mounted for the moment: that folder exists wherever this program can run. A file that this
    system lacks has nothing to be laid over and stays absent.
    """
    _call("unshare", _CLONE_NEWNS)
    _mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE)
    _mount(b"none", b"/proc", b"tmpfs", 0)
    for path, content in files.items():
        if os.path.exists(path):
            copy = f"/proc/{os.path.basename(path)}"
            with open(copy, "wb") as file:
                file.write(content)
            _mount(copy.encode(), path.encode(), None, _MS_BIND)
    _call("umount2", b"/proc", _MNT_DETACH)


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int) -> None:
    _call("mount", source, target, kind, ctypes.c_ulong(flags), None)


def _call(name: str, *arguments: object) -> None:
    """One function of the C library that answers 0 or sets errno. Python has os.setns and os.unshare from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))

"""Network namespaces for tests: unique, always deleted, ready when handed out.

    with isolated("sockets") as name: ...                # one namespace, loopback up
    with pair("routes") as (client, server): ...         # two, joined by a veth, both families
    with routed("ways") as (client, router, server): ... # two with a router between them

Everything that IPv6 would make slow is done here once: addresses are added with `nodad` (a fresh address is bindable
only after 1.8 s without), and `pair` waits until both links are UP (the first connection takes 1 s before that).
"""

import itertools
import os
import pickle
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

import pytest

T = TypeVar("T")

CLIENT_IPV4, SERVER_IPV4 = "10.9.0.1", "10.9.0.2"
CLIENT_IPV6, SERVER_IPV6 = "fd09::1", "fd09::2"
FAR_IPV4, FAR_IPV6 = "10.9.2.2", "fd09:2::2"

NOBODY = 65534

_serial = itertools.count(1)


def require() -> None:
    """Skip the test where network namespaces cannot be made."""
    if not shutil.which("ip"):
        pytest.skip("needs the ip command (iproute2)")
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")


def ip(*arguments: str) -> str:
    """The output of one `ip` command. Raises CalledProcessError where it fails."""
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def batch(name: str, lines: Sequence[str]) -> None:
    """Run `ip` lines inside a namespace, all in one process."""
    argv = ["ip", "-n", name, "-batch", "-"]
    subprocess.run(argv, check=True, capture_output=True, text=True, input="\n".join(lines) + "\n")


def execute(name: str, *argv: str) -> str:
    """The output of a command that runs inside a namespace."""
    return subprocess.run(["ip", "netns", "exec", name, *argv], check=True, capture_output=True, text=True).stdout


def sysctl(name: str, key: str, value: int) -> None:
    """Set `net.…` inside a namespace."""
    execute(name, "sysctl", "-qw", f"{key}={value}")


@contextmanager
def isolated(area: str) -> Iterator[str]:
    """One namespace with nothing but its loopback interface, up. Gives its name."""
    require()
    name = f"ds-{area}-{os.getpid()}-{next(_serial)}"
    ip("netns", "add", name)
    try:
        batch(name, ["link set lo up"])
        yield name
    finally:
        ip("netns", "del", name)


@contextmanager
def pair(area: str) -> Iterator[tuple[str, str]]:
    """Two namespaces joined by the veth `eth0`, with the addresses named above. Gives (client, server)."""
    with isolated(area) as client, isolated(area) as server:
        ip("-n", client, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", server)
        for name, host in ((client, 1), (server, 2)):
            batch(
                name,
                [
                    f"address add 10.9.0.{host}/24 dev eth0",
                    f"address add fd09::{host}/64 dev eth0 nodad",
                    "link set eth0 addrgenmode none up",
                    f"address add fe80::{host}/64 dev eth0 nodad",
                ],
            )
        for name in (client, server):
            wait_until_up(name, "eth0")
        yield client, server


@contextmanager
def routed(area: str) -> Iterator[tuple[str, str, str]]:
    """A client and a server with a router between them: its `near` link is 10.9.1.0/24, `far` has the addresses above.

    Gives (client, router, server). Both ends have number 2 of their network, on `eth0`, and the router number 1.
    """
    with isolated(area) as client, isolated(area) as router, isolated(area) as server:
        for number, name, link in ((1, client, "near"), (2, server, "far")):
            ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", link, "netns", router)
            for place, device, host in ((name, "eth0", 2), (router, link, 1)):
                batch(
                    place,
                    [
                        f"address add 10.9.{number}.{host}/24 dev {device}",
                        f"address add fd09:{number}::{host}/64 dev {device} nodad",
                        f"link set {device} addrgenmode none up",
                        f"address add fe80::{host}/64 dev {device} nodad",
                    ],
                )
            wait_until_up(name, "eth0")
            batch(name, [f"route add default via 10.9.{number}.1", f"route add default via fd09:{number}::1"])
        sysctl(router, "net.ipv4.ip_forward", 1)
        sysctl(router, "net.ipv6.conf.all.forwarding", 1)
        yield client, router, server


def wait_until_up(name: str, interface: str) -> None:
    """Return when the interface can carry packets; fail the test after five seconds."""
    deadline = time.monotonic() + 5
    while "state UP" not in ip("-n", name, "-oneline", "link", "show", "dev", interface):
        if time.monotonic() > deadline:
            pytest.fail(f"{interface} in {name} did not come up")
        time.sleep(0.005)


@contextmanager
def etc(name: str, **files: str) -> Iterator[None]:
    """Give a namespace its own files, as `etc(name, hosts="…", resolv_conf="…")`, in /etc/netns/NAME."""
    folder = Path("/etc/netns", name)
    folder.mkdir(parents=True)
    try:
        for key, text in files.items():
            (folder / key.replace("_", ".")).write_text(text)
        yield
    finally:
        shutil.rmtree(folder)


def forked(function: Callable[[], T]) -> T:
    """What `function()` returns or raises in a child process, for what cannot be undone: other users, filters."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of the test runner hold nothing that is used here
        pid = os.fork()
    if pid == 0:
        os.write(write, _outcome(function))
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        value, caught = pickle.loads(pipe.read())
    os.waitpid(pid, 0)
    if caught:
        raise caught
    return cast("T", value)


def _outcome(function: Callable[[], object]) -> bytes:
    try:
        return pickle.dumps((function(), None))
    except BaseException as error:  # noqa: BLE001  # the parent raises it
        return pickle.dumps((None, error))


def as_nobody(function: Callable[[], T]) -> T:
    """What `function()` returns or raises for a user without privileges."""

    def drop() -> T:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        return function()

    return forked(drop)

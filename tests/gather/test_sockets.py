"""Listening sockets of every kind, made in a network namespace and read back."""

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from dualstack.gather import netns
from dualstack.gather.env import Env, real
from dualstack.gather.netns import find, inside
from dualstack.gather.sockets import listeners, with_owners
from dualstack.model.address import Family
from dualstack.model.sockets import Listener, Listeners, Runtime, Transport
from tests.netns import CLIENT_IPV4, CLIENT_IPV6, as_nobody, execute, forked, isolated, pair, sysctl
from tests.real import runtimes

IPV4, IPV6 = socket.AF_INET, socket.AF_INET6


def opened(
    family: int, address: str, *, v6only: int | None = None, device: str = "", port: int = 4317
) -> Callable[[int], socket.socket]:
    """What makes one socket: give it the type."""

    def make(kind: int) -> socket.socket:
        made = socket.socket(family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if v6only is not None:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        if device:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        made.bind(socket.getaddrinfo(address, port, flags=socket.AI_NUMERICHOST)[0][4])
        if kind == socket.SOCK_STREAM:
            made.listen()
        return made

    return make


# What is made, and what has to be read: address, family of the socket, IPV6_V6ONLY, device.
KINDS = {
    "IPv4 wildcard": (opened(IPV4, "0.0.0.0"), ("0.0.0.0", Family.IPV4, None, "")),
    "IPv4 literal": (opened(IPV4, CLIENT_IPV4), (CLIENT_IPV4, Family.IPV4, None, "")),
    "dual-stack wildcard": (opened(IPV6, "::", v6only=0), ("::", Family.IPV6, False, "")),
    "IPv6-only wildcard": (opened(IPV6, "::", v6only=1), ("::", Family.IPV6, True, "")),
    # The kernel sets the option when an IPv6 literal is bound (net/ipv6/af_inet6.c, __inet6_bind).
    "IPv6 literal": (opened(IPV6, CLIENT_IPV6, v6only=0), (CLIENT_IPV6, Family.IPV6, True, "")),
    "IPv4-mapped": (opened(IPV6, "::ffff:127.0.0.1"), ("::ffff:127.0.0.1", Family.IPV6, False, "")),
    "zone": (opened(IPV6, "fe80::1%eth0"), ("fe80::1", Family.IPV6, True, "eth0")),
    "IPv4 on a device": (opened(IPV4, "0.0.0.0", device="lo"), ("0.0.0.0", Family.IPV4, None, "lo")),
    "IPv6 on a device": (opened(IPV6, "::", v6only=0, device="eth0"), ("::", Family.IPV6, False, "eth0")),
}


@pytest.fixture(scope="module")
def client() -> Iterator[str]:
    with pair("sockets") as (name, _):
        yield name


def gather(name: str, world: Callable[[Env], Env] = lambda x: x) -> Listeners:
    return inside(find(name), lambda: listeners(world(real(f"netns {name}"))))


def put(name: str, make: Callable[[int], socket.socket], kind: int = socket.SOCK_STREAM) -> socket.socket:
    return inside(find(name), lambda: make(kind))


def shape(item: Listener) -> tuple[str, Family, bool | None, str]:
    return item.address, item.socket_family, item.v6only, item.interface


def without_netlink(env: Env) -> Env:
    """The same world, where the kernel has no sock_diag, as under gVisor."""

    def refuse(protocol: int, request: bytes) -> list[bytes]:
        raise OSError(93, "Protocol not supported")

    return replace(env, netlink=refuse)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
@pytest.mark.parametrize("name", KINDS)
def test_a_socket_is_read_as_it_was_made(client: str, name: str, kind: int) -> None:
    make, expected = KINDS[name]
    with put(client, make, kind) as made:
        [item] = gather(client).items

        assert shape(item) == expected
        assert item.transport is (Transport.TCP if kind == socket.SOCK_STREAM else Transport.UDP)
        assert (item.port, item.place) == (4317, f"netns {client}")
        assert item.inode == os.fstat(made.fileno()).st_ino
        assert item.uid == os.getuid()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
@pytest.mark.parametrize("name", KINDS)
def test_procfs_and_the_socket_itself_say_the_same_but_for_the_device(client: str, name: str, kind: int) -> None:
    make, (address, family, v6only, _) = KINDS[name]
    with put(client, make, kind):
        [item] = gather(client, without_netlink).items

        assert shape(item) == (address, family, v6only, "")
        assert item.source.startswith("/proc/thread-self/net/")


def test_procfs_alone_leaves_v6only_open(client: str) -> None:
    def refuse(*_: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    make, _ = KINDS["dual-stack wildcard"]
    with put(client, make):
        [item] = gather(client, lambda env: replace(without_netlink(env), sockopt=refuse)).items

        assert shape(item) == ("::", Family.IPV6, None, "")


def test_nothing_readable_is_an_error_and_no_empty_list() -> None:
    def refuse(path: str) -> bytes:
        raise FileNotFoundError(2, "No such file or directory", path)

    with pytest.raises(OSError, match=r"tcp sockets of host cannot be read: sock_diag: .*procfs: "):
        listeners(replace(without_netlink(real()), read=refuse))


@pytest.mark.parametrize("world", [lambda x: x, without_netlink], ids=["sock_diag", "procfs"])
def test_connected_and_unbound_sockets_are_no_listeners(client: str, world: Callable[[Env], Env]) -> None:
    def make() -> ExitStack:
        held = ExitStack()
        listening = held.enter_context(opened(IPV6, "::1", port=4318)(socket.SOCK_STREAM))
        held.enter_context(socket.create_connection(("::1", 4318)))
        held.enter_context(listening.accept()[0])
        udp = held.enter_context(socket.socket(IPV4, socket.SOCK_DGRAM))
        udp.connect(("127.0.0.1", 9))
        held.enter_context(socket.socket(IPV6, socket.SOCK_DGRAM))
        held.enter_context(socket.socket(IPV6, socket.SOCK_STREAM))
        return held

    with inside(find(client), make):
        assert [x.endpoint for x in gather(client, world).items] == ["[::1]:4318"]


def test_a_queue_of_connections_that_nobody_takes_is_read(client: str) -> None:
    with ExitStack() as held:
        made = held.enter_context(put(client, opened(IPV4, "127.0.0.1")))
        made.listen(1)
        rooms = [gather(client).items[0]]
        for _ in range(2):
            held.enter_context(inside(find(client), lambda: socket.create_connection(("127.0.0.1", 4317))))
            rooms += gather(client).items

        assert [(x.queued, x.backlog, x.is_full) for x in rooms] == [(0, 1, False), (1, 1, False), (2, 1, True)]


def test_the_kernel_default_follows_bindv6only() -> None:
    with isolated("v6only") as name:
        sysctl(name, "net.ipv6.bindv6only", 1)
        with put(name, opened(IPV6, "::")):
            assert [x.v6only for x in gather(name).items] == [True]


def test_listeners_come_by_port_and_the_place_is_complete(client: str) -> None:
    ports = [4318, 55680, 4317, 13133]
    with ExitStack() as held:
        for port in ports:
            held.enter_context(put(client, opened(IPV4, "127.0.0.1", port=port)))
        found = gather(client)

        assert [x.port for x in found.items] == sorted(ports)
        assert found.places == (f"netns {client}",)


def test_ss_agrees(client: str) -> None:
    if not shutil.which("ss"):
        pytest.skip("needs the ss command (iproute2)")
    with ExitStack() as held:
        for v6only in (0, 1):
            held.enter_context(put(client, opened(IPV6, "::", v6only=v6only, port=5000 + v6only)))
        found = gather(client).items
        lines = execute(client, "ss", "-Htlne").splitlines()

    said = {int(m[1]): m[2] == "1" for x in lines if (m := re.search(r":(\d+) .*v6only:(\d)", x))}
    assert {x.port: x.v6only for x in found} == said == {5000: False, 5001: True}


def test_without_ipv6_in_the_kernel_procfs_has_one_table(client: str) -> None:
    def world(env: Env) -> Env:
        def read(path: str) -> bytes:
            if path.endswith("6"):
                raise FileNotFoundError(2, "No such file or directory", path)
            return env.read(path)

        return replace(without_netlink(env), read=read)

    make, expected = KINDS["IPv4 wildcard"]
    with put(client, make):
        assert [shape(x) for x in gather(client, world).items] == [expected]


def owned(name: str, ports: tuple[int, ...] | None = None) -> Listeners:
    return with_owners(gather(name), real(f"netns {name}"), ports)


def test_the_owner_is_found_and_only_for_the_ports_in_question(client: str) -> None:
    with ExitStack() as held:
        for port in (4317, 4318):
            held.enter_context(put(client, opened(IPV4, "127.0.0.1", port=port)))
        found = owned(client, (4317,))

        assert [[p.pid for p in x.processes] for x in found.items] == [[os.getpid()], []]
        assert [x.runtime for x in found.items] == [Runtime.PYTHON, Runtime.UNKNOWN]
        assert found.owners_known
        assert all(x.processes for x in owned(client).items)


def test_a_shared_socket_has_every_holder(client: str) -> None:
    parent = os.getpid()
    with put(client, opened(IPV4, "127.0.0.1")):
        pids = forked(lambda: [os.getpid(), *(p.pid for p in owned(client).items[0].processes)])

    assert pids[1:] == sorted([parent, pids[0]])


def test_processes_of_others_leave_the_owner_unknown(client: str) -> None:
    with put(client, opened(IPV6, "::", v6only=0)) as made:
        seen = gather(client)

        def look() -> Listeners:
            made.close()  # the child's copy
            return with_owners(seen, real(), None)

        found = as_nobody(look)

        assert not found.owners_known
        assert [(x.v6only, x.processes) for x in found.items] == [(False, ())]


def test_processes_that_are_hidden_leave_the_owner_unknown(client: str) -> None:
    def look() -> Listeners:
        made.close()
        netns._call("unshare", netns._CLONE_NEWNS)
        netns._mount(b"none", b"/", None, netns._MS_REC | netns._MS_PRIVATE)
        netns._call("mount", b"proc", b"/proc", b"proc", 0, b"hidepid=2")
        return as_nobody(lambda: with_owners(seen, real(), None))

    with put(client, opened(IPV6, "::", v6only=0)) as made:
        seen = gather(client)
        found = forked(look)

        assert not found.owners_known
        assert [x.processes for x in found.items] == [()]


def test_without_proc_the_owner_is_unknown(client: str) -> None:
    def refuse(path: str) -> list[str]:
        raise FileNotFoundError(2, "No such file or directory", path)

    with put(client, opened(IPV6, "::", v6only=0)):
        assert not with_owners(gather(client), replace(real(), names=refuse), None).owners_known


def test_ones_own_sockets_are_known_without_privileges(client: str) -> None:
    def mine() -> tuple[bool, int]:
        with opened(IPV4, "127.0.0.1", port=0)(socket.SOCK_STREAM) as made:
            port = made.getsockname()[1]
            found = with_owners(listeners(real()), real(), (port,))
            return found.owners_known, found.on("host", port)[0].processes[0].pid == os.getpid()

    assert as_nobody(mine) == (True, True)


def test_a_go_listener_on_the_ipv4_wildcard_is_dual_stack(client: str) -> None:
    with runtimes.listener("go", "tcp", "0.0.0.0", 4317, client) as running:
        assert running.said == "ok"
        [item] = owned(client).items

        assert shape(item) == ("::", Family.IPV6, False, "")
        assert [(x.pid, x.runtime) for x in item.processes] == [(running.process.pid, Runtime.GO)]

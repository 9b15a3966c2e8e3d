"""Real listeners in real namespaces, compared with the predictions of `knowledge/bind.table`.

Every runtime binds every form of host in eight namespaces: IPv6 on, off, off on the loopback, absent from the kernel,
each with both values of net.ipv6.bindv6only. Absent is imitated: a seccomp filter answers EAFNOSUPPORT.
"""

import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.names import Lookup
from dualstack.model.sockets import Listener
from dualstack.reach.bind import BindRequest, Bound, bind, families
from tests import netns
from tests.real import command, end
from tests.real.runtimes import SOURCES, program

HOSTS = (
    *("0.0.0.0", "[::]", "", "[::ffff:0.0.0.0]", "localhost", "*", "nowhere.invalid"),
    *("127.0.0.1", "10.9.0.5", "10.9.0.99", "[10.9.0.5]", "[::ffff:10.9.0.5]"),
    *("[::1]", "[fd00:9::5]", "[fd00:9::99]", "[fe80::1]", "[fe80::1%eth0]"),
)
PORT = 4000
NAMES = (Lookup("localhost", ("127.0.0.1",)), Lookup("nowhere.invalid", error="EAI_NONAME"))
_UDP = ("udp", "udp4", "udp6")
_GO = [("go", x, "listen") for x in ("tcp", "tcp4", "tcp6", *_UDP)] + [("go", x, "resolve") for x in _UDP]
_OTHERS = ("jvm", "jvm-ipv4", "node", "rust", "posix", "python", "asyncio", "grpc-core")
WAYS = [*_GO, *((x, "tcp", "listen") for x in _OTHERS)]

# What the table does not say: the JVM picks a zone by itself, c-ares asks servers, Python's bind takes no zone.
UNTOLD = {
    "jvm": {"[fe80::1]", "[fe80::1%eth0]"},
    "jvm-ipv4": {"[fe80::1%eth0]"},
    "python": {"[fe80::1%eth0]"},
    "asyncio": {"[fe80::1%eth0]"},
    "grpc-core": {"nowhere.invalid"},
}


class World(NamedTuple):
    """A namespace and what is true in it."""

    name: str
    ipv6: str
    bindv6only: bool

    @property
    def namespace(self) -> Namespace:
        """The same as evidence."""
        held = {"lo": ("127.0.0.1", "::1"), "eth0": ("10.9.0.5", "fd00:9::5", "fe80::1")}
        without = {"off": ("lo", "eth0"), "lo-off": ("lo",)}.get(self.ipv6, ())
        interfaces = (
            Interface(
                name,
                index,
                up=True,
                loopback=name == "lo",
                disable_ipv6=name in without,
                addresses=tuple(InterfaceAddress(x, 64) for x in addresses if ":" not in x or name not in without),
            )
            for index, (name, addresses) in enumerate(held.items(), 1)
        )
        return Namespace(self.name, tuple(interfaces), self.ipv6 == "absent", bindv6only=self.bindv6only)


@pytest.fixture(
    scope="module", params=[(x, y) for x in ("on", "lo-off", "off", "absent") for y in (False, True)], ids=str
)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    ipv6, bindv6only = request.param
    with netns.isolated("bind") as name:
        files = {"hosts": "127.0.0.1 localhost\n", "resolv_conf": "", "nsswitch_conf": "hosts: files\n"}
        links = ["link add eth0 type veth peer name peer0", "link set eth0 addrgenmode none up", "link set peer0 up"]
        netns.batch(name, [*links, "address add 10.9.0.5/24 dev eth0"])
        netns.sysctl(name, "net.ipv6.bindv6only", int(bindv6only))
        if ipv6 != "off":
            netns.batch(name, [f"address add {x}/64 dev eth0 nodad" for x in ("fd00:9::5", "fe80::1")])
        if ipv6 in ("off", "lo-off"):
            netns.sysctl(name, f"net.ipv6.conf.{'all' if ipv6 == 'off' else 'lo'}.disable_ipv6", 1)
        netns.wait_until_up(name, "eth0")
        with netns.etc(name, **files):
            yield World(name, ipv6, bindv6only)


def argv(runtime: str, network: str, call: str) -> list[str]:
    words = program(runtime.removesuffix("-ipv4"))
    if runtime == "jvm-ipv4":
        words.insert(1, "-Djava.net.preferIPv4Stack=true")
    return [*words, network, call] if runtime == "go" else words


def observed(world: World, words: list[str], count: int) -> tuple[list[str], dict[int, set[str]]]:
    """What the program says of each host, and the local addresses that `ss` shows on each port."""
    absent = [sys.executable, str(SOURCES / "without_ipv6.py")] if world.ipv6 == "absent" else []
    process = subprocess.Popen(
        command(world.name, [*absent, *words]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        said = [process.stdout.readline().decode().strip() for _ in range(count)]
        table = netns.execute(world.name, "ss", "-Htuln")
    finally:
        end(process)
    sockets: dict[int, set[str]] = {}
    for line in table.splitlines():
        host, _, port = line.split()[4].rpartition(":")
        sockets.setdefault(int(port), set()).add(host)
    return said, sockets


def as_ss(listener: Listener) -> str:
    if len(families(listener) or ()) > 1:
        return "*"
    bare, percent, zone = listener.address.partition("%")
    return (f"[{bare}]" if ":" in bare else bare) + percent + zone


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_a_runtime_binds_as_the_table_says(world: World, way: tuple[str, str, str]) -> None:
    runtime, network, call = way
    said, sockets = observed(world, [*argv(*way), str(PORT), *HOSTS], len(HOSTS))
    untold = set()
    for port, (host, words) in enumerate(zip(HOSTS, said, strict=True), PORT):
        bound = bind(BindRequest(f"{host}:{port}", network, call, runtime, world.namespace, NAMES))
        if bound.unknown:
            untold.add(host)
            continue
        assert bool(bound.error) is (words != "ok"), (host, words, bound)
        assert words.startswith(bound.error or "ok"), host
        assert {as_ss(x) for x in bound.sockets} == sockets.get(port, set()), host
    assert untold <= UNTOLD.get(runtime, set())


ADDRESSES = {
    "0.0.0.0": "DS105",
    "[::]": "DS105",
    "[[::]]:4317": "DS105",
    "::1": "DS101",
    "fd00:9::5:4317": "DS101",
    "fe80::1%eth0:4317": "DS101",
    "[::1:4317": "DS101",
    "http://0.0.0.0:4317": "DS104",
    "0.0.0.0:4317:4318": "DS119",
    "[::1]:4317:4318": "DS119",
    "[::]:99999": "DS119",
    "[::]:65536": "DS119",
    "[::]:-1": "DS119",
    "[::]:4317 ": "DS119",
    "a b:4317": "DS120",
}


@pytest.mark.parametrize(("network", "call"), [("tcp", "listen"), ("udp", "listen"), ("udp", "resolve")])
def test_go_refuses_what_is_no_address_in_these_words(world: World, network: str, call: str) -> None:
    said, _ = observed(world, [*argv("go", network, call), "-", *ADDRESSES], len(ADDRESSES))
    bounds = [bind(BindRequest(x, network, call, namespace=world.namespace)) for x in ADDRESSES]
    assert bounds == [Bound(error=x, cause=y) for x, y in zip(said, ADDRESSES.values(), strict=True)]


def test_an_address_under_detection_of_duplicates_cannot_be_bound() -> None:
    with netns.isolated("bind") as name:
        netns.batch(name, ["link add eth0 type veth peer name peer0", "link set eth0 up", "link set peer0 up"])
        netns.sysctl(name, "net.ipv6.conf.eth0.dad_transmits", 100)
        netns.batch(name, ["address add fd00:9::5/64 dev eth0"])
        young = World(name, "on", bindv6only=False)
        said, _ = observed(young, [*argv("go", "tcp", "listen"), str(PORT), "[fd00:9::5]"], 1)
    eth0 = Interface("eth0", 2, up=True, addresses=(InterfaceAddress("fd00:9::5", 64, ("tentative",)),))
    request = BindRequest(f"[fd00:9::5]:{PORT}", namespace=Namespace(name, (eth0,)))
    assert bind(request) == Bound(error=said[0], cause="DS304")

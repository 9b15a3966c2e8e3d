"""Worlds in which real listeners bind, the programs and hosts that they try, and who can then reach them.

A world is described once; `made` makes it as a network namespace, and its properties say what a gatherer reads there.
"""

import errno
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from dualstack.gather.netns import find, inside
from dualstack.model.address import Family, family, unmapped
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.names import Lookup
from dualstack.model.sockets import Listener
from dualstack.reach.bind import BindRequest, families
from tests import netns
from tests.real import command, end
from tests.real.runtimes import program

EVERYTHING = os.environ.get("DUALSTACK_ORACLE") == "all"
"""Whether every world is made, and not the sample that answers by every row of the table."""

HOSTS = (
    *("0.0.0.0", "[0.0.0.0]", "[::]", "", "[::ffff:0.0.0.0]", "*", "nowhere.invalid"),
    *("127.0.0.1", "10.9.0.5", "10.9.0.99", "[10.9.0.5]", "[::ffff:10.9.0.5]", "[::ffff:10.9.0.99]"),
    *("[::1]", "[fd00:9::5]", "[fd00:9::99]", "[fe80::1]", "[fe80::1%eth0]"),
    *("localhost", "both.test", "ipv4.test", "ipv6.test"),
)
FIRST_PORT = 4000
PORTS = dict(zip(HOSTS, itertools.count(FIRST_PORT), strict=False))

FROM_INSIDE = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
FROM_BESIDE = ("10.9.0.5", "fd00:9::5", "fe80::1%eth0", "::ffff:10.9.0.5")
NOBODY = {errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.ENETUNREACH}
"""What connect(2) and send(2) say where no socket takes it."""
_UNLIMITED = {"net.ipv4.icmp_ratelimit": 0, "net.ipv4.icmp_msgs_burst": 100000, "net.ipv6.icmp.ratelimit": 0}
"""So that every datagram that nobody takes is refused, and not one a second."""


class Way(NamedTuple):
    """One program of `tests.real.runtimes`, what it is told to bind, and the runtime that the table knows it as."""

    program: str
    network: str
    call: str
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The name of a test."""
        return f"{self.runtime} {self.program} {self.network} {self.call}"

    @property
    def runtime(self) -> str:
        """The word of the table's column."""
        return {"tokio": "rust"}.get(self.program, self.program + ("-ipv4" if self.flags else ""))

    @property
    def argv(self) -> list[str]:
        """The command, without its port and hosts."""
        executable, *words = program(self.program)
        return [executable, *self.flags, *words, self.network, self.call]


_IPV4_STACK = ("-Djava.net.preferIPv4Stack=true",)
WAYS = (
    *(Way("go", x, "listen") for x in ("tcp", "tcp4", "tcp6", "udp", "udp4", "udp6")),
    *(Way("go", x, "resolve") for x in ("udp", "udp4", "udp6")),
    *(
        Way("jvm", *x, flags)
        for flags in ((), _IPV4_STACK)
        for x in itertools.product(("tcp", "udp"), ("listen", "socket"))
    ),
    *(Way("node", *x.split()) for x in ("tcp listen", "tcp v6only", "udp4 listen", "udp6 listen", "udp6 v6only")),
    *(Way(x, y, "listen") for x in ("rust", "tokio", "posix", "python", "asyncio") for y in ("tcp", "udp")),
    Way("grpc-core", "tcp", "listen"),
)


class World(NamedTuple):
    """A network namespace: where IPv6 is on, the sysctl, whose addresses `eth0` has, and the lines of `localhost`."""

    ipv6: str = "on"
    bindv6only: bool = False
    addressed: str = "both"
    localhost: str = "both"

    def __str__(self) -> str:
        """The name of a test."""
        return f"ipv6 {self.ipv6} bindv6only {self.bindv6only:d} addresses {self.addressed} localhost {self.localhost}"

    @property
    def held(self) -> dict[str, tuple[str, ...]]:
        """The addresses of each interface, as they are while IPv6 is not disabled."""
        ipv4, ipv6 = self.addressed in ("both", "ipv4"), self.addressed != "ipv4"
        loopback = () if self.addressed == "ipv6-alone" else ("127.0.0.1",)
        others = ("10.9.0.5", "10.9.0.7") * ipv4 + ("fd00:9::7", "fd00:9::5", "fe80::1") * ipv6
        return {"lo": (*loopback, "::1"), "eth0": others}

    @property
    def without_ipv6(self) -> tuple[str, ...]:
        """The interfaces on which it is disabled."""
        named = {"off": ("lo", "eth0"), "lo-off": ("lo",)}.get(self.ipv6, ())
        return (*named, "eth0") if self.addressed == "ipv4" and "eth0" not in named else named

    @property
    def namespace(self) -> Namespace:
        """What is read there."""
        interfaces = (
            Interface(
                name,
                index,
                up=True,
                loopback=name == "lo",
                disable_ipv6=name in self.without_ipv6,
                addresses=tuple(
                    InterfaceAddress(x, 64) for x in found if ":" not in x or name not in self.without_ipv6
                ),
            )
            for index, (name, found) in enumerate(self.held.items(), 1)
        )
        return Namespace("netns world", tuple(interfaces), self.ipv6 == "absent", bindv6only=self.bindv6only)

    @property
    def lines(self) -> dict[str, tuple[str, ...]]:
        """The hosts file: the addresses of each name."""
        chosen = {"both": ("127.0.0.1", "::1"), "ipv4": ("127.0.0.1",), "ipv6": ("::1",)}
        names = {"both.test": ("10.9.0.7", "fd00:9::7"), "ipv4.test": ("10.9.0.5",), "ipv6.test": ("fd00:9::5",)}
        return {"localhost": chosen[self.localhost], **names}

    @property
    def names(self) -> tuple[Lookup, ...]:
        """What getaddrinfo says there: the addresses that can be reached first, IPv6 before IPv4 (RFC 3484)."""
        here = self.namespace

        def rank(address: str) -> tuple[bool, bool]:
            reached = here.owner(address) is not None and not (self.ipv6 == "absent" and ":" in address)
            return not reached, family(address) is Family.IPV4

        found = (Lookup(name, tuple(sorted(addresses, key=rank))) for name, addresses in self.lines.items())
        return (*found, Lookup("nowhere.invalid", error="EAI_NONAME"))

    @property
    def knocked(self) -> tuple[str, ...]:
        """The addresses at which a client tries: of the loopback from inside, the others where `eth0` has them."""
        return (*FROM_INSIDE, *(x for x in FROM_BESIDE if self.namespace.owner(unmapped(x))))

    def request(self, way: Way, host: str) -> BindRequest:
        """What is asked of the table."""
        return BindRequest(f"{host}:{PORTS[host]}", way.network, way.call, way.runtime, self.namespace, self.names)


_STATES = tuple(itertools.product(("on", "lo-off", "off", "absent"), (False, True)))
_ADDRESSED = ("both", "ipv4", "ipv6", "ipv6-alone")
SAMPLE = (
    World(localhost="both"),
    World(bindv6only=True, localhost="ipv4"),
    World("lo-off", localhost="ipv6"),
    World("lo-off", bindv6only=True, localhost="both"),
    World("off", localhost="ipv4"),
    World("off", True, "ipv6-alone", "ipv6"),
    World("absent", localhost="both"),
    World("absent", True, "ipv6-alone", "both"),
    World(addressed="ipv4"),
    World(addressed="ipv6"),
    World(addressed="ipv6-alone", localhost="ipv6"),
)
WORLDS = (
    tuple(
        World(*x, addressed, lines)
        for x, addressed, lines in itertools.product(_STATES, _ADDRESSED, ("both", "ipv4", "ipv6"))
    )
    if EVERYTHING
    else SAMPLE
)


class Place(NamedTuple):
    """A world that has been made: the name of its namespace, and that of a neighbour on the same link."""

    world: World
    name: str
    neighbour: str


@contextmanager
def made(world: World) -> Iterator[Place]:
    """The world as a network namespace. Absence of IPv6 is for the programs alone: see `heard`."""
    with netns.isolated("bind") as name, netns.isolated("bind") as neighbour:
        netns.ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", neighbour)
        sysctls = {f"net.ipv6.conf.{x}.disable_ipv6": 1 for x in world.without_ipv6}
        for key, value in {**_UNLIMITED, **sysctls, "net.ipv6.bindv6only": int(world.bindv6only)}.items():
            netns.sysctl(name, key, value)
        _address(name, (x.address for x in world.namespace.interfaces[1].addresses))
        _address(neighbour, ("10.9.0.6", "fd00:9::6", "fe80::6"))
        if "127.0.0.1" not in world.held["lo"]:
            netns.batch(name, ["address delete 127.0.0.1/8 dev lo"])
        netns.wait_until_up(name, "eth0")
        hosts = "".join(f"{x} {y}\n" for y, found in world.lines.items() for x in found)
        with netns.etc(name, hosts=hosts, resolv_conf="", nsswitch_conf="hosts: files\n"):
            yield Place(world, name, neighbour)


def _address(name: str, addresses: Iterable[str]) -> None:
    given = (f"{x}/64 dev eth0 nodad" if ":" in x else f"{x}/24 dev eth0" for x in addresses)
    netns.batch(name, ["link set eth0 addrgenmode none up", *(f"address add {x}" for x in given)])


@contextmanager
def heard(place: Place, argv: Sequence[str], count: int) -> Iterator[list[str]]:
    """What a program says of each of its hosts, while it holds its sockets.

    Where IPv6 is absent, a seccomp filter answers EAFNOSUPPORT to it, as a kernel booted with `ipv6.disable=1` does.
    """
    absent = [sys.executable, "-P", "-m", "dualstack.lab.without_ipv6"] if place.world.ipv6 == "absent" else []
    process = subprocess.Popen(
        command(place.name, [*absent, *argv]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        yield [process.stdout.readline().decode().strip() for _ in range(count)]
    finally:
        end(process)


def bound(name: str) -> dict[int, set[str]]:
    """The local addresses that `ss` shows on each port."""
    found: dict[int, set[str]] = {}
    for line in netns.execute(name, "ss", "-Htuln").splitlines():
        host, _, port = line.split()[4].rpartition(":")
        found.setdefault(int(port), set()).add(host)
    return found


def as_ss(listener: Listener) -> str:
    """A predicted socket in the spelling of `ss`."""
    if len(families(listener) or ()) > 1:
        return "*"
    bare, percent, zone = listener.address.partition("%")
    return (f"[{bare}]" if ":" in bare else bare) + percent + zone


def reached(place: Place, network: str, ports: Collection[int]) -> dict[int, set[str]]:
    """The addresses at which somebody answers on each port: takes a connection, or sends a datagram back."""
    kind = socket.SOCK_DGRAM if network.startswith("udp") else socket.SOCK_STREAM

    def knock(addresses: Sequence[str]) -> set[tuple[int, str]]:
        return {(x, y) for x in ports for y in addresses if _answers(kind, y, x)}

    near = [x for x in place.world.knocked if x in FROM_INSIDE]
    far = [x for x in place.world.knocked if x in FROM_BESIDE]
    found = inside(find(place.name), lambda: knock(near)) | inside(find(place.neighbour), lambda: knock(far))
    return {x: {address for port, address in found if port == x} for x in ports}


def _answers(kind: socket.SocketKind, address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as client:
        client.settimeout(10)
        if client.family == socket.AF_INET6:
            client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # or it cannot connect to a mapped address
        try:
            client.connect(socket.getaddrinfo(address, port, type=kind)[0][4])
            if kind == socket.SOCK_DGRAM:
                client.send(b"knock")
                return client.recv(64) == b"knock"
        except OSError as error:
            if error.errno in NOBODY:
                return False
            raise
    return True

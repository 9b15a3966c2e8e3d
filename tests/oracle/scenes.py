"""What clients meet: a server namespace whose addresses accept, refuse, drop or are unreachable, and who sees the SYNs.

Each scene is a name with addresses of its own, so that one run of a client may dial them all and every SYN on the wire
still belongs to one scene. An address is spelled KIND:FATE. Kinds: `g` a global IPv6 address that the client has a
global source for, `u` a unique local one likewise, `x` a global one that is reached from a unique local source, `n` a
global one without a route, `4` an IPv4 address, `m` an IPv4 address without a route.
"""

import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

from dualstack.gather.netns import find, inside
from dualstack.model.address import canonical
from dualstack.reach.dial import ACCEPTED, NO_ROUTE, REFUSED, TIMED_OUT
from tests import netns

ROOT = Path(__file__).parents[2]
GRPC, HTTP = 4317, 4318
NAMESERVER = "10.9.0.2"

DELAY = 0.002
"""Seconds that a packet is under way."""

DUAL, ONLY_IPV4 = "dual", "ipv4"
"""The places of clients: one with IPv4, unique local and global addresses; one where IPv6 is off."""

FATES = {"accept": ACCEPTED, "refuse": REFUSED, "drop": TIMED_OUT, "reject": NO_ROUTE}
"""What an address does, as an outcome of `reach/dial.py`; `reject` is an ICMP message that there is no route."""

KINDS = {
    "g": ("2001:db8:9::{}:{}", "2001:db8:9::1"),
    "u": ("fd09::{}:{}", "fd09::1"),
    "x": ("2001:db8:a::{}:{}", "fd09::1"),
    "n": ("2001:db8:f::{}:{}", ""),
    "4": ("10.9.{}.{}", "10.9.0.1/24"),
    "m": ("10.99.{}.{}", ""),
}

_SCENES = """
global               | dual dns   | g:accept 4:accept
unique-local         | dual dns   | u:accept 4:accept
other-source         | dual dns   | x:accept 4:accept
no-ipv6-route        | dual dns   | n:accept 4:accept
no-ipv4-route        | dual dns   | g:accept m:accept
all-refused          | dual dns   | g:refuse g:refuse u:refuse 4:refuse 4:refuse
ipv6-refused         | dual dns   | g:refuse g:refuse 4:accept
last-accepts         | dual dns   | g:refuse g:refuse 4:refuse 4:accept
ipv4-refused         | dual dns   | u:accept 4:refuse
ipv6-unreachable     | dual dns   | g:reject 4:accept
hosts                | dual hosts | 4:refuse u:refuse g:refuse g:refuse
ipv6-dropped         | dual dns   | g:drop 4:accept
ipv6-dropped-twice   | dual dns   | g:drop g:drop 4:accept 4:accept
ipv4-dropped         | dual dns   | u:accept 4:drop
refused-then-dropped | dual dns   | g:refuse g:drop 4:accept
ipv4-host            | ipv4 dns   | g:accept u:accept 4:accept
"""


class Scene(NamedTuple):
    """A name with its addresses as the hosts file or the nameserver gives them, and the fate of each."""

    name: str
    place: str
    hosts: bool
    fates: Mapping[str, str]
    sources: Mapping[str, str]

    @property
    def host(self) -> str:
        """The name as it is dialled: absolute, so that no search list is tried."""
        return f"{self.name}.example"

    @property
    def outcomes(self) -> dict[str, str]:
        """What each address answers, as `reach/dial.py` says it."""
        return {x: FATES[fate] if x in self.sources else NO_ROUTE for x, fate in self.fates.items()}


class Packet(NamedTuple):
    """A TCP segment that left, or would leave, a client; `at` in milliseconds of the system's clock."""

    at: float
    address: str
    syn: bool
    payload: int


class Observed(NamedTuple):
    """The first SYN to each address in order, with milliseconds since the first of all, and the address in use.

    The SYNs are those before the first data; `connected` is where the data went, empty where there was none.
    """

    tried: tuple[tuple[str, int], ...]
    connected: str


def _scene(number: int, line: str) -> Scene:
    name, where, addresses = (x.strip() for x in line.split("|"))
    place, source = where.split()
    fates, sources = {}, {}
    for index, word in enumerate(addresses.split(), 1):
        kind, _, fate = word.partition(":")
        pattern, own = KINDS[kind]
        address = canonical(pattern.format(number, index))
        fates[address] = fate
        if place == ONLY_IPV4:
            own = "10.8.0.1/24" if kind == "4" else ""
        if own:
            sources[address] = own
    return Scene(name, place, source == "hosts", fates, sources)


SCENES = {x.name: x for x in (_scene(i, line) for i, line in enumerate(_SCENES.strip().splitlines(), 1))}


class Cable(Thread):
    """Two tunnel devices joined by a wire that takes its time and is watched: every packet that passes is noted.

    A pair of virtual Ethernet devices would deliver a refusal while connect(2) still runs, as no network does.
    """

    def __init__(self, ends: Sequence[tuple[int, int]]) -> None:
        super().__init__(daemon=True)
        self.peers = {x: y for pair in ends for x, y in (pair, pair[::-1])}
        self.clients = {x for x, _ in ends}
        self.seen: list[Packet] = []
        self.stop = Event()

    def run(self) -> None:
        """Carry packets until stopped."""
        under_way: deque[tuple[float, int, bytes]] = deque()
        while not self.stop.is_set():
            for end in select.select(list(self.peers), [], [], 0.0005 if under_way else 0.05)[0]:
                packet, now = os.read(end, 2048), time.monotonic()
                under_way.append((now + DELAY, self.peers[end], packet))
                if end in self.clients and (found := segment(packet, now * 1000)):
                    self.seen.append(found)
            while under_way and under_way[0][0] <= time.monotonic():
                _, end, packet = under_way.popleft()
                with suppress(OSError):  # the kernel takes no packet that it cannot use
                    os.write(end, packet)
        for end in self.peers:
            os.close(end)


@dataclass(frozen=True)
class World:
    """The namespaces of the clients by place, and the cables that lead to the server."""

    places: Mapping[str, str]
    cable: Cable

    def watch(self, seconds: float, runs: Iterable[tuple[str, Sequence[str], Mapping[str, str]]]) -> list[Packet]:
        """Run (place, argv, environment) side by side, end what still runs after `seconds`, and give the packets."""
        first = len(self.cable.seen)
        processes = [
            subprocess.Popen(
                ["ip", "netns", "exec", self.places[place], *argv],
                env=environ,
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for place, argv, environ in runs
        ]
        until = time.monotonic() + seconds
        try:
            for process in processes:
                process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        finally:
            for process in processes:
                process.kill()
                process.wait()
        return self.cable.seen[first:]


def observed(scene: Scene, seen: Sequence[Packet], limit: int) -> Observed:
    """What the packets say of one scene, in the `limit` seconds after its first SYN."""
    mine = [x for x in seen if x.address in scene.fates]
    mine = [x for x in mine if x.at < mine[0].at + limit * 1000]
    data = next((x for x in mine if x.payload), None)
    first: dict[str, float] = {}
    for packet in mine:
        if packet.syn and (data is None or packet.at <= data.at):
            first.setdefault(packet.address, packet.at)
    start = min(first.values(), default=0)
    return Observed(tuple((k, round(v - start)) for k, v in first.items()), data.address if data else "")


def segment(packet: bytes, at: float) -> Packet | None:
    """What a TCP segment to a port of OTLP is; None for any other packet. IPv6 extension headers are not passed."""
    if packet[0] >> 4 == 6 and packet[6] == socket.IPPROTO_TCP:
        address, tcp = canonical(socket.inet_ntop(socket.AF_INET6, packet[24:40])), packet[40:]
    elif packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_TCP:
        address, tcp = socket.inet_ntoa(packet[16:20]), packet[(packet[0] & 15) * 4 :]
    else:
        return None
    if int.from_bytes(tcp[2:4], "big") not in (GRPC, HTTP):
        return None
    return Packet(at, address, tcp[13] & 0x12 == 0x02, len(tcp) - (tcp[12] >> 4) * 4)


def _tunnel(name: str) -> int:
    """The end of a new tunnel device of this network namespace."""
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
    return end


@contextmanager
def world(syn_retries: int) -> Iterator[World]:
    """All scenes at once. The kernel of the clients gives up on an address after that many SYNs more than one."""
    with ExitStack() as stack:
        client, single, server = (stack.enter_context(netns.isolated("o1")) for _ in range(3))
        places = {DUAL: client, ONLY_IPV4: single}
        cable = Cable(
            [(_within(x, _tunnel, "tun0"), _within(server, _tunnel, f"tun{i}")) for i, x in enumerate(places.values())]
        )
        stack.callback(cable.join)
        stack.callback(cable.stop.set)
        cable.start()
        _connect(client, single, server)
        hosts = "".join(f"{address} {x.host}\n" for x in SCENES.values() if x.hosts for address in x.fates)
        resolver = f"nameserver {NAMESERVER}\n"
        for name in places.values():
            stack.enter_context(netns.etc(name, hosts=hosts, resolv_conf=resolver, nsswitch_conf="hosts: files dns\n"))
            netns.sysctl(name, "net.ipv4.tcp_syn_retries", syn_retries)
        _judge(server)
        zone = {f"{x.host}.": _records(x) for x in SCENES.values() if not x.hosts}
        stack.enter_context(_serving(server, ["nameserver", NAMESERVER], json.dumps(zone), "ready"))
        stack.enter_context(_serving(server, ["receiver", "grpc", "::", str(GRPC)], "", str(GRPC)))
        stack.enter_context(_serving(server, ["receiver", "http", "::", str(HTTP)], "", str(HTTP)))
        yield World(places, cable)


def _within(name: str, work: Callable[[str], int], argument: str) -> int:
    return inside(find(name), lambda: work(argument))


def _connect(client: str, single: str, server: str) -> None:
    """Addresses and routes of the three namespaces."""
    held = {NAMESERVER, *(x for scene in SCENES.values() for x in scene.fates)}
    netns.batch(server, [f"address add {x}/{128 if ':' in x else 32} dev lo" for x in held])
    netns.batch(server, [f"link set {x} up" for x in ("tun0", "tun1")])
    ways = ("10.9.0.0/24 dev tun0", "2001:db8:9::/64 dev tun0", "fd09::/64 dev tun0", "10.8.0.0/24 dev tun1")
    netns.batch(server, [f"route add {x}" for x in ways])
    netns.batch(client, ["link set tun0 up", "address add 10.9.0.1/24 dev tun0"])
    netns.batch(client, [f"address add {x} dev tun0 nodad" for x in ("2001:db8:9::1/64", "fd09::1/64")])
    netns.batch(
        client,
        ["route add 2001:db8:a::/64 dev tun0 src fd09::1", "route add 10.9.0.0/16 dev tun0 src 10.9.0.1"],
    )
    for key in ("all", "default"):
        netns.sysctl(single, f"net.ipv6.conf.{key}.disable_ipv6", 1)
    netns.batch(single, ["address add 10.8.0.1/24 dev tun0", "link set tun0 up", "route add default dev tun0"])


def _judge(server: str) -> None:
    """Packet filter rules that give each address its fate; ICMP messages are not rationed."""
    netns.sysctl(server, "net.ipv4.icmp_ratelimit", 0)
    netns.sysctl(server, "net.ipv6.icmp.ratelimit", 0)
    verdicts = {"refuse": "reject with tcp reset", "drop": "drop", "reject": "reject with icmpx type no-route"}
    rules = "".join(
        f"ip{'6' if ':' in address else ''} daddr {address} tcp dport {{ {GRPC}, {HTTP} }} {verdicts[fate]}; "
        for scene in SCENES.values()
        for address, fate in scene.fates.items()
        if fate in verdicts
    )
    table = f"table inet o1 {{ chain c {{ type filter hook input priority 0; {rules} }}; }}\n"
    enter = ["ip", "netns", "exec", server, "nft", "-f", "-"]
    subprocess.run(enter, input=table, text=True, check=True, capture_output=True)


def _records(scene: Scene) -> dict[str, list[str]]:
    return {kind: [x for x in scene.fates if (":" in x) is wide] for kind, wide in (("A", False), ("AAAA", True))}


@contextmanager
def _serving(server: str, argv: Sequence[str], line: str, ready: str) -> Iterator[None]:
    """A server of `dualstack.lab` that ends with the block."""
    command = ["ip", "netns", "exec", server, sys.executable, "-m", f"dualstack.lab.{argv[0]}", *argv[1:]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ()) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{ready}\n"
        try:
            yield
        finally:
            process.stdin.close()


def environ() -> dict[str, str]:
    """The environment without proxies: every client here is to dial by itself."""
    return {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}

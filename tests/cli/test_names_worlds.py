"""Worlds of names: real nameservers, real resolvers, and what the tool has to say. A row a world."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from dualstack.lab.demo import receiver
from tests import netns
from tests.cli.command import dualstack
from tests.cli.test_worlds import DROP, firewall, told
from tests.real import need

NAME = "collector.test"
FIRST, SECOND = netns.SERVER_IPV4, "10.9.0.53"
ROUTE = "ip -6 route add 64:ff9b::/96 via fd09::2"
NO_IPV4 = "ip -4 address flush dev eth0"


class World(NamedTuple):
    """One row.

    `zone` is that of both nameservers (dualstack/lab/nameserver.py), `servers` those of them that the client asks,
    `client` and `server` shell commands at the two ends. The rest is the answer: the verdict, the causes, what became
    of the flows, and a part of what the first cause says.
    """

    zone: Mapping[str, object]
    flows: Mapping[str, str]
    verdict: str
    codes: frozenset[str] = frozenset()
    says: str = ""
    servers: tuple[str, ...] = (FIRST,)
    client: tuple[str, ...] = ()
    server: tuple[str, ...] = ()
    hosts: str = ""
    gai: str = ""
    port: int = 4317
    argv: tuple[str, ...] = ()


A_ALONE = {f"{NAME}.": {"A": [FIRST]}}
DNS64 = {**A_ALONE, "DNS64": "64:ff9b::/96"}
BOTH_WORK = {"ipv4": "accepted", "ipv6": "accepted"}
DEAD_NAT64 = (
    "sysctl -qw net.ipv6.conf.all.forwarding=1",
    "ip link add nat64 type veth peer name hole",
    "ip link set nat64 up",
    "ip link set hole up",
    "ip -6 neigh add fe80::64 lladdr 02:00:00:00:00:64 dev nat64",
    "ip -6 route add 64:ff9b::/96 via fe80::64 dev nat64",
)
TRANSLATED = ("ip address add 64:ff9b::a09:2/128 dev lo",)

WORLDS = {
    "DNS64, no route": World(
        DNS64, {"ipv4": "accepted", "ipv6": "no_route"}, "degraded", frozenset({"DS406"}), "made it of `10.9.0.2`"
    ),
    "DNS64, a NAT64 that does nothing": World(
        DNS64,
        {"ipv4": "accepted", "ipv6": "timed_out"},
        "degraded",
        frozenset({"DS406"}),
        "`10.9.0.2` itself answers",
        client=(ROUTE,),
        server=DEAD_NAT64,
    ),
    "DNS64, a router without a route": World(
        DNS64, {"ipv4": "accepted", "ipv6": "no_route"}, "degraded", frozenset({"DS406"}), client=(ROUTE,)
    ),
    "DNS64, a router that does not answer": World(
        DNS64,
        {"ipv4": "accepted", "ipv6": "no_route"},
        "degraded",
        frozenset({"DS406"}),
        client=(ROUTE.replace("::2", "::9"),),
    ),
    "DNS64 with a prefix of its own": World(
        {**A_ALONE, "DNS64": "2001:db8:64::/96"},
        {"ipv4": "accepted", "ipv6": "no_route"},
        "degraded",
        frozenset({"DS406"}),
        "in the NAT64 prefix `2001:db8:64::/96`",
    ),
    "an IPv4 address written into an AAAA record": World(
        {f"{NAME}.": {"A": [FIRST], "AAAA": ["2001:db8:64::a09:2"]}},
        {"ipv4": "accepted", "ipv6": "no_route"},
        "degraded",
        frozenset({"DS305"}),
    ),
    "DNS64 on a host without IPv4": World(
        DNS64,
        {"ipv4": "no_route", "ipv6": "timed_out"},
        "broken",
        frozenset({"DS406"}),
        "by way of a NAT64",
        servers=("fd09::2",),
        client=(ROUTE, NO_IPV4),
        server=DEAD_NAT64,
    ),
    "DNS64 on a host whose router is dead": World(
        DNS64,
        {"ipv4": "no_route", "ipv6": "no_route"},
        "broken",
        frozenset({"DS305"}),
        servers=("fd09::2",),
        client=("ip -6 route add default via fd09::9", NO_IPV4),
    ),
    "DNS64 with a NAT64 and no receiver behind it": World(
        DNS64,
        {"ipv4": "refused", "ipv6": "refused"},
        "broken",
        frozenset({"DS211"}),
        client=(ROUTE,),
        server=TRANSLATED,
        port=9,
    ),
    "DNS64 with a NAT64": World(DNS64, BOTH_WORK, "healthy", client=(ROUTE,), server=TRANSLATED),
    "DNS64 on a host without IPv6": World(
        DNS64,
        {"ipv4": "accepted", "ipv6": "no_route"},
        "healthy",
        client=("sysctl -qw net.ipv6.conf.all.disable_ipv6=1",),
    ),
    "the second nameserver lacks the name": World(
        {f"{NAME}.": {"A": [FIRST], "AAAA": ["fd09::2"]}, f"@{SECOND} {NAME}.": {"A": "NXDOMAIN", "AAAA": "NXDOMAIN"}},
        BOTH_WORK,
        "healthy",
        frozenset({"DS410"}),
        f"`{SECOND}` says that `{NAME}` has no A and AAAA record (NXDOMAIN)",
        servers=(FIRST, SECOND),
    ),
    "the first nameserver lacks the name": World(
        {f"{NAME}.": {"A": "NXDOMAIN", "AAAA": "NXDOMAIN"}, f"@{SECOND} {NAME}.": {"A": [FIRST]}},
        {"ipv4": "no_address", "ipv6": "no_address"},
        "broken",
        frozenset({"DS410"}),
        servers=(FIRST, SECOND),
    ),
    "one nameserver has no AAAA record": World(
        {f"{NAME}.": {"A": [FIRST]}, f"@{SECOND} {NAME}.": {"A": [FIRST], "AAAA": ["fd09::2"]}},
        {"ipv4": "accepted"},
        "healthy",
        frozenset({"DS410"}),
        servers=(FIRST, SECOND),
    ),
    "the first nameserver has a stale address": World(
        {f"{NAME}.": {"A": ["10.9.0.99"]}, f"@{SECOND} {NAME}.": {"A": [FIRST]}},
        {"ipv4": "no_route"},
        "broken",
        frozenset({"DS410"}),
        "`10.9.0.53` has `10.9.0.2`, which does.",
        servers=(FIRST, SECOND),
    ),
    "a pool of which all members are gone": World(
        {f"{NAME}.": {"A": ["10.9.0.98"]}, f"@{SECOND} {NAME}.": {"A": ["10.9.0.99"]}},
        {"ipv4": "no_route"},
        "broken",
        frozenset({"DS305"}),
        servers=(FIRST, SECOND),
    ),
    "nameservers with different parts of a pool": World(
        {f"{NAME}.": {"A": [FIRST]}, f"@{SECOND} {NAME}.": {"A": [SECOND]}},
        {"ipv4": "accepted"},
        "healthy",
        servers=(FIRST, SECOND),
    ),
    "a nameserver that fails beside one that works": World(
        {f"{NAME}.": {"A": [FIRST]}, f"@{SECOND} {NAME}.": {"A": "SERVFAIL", "AAAA": "REFUSED"}},
        {"ipv4": "accepted"},
        "healthy",
        servers=(FIRST, SECOND),
    ),
    "DNS64 at one of two nameservers": World(
        {f"{NAME}.": {"A": [FIRST], "AAAA": ["64:ff9b::a09:2"]}, f"@{SECOND} {NAME}.": {"A": [FIRST]}},
        BOTH_WORK,
        "healthy",
        servers=(FIRST, SECOND),
        client=(ROUTE,),
        server=TRANSLATED,
    ),
}


@contextmanager
def nameservers(place: str, zone: Mapping[str, object]) -> Iterator[None]:
    """Nameservers on the addresses of a namespace."""
    argv = ["ip", "netns", "exec", place, sys.executable, "-m", "dualstack.lab.nameserver", FIRST, SECOND, "fd09::2"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin
        assert child.stdout
        child.stdin.write(json.dumps(zone) + "\n")
        child.stdin.flush()
        assert child.stdout.readline() == "ready\n"
        yield
        child.stdin.close()


@contextmanager
def built(world: World) -> Iterator[str]:
    """The world of a row; gives the namespace to ask from."""
    with netns.pair("names") as (client, server), ExitStack() as stack:
        netns.batch(server, [f"address add {SECOND}/24 dev eth0"])
        for place, commands in ((client, world.client), (server, world.server)):
            for command in commands:
                netns.execute(place, "sh", "-c", command)
        resolv = "".join(f"nameserver {x}\n" for x in world.servers)
        files = {"resolv_conf": resolv, "hosts": world.hosts, "nsswitch_conf": "hosts: files dns\n"}
        files |= {"gai_conf": world.gai}
        stack.enter_context(netns.etc(client, **files))
        stack.enter_context(nameservers(server, world.zone))
        stack.enter_context(receiver("grpc", "::", world.port, netns=server))
        yield client


FIRST_ADDRESS = f"import socket; print(socket.getaddrinfo('{NAME}', 4317, type=socket.SOCK_STREAM)[0][4][0])"


@pytest.mark.parametrize(
    ("gai", "first", "noted"), [("", "fd09::2", True), ("precedence ::ffff:0:0/96 100\n", FIRST, False)]
)
def test_who_begins_with_the_family_that_does_not_answer(gai: str, first: str, noted: bool) -> None:
    """Programs that use glibc begin with a unique local address and Go does not, unless a gai.conf takes that back."""
    drop = firewall("ipv6", DROP)
    zone = {f"{NAME}.": {"A": [FIRST], "AAAA": ["fd09::2"]}}
    need("nft")
    with built(World(zone, {}, "", server=(drop,), gai=gai)) as client:
        asked = netns.execute(client, sys.executable, "-c", FIRST_ADDRESS).strip()
        done = dualstack("diagnose", "--netns", client, "--timeout", "1", "--format", "json", f"grpc://{NAME}:4317")

    notes = [x for x in json.loads(done.stdout)["findings"] if x["code"] == "DS407"]
    assert asked == first
    assert bool(notes) is noted
    for note in notes:
        assert re.search("These begin with IPv6: a C program,.* These begin with IPv4: .*Go,.*Java", note["detail"])
        assert (note["severity"], note["because"]) == ("info", ["DS404"])


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_world(world: World) -> None:
    """Verdict, causes, dispositions and exit status are those of the row."""
    with built(world) as client:
        argv = ("--timeout", "1", "--format", "json", *(world.argv or (f"grpc://{NAME}:4317",)))
        done = dualstack("diagnose", "--netns", client, *argv)

    assert done.stderr == ""
    assert told(done.stdout) == (world.verdict, world.codes, world.flows)
    assert not world.says or world.says in json.loads(done.stdout)["findings"][0]["detail"]
    assert done.returncode == (0 if world.verdict == "healthy" else 1)


@pytest.mark.parametrize(
    ("client", "verdict", "codes"),
    [
        ("curl", "healthy", set()),
        ("java", "healthy", set()),
        ("node", "broken", {"DS408"}),
        ("go", "broken", {"DS408"}),
    ],
)
def test_clients_that_know_localhost_without_a_hosts_file(client: str, verdict: str, codes: set[str]) -> None:
    """What the resolver cannot say concerns those alone that ask it."""
    with netns.isolated("names") as place, ExitStack() as stack:
        stack.enter_context(netns.etc(place, hosts="", resolv_conf="nameserver 127.0.0.1\n"))
        stack.enter_context(receiver("http", "127.0.0.1", 4318, netns=place))
        argv = ("--netns", place, "--client", client, "--format", "json", "http://localhost:4318")
        done = dualstack("diagnose", *argv)

    assert told(done.stdout)[:2] == (verdict, frozenset(codes))


CONFIG = """\
receivers: {otlp: {protocols: {grpc: {endpoint: "receiver.test:4317"}}}}
exporters: {debug: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
"""


@pytest.mark.parametrize(
    ("hosts", "codes"),
    [("10.9.0.1 receiver.test\n", {"DS211"}), ("10.9.0.77 receiver.test\n", {"DS212"}), ("", {"DS211"})],
    ids=["an address of the host", "an address of nobody", "no address"],
)
def test_the_name_that_a_receiver_binds_is_looked_up(hosts: str, codes: set[str], tmp_path: Path) -> None:
    """A Collector with this configuration is not running: because of its name, or for a reason out of sight."""
    config = tmp_path / "collector.yaml"
    config.write_text(CONFIG)
    with netns.pair("names") as (client, _), netns.etc(client, hosts=hosts, nsswitch_conf="hosts: files\n"):
        argv = ("--netns", client, "--config", str(config), "--format", "json", "grpc://127.0.0.1:4317")
        done = dualstack("diagnose", *argv)

    assert told(done.stdout)[:2] == ("broken", frozenset(codes))

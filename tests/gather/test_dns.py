"""Nameservers' answers, from real servers on loopback and link-local addresses inside a namespace."""

import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread

import pytest

from dualstack.gather import dns
from dualstack.gather.env import real
from dualstack.model.names import DnsAnswer, ResolverFiles
from tests import netns

MANY = tuple(f"192.0.2.{i}" for i in range(1, 101))
ZONE: dict[str, object] = {
    "dual.example.": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
    "split.example.": {"A": ["192.0.2.1"]},
    "@127.0.0.2 split.example.": {"A": ["192.0.2.2"]},
    "alias.example.": {"CNAME": ["middle.example."]},
    "middle.example.": {"CNAME": ["dual.example."]},
    "loop.example.": {"CNAME": ["loop.example."]},
    "large.example.": {"A": MANY},
    "truncated.example.": {"A": ["TRUNCATED", "192.0.2.1"]},
    "hangup.example.": {"A": "HANGUP"},
    "xn--caf-dma.example.": {"A": ["192.0.2.8"]},
    "nodata.example.": {"A": ["192.0.2.1"]},
    "nxaaaa.example.": {"A": ["192.0.2.1"], "AAAA": "NXDOMAIN"},
    "servfail.example.": {"A": "SERVFAIL", "AAAA": "SERVFAIL"},
    "refused.example.": {"A": "REFUSED", "AAAA": "REFUSED"},
    "mute.example.": {"A": ["192.0.2.1"], "AAAA": "SILENT"},
    "junk.example.": {"A": ["JUNK", "192.0.2.1"]},
    "garbage.example.": {"A": ["192.0.2.1"], "AAAA": "JUNK"},
    "lossy.example.": {"A": ["LOSSY", "192.0.2.1"], "AAAA": "LOSSY"},
}
CLONE_NEWNET = 0x40000000
LINK_LOCAL = "fe80::53%ds0"


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """A namespace with a nameserver on each of its addresses."""
    with netns.isolated("dns") as name:
        netns.batch(name, ["link add ds0 type veth peer name ds1", "link set ds0 up", "link set ds1 up"])
        netns.batch(name, ["address add fe80::53/64 dev ds0 nodad", "address add 10.53.0.1/24 dev ds0"])
        netns.batch(name, ["route add unreachable 10.53.9.0/24"])
        with nameserver(name, ZONE, "127.0.0.1", "127.0.0.2", "::1", LINK_LOCAL):
            yield name


@contextmanager
def nameserver(place: str, zone: dict[str, object], *addresses: str) -> Iterator[None]:
    """One that serves the zone at these addresses of a namespace."""
    argv = ["ip", "netns", "exec", place, sys.executable, "-m", "dualstack.lab.nameserver", *addresses]
    with Popen(argv, stdout=PIPE, stdin=PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(json.dumps(zone) + "\n")
        server.stdin.flush()
        assert server.stdout.readline() == "ready\n"
        yield
        server.stdin.close()


def inside(name: str, work: Callable[[], tuple[DnsAnswer, ...]]) -> tuple[DnsAnswer, ...]:
    """What `work` gives in a thread that entered the namespace."""
    found: list[tuple[DnsAnswer, ...]] = []

    def enter() -> None:
        with Path("/run/netns", name).open("rb") as handle:
            assert ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET) == 0, ctypes.get_errno()
        found.append(work())

    thread = Thread(target=enter)
    thread.start()
    thread.join()
    return found[0]


def ask(place: str, name: str, *servers: str, timeout: float = 3, **more: object) -> tuple[DnsAnswer, ...]:
    """The answers, without their times."""
    files = ResolverFiles(nameservers=servers or ("127.0.0.1",), **more)  # type: ignore[arg-type]
    found = inside(place, lambda: dns.answers(real(), name, files, timeout))
    assert all(x.milliseconds > 0 for x in found)
    return tuple(DnsAnswer(x.server, x.name, x.record, x.rcode, x.addresses, x.cnames) for x in found)


@pytest.mark.parametrize("server", ["127.0.0.1", "::1", LINK_LOCAL])
def test_both_records_of_each_server(place: str, server: str) -> None:
    assert ask(place, "dual.example", server) == (
        DnsAnswer(server, "dual.example", "A", "NOERROR", ("192.0.2.1", "192.0.2.2")),
        DnsAnswer(server, "dual.example", "AAAA", "NOERROR", ("2001:db8::1",)),
    )


def test_servers_may_differ(place: str) -> None:
    found = ask(place, "split.example", "127.0.0.1", "127.0.0.2")
    assert [(x.server, x.addresses) for x in found if x.record == "A"] == [
        ("127.0.0.1", ("192.0.2.1",)),
        ("127.0.0.2", ("192.0.2.2",)),
    ]


@pytest.mark.parametrize(
    ("name", "ipv4", "ipv6"),
    [
        ("nodata.example", ("NOERROR", ("192.0.2.1",)), ("NOERROR", ())),
        ("nxaaaa.example", ("NOERROR", ("192.0.2.1",)), ("NXDOMAIN", ())),
        ("absent.example", ("NXDOMAIN", ()), ("NXDOMAIN", ())),
        ("servfail.example", ("SERVFAIL", ()), ("SERVFAIL", ())),
        ("refused.example", ("REFUSED", ()), ("REFUSED", ())),
        ("large.example", ("NOERROR", MANY), ("NOERROR", ())),
        ("truncated.example", ("NOERROR", ("192.0.2.1",)), ("NOERROR", ())),
        ("junk.example", ("NOERROR", ("192.0.2.1",)), ("NOERROR", ())),
        ("lossy.example", ("NOERROR", ("192.0.2.1",)), ("NOERROR", ())),
        ("caf\xe9.example", ("NOERROR", ("192.0.2.8",)), ("NOERROR", ())),
    ],
)
def test_what_a_server_says(
    place: str, name: str, ipv4: tuple[str, tuple[str, ...]], ipv6: tuple[str, tuple[str, ...]]
) -> None:
    found = ask(place, name)
    assert [(x.record, x.rcode, x.addresses) for x in found] == [("A", *ipv4), ("AAAA", *ipv6)]


def test_a_chain_of_aliases_is_kept(place: str) -> None:
    found = ask(place, "alias.example")
    assert found[0].cnames == ("middle.example", "dual.example")
    assert found[0].addresses == ("192.0.2.1", "192.0.2.2")
    loop = ask(place, "loop.example")
    assert [(x.rcode, x.addresses) for x in loop] == [("NOERROR", ())] * 2


def test_silence_is_an_answer(place: str) -> None:
    for name in ("mute.example", "garbage.example"):
        found = ask(place, name, timeout=0.2)
        assert [(x.record, x.rcode) for x in found] == [("A", "NOERROR"), ("AAAA", "TIMEOUT")]


@pytest.mark.parametrize("server", ["10.53.0.1", "10.53.9.9", "203.0.113.5", "2001:db8::53"])
def test_a_server_that_cannot_be_reached_is_an_answer(place: str, server: str) -> None:
    assert [x.rcode for x in ask(place, "dual.example", server)] == ["UNREACHABLE"] * 2


def test_a_tcp_server_that_hangs_up_is_unreachable(place: str) -> None:
    assert ask(place, "hangup.example")[0].rcode == "UNREACHABLE"


def test_a_dns64_server_makes_addresses_of_those_that_there_are() -> None:
    zone: dict[str, object] = {**ZONE, "DNS64": "64:ff9b::/96"}
    with netns.isolated("dns64") as name, nameserver(name, zone, "127.0.0.1"):
        found = {x: ask(name, x)[1].addresses for x in ("nodata.example", "dual.example", "ipv4only.arpa")}
        assert ask(name, "nxaaaa.example")[1].rcode == "NXDOMAIN"
    assert found == {
        "nodata.example": ("64:ff9b::c000:201",),
        "dual.example": ("2001:db8::1",),
        "ipv4only.arpa": ("64:ff9b::c000:aa", "64:ff9b::c000:ab"),
    }


def test_the_search_list_is_followed_to_the_first_that_answers(place: str) -> None:
    found = ask(place, "dual", search=("nowhere.example", "example", "never.example"))
    assert list(dict.fromkeys(x.name for x in found)) == ["dual.nowhere.example", "dual.example"]


def test_the_search_ends_where_no_server_answers(place: str) -> None:
    found = ask(place, "dual", "10.53.9.9", search=("nowhere.example", "example"))
    assert {x.name for x in found} == {"dual.nowhere.example"}


def test_only_three_servers_are_asked(place: str) -> None:
    found = ask(place, "dual.example", "127.0.0.1", "127.0.0.2", "::1", LINK_LOCAL)
    assert list(dict.fromkeys(x.server for x in found)) == ["127.0.0.1", "127.0.0.2", "::1"]


@pytest.mark.parametrize(
    ("name", "tried"),
    [
        ("web", ["web.a.b", "web.c", "web"]),
        ("web.", ["web"]),
        ("web.x", ["web.x.a.b", "web.x.c", "web.x"]),
        ("web.x.y", ["web.x.y", "web.x.y.a.b", "web.x.y.c"]),
        ("localhost", ["localhost.a.b", "localhost.c"]),
        ("", []),
        ("a..b", []),
        ("x" * 64, []),
        (".", []),
    ],
)
def test_candidates(name: str, tried: list[str]) -> None:
    assert list(dns.candidates(name, ResolverFiles(search=("a.b", "c"), ndots=2))) == tried


def test_a_root_in_the_search_list_is_the_name_itself() -> None:
    assert dns.candidates("web", ResolverFiles(search=(".", "c"))) == ("web", "web.c")


def test_nothing_is_asked_for_an_address() -> None:
    files = ResolverFiles(nameservers=("127.0.0.1",), search=("example",))
    assert dns.answers(real(), "fd00::1", files, 1) == ()
    assert dns.answers(real(), "localhost", ResolverFiles(nameservers=("127.0.0.1",)), 1) == ()


def test_the_library_is_loaded_only_to_ask() -> None:
    code = "import sys, dualstack.gather.dns; sys.exit('dns' in sys.modules)"
    with Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": "src"}) as process:
        assert process.wait() == 0

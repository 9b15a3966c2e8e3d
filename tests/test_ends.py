"""Interfaces that are down and segments without a source, in network namespaces."""

import shutil
import socket

import pytest

from dualstack.gather.netns import find, inside
from dualstack.model.probe import Options
from dualstack.model.question import Question
from dualstack.model.target import parse_target
from dualstack.pipeline import Request, diagnose
from tests.netns import SERVER_IPV4, SERVER_IPV6, batch, execute, isolated, pair, sysctl


def root(netns: str, target: str) -> tuple[str, str]:
    """The code and the hint of the first cause."""
    question = Question(targets=parse_target(target), probing=True)
    found = diagnose(Request(question, netns, options=Options(seconds=1.0)))
    return found.findings[0].code, found.findings[0].hint


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]", "10.9.0.1", "[fd09::1]"])
def test_a_loopback_that_is_down_is_named_for_every_own_address(address: str) -> None:
    with pair("ends") as (client, _):
        batch(client, ["link set lo down"])

        code, hint = root(client, f"http://{address}:4318")

    assert (code, "ip link set lo up" in hint) == ("DS306", True)


@pytest.mark.parametrize("address", [SERVER_IPV4, "[fd09::2]"])
@pytest.mark.parametrize("end", [0, 1])
def test_a_link_that_is_down_is_named_at_the_end_where_it_is(end: int, address: str) -> None:
    with pair("ends") as both:
        batch(both[end], ["link set eth0 down"])

        code, hint = root(both[0], f"http://{address}:4318")

    assert (code, "link set eth0 up" in hint) == ("DS305", True)


@pytest.mark.parametrize(("prefix", "address"), [("10.9.0.0/24", SERVER_IPV4), ("fd09::/64", f"[{SERVER_IPV6}]")])
def test_a_route_without_any_address_to_send_from(prefix: str, address: str) -> None:
    with pair("ends") as (client, _):
        batch(client, ["address flush dev eth0", f"route add {prefix} dev eth0"])

        code, hint = root(client, f"http://{address}:4318")

    assert (code, "addr add ADDRESS/PREFIX dev eth0" in hint) == ("DS306", True)


def test_a_namespace_whose_loopback_was_never_up() -> None:
    with isolated("ends") as name:
        batch(name, ["link set lo down", "address flush dev lo"])

        code, hint = root(name, "http://127.0.0.1:4318")

    assert (code, "ip link set lo up" in hint) == ("DS306", True)


def test_a_router_without_a_route_is_told_from_a_silent_one() -> None:
    with pair("ends") as (client, router):
        batch(client, [f"route add 198.51.100.0/24 via {SERVER_IPV4}", f"route add 2001:db8::/32 via {SERVER_IPV6}"])
        batch(client, ["route add 203.0.113.0/24 via 10.9.0.99"])
        sysctl(router, "net.ipv4.ip_forward", 1)
        sysctl(router, "net.ipv6.conf.all.forwarding", 1)

        hints = [root(client, f"http://{x}:4318")[1] for x in ("198.51.100.7", "[2001:db8::7]", "203.0.113.7")]

    assert f"`ip netns exec {router} ip -4 route get 198.51.100.7` and add the route" in hints[0]
    assert f"`ip netns exec {router} ip -6 route get 2001:db8::7` and add the route" in hints[1]
    assert "ip -4 neigh show 10.9.0.99" in hints[2]


@pytest.mark.parametrize("address", [SERVER_IPV4, f"[{SERVER_IPV6}]"])
def test_local_ports_that_are_used_up_are_no_missing_address(address: str) -> None:
    with pair("ends") as (client, server):
        execute(client, "sysctl", "-qw", "net.ipv4.ip_local_port_range=50000 50000")
        with inside(find(server), lambda: socket.create_server((address.strip("[]"), 4318), family=_family(address))):
            held = inside(find(client), lambda: socket.create_connection((address.strip("[]"), 4318)))
            question = Question(targets=parse_target(f"http://{address}:4318"), probing=True)
            found = diagnose(Request(question, client, options=Options(seconds=1.0)))
            held.close()

    assert [(x.code, x.summary) for x in found.findings] == [("DS306", "No local port is left to send from")]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def test_a_router_with_a_blackhole_route_is_told_to_lose_it() -> None:
    with pair("ends") as (client, router):
        batch(client, [f"route add 198.51.100.0/24 via {SERVER_IPV4}"])
        sysctl(router, "net.ipv4.ip_forward", 1)
        batch(router, ["route add blackhole 198.51.100.0/24"])

        assert (
            f"`ip netns exec {router} ip -4 route del blackhole PREFIX`" in root(client, "http://198.51.100.7:4318")[1]
        )


@pytest.mark.skipif(not shutil.which("nft"), reason="needs nft")
@pytest.mark.parametrize(
    ("rule", "dead"),
    [
        (
            "table ip6 f { chain i { type filter hook input priority 0; icmpv6 type nd-neighbor-solicit drop; }; }",
            1,
        ),
        ("table arp f { chain i { type filter hook input priority 0; arp operation request drop; }; }", 0),
    ],
)
def test_a_host_in_sight_that_does_not_answer_for_its_address_is_named(rule: str, dead: int) -> None:
    with pair("ends") as (client, server):
        execute(server, "nft", rule)
        for each in (client, server):
            execute(each, "ip", "neigh", "flush", "dev", "eth0")
        targets = tuple(y for x in (SERVER_IPV4, f"[{SERVER_IPV6}]") for y in parse_target(f"http://{x}:4318"))
        question = Question(targets=targets, probing=True)
        found = diagnose(Request(question, client, options=Options(seconds=5.0))).findings

    (cause,) = (x for x in found if x.code == "DS305")
    assert cause.summary == "The host does not answer for its address"
    assert f"`netns {server}` holds `{(SERVER_IPV4, SERVER_IPV6)[dead]}`" in cause.detail

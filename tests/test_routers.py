"""Routers between the client and the server, in a namespace of their own: what they stop is laid to them."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest

from dualstack.gather.netns import find, inside
from dualstack.model.address import Family
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.probe import Options
from dualstack.model.question import Question
from dualstack.model.target import parse_target
from dualstack.pipeline import Request, diagnose
from tests.netns import FAR_IPV4, FAR_IPV6, execute, routed, sysctl
from tests.probe.peers import peer, until_closed

EMPTY = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
CHAIN = "table inet f {{ chain f {{ type filter hook forward priority 0; {} }}; }}"


class World(NamedTuple):
    """Three places, and what listens at the server over both families."""

    client: str
    router: str
    server: str
    targets: tuple[str, str]

    def asked(self) -> Diagnosis:
        targets = tuple(x for text in self.targets for x in parse_target(text))
        return diagnose(Request(Question(targets=targets, probing=True), self.client, options=Options(seconds=1)))


def takes(sock: socket.socket) -> None:
    """An OTLP/HTTP receiver."""
    sock.recv(65536)
    sock.sendall(EMPTY)
    until_closed(sock)


@contextmanager
def served() -> Iterator[World]:
    with routed("routers") as places, ExitStack() as stack:
        server = find(places[2])
        ipv4 = inside(server, lambda: stack.enter_context(peer(takes, FAR_IPV4)))
        ipv6 = inside(server, lambda: stack.enter_context(peer(takes, FAR_IPV6)))
        yield World(*places, targets=(f"http://{FAR_IPV4}:{ipv4}", f"http://[{FAR_IPV6}]:{ipv6}"))


def roots(found: Diagnosis) -> list[tuple[str, tuple[Family, ...]]]:
    return [(x.code, x.families) for x in found.findings if not x.because]


def obey(hint: str) -> None:
    for command in re.findall(r"`([^`]+)`", hint):
        subprocess.run(command.split(), check=True, capture_output=True)


def nft(place: str, rules: str) -> None:
    if not shutil.which("nft"):
        pytest.skip("needs nft")
    execute(place, "nft", rules)


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("verb", ["drop", "reject", "reject with tcp reset"])
def test_the_forward_rule_of_a_router_is_named(verb: str, family: Family) -> None:
    with served() as world:
        nft(world.router, CHAIN.format(f"meta nfproto {family} meta l4proto tcp {verb};"))
        found = world.asked()

    assert roots(found) == [("DS702", (family,))]
    assert f"of `netns {world.router}`, hook forward, says {verb.partition(' ')[0]}: " in found.findings[0].detail
    assert [x.accepted for x in found.traces if x.family is not family] == [True]


def test_the_policy_of_a_router_is_mended_as_the_hint_says() -> None:
    """Both the first segment and the reply meet the policy."""
    with served() as world:
        nft(world.router, CHAIN.format("policy drop; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept;"))
        before = world.asked()
        for finding in before.findings:
            if not finding.because:
                obey(finding.hint)
        after = world.asked()

    assert {code for code, _ in roots(before)} == {"DS702"}
    assert all(x.accepted for x in after.traces)


@pytest.mark.parametrize(("program", "family"), [("iptables", Family.IPV4), ("ip6tables", Family.IPV6)])
def test_a_forward_policy_of_iptables_is_named(program: str, family: Family) -> None:
    """Docker sets it for IPv4."""
    if not shutil.which(program):
        pytest.skip(f"needs {program}")
    with served() as world:
        execute(world.router, program, "-P", "FORWARD", "DROP")
        found = world.asked()

    assert roots(found) == [("DS702", (family,))]
    assert f"{program} -I FORWARD -p tcp --dport" in found.findings[0].hint or "nft add rule" in found.findings[0].hint


def test_a_reply_that_a_router_drops_is_told() -> None:
    with served() as world:
        nft(world.router, CHAIN.format("policy drop; iifname near accept;"))
        found = world.asked()

    assert {code for code, _ in roots(found)} == {"DS702"}
    assert "(for the reply)" in found.findings[0].detail


def test_a_firewall_that_lets_the_flow_pass_is_not_blamed() -> None:
    """Devices, states, the way back and the source are those of a forwarded packet."""
    rules = "policy drop; fib saddr . iif oif missing drop; fib daddr type local drop; ct state established accept; "
    rules += "iifname near oifname far tcp dport 1024-65535 accept;"
    with served() as world:
        nft(world.router, CHAIN.format(rules))
        nft(world.server, "table ip6 f { chain i { type filter hook input priority 0; meta l4proto tcp drop; }; }")
        found = world.asked()

    assert roots(found) == [("DS702", (Family.IPV6,))]
    assert f"`netns {world.server}`" in found.findings[0].detail
    assert f"`netns {world.router}`" not in found.findings[0].detail


@pytest.mark.parametrize("family", Family)
def test_a_router_that_does_not_forward_a_family_is_named(family: Family) -> None:
    key = {Family.IPV4: "net.ipv4.ip_forward", Family.IPV6: "net.ipv6.conf.all.forwarding"}[family]
    with served() as world:
        sysctl(world.router, key, 0)
        before = world.asked()
        obey(before.findings[0].hint)
        after = world.asked()

    assert roots(before) == [("DS305", (family,))]
    assert before.findings[0].summary == f"A router does not forward {family.title}"
    assert all(x.accepted for x in after.traces)


def test_a_source_that_a_router_hides_is_not_looked_for_further_on() -> None:
    """The server drops what comes from the client's own address, which never gets there."""
    with served() as world:
        nft(
            world.router,
            "table inet n { chain p { type nat hook postrouting priority 100; oifname far masquerade; }; }",
        )
        dropped = "ip saddr 10.9.1.2 drop; ip saddr 10.9.2.1 drop;"
        nft(world.server, f"table ip f {{ chain i {{ type filter hook input priority 0; {dropped} }}; }}")
        found = world.asked()

    assert "has a rule that could not be decided: `ip saddr 10.9.1.2 drop`" in found.findings[0].detail

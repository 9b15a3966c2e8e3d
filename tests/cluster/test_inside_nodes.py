"""What a container in the network of a node saw of that node, against what its object says."""

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import family
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces
from dualstack.model.inspection import Inspection
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listener, Listeners, Transport
from tests.cluster import worlds as w
from tests.cluster.test_inside import PORTS, V4, V6


def on_host(space: Namespace, *listening: str) -> Inspection:
    """What a container in the network of the second node sees."""
    sockets = [
        Listener("host", Transport.TCP, x, port, family(x), source="sock_diag") for x in listening for port, _ in PORTS
    ]
    facts = {Namespaces: Namespaces((space,)), Listeners: Listeners(tuple(sockets), ("host",))}
    return Inspection("n2", "", "", plainly(Snapshot(facts)), host=True)


def space(*addresses: str, absent: bool = False, off: bool = False) -> Namespace:
    held = tuple(InterfaceAddress(x, 64) for x in ("127.0.0.1", *addresses))
    link = Interface("eth0", 2, up=True, addresses=held)
    return Namespace("host", (link,), ipv6_absent=absent, disable_ipv6_all=off)


@pytest.mark.parametrize("shares", [True, False])
def test_the_sockets_of_a_node_are_those_of_pods_in_its_network(shares: bool) -> None:
    pods = [w.pod("otel-a", "n2")]
    pods[0]["spec"]["hostNetwork"] = shares
    if shares:
        pods[0]["status"]["podIPs"] = [{"ip": "10.100.0.2"}, {"ip": "fd00:100::2"}]
    world = w.world(w.healthy(pods=pods))
    world.inspections = [on_host(space("10.100.0.2", "fd00:100::2"), "127.0.0.1")]

    found = conclude(world, Question())

    assert ("DS202" in w.roots(found)) is shares


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (space("10.100.0.2", absent=True), ["socket(AF_INET6): EAFNOSUPPORT"]),
        (space("10.100.0.2", off=True), ["net.ipv6.conf.all.disable_ipv6 = 1"]),
        (space("10.100.0.2", "fe80::1"), ["no IPv6 address but of the loopback and the links"]),
        (space("10.100.0.2", "2001:db8::2"), []),
    ],
    ids=["absent", "off", "near", "there"],
)
@pytest.mark.parametrize("other", [w.BOTH, ["IPv4"]])
def test_why_a_node_lacks_a_family_is_told_as_it_was_seen_there(
    seen: Namespace, said: list[str], other: list[str]
) -> None:
    pods = [w.pod("otel-a", "n1", other), w.pod("otel-b", "n2", ["IPv4"])]
    world = w.world(w.healthy(pods=pods, nodes=[w.node("n1", 1, other), w.node("n2", 2, ["IPv4"])]))
    world.inspections = [on_host(seen)]

    found = conclude(world, Question(expect=(V4, V6)))

    (fault,) = [x for x in found.findings if x.code in ("DS602", "DS603")]
    assert [x.fact for x in fault.evidence if x.source.endswith("the node n2") and "status" not in x.source] == said


def test_a_node_that_lacks_the_other_family_is_told_by_its_addresses() -> None:
    pods = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2", ["IPv6"])]
    world = w.world(w.healthy(pods=pods, nodes=[w.node("n1", 1), w.node("n2", 2, ["IPv6"])]))
    world.inspections = [on_host(space("fd00:100::2", off=True))]

    found = conclude(world, Question(expect=(V4, V6)))

    (fault,) = [x for x in found.findings if x.code in ("DS602", "DS603")]
    assert "no IPv4 address but of the loopback and the links" in [x.fact for x in fault.evidence]

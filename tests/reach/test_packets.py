"""Which packets a filter is asked about, and where."""

from dualstack.model.address import Protocol, Target
from dualstack.model.filters import Owner, Packet
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces, Route, Routes, Transit, Transits
from dualstack.model.snapshot import Snapshot
from dualstack.reach.packets import packets

GRPC = Target("collector:4317", "collector", 4317, Protocol.GRPC)
HTTP = Target("collector:4318", "collector", 4318, Protocol.HTTP)
HERE = Namespace("host", (Interface("eth0", 2, up=True, addresses=(InterfaceAddress("10.9.0.5", 24),)),))
THERE = Namespace("netns red", (Interface("veth1", 3, up=True, addresses=(InterfaceAddress("10.9.0.7", 24),)),))
SPACES = Namespaces((HERE, THERE))
ROUTES = Routes((Route("host", "10.9.0.7", "eth0", source="10.9.0.5"), Route("host", "10.9.0.5", "lo")))
SEEN = Snapshot({Namespaces: SPACES, Routes: ROUTES})


def test_a_packet_to_another_place_leaves_here_and_enters_there() -> None:
    assert packets("host", {GRPC: ("10.9.0.7",)}, SEEN) == (
        ("host", Packet("output", "10.9.0.7", 4317, "10.9.0.5", "eth0", "eth0")),
        ("netns red", Packet("input", "10.9.0.7", 4317, "10.9.0.5", "veth1", "veth1")),
    )


def test_a_packet_to_an_own_address_takes_the_loopback_both_ways() -> None:
    assert packets("host", {GRPC: ("10.9.0.5",)}, SEEN) == (
        ("host", Packet("output", "10.9.0.5", 4317, "", "lo", "lo")),
        ("host", Packet("input", "10.9.0.5", 4317, "", "lo", "lo")),
    )


def test_a_packet_that_leaves_the_machine_is_seen_once() -> None:
    assert packets("host", {GRPC: ("192.0.2.1",)}, SEEN) == (("host", Packet("output", "192.0.2.1", 4317)),)


def test_what_is_out_of_sight_is_left_open() -> None:
    assert packets("host", {GRPC: ("10.9.0.7",)}, Snapshot({})) == (("host", Packet("output", "10.9.0.7", 4317)),)


def test_each_address_and_port_is_asked_about_once() -> None:
    both = Target("127.0.0.1:4317", "127.0.0.1", 4317, Protocol.HTTP)
    asked = packets("host", {GRPC: ("192.0.2.1",), both: ("192.0.2.1",), HTTP: ("192.0.2.1",)}, SEEN)

    assert [(x.destination, x.port) for _, x in asked] == [("192.0.2.1", 4317), ("192.0.2.1", 4318)]


def test_the_owner_of_the_client_goes_with_what_it_sends() -> None:
    me = Owner(1000, 100)
    near = packets("host", {GRPC: ("10.9.0.5",)}, SEEN, me)
    far = packets("host", {GRPC: ("10.9.0.7",)}, SEEN, me)

    assert [x.owner for _, x in (*near, *far)] == [me, me, me, None]


def test_a_packet_is_forwarded_by_the_routers_in_sight_and_keeps_its_source_as_far_as_is_known() -> None:
    way = (
        Transit("netns near", "10.9.0.7", "a", "b", "a"),
        Transit("netns far", "10.9.0.7", "c", "d", "e"),
        Transit("netns other", "10.9.0.9", "f", "g", "h"),
    )
    seen = SEEN.adding(Transits(way))

    asked = packets("host", {GRPC: ("10.9.0.7",)}, seen, masking={"netns near"})

    assert asked[1:] == (
        ("netns near", Packet("forward", "10.9.0.7", 4317, "10.9.0.5", "a", "a", leaving="b")),
        ("netns far", Packet("forward", "10.9.0.7", 4317, "", "c", "e", leaving="d")),
        ("netns red", Packet("input", "10.9.0.7", 4317, "", "veth1", "veth1")),
    )

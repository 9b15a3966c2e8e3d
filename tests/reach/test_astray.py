"""Which interface is in the way of a flow."""

import pytest
from msgspec.structs import replace

from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces
from dualstack.model.trace import Trace
from dualstack.reach.astray import idle_link, idle_loopback
from dualstack.reach.predict import predict
from dualstack.testing.incident import snapshot

LO = Interface("lo", 1, up=True, loopback=True)


def link(name: str, *held: str, up: bool = False) -> Interface:
    addresses = tuple(InterfaceAddress(x.partition("/")[0], int(x.partition("/")[2])) for x in held)
    return Interface(name, int(name[-1]) + 2, up=up, addresses=addresses)


def flow(address: str, server: str = "") -> Trace:
    text = f"[{address}]" if ":" in address else address
    return replace(predict(snapshot(f'target: "grpc://{text}:4317"\n')).items[0], server=server)


CLIENTS = {
    "it holds the prefix": ("10.9.0.7", [link("eth0", "10.9.0.1/24"), link("eth1", "10.8.0.1/24", up=True)], "eth0"),
    "another holds it too": ("10.9.0.7", [link("tun0", "10.0.0.0/8"), link("eth1", "10.9.0.1/24", up=True)], None),
    "two hold it, one is up": ("10.9.0.7", [link("eth0", "10.9.0.1/24"), link("eth1", "10.9.0.2/24", up=True)], None),
    "another is up": ("10.9.0.7", [link("eth0"), link("eth1", "10.8.0.1/24", up=True)], None),
    "all are down": ("fd00:9::7", [link("sit0"), link("eth1", "10.9.0.1/24")], "eth1"),
    "the zone names it": ("fe80::7%eth0", [link("eth0"), link("eth1", "fe80::1/64", up=True)], "eth0"),
    "the zone is no interface": ("fe80::7%eth9", [link("eth0")], None),
    "there is none": ("10.9.0.7", [], None),
    "a loopback address": ("127.0.0.1", [link("eth0")], None),
}


@pytest.mark.parametrize(("address", "links", "named"), CLIENTS.values(), ids=CLIENTS)
def test_the_interface_that_a_client_lacks(address: str, links: list[Interface], named: str | None) -> None:
    found = idle_link(flow(address), Namespaces((Namespace("host", (LO, *links)),)))

    assert (found[1].name if found else None) == named


def test_the_interface_of_the_other_end_comes_first() -> None:
    client = Namespace("host", (LO, link("eth0", "10.9.0.1/24")))
    server = Namespace("netns red", (LO, link("eth7", "10.9.0.7/24")))

    assert idle_link(flow("10.9.0.7", "netns red"), Namespaces((client, server))) == (server, server.interfaces[1])


def test_a_flow_that_stays_on_its_host_needs_the_loopback_alone() -> None:
    own = Namespaces((Namespace("host", (replace(LO, up=False), link("eth0", "10.9.0.1/24"))),))

    assert idle_link(flow("10.9.0.1", "host"), own) is None
    assert idle_loopback(flow("10.9.0.1", "host"), own) == own.items[0].interfaces[0]
    assert idle_loopback(flow("10.9.0.7"), own) is None


def test_what_is_out_of_sight_is_not_blamed() -> None:
    assert idle_link(flow("10.9.0.7"), None) is None
    assert idle_loopback(flow("127.0.0.1"), None) is None

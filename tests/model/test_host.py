"""Which place and interface hold an address, and what a place can be reached at."""

import pytest

from dualstack.model.address import Family
from dualstack.model.host import (
    Filters,
    FilterVerdict,
    Interface,
    InterfaceAddress,
    Namespace,
    Namespaces,
    Route,
    Routes,
)


def interface(name: str, index: int, *addresses: str) -> Interface:
    held = tuple(InterfaceAddress(x, 64 if ":" in x else 24) for x in addresses)
    return Interface(name, index, up=True, loopback=name == "lo", addresses=held)


HERE = Namespace(
    "host",
    (
        interface("eth0", 2, "10.9.0.5", "fd00:9::5", "fe80::1"),
        interface("eth0.100", 3, "fe80::1"),
        interface("lo", 1, "127.0.0.1", "::1"),
    ),
)
THERE = Namespace("netns red", (interface("eth0", 2, "10.9.0.7"), interface("lo", 1, "127.0.0.1", "::1")))
BOTH = Namespaces((HERE, THERE))


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.9.0.5", "eth0"),
        ("fd00:9::5", "eth0"),
        ("fe80::1%eth0", "eth0"),
        ("fe80::1%eth0.100", "eth0.100"),
        ("fe80::1%3", "eth0.100"),
        ("127.0.0.1", "lo"),
        ("127.9.9.9", "lo"),
        ("::1", "lo"),
    ],
)
def test_the_interface_that_holds_an_address(address: str, name: str) -> None:
    found = HERE.owner(address)

    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("address", ["10.9.0.6", "fe80::1%eth1", "::2", "0.0.0.0"])
def test_an_address_that_nothing_holds(address: str) -> None:
    assert HERE.owner(address) is None


def test_a_loopback_interface_without_an_address_holds_nothing() -> None:
    assert Namespace("host", (interface("lo", 1),)).owner("127.0.0.1") is None


@pytest.mark.parametrize(
    ("wanted", "addresses"),
    [
        (Family.IPV4, ("127.0.0.1", "10.9.0.5")),
        (Family.IPV6, ("::1", "fd00:9::5", "fe80::1%eth0", "fe80::1%eth0.100")),
    ],
)
def test_the_addresses_of_a_family_begin_with_the_loopback(wanted: Family, addresses: tuple[str, ...]) -> None:
    assert HERE.addresses(wanted) == addresses


def test_the_vantage_owns_before_other_places() -> None:
    owners = {x: BOTH.owner(x) for x in ("127.0.0.1", "10.9.0.7", "10.9.0.8")}

    assert {k: v[0].place if v else None for k, v in owners.items()} == {
        "127.0.0.1": "host",
        "10.9.0.7": "netns red",
        "10.9.0.8": None,
    }


def test_a_place_is_found_by_name() -> None:
    assert BOTH.at("netns red") is THERE
    assert BOTH.at("netns blue") is None


def test_a_route_is_that_of_one_place_to_one_address() -> None:
    routes = Routes((Route("netns red", "10.9.0.5", "eth0"), Route("host", "10.9.0.5", "lo")))

    assert routes.to("host", "10.9.0.5") == Route("host", "10.9.0.5", "lo")
    assert routes.to("host", "10.9.0.7") is None


def test_filters_are_asked_for_one_destination() -> None:
    ours = FilterVerdict("host", "output", Family.IPV4, "10.9.0.5", 4317, "accept")
    beyond = FilterVerdict("netns red", "input", Family.IPV4, "10.9.0.5", 4317, "drop")
    others = (
        FilterVerdict("host", "output", Family.IPV4, "10.9.0.5", 4318, "drop"),
        FilterVerdict("host", "output", Family.IPV4, "10.9.0.7", 4317, "drop"),
    )

    assert Filters((*others, ours, beyond)).to("10.9.0.5", 4317) == (ours, beyond)

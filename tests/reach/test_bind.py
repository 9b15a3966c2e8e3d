"""What a socket takes, and which socket an address string becomes."""

import pytest

from dualstack.model.address import Family
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.model.sockets import Listener, Transport
from dualstack.reach.bind import accepts, accepts_phrase, families, listen_mark

IPV4, IPV6 = Family.IPV4, Family.IPV6


def interface(name: str, index: int, *addresses: str) -> Interface:
    found = tuple(InterfaceAddress(x, 64) for x in addresses)
    return Interface(name, index, up=True, loopback=name == "lo", addresses=found)


HERE = Namespace(
    "netns test",
    (interface("lo", 1, "127.0.0.1", "::1"), interface("eth0", 2, "10.9.0.5", "fd00:9::5", "fe80::5")),
)


def listener(address: str, *, v6only: bool | None = None, device: str = "", made: Family | None = None) -> Listener:
    socket_family = made or (IPV6 if ":" in address else IPV4)
    return Listener("netns test", Transport.TCP, address, 4317, socket_family, v6only=v6only, interface=device)


DUAL = listener("::", v6only=False)
ONLY_V6 = listener("::", v6only=True)
UNREADABLE = listener("::")
ONLY_V4 = listener("0.0.0.0")
JAVA = listener("::ffff:127.0.0.1", v6only=False)
LINK_LOCAL = listener("fe80::5", v6only=False, device="eth0")
ON_ETH0 = listener("::", v6only=False, device="eth0")


@pytest.mark.parametrize(
    ("bound", "address", "taken"),
    [
        (DUAL, "10.9.0.5", True),
        (DUAL, "fd00:9::5", True),
        (DUAL, "::ffff:10.9.0.5", True),
        (DUAL, "fe80::5%eth0", True),
        (DUAL, "127.0.0.53", True),
        (DUAL, "10.9.0.99", False),
        (ONLY_V6, "10.9.0.5", False),
        (ONLY_V6, "::ffff:10.9.0.5", False),
        (ONLY_V6, "::1", True),
        (UNREADABLE, "fd00:9::5", True),
        (UNREADABLE, "10.9.0.5", None),
        (UNREADABLE, "10.9.0.99", False),
        (ONLY_V4, "127.0.0.1", True),
        (ONLY_V4, "::1", False),
        (listener("::ffff:0.0.0.0", v6only=False), "10.9.0.5", True),
        (listener("::ffff:0.0.0.0", v6only=False), "fd00:9::5", False),
        (JAVA, "127.0.0.1", True),
        (JAVA, "127.0.0.53", False),
        (JAVA, "::1", False),
        (listener("fd00:9::5"), "fd00:9::5", True),
        (listener("fd00:9::5"), "10.9.0.5", False),
        (listener("fd00:9::99"), "fd00:9::99", False),
        (LINK_LOCAL, "fe80::5%eth0", True),
        (LINK_LOCAL, "fe80::5%2", True),
        (LINK_LOCAL, "fe80::5%lo", False),
        (listener("fe80::5%eth0"), "fe80::5%eth0", True),
        (ON_ETH0, "10.9.0.5", True),
        (ON_ETH0, "127.0.0.1", False),
        (ON_ETH0, "::1", False),
    ],
)
def test_a_socket_takes_what_the_kernel_gives_it(bound: Listener, address: str, *, taken: bool | None) -> None:
    assert accepts(bound, address, HERE) is taken


@pytest.mark.parametrize(
    ("bound", "address", "taken"),
    [
        (DUAL, "10.9.0.99", True),
        (ON_ETH0, "10.9.0.5", None),
        (ON_ETH0, "fe80::5%eth0", True),
        (ON_ETH0, "fe80::5%eth1", False),
        (listener("10.9.0.5", device="eth0"), "10.9.0.6", False),
    ],
)
def test_without_a_namespace_only_the_socket_speaks(bound: Listener, address: str, *, taken: bool | None) -> None:
    assert accepts(bound, address, None) is taken


def test_a_wildcard_in_a_namespace_without_ipv6_takes_ipv4_alone() -> None:
    bare = Namespace("netns off", (interface("lo", 1, "127.0.0.1"),))
    assert accepts(DUAL, "127.0.0.1", bare) is True
    assert accepts(DUAL, "::1", bare) is False


@pytest.mark.parametrize(
    ("bound", "taken", "mark", "phrase"),
    [
        (DUAL, {IPV4, IPV6}, "*/dual-stack", "accepts IPv4 and IPv6"),
        (ONLY_V6, {IPV6}, "[::]/ipv6-only", "accepts IPv6 only"),
        (ONLY_V4, {IPV4}, "0.0.0.0/ipv4-only", "accepts IPv4 only"),
        (
            UNREADABLE,
            None,
            "[::]/v6only-unknown",
            "accepts IPv6, and IPv4 unless IPV6_V6ONLY is set (not readable)",
        ),
        (listener("127.0.0.1"), {IPV4}, "127.0.0.1", "accepts IPv4 on the loopback only"),
        (listener("::1"), {IPV6}, "[::1]", "accepts IPv6 on the loopback only"),
        (JAVA, {IPV4}, "[::ffff:127.0.0.1]", "accepts IPv4 on the loopback only"),
        (listener("10.9.0.5"), {IPV4}, "10.9.0.5", "accepts IPv4 on 10.9.0.5 only"),
        (LINK_LOCAL, {IPV6}, "[fe80::5]%eth0", "accepts IPv6 on fe80::5 only"),
        (ON_ETH0, {IPV4, IPV6}, "*%eth0/dual-stack", "accepts IPv4 and IPv6 on eth0 only"),
    ],
)
def test_a_socket_is_named_in_the_words_of_ss(
    bound: Listener, taken: set[Family] | None, mark: str, phrase: str
) -> None:
    assert families(bound) == taken
    assert listen_mark(bound) == mark
    assert accepts_phrase(bound) == phrase

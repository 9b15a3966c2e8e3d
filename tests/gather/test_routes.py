"""What the kernel says about a way, against what connect(2) then does, in real network namespaces."""

import errno
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dualstack.gather.env import real
from dualstack.gather.netns import find, inside
from dualstack.gather.routes import route
from dualstack.model.host import Route
from tests.netns import CLIENT_IPV4, CLIENT_IPV6, SERVER_IPV4, SERVER_IPV6, batch, pair

ROUTES = [
    "route add 192.0.2.0/24 via 10.9.0.2 mtu 1300",
    "route add 198.51.100.0/24 via inet6 fe80::2 dev eth0",
    "route add 2001:db8:1::/48 via fd09::2 mtu 1300",
    "route add 2001:db8:2::/48 via fe80::2 dev eth0",
    *(f"route add {kind} 203.0.113.{i}/32" for i, kind in enumerate(("unreachable", "blackhole", "prohibit", "throw"))),
    *(
        f"route add {kind} 2001:db8:f::{i}/128"
        for i, kind in enumerate(("unreachable", "blackhole", "prohibit", "throw"))
    ),
]

# Destination, interface, gateway, source, MTU.
WAYS = [
    ("127.0.0.1", "lo", "", "127.0.0.1", 0),
    ("::1", "lo", "", "::1", 0),
    (CLIENT_IPV4, "lo", "", CLIENT_IPV4, 0),
    (SERVER_IPV4, "eth0", "", CLIENT_IPV4, 0),
    (SERVER_IPV6, "eth0", "", CLIENT_IPV6, 0),
    (f"::ffff:{SERVER_IPV4}", "eth0", "", CLIENT_IPV4, 0),
    ("fe80::2%eth0", "eth0", "", "fe80::1", 0),
    ("192.0.2.9", "eth0", SERVER_IPV4, CLIENT_IPV4, 1300),
    ("198.51.100.9", "eth0", "fe80::2", CLIENT_IPV4, 0),
    ("2001:db8:1::9", "eth0", SERVER_IPV6, CLIENT_IPV6, 1300),
    ("2001:db8:2::9", "eth0", "fe80::2", CLIENT_IPV6, 0),
]
ERRORS = [
    ("203.0.113.0", "EHOSTUNREACH"),
    ("203.0.113.1", "EINVAL"),
    ("203.0.113.2", "EACCES"),
    ("203.0.113.3", "ENETUNREACH"),
    ("2001:db8:f::0", "EHOSTUNREACH"),
    ("2001:db8:f::1", "EINVAL"),
    ("2001:db8:f::2", "EACCES"),
    ("2001:db8:f::3", "ENETUNREACH"),
    ("8.8.8.8", "ENETUNREACH"),
    ("2001:db8:9::1", "ENETUNREACH"),
    ("fe80::2", "EINVAL"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[str]:
    with pair("routes") as (name, _):
        batch(name, ROUTES)
        yield name


def ask(name: str, destination: str) -> Route:
    return inside(find(name), lambda: route(real("here"), destination))


@pytest.mark.parametrize(("destination", "interface", "gateway", "source", "mtu"), WAYS)
def test_a_way(client: str, destination: str, interface: str, gateway: str, source: str, mtu: int) -> None:
    assert ask(client, destination) == Route("here", destination, interface, gateway, source, mtu)


@pytest.mark.parametrize(("destination", "error"), ERRORS)
def test_no_way_is_named_as_connect_would(client: str, destination: str, error: str) -> None:
    def connect() -> int:
        family = socket.AF_INET6 if ":" in destination else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as made:
            return made.connect_ex((destination, 4317))

    assert ask(client, destination) == Route("here", destination, error=error)
    assert errno.errorcode[inside(find(client), connect)] == error


@pytest.mark.parametrize(("zone", "error"), [("2", ""), ("nope", "ENODEV")])
def test_a_zone_is_a_name_or_a_number(client: str, zone: str, error: str) -> None:
    found = ask(client, f"fe80::2%{zone}")

    assert (found.error, found.interface) == (error, "" if error else "eth0")


def test_a_kernel_that_cannot_be_asked_is_an_error_and_no_missing_route() -> None:
    def refuse(protocol: int, request: bytes) -> list[bytes]:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with pytest.raises(PermissionError):
        route(replace(real(), netlink=refuse), "127.0.0.1")

"""Interfaces, addresses and IPv6 sysctls, read from real network namespaces."""

import ctypes
import errno
import os
import platform
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from dualstack.gather.env import real
from dualstack.gather.namespaces import namespace
from dualstack.gather.netns import find, inside
from dualstack.model.address import Family
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from tests.netns import CLIENT_IPV4, CLIENT_IPV6, batch, execute, forked, ip, isolated, pair, sysctl


@pytest.fixture
def alone() -> Iterator[str]:
    with isolated("namespaces") as name:
        yield name


def read(name: str) -> Namespace:
    return inside(find(name), lambda: namespace(real(f"netns {name}")))


def interface(name: str, device: str) -> Interface:
    return next(x for x in read(name).interfaces if x.name == device)


def flags(name: str, device: str) -> dict[str, tuple[str, ...]]:
    return {x.address: x.flags for x in interface(name, device).addresses}


def test_links_and_addresses() -> None:
    with pair("namespaces") as (name, _):
        found = read(name)
        mac = execute(name, "cat", "/sys/class/net/eth0/address").strip()

    lo, eth0 = found.interfaces
    assert found.place == f"netns {name}"
    assert (lo.name, lo.index, lo.up, lo.loopback, lo.mtu) == ("lo", 1, True, True, 65536)
    assert lo.addresses == (InterfaceAddress("127.0.0.1", 8), InterfaceAddress("::1", 128))
    assert (eth0.name, eth0.up, eth0.loopback, eth0.mtu, eth0.mac) == ("eth0", True, False, 1500, mac)
    assert [(x.address, x.prefix) for x in eth0.addresses] == [(CLIENT_IPV4, 24), (CLIENT_IPV6, 64), ("fe80::1", 64)]
    assert found.addresses(Family.IPV6) == ("::1", CLIENT_IPV6, "fe80::1%eth0")


def test_a_link_is_up_when_it_can_carry_packets() -> None:
    with pair("namespaces") as (name, peer):
        before = interface(name, "eth0").up
        batch(peer, ["link set eth0 down"])
        without_carrier = interface(name, "eth0").up
        batch(name, ["link set lo down"])

        assert (before, without_carrier, interface(name, "lo").up) == (True, False, False)


def test_a_fresh_namespace_has_ipv6() -> None:
    with isolated("namespaces") as name:
        found = read(name)

    assert not found.ipv6_absent
    assert (found.bindv6only, found.disable_ipv6_all, found.disable_ipv6_default) == (False, False, False)
    assert found.interfaces[0].disable_ipv6 is False


@pytest.mark.parametrize(
    ("key", "expected"),
    [  # of bindv6only, all, default, lo, eth0; to set `all` sets the others too (addrconf_disable_ipv6)
        ("bindv6only", (True, False, False, False, False)),
        ("conf.all.disable_ipv6", (False, True, True, True, True)),
        ("conf.default.disable_ipv6", (False, False, True, False, False)),
        ("conf.eth0.disable_ipv6", (False, False, False, False, True)),
        ("conf.lo.disable_ipv6", (False, False, False, True, False)),
    ],
)
def test_each_sysctl_is_told_apart(alone: str, key: str, expected: tuple[bool, ...]) -> None:
    batch(alone, ["link add eth0 type veth peer name eth1"])
    sysctl(alone, f"net.ipv6.{key}", 1)
    found = read(alone)

    settings = (found.bindv6only, found.disable_ipv6_all, found.disable_ipv6_default)
    links = {x.name: x.disable_ipv6 for x in found.interfaces}
    assert (*settings, links["lo"], links["eth0"]) == expected


def test_disabling_ipv6_removes_its_addresses(alone: str) -> None:
    sysctl(alone, "net.ipv6.conf.lo.disable_ipv6", 1)

    assert [x.address for x in interface(alone, "lo").addresses] == ["127.0.0.1"]


def test_a_dot_in_the_name_of_an_interface(alone: str) -> None:
    batch(alone, ["link add eth0 type veth peer name eth0.100"])
    # sysctl(8) takes the dot for a separator.
    execute(alone, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth0.100/disable_ipv6")

    assert interface(alone, "eth0.100").disable_ipv6
    assert not interface(alone, "eth0").disable_ipv6


def test_a_tentative_address() -> None:
    with pair("namespaces") as (name, _):
        sysctl(name, "net.ipv6.conf.eth0.dad_transmits", 60)  # one a second: it stays so
        batch(name, ["address add fd09::77/64 dev eth0"])

        assert flags(name, "eth0")["fd09::77"] == ("tentative",)
        assert flags(name, "eth0")[CLIENT_IPV6] == ()


def test_an_optimistic_address_is_in_use() -> None:
    with pair("namespaces") as (name, _):
        for key in ("conf.all.optimistic_dad", "conf.eth0.optimistic_dad"):
            sysctl(name, f"net.ipv6.{key}", 1)
        sysctl(name, "net.ipv6.conf.eth0.dad_transmits", 60)
        batch(name, ["address add fd09::78/64 dev eth0 optimistic"])

        assert "optimistic" in ip("-n", name, "address", "show", "dev", "eth0")
        assert flags(name, "eth0")["fd09::78"] == ()


def test_a_duplicate_address() -> None:
    with pair("namespaces") as (name, peer):
        batch(peer, ["address add fd09::dd/64 dev eth0 nodad"])
        batch(name, ["address add fd09::dd/64 dev eth0"])
        deadline = time.monotonic() + 10
        while "dadfailed" not in flags(name, "eth0")["fd09::dd"] and time.monotonic() < deadline:
            time.sleep(0.05)

        assert flags(name, "eth0")["fd09::dd"] == ("tentative", "dadfailed")


def test_deprecated_and_temporary_addresses(alone: str) -> None:
    batch(alone, ["link add eth0 type veth peer name eth1", "link set eth0 up", "link set eth1 up"])
    sysctl(alone, "net.ipv6.conf.eth0.use_tempaddr", 2)
    batch(
        alone,
        [
            "address add fd09::1/64 dev eth0 nodad preferred_lft 0",
            "address add fd0a::1/64 dev eth0 nodad mngtmpaddr valid_lft 9000 preferred_lft 9000",
        ],
    )
    found = flags(alone, "eth0")

    assert found["fd09::1"] == ("deprecated",)
    assert found["fd0a::1"] == ()
    assert any("temporary" in x for address, x in found.items() if address.startswith("fd0a:"))


def test_a_second_ipv4_address_is_not_called_temporary(alone: str) -> None:
    batch(alone, ["address add 10.1.0.1/24 dev lo", "address add 10.1.0.2/24 dev lo"])

    assert flags(alone, "lo")["10.1.0.2"] == ()


def test_a_point_to_point_link_has_its_own_address_and_not_the_peers(alone: str) -> None:
    batch(alone, ["address add 10.1.0.1 peer 10.1.0.2/32 dev lo", "address add fd09::1 peer fd09::2/128 dev lo nodad"])

    assert {"10.1.0.1", "fd09::1"} <= set(flags(alone, "lo"))
    assert not {"10.1.0.2", "fd09::2"} & set(flags(alone, "lo"))


def without_ipv6() -> None:
    """From here on this process cannot make an IPv6 socket, as under `ipv6.disable=1` (seccomp(2))."""
    number = {"x86_64": 41, "aarch64": 198}[platform.machine()]  # __NR_socket
    refuse = 0x00050000 | errno.EAFNOSUPPORT  # SECCOMP_RET_ERRNO
    rows = [
        (0x20, 0, 0, 0),  # load the system call's number
        (0x15, 0, 3, number),
        (0x20, 0, 0, 16),  # load its first argument
        (0x15, 0, 1, socket.AF_INET6),
        (0x06, 0, 0, refuse),
        (0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *x) for x in rows))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(rows), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, program, 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="needs a known system call number")
def test_a_kernel_without_ipv6() -> None:
    def look() -> bool:
        without_ipv6()
        return namespace(real()).ipv6_absent

    assert forked(look)

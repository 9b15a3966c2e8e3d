"""What an address text says, whatever its spelling."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.model.address import (
    Family,
    Protocol,
    Scope,
    Target,
    canonical,
    family,
    is_address,
    join,
    parse,
    scope,
    unmapped,
    without_zone,
    zone,
)

ZONES = st.sampled_from(("", "%eth0", "%eth0.100", "%7"))
IPV4 = st.ip_addresses(v=4).map(str)
MAPPED = IPV4.map(lambda x: f"::ffff:{x}")
IPV6 = st.tuples(st.ip_addresses(v=6).map(str) | MAPPED, ZONES).map("".join)
ADDRESSES = IPV4 | IPV6


@pytest.mark.parametrize(
    ("spelled", "one"),
    [
        ("10.9.0.5", "10.9.0.5"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("FD00:9:0::5", "fd00:9::5"),
        ("fe80::1%eth0.100", "fe80::1%eth0.100"),
        ("::ffff:a09:5", "::ffff:10.9.0.5"),
        ("::ffff:10.9.0.5%eth0", "::ffff:10.9.0.5%eth0"),
    ],
)
def test_each_address_has_one_spelling(spelled: str, one: str) -> None:
    assert canonical(spelled) == one


@given(ADDRESSES)
def test_the_canonical_spelling_is_final_and_of_the_same_address(text: str) -> None:
    once = canonical(text)

    assert canonical(once) == once
    assert parse(once) == parse(text)
    assert (family(once), scope(once), zone(once)) == (family(text), scope(text), zone(text))


@given(st.text())
def test_a_text_is_an_address_or_is_refused(text: str) -> None:
    if is_address(text):
        assert is_address(canonical(text))
    else:
        with pytest.raises(ValueError, match=r".*"):
            canonical(text)


@pytest.mark.parametrize("text", ["", "localhost", "[::1]", "10.9.0", "10.9.0.5:4317", "fe80::1%", "010.9.0.5"])
def test_what_is_no_address(text: str) -> None:
    assert not is_address(text)


@given(st.ip_addresses(v=4), ZONES)
def test_a_mapped_address_is_that_of_ipv4(address: ipaddress.IPv4Address, device: str) -> None:
    mapped = f"::ffff:{address}{device}"

    assert unmapped(mapped) == str(address)
    assert family(mapped) is Family.IPV4
    assert scope(mapped) is scope(str(address))


@given(ADDRESSES)
def test_unmapping_changes_mapped_addresses_alone(text: str) -> None:
    assert unmapped(unmapped(text)) == unmapped(text)
    if family(text) is Family.IPV6:
        assert unmapped(text) == text


@given(st.ip_addresses(v=6).map(str).filter(lambda x: family(x) is Family.IPV6), ZONES)
def test_a_zone_changes_neither_family_nor_scope(address: str, device: str) -> None:
    assert family(address + device) is Family.IPV6
    assert scope(address + device) is scope(address)
    assert (without_zone(address + device), zone(address + device)) == (address, device[1:])


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("0.0.0.0", Scope.WILDCARD),
        ("::", Scope.WILDCARD),
        ("127.255.0.1", Scope.LOOPBACK),
        ("::1", Scope.LOOPBACK),
        ("::ffff:127.0.0.1", Scope.LOOPBACK),
        ("169.254.1.1", Scope.LINK_LOCAL),
        ("fe80::1%eth0.100", Scope.LINK_LOCAL),
        ("172.16.0.1", Scope.PRIVATE),
        ("172.32.0.1", Scope.GLOBAL),
        ("192.0.2.1", Scope.GLOBAL),
        ("fd00:9::5", Scope.UNIQUE_LOCAL),
        ("64:ff9b::a09:5", Scope.NAT64),
        ("64:ff9b:1::1", Scope.GLOBAL),
        ("2001:db8::1", Scope.GLOBAL),
    ],
)
def test_how_far_an_address_reaches(address: str, reach: Scope) -> None:
    assert scope(address) is reach


def test_a_family_has_its_name_its_record_and_its_opposite() -> None:
    assert [(x.title, x.record, x.other) for x in Family] == [
        ("IPv4", "A", Family.IPV6),
        ("IPv6", "AAAA", Family.IPV4),
    ]


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [("collector", "collector:4317"), ("10.9.0.5", "10.9.0.5:4317"), ("fe80::1%eth0", "[fe80::1%eth0]:4317")],
)
def test_brackets_are_for_ipv6(host: str, endpoint: str) -> None:
    assert join(host, 4317) == endpoint


@pytest.mark.parametrize(
    ("tls", "protocol", "scheme"),
    [(False, Protocol.HTTP, "http"), (True, Protocol.HTTP, "https"), (True, Protocol.GRPC, "grpcs")],
)
def test_a_scheme_names_protocol_and_encryption(tls: bool, protocol: Protocol, scheme: str) -> None:
    assert Target("", "collector", 4317, protocol, tls).scheme == scheme


@pytest.mark.parametrize(("host", "literal"), [("collector", False), ("10.9.0.5", True), ("fe80::1%eth0", True)])
def test_a_literal_needs_no_resolver(host: str, literal: bool) -> None:
    assert Target("", host, 4317, Protocol.GRPC).literal is literal

"""Which addresses a DNS64 made, and of what."""

import pytest

from dualstack.model.names import DnsAnswer, Lookup, Names
from dualstack.reach.dns64 import PROBE, doubtful, embedded, synthesised

HOST = "collector.example"
RFC_6052 = {  # section 2.4, table 2
    32: "2001:db8:c000:221::",
    40: "2001:db8:1c0:2:21::",
    48: "2001:db8:122:c000:2:2100::",
    56: "2001:db8:122:3c0:0:221::",
    64: "2001:db8:122:344:c0:2:2100::",
    96: "2001:db8:122:344::192.0.2.33",
}


def known(*addresses: str, prefix: str = "") -> Names:
    """What is known of a host with these addresses, and of the nameserver's prefix by its answer for `PROBE`."""
    answers = (DnsAnswer("10.9.0.53", PROBE, "AAAA", "NOERROR", (prefix,)),) if prefix else ()
    return Names((Lookup(HOST, addresses),), answers)


@pytest.mark.parametrize(("length", "address"), RFC_6052.items())
def test_the_address_inside(length: int, address: str) -> None:
    assert embedded(address, length) == "192.0.2.33"


@pytest.mark.parametrize(("length", "address"), RFC_6052.items())
def test_a_prefix_is_learned_from_the_name_that_has_no_ipv6(length: int, address: str) -> None:
    probe = {  # the same prefixes before 192.0.0.170
        32: "2001:db8:c000:aa::",
        40: "2001:db8:1c0:0:aa::",
        48: "2001:db8:122:c000:0:aa00::",
        56: "2001:db8:122:3c0:0:aa::",
        64: "2001:db8:122:344:c0:0:aa00::",
        96: "2001:db8:122:344::192.0.0.170",
    }[length]
    found = synthesised(known(prefix=probe), HOST, address)

    assert found
    assert found.ipv4 == "192.0.2.33"
    assert found.prefix.endswith(f"/{length}")


@pytest.mark.parametrize(
    ("address", "addresses", "made"),
    [
        ("64:ff9b::a09:7", (), ("64:ff9b::/96", "10.9.0.7")),
        ("64:ff9b:1::a09:7", ("10.9.0.7",), ("64:ff9b:1::/96", "10.9.0.7")),
        ("64:ff9b:1:a09:0:700::", ("10.9.0.7",), ("64:ff9b:1::/48", "10.9.0.7")),
        ("64:ff9b:1::a09:7", ("10.9.0.8",), None),
        ("2001:db8::a09:7", ("10.9.0.7",), None),
        ("10.9.0.7", ("10.9.0.7",), None),
        ("fe80::a09:7%eth0", ("10.9.0.7",), None),
    ],
)
def test_what_was_made(address: str, addresses: tuple[str, ...], made: tuple[str, str] | None) -> None:
    found = synthesised(known(*addresses), HOST, address)

    assert (found and (found.prefix, found.ipv4)) == made


@pytest.mark.parametrize(
    ("address", "worth"), [("2001:db8::a09:7", True), ("2001:db8::7", False), ("64:ff9b::a09:7", False)]
)
def test_the_prefix_is_asked_for_where_it_can_matter(address: str, worth: bool) -> None:
    answers = (
        DnsAnswer("10.9.0.53", HOST, "A", "NOERROR", ("10.9.0.7",)),
        DnsAnswer("10.9.0.53", HOST, "AAAA", "NOERROR", (address,)),
    )

    assert doubtful(answers, HOST) is worth
    assert not doubtful(answers[1:], HOST)

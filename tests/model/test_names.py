"""What was learned of a name, by whichever spelling it is asked for."""

import pytest

from dualstack.model.address import Family
from dualstack.model.names import HostsEntry, Lookup, Names, ResolverFiles

LOCALHOST = HostsEntry(1, "127.0.0.1", ("localhost", "Collector.example"))
FILES = ResolverFiles(hosts=(LOCALHOST, HostsEntry(2, "::1", ("ip6-localhost",))))
NAMES = Names((Lookup("collector", ("fd00:9::7", "10.9.0.7", "::ffff:10.9.0.8")), Lookup("gone", error="EAI_NONAME")))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("localhost", (LOCALHOST,)),
        ("LOCALHOST.", (LOCALHOST,)),
        ("collector.example", (LOCALHOST,)),
        ("collector", ()),
    ],
)
def test_the_hosts_file_knows_no_case_and_no_root(name: str, lines: tuple[HostsEntry, ...]) -> None:
    assert FILES.hosts_of(name) == lines


@pytest.mark.parametrize(
    ("name", "wanted", "addresses"),
    [
        ("collector", Family.IPV4, ("10.9.0.7", "::ffff:10.9.0.8")),
        ("collector", Family.IPV6, ("fd00:9::7",)),
        ("gone", Family.IPV6, ()),
        ("unasked", Family.IPV6, ()),
    ],
)
def test_the_addresses_of_a_family(name: str, wanted: Family, addresses: tuple[str, ...]) -> None:
    assert NAMES.addresses(name, wanted) == addresses


def test_a_failed_lookup_differs_from_none() -> None:
    assert NAMES.lookup("gone") == Lookup("gone", error="EAI_NONAME")
    assert NAMES.lookup("unasked") is None

"""What a name yields, by source, and how clients try it."""

import json

import pytest
from msgspec.structs import replace

from dualstack.model.host import Route, Routes
from dualstack.model.names import Lookup, Names
from dualstack.model.question import Client
from dualstack.report.verbs.names import answer, as_json, as_text
from dualstack.testing.incident import snapshot

WORLD = snapshot(
    'target: []\nnames: {collector: ["2001:db8::7", 192.0.2.7]}\nhosts: ["192.0.2.7 collector"]\n'
    'dns: ["10.9.0.53 collector AAAA NOERROR 2001:db8::7", "10.9.0.53 collector A NXDOMAIN"]\n'
    'routes: ["192.0.2.7 ENETUNREACH", "2001:db8::7 eth0 2001:db8::5"]\n'
)
NAMES, ROUTES = WORLD.having(Names) or Names(), WORLD.having(Routes) or Routes()


def shown(*clients: str) -> list[str]:
    return as_text(answer("collector", NAMES, ROUTES, [Client(x) for x in clients])).splitlines()


def test_each_source_has_its_line() -> None:
    assert shown("go")[:6] == [
        "C library   2001:db8::7, 192.0.2.7",
        "hosts file  192.0.2.7 (/etc/hosts line 1)",
        "10.9.0.53  AAAA collector: NOERROR, 2001:db8::7 (0 ms)",
        "10.9.0.53  A collector: NXDOMAIN, no address (0 ms)",
        "route       2001:db8::7: by eth0 from 2001:db8::5",
        "route       192.0.2.7: ENETUNREACH",
    ]


def test_one_client_is_told_its_order_and_how_it_dials() -> None:
    assert shown("go")[6:] == [
        "",
        "2001:db8::7 > 192.0.2.7",
        "  is the order of go.",
        "  Go tries the family of the first address; the other family follows 300 ms",
        "  later, or at once when the first is refused. The order is that of Go's",
        "  resolver: IPv4 comes before unique local IPv6, after global IPv6.",
    ]


def test_clients_that_order_alike_share_a_line() -> None:
    said = shown("go", "glibc", "java")

    assert said[6:] == [
        "",
        "2001:db8::7 > 192.0.2.7",
        "  is the order of go, glibc.",
        "",
        "192.0.2.7 > 2001:db8::7",
        "  is the order of java.",
    ]


def test_an_order_that_no_run_has_shown_says_so() -> None:
    assert shown("go", "dotnet")[-1] == "  No run has shown the order of dotnet."


def test_without_a_client_every_runtime_is_told_once_within_the_width_of_a_terminal() -> None:
    said = answer("collector", NAMES, ROUTES, [])

    assert len({x.client for x in said.orders}) == len(said.orders) > 10
    assert max(map(len, as_text(said).splitlines())) <= 80


def test_a_version_is_part_of_the_client() -> None:
    said = answer("collector", NAMES, ROUTES, [Client("node", (16, 20))])

    assert said.orders[0].client == "node@16.20"


def test_a_client_without_ipv6_says_so_where_there_is_nothing_else() -> None:
    names = Names((Lookup("collector", ("2001:db8::7",)),))
    said = answer("collector", names, ROUTES, [Client("java-ipv4-stack")])

    assert "no address of these" in as_text(said).splitlines()


@pytest.mark.parametrize(
    ("names", "first"), [(Names(), ""), (Names((Lookup("collector", error="EAI_AGAIN"),)), "EAI_AGAIN")]
)
def test_a_name_without_addresses_has_an_error_and_no_order(names: Names, first: str) -> None:
    said = answer("collector", names, Routes(), [])

    assert as_text(said) == f"C library   {first}\n"
    assert said.orders == ()


def test_a_chain_of_aliases_and_a_route_without_a_source_are_told() -> None:
    chained = replace(NAMES, answers=(replace(NAMES.answers[0], cnames=("a.example", "\x1b[2J")),))
    said = answer("collector", chained, Routes((Route("host", "192.0.2.7", "eth0"),)), [])
    text = as_text(said)

    assert "2001:db8::7 by way of a.example > \\x1b[2J (0 ms)\n" in text
    assert "route       192.0.2.7: by eth0 from no address\n" in text


def test_the_same_for_programs() -> None:
    document = json.loads(as_json(answer("collector", NAMES, ROUTES, [Client("go")])))

    assert document["schema"] == "dualstack.names/1"
    assert document["addresses"] == ["2001:db8::7", "192.0.2.7"]
    assert [x["rcode"] for x in document["dns"]] == ["NOERROR", "NXDOMAIN"]
    assert document["orders"][0]["addresses"] == ["2001:db8::7", "192.0.2.7"]

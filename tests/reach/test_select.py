"""The order of addresses by runtime and version. `tests/oracle/test_orders.py` asks the real ones."""

from itertools import pairwise

import pytest

from dualstack.knowledge import table
from dualstack.reach.select import SORTERS, behaviour, behaviours, clients, order

IPV4, GLOBAL, UNIQUE_LOCAL = "10.96.0.12", "2001:db8:10:96::c", "fd00:10:96::c"
SOURCES = {IPV4: "10.244.0.5", GLOBAL: "2001:db8:10:244::5", UNIQUE_LOCAL: "fd00:10:244::5"}


@pytest.mark.parametrize(
    ("runtime", "ipv6", "first"),
    [
        ("glibc", UNIQUE_LOCAL, UNIQUE_LOCAL),
        ("python", UNIQUE_LOCAL, UNIQUE_LOCAL),
        ("node", UNIQUE_LOCAL, UNIQUE_LOCAL),
        ("rust", UNIQUE_LOCAL, UNIQUE_LOCAL),
        ("curl", UNIQUE_LOCAL, UNIQUE_LOCAL),
        ("musl", UNIQUE_LOCAL, IPV4),
        ("go", UNIQUE_LOCAL, IPV4),
        ("otelcol", UNIQUE_LOCAL, IPV4),
        ("grpc-core", UNIQUE_LOCAL, IPV4),
        ("java", UNIQUE_LOCAL, IPV4),
        ("java", GLOBAL, IPV4),
        ("java-ipv6-first", UNIQUE_LOCAL, UNIQUE_LOCAL),
        *((x, GLOBAL, GLOBAL) for x in ("glibc", "musl", "go", "grpc-core", "node", "python", "java-system-order")),
    ],
)
def test_a_dual_stack_service_has_another_first_address_by_runtime(runtime: str, ipv6: str, first: str) -> None:
    for given_ in ((IPV4, ipv6), (ipv6, IPV4)):
        assert order(given_, runtime, (), SOURCES)[0] == first


@pytest.mark.parametrize("runtime", [x.runtime for x in behaviours()])
def test_an_address_without_a_route_comes_last_unless_the_family_decides(runtime: str) -> None:
    routed = {IPV4: SOURCES[IPV4]}
    assert order((GLOBAL, IPV4), runtime, (), routed)[0] == (
        GLOBAL if behaviour(runtime).families == "ipv6-first" else IPV4
    )


def test_a_family_that_is_never_used_is_left_out() -> None:
    assert order((GLOBAL, IPV4), "java-ipv4-stack", (), SOURCES) == (IPV4,)
    assert order((GLOBAL,), "java-ipv4-stack", (), SOURCES) == ()


def test_grpc_go_leaves_the_lines_of_a_hosts_file_in_their_order() -> None:
    hosts = (IPV4, GLOBAL, UNIQUE_LOCAL)
    assert order(hosts, "grpc-go", (), SOURCES, hosts=hosts) == hosts
    assert order(hosts, "go", (), SOURCES, hosts=hosts) == (GLOBAL, IPV4, UNIQUE_LOCAL)
    assert order((*hosts, "192.0.2.7"), "grpc-go", (), SOURCES, hosts=hosts)[0] == GLOBAL


def test_without_routes_go_keeps_the_order_and_glibc_the_precedence() -> None:
    assert order((IPV4, GLOBAL), "go", (), {}) == (IPV4, GLOBAL)
    assert order((IPV4, GLOBAL), "glibc", (), {}) == (GLOBAL, IPV4)


def test_musl_leaves_ipv4_addresses_alone() -> None:
    held = ("192.0.2.1", "10.244.0.6")
    sources = dict.fromkeys(held, "10.244.0.5")
    assert order(held, "musl", (), sources) == held
    assert order((*held, GLOBAL), "musl", (), sources | SOURCES) == (GLOBAL, "10.244.0.6", "192.0.2.1")


def test_glibc_orders_ipv4_by_subnet_only_where_the_prefix_length_is_known() -> None:
    held = ("10.0.0.9", "10.9.0.9")
    assert order(held, "glibc", (), dict.fromkeys(held, "10.9.0.1")) == held
    assert order(held, "glibc", (), dict.fromkeys(held, "10.9.0.1/24")) == held[::-1]


def test_zones_and_mapped_addresses_are_understood() -> None:
    held = ("::ffff:10.9.0.2", "fe80::2%eth0")
    sources = {"::ffff:10.9.0.2": "10.9.0.1", "fe80::2%eth0": "fe80::1%eth0"}
    assert order(held, "glibc", (), sources) == held[::-1]


@pytest.mark.parametrize(
    ("version", "strategy"),
    [((), "alternating"), ((16, 20), "first"), ((17,), "first"), ((19, 9, 9), "first"), ((20,), "alternating")],
)
def test_a_version_chooses_its_row_and_none_the_newest(version: tuple[int, ...], strategy: str) -> None:
    assert behaviour("node", version).strategy == strategy
    assert behaviour("js", version) is behaviour("node", version)


def test_node_16_puts_ipv4_first() -> None:
    assert order((GLOBAL, IPV4), "node", (16,), SOURCES) == (IPV4, GLOBAL)
    assert order((GLOBAL, IPV4), "node", (18,), SOURCES) == (GLOBAL, IPV4)


def test_an_unknown_runtime_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"`cobol` is no known client; known are .*node.*curl"):
        order((IPV4,), "cobol", (), SOURCES)


def test_the_table_is_whole() -> None:
    assert {x.sort for x in behaviours()} == set(SORTERS)
    for name in clients():
        rows = [x for x in behaviours() if name == x.runtime or name in x.aliases]
        assert len({x.runtime for x in rows}) == 1, name
        for before, after in pairwise(rows):
            assert before.until == after.since, name
        assert not rows[0].since, name
        assert not rows[-1].until, name
    assert all(x.source and x.title for x in behaviours())


def test_every_policy_holds_every_address_and_sets_the_families_apart() -> None:
    rows = table("policy")
    for policy in {x["policy"] for x in rows}:
        held = {x["prefix"]: x["precedence"] for x in rows if x["policy"] == policy}
        assert "::/0" in held
        assert [x for x, y in held.items() if y == held["::ffff:0:0/96"]] == ["::ffff:0:0/96"]

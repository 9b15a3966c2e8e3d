"""Destinations behind a router: who has no way to them."""

import pytest

from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces, Return, Transit, Transits
from dualstack.reach.predict import predict
from dualstack.reach.router import answerable
from dualstack.rules.registry import evaluate, rules
from dualstack.testing.incident import snapshot
from tests.rules.test_incidents import judged

IPV6 = ("[2001:db8::7]", "2001:db8::7", "fe80::1", "-6")
IPV4 = ("203.0.113.7", "203.0.113.7", "10.9.0.1", "-4")


@pytest.mark.parametrize(("host", "address", "gateway", "option"), [IPV6, IPV4])
@pytest.mark.parametrize(
    ("reason", "summary", "neighbours"),
    [
        ("errno=ENETUNREACH", "A router on the way has no route", False),
        ("errno=EHOSTUNREACH", "No host answers for this address", True),
        ("", "No host answers for this address", True),
    ],
)
def test_beyond_a_router_the_way_is_traced(
    host: str, address: str, gateway: str, option: str, reason: str, summary: str, *, neighbours: bool
) -> None:
    _, findings = judged(
        f"target: 'grpc://{host}:4317'\nroutes: ['{address} eth0 fd00:9::5 via {gateway}']\n"
        f"probes: ['{host}:4317 grpc unreachable {reason}']\n"
    )

    assert [(x.code, x.summary) for x in findings] == [("DS305", summary)]
    assert f"`traceroute {option} {address}` or `tracepath`" in findings[0].hint
    assert (f"`ip {option} neigh show {gateway}`" in findings[0].hint) is neighbours
    assert f"neigh show {address}" not in findings[0].hint


@pytest.mark.parametrize("probe", ["unreachable errno=EHOSTUNREACH", "timed_out"])
def test_a_router_that_does_not_answer_is_named(probe: str) -> None:
    _, findings = judged(
        "target: 'grpc://203.0.113.7:4317'\nroutes: ['203.0.113.7 EHOSTUNREACH eth0 10.9.0.5 via 10.9.0.1']\n"
        f"probes: ['203.0.113.7:4317 grpc {probe}']\n"
    )
    found = next(x for x in findings if x.code == "DS305")

    assert found.summary == "The next router does not answer"
    assert "`ip -4 neigh show 10.9.0.1`" in found.hint


@pytest.mark.parametrize(
    "seen", ["probes: ['10.9.0.99:4317 grpc unreachable']", "routes: ['10.9.0.99 EHOSTUNREACH eth0 10.9.0.5']"]
)
def test_on_the_link_the_neighbours_are_looked_at(seen: str) -> None:
    _, findings = judged(f"target: 'grpc://10.9.0.99:4317'\n{seen}\n")

    assert "`ip -4 neigh show 10.9.0.99`" in findings[0].hint


def test_a_host_in_sight_that_holds_the_address_is_no_missing_host() -> None:
    world = snapshot("target: 'grpc://10.9.0.99:4317'\nroutes: ['10.9.0.99 EHOSTUNREACH eth0 10.9.0.5']\n")
    spaces = world.having(Namespaces)
    assert spaces
    there = Namespace("netns s", (Interface("eth0", 1, up=True, addresses=(InterfaceAddress("10.9.0.99", 24),)),))
    seen = world.adding(Namespaces((*spaces.items, there)))
    findings, _ = evaluate(seen.adding(predict(seen)), rules())

    assert [x.summary for x in findings] == ["The host does not answer for its address"]
    assert "`ip netns exec s nft list ruleset`" in findings[0].hint


@pytest.mark.parametrize("probe", ["", "probes: ['[fd00:7::7]:4317 grpc no_route']\n"])
@pytest.mark.parametrize(
    ("error", "verb"), [("EHOSTUNREACH", "refuses"), ("EACCES", "prohibits"), ("EINVAL", "discards packets to")]
)
def test_a_route_that_refuses_is_told_from_none(error: str, verb: str, probe: str) -> None:
    _, findings = judged(f"target: 'grpc://[fd00:7::7]:4317'\nroutes: ['fd00:7::7 {error}']\n{probe}")

    assert [x.summary for x in findings] == ["A route refuses this IPv6 address"]
    assert f"{verb} `fd00:7::7`" in findings[0].detail


def test_without_routes_in_sight_the_probe_alone_speaks() -> None:
    _, findings = judged(
        "target: 'grpc://[fd00:7::7]:4317'\nwithheld: [Routes]\nprobes: ['[fd00:7::7]:4317 grpc unreachable']\n"
    )

    assert [x.code for x in findings] == ["DS305"]
    assert "neigh show" in findings[0].hint


def test_without_the_probe_a_router_is_all_that_is_known() -> None:
    _, findings = judged(
        "target: 'grpc://203.0.113.7:4317'\nwithheld: [Probes]\n"
        "routes: ['203.0.113.7 EHOSTUNREACH eth0 10.9.0.5 via 10.9.0.1']\n"
    )

    assert [x.summary for x in findings] == ["The next router does not answer"]


def test_a_table_without_a_way_needs_no_probe() -> None:
    _, findings = judged("target: 'grpc://203.0.113.7:4317'\nroutes: ['203.0.113.7 ENETUNREACH']\nwithheld: [Probes]\n")

    assert [x.summary for x in findings] == ["No IPv4 route to this address"]


@pytest.mark.parametrize(
    ("host", "address", "option", "switch"),
    [
        ("[fd00:7::7]", "fd00:7::7", "-6", "net.ipv6.conf.all.forwarding=1"),
        ("10.7.0.7", "10.7.0.7", "-4", "net.ipv4.ip_forward=1"),
    ],
)
@pytest.mark.parametrize("error", ["", "ENETUNREACH"])
def test_a_router_in_sight_is_named(host: str, address: str, option: str, switch: str, error: str) -> None:
    evidence = snapshot(
        f"target: 'http://{host}:4318'\nroutes: ['{address} eth0 fd00:9::5 via fe80::1']\n"
        f"probes: ['{host}:4318 http timed_out']\n"
    ).adding(Transits((Transit("netns r", address, "near", error=error, forwards=bool(error)),)))

    findings, _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert [x.code for x in findings if not x.because] == ["DS305"]
    assert "come to the router `netns r` by `near`" in findings[0].detail
    wanted = f"ip netns exec r ip {option} route get {address}" if error else f"ip netns exec r sysctl -w {switch}"
    assert f"`{wanted}`" in findings[0].hint


@pytest.mark.parametrize(
    ("error", "kind"), [("EINVAL", "blackhole"), ("EACCES", "prohibit"), ("EHOSTUNREACH", "unreachable")]
)
def test_a_route_of_a_router_that_stops_packets_is_to_be_deleted(error: str, kind: str) -> None:
    evidence = snapshot(
        "target: http://10.7.0.7:4318\nroutes: ['10.7.0.7 eth0 10.9.0.5 via 10.9.0.1']\n"
        "probes: ['10.7.0.7:4318 http timed_out']\n"
    ).adding(Transits((Transit("netns r", "10.7.0.7", "near", error=error),)))
    findings, _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert [x.code for x in findings if not x.because] == ["DS305"]
    assert f"`ip netns exec r ip -4 route del {kind} PREFIX`" in findings[0].hint
    assert "add the route" not in findings[0].hint


@pytest.mark.parametrize("error", ["", "ENETUNREACH"])
def test_routers_that_pass_the_flow_on_are_not_blamed(error: str) -> None:
    evidence = snapshot("target: http://10.7.0.7:4318\nprobes: ['10.7.0.7:4318 http timed_out']\n").adding(
        Transits(
            (
                Transit("netns r", "10.7.0.7", "near", "far", forwards=True),
                Transit("netns s", "10.7.0.8", "a", error=error),
            )
        )
    )

    findings, _ = evaluate(evidence.adding(predict(evidence)), rules())

    assert [x.code for x in findings] == ["DS906"]


@pytest.mark.parametrize(("ended", "codes"), [("timed_out", ["DS305"]), ("refused", ["DS211"]), ("accepted", [])])
def test_a_way_back_that_is_missing_counts_where_nothing_answers(ended: str, codes: list[str]) -> None:
    """Whoever answers has a way back; the command names the place and the address that it answers from."""
    world = snapshot(f"target: 'grpc://[fd00:7::7]:4317'\nprobes: ['[fd00:7::7]:4317 grpc {ended}']\n")
    known = world.adding(Transits(returns=(Return("netns s", "fd00:7::7", "fd00:9::5", "ENETUNREACH"),)))
    findings, _ = evaluate(known.adding(predict(known)), rules())

    assert [x.code for x in findings if not x.because] == codes
    for each in (x for x in findings if x.code == "DS305"):
        assert each.summary == "No IPv6 route back to the client"
        assert "`ip netns exec s ip -6 route get fd00:9::5 from fd00:7::7`" in each.hint


def test_a_way_back_counts_only_for_the_source_that_arrives() -> None:
    """Behind a router that hides its clients, or a rule of their own host, another address is answered."""
    way = Transits((Transit("netns r", "10.9.7.7", "a", "b"),), (Return("netns s", "10.9.7.7", "10.9.0.5", "x"),))

    assert answerable(way, "host", {"netns other"}) == way
    assert answerable(way, "host", {"netns r"}).lost("10.9.7.7") is None
    assert answerable(way, "host", {"host"}).lost("10.9.7.7") is None

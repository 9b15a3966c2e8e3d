"""Which flows a client depends on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.names import Names
from dualstack.model.question import Question
from dualstack.model.trace import Disposition, Trace
from dualstack.reach.predict import predict
from dualstack.reach.required import addresses_of
from dualstack.testing.incident import snapshot


def traced(world: str) -> tuple[Trace, ...]:
    return predict(snapshot(world)).items


def needed(world: str) -> dict[str, bool]:
    return {f"{x.protocol} {x.family}": x.required for x in traced(world)}


BOTH = 'target: grpc://collector\nnames: {collector: ["2001:db8::7", 192.0.2.7]}\n'
NEAR = 'target: grpc://localhost\nnames: {localhost: ["::1", 127.0.0.1]}\n'
NO_V6 = "interfaces: {lo: [127.0.0.1/8], eth0: [10.9.0.5/24]}\n"
ON_LINK_V6 = 'interfaces: {lo: [127.0.0.1/8, "::1/128"], eth0: [10.9.0.5/24, "fe80::5/64"]}\n'
NO_WAY_OUT = "interfaces: {lo: [127.0.0.1/8]}\n"
NO_ROUTE = 'routes: ["2001:db8::7 ENETUNREACH"]\n'


@pytest.mark.parametrize(
    ("world", "ipv6"),
    [
        (BOTH, True),
        (BOTH + NO_V6, True),
        (BOTH + NO_ROUTE, True),
        (BOTH + NO_V6 + NO_ROUTE, False),
        (BOTH + ON_LINK_V6 + NO_ROUTE, False),
        (BOTH + NO_V6 + NO_ROUTE + "withheld: [Namespaces]\n", True),
        (BOTH + NO_V6 + NO_ROUTE + "expect: [ipv4, ipv6]\n", True),
        (BOTH + NO_WAY_OUT + 'routes: ["2001:db8::7 ENETUNREACH", "192.0.2.7 ENETUNREACH"]\n', True),
        (BOTH + "expect: [ipv4]\n", False),
        (NEAR + NO_V6, True),
        ("target: grpc://[2001:db8::7]\n" + NO_V6 + NO_ROUTE, True),
    ],
)
def test_a_family_is_required_where_a_client_can_be_handed_it(world: str, ipv6: bool) -> None:
    assert needed(world)["grpc ipv6"] is ipv6


@pytest.mark.parametrize("expect", [(), (Family.IPV4,), (Family.IPV6,), (Family.IPV4, Family.IPV6)])
def test_udp_is_required_where_it_is_asked_for(expect: tuple[Family, ...]) -> None:
    target = Target("listeners on port 8125", "localhost", 8125, Protocol.UDP, addresses=("127.0.0.1",))
    found = predict(snapshot(NEAR).adding(Question(targets=(target,), expect=expect))).items

    assert {x.required for x in found if x.addresses} == {Family.IPV4 in expect}


PORTLESS = "target: 127.0.0.1\n"
ODDLY = "127.0.0.1:8080"
ODD = f"target: {ODDLY}\n"
ALONE = {
    "no port: one of them listens": (
        PORTLESS + 'listeners: ["127.0.0.1:4318 go x"]\nprobes: ["127.0.0.1:4318 http accepted"]\n',
        {"grpc ipv4": True, "http ipv4": True},
    ),
    "no port: one of them is refused from out of sight": (
        'target: 192.0.2.1\nprobes: ["192.0.2.1:4318 http accepted", "192.0.2.1:4317 grpc refused"]\n',
        {"grpc ipv4": True, "http ipv4": True},
    ),
    "no port: both listen, one says no": (
        PORTLESS + 'probes: ["127.0.0.1:4318 http accepted", "127.0.0.1:4317 grpc rejected"]\n',
        {"grpc ipv4": True, "http ipv4": True},
    ),
    "no port: nothing listens": (PORTLESS, {"grpc ipv4": True, "http ipv4": True}),
    "no port: both work": (
        PORTLESS + 'probes: ["127.0.0.1:4318 http accepted", "127.0.0.1:4317 grpc accepted"]\n',
        {"grpc ipv4": True, "http ipv4": True},
    ),
    "another port: one protocol works": (
        ODD + 'probes: ["127.0.0.1:8080 http accepted", "127.0.0.1:8080 grpc closed"]\n',
        {"grpc ipv4": False, "http ipv4": True},
    ),
    "another port: the other language is spoken": (
        ODD + 'probes: ["127.0.0.1:8080 http rejected", "127.0.0.1:8080 grpc http1_spoken"]\n',
        {"grpc ipv4": False, "http ipv4": True},
    ),
    "another port: neither works": (
        ODD + 'probes: ["127.0.0.1:8080 http silent", "127.0.0.1:8080 grpc silent"]\n',
        {"grpc ipv4": True, "http ipv4": True},
    ),
    "a port and a protocol that the user named": (
        f"target: [http://{ODDLY}, grpc://{ODDLY}]\nprobes: [{ODDLY} http accepted, {ODDLY} grpc closed]\n",
        {"grpc ipv4": True, "http ipv4": True},
    ),
}


@pytest.mark.parametrize(("world", "required"), ALONE.values(), ids=ALONE)
def test_a_reading_that_the_user_did_not_mean_is_waived(world: str, required: dict[str, bool]) -> None:
    assert needed(world) == required


def test_the_only_reading_is_meant() -> None:
    evidence = snapshot('target: 127.0.0.1:8080\nprobes: ["127.0.0.1:8080 grpc http1_spoken"]\n')
    question = evidence.having(Question) or Question()
    alone = evidence.adding(Question(targets=question.targets[:1]))

    assert [(x.protocol, x.required) for x in predict(alone).items] == [(Protocol.GRPC, True)]


ADDRESSES = st.sampled_from(("192.0.2.1", "192.0.2.2", "10.9.0.5", "2001:db8::1", "fd00:9::5", "::1", "127.0.0.1"))
SAID = st.sampled_from(("accepted", "refused", "timed_out", "no_route", "rejected", "cancelled", ""))
FAMILIES = st.sets(st.sampled_from(Family))


@given(st.dictionaries(ADDRESSES, SAID, min_size=1), FAMILIES, st.booleans())
def test_a_family_that_nobody_is_handed_and_nobody_asked_for_leaves_no_trace(
    said: dict[str, str], expect: set[Family], blind: bool
) -> None:
    probes = [f"{f'[{k}]' if ':' in k else k}:4317 grpc {v}" for k, v in said.items() if v]
    world = {"names": f"{{collector: {list(said)}}}", "probes": probes, "expect": sorted(x.value for x in expect)}
    text = "".join(f"{k}: {v}\n" for k, v in world.items()) + ("withheld: [Namespaces, Routes]\n" if blind else "")
    found = traced(f"target: grpc://collector\n{text}")

    handed = {Family.IPV6 if ":" in x else Family.IPV4 for x in said}
    assert {x.family for x in found} == handed | expect
    assert sorted(address for x in found for address in x.addresses) == sorted(said)
    assert {x.family for x in found if not x.addresses} == expect - handed
    assert not [x for x in found if expect and x.required and x.family not in expect]
    assert not [x for x in found if x.accepted and said[x.addresses[0]] != "accepted"]
    assert not [x for x in found if not x.addresses and x.disposition is not Disposition.NO_ADDRESS]


@pytest.mark.parametrize(
    ("target", "addresses"),
    [
        (Target("", "collector", 4317, Protocol.GRPC), ("2001:db8::7", "192.0.2.7")),
        (Target("", "other", 4317, Protocol.GRPC), ()),
        (Target("", "192.0.2.9", 4317, Protocol.GRPC), ("192.0.2.9",)),
        (Target("", "collector", 4317, Protocol.GRPC, addresses=("127.0.0.1",)), ("127.0.0.1",)),
    ],
)
def test_the_addresses_that_a_client_is_handed(target: Target, addresses: tuple[str, ...]) -> None:
    assert addresses_of(target, snapshot(BOTH).having(Names)) == addresses


def test_a_name_without_any_lookup_has_no_addresses() -> None:
    assert addresses_of(Target("", "collector", 4317, Protocol.GRPC), None) == ()

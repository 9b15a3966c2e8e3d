"""The cases of an endpoint are all states of a network, and none is told in two ways."""

import pytest

from dualstack.knowledge import table
from dualstack.model.address import BOTH, Family
from dualstack.model.understood import Case, State
from dualstack.reach.bind import BindRequest, by_state
from dualstack.reach.bind import State as Bare
from dualstack.reach.cases import cases, sentence

ADDRESSES = [
    *("0.0.0.0:1", "[::]:1", ":1", "10.0.0.5:1", "[fd00::5]:1", "127.0.0.1:1", "[::1]:1", "[fe80::1%eth0]:1"),
    *("[::ffff:10.0.0.5]:1", "localhost:1", "name:1", "fd00::5:1", "http://x:1", "", "localhost:x", "h:http"),
]
RUNTIMES = sorted({y for x in table("bind") for y in x["runtime"].split(",")})
NETWORKS = ("tcp", "tcp4", "tcp6", "udp", "udp4", "udp6")


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("having", [(), (Family.IPV4,), (Family.IPV6,), BOTH], ids=str)
def test_each_state_of_a_network_is_in_cases_that_say_the_same(runtime: str, having: tuple[Family, ...]) -> None:
    for address in ADDRESSES:
        for network in NETWORKS:
            request = BindRequest(address, network, runtime=runtime)
            told = [x for x in cases(request, having) if not x.state.localhost]
            if told and not address.startswith("localhost:"):
                for state, bound in by_state(request, having):
                    mine = {(x.error, x.unknown, len(x.binds), x.clients) for x in told if holds(x.state, state)}
                    assert len(mine) == 1, (request, state)
                    assert next(iter(mine))[:3] == (bound.error, bound.unknown, len(bound.sockets))


def holds(wide: State, state: Bare) -> bool:
    return all(getattr(state, x) in getattr(wide, x) or not getattr(wide, x) for x in Bare._fields)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_cases_that_differ_are_told_apart_in_words(runtime: str) -> None:
    for address in ADDRESSES:
        for network in NETWORKS:
            for having in ((), (Family.IPV4,), (Family.IPV6,), BOTH):
                found = cases(BindRequest(address, network, runtime=runtime), having)
                whens = [x.when for x in found]
                assert len(set(whens)) == len(whens), (address, network, having, found)


@pytest.mark.parametrize(
    ("network", "having", "whens"),
    [
        ("tcp4", BOTH, ["", "the loopback has no 127.0.0.1"]),
        ("tcp6", BOTH, ["IPv6 is on", "the loopback alone has no IPv6"]),
        ("tcp6", (Family.IPV4,), ["IPv6 is disabled on every interface", "the kernel has no IPv6"]),
    ],
)
def test_a_transport_leaves_one_address_of_localhost(
    network: str, having: tuple[Family, ...], whens: list[str]
) -> None:
    assert sorted(x.when for x in cases(BindRequest("localhost:1", network), having)) == sorted(whens)


@pytest.mark.parametrize(
    ("address", "network", "said"),
    [
        ("[::]:1", "tcp6", "where IPv6 is disabled on every interface: binds [::]/ipv6-only; nobody can connect"),
        (
            "10.0.0.5:1",
            "tcp",
            "where the address is there: binds 10.0.0.5; clients connect to 10.0.0.5 alone, over IPv4",
        ),
        ("[::1]:1", "tcp", "where IPv6 is on: binds [::1]; clients connect on the loopback alone, over IPv6"),
        ("name:1", "tcp", "not known: what name resolves to there is not known"),
    ],
)
def test_sentences(address: str, network: str, said: str) -> None:
    assert said in map(sentence, cases(BindRequest(address, network)))


def test_a_server_that_starts_without_a_socket() -> None:
    assert sentence(Case("", State())) == "binds nothing; nobody can connect"

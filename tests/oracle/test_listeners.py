"""Real listeners in real namespaces, compared with the predictions of `knowledge/bind.table`.

Every runtime binds every form of host in a namespace of each kind. Its sockets, who can reach them, and its error are
compared. `DUALSTACK_ORACLE=all` makes every namespace that `listeners` can describe.
"""

import socket
from collections.abc import Iterator
from functools import cache

import pytest

from dualstack.gather import namespaces, resolver
from dualstack.gather.netns import find, inside
from dualstack.knowledge import table
from dualstack.model.host import Interface, InterfaceAddress, Namespace
from dualstack.pipeline import within
from dualstack.reach.bind import BindRequest, Bound, accepts, bind, rows
from tests import netns
from tests.oracle.listeners import (
    FIRST_PORT,
    HOSTS,
    PORTS,
    SAMPLE,
    WAYS,
    WORLDS,
    Place,
    Way,
    World,
    as_ss,
    bound,
    heard,
    made,
    reached,
)

# What the table does not say: the JVM picks a zone by itself; asyncio's error has the index of the interface, or is
# that of any address of a name, since it makes a set of them.
UNTOLD = {"jvm": {"[fe80::1]", "[fe80::1%eth0]"}, "asyncio": {"[fe80::1%eth0]", "localhost", "both.test"}}

ADDRESSES = {
    "0.0.0.0": "DS105",
    "[::]": "DS105",
    "[[::]]:4317": "DS105",
    "::1": "DS101",
    "fd00:9::5:4317": "DS101",
    "fe80::1%eth0:4317": "DS101",
    "[::1:4317": "DS101",
    "http://0.0.0.0:4317": "DS104",
    "http://0.0.0.0": "DS104",
    "http://0.0.0.0/v1/traces": "DS104",
    "0.0.0.0[:4317": "DS120",
    "a[b]:4317": "DS120",
    "0.0.0.0]:4317": "DS120",
    "0.0.0.0:4317:4318": "DS119",
    "[::1]:4317:4318": "DS119",
    "[::]:99999": "DS119",
    "[::]:65536": "DS119",
    "[::]:-1": "DS119",
    "[::]:4317 ": "DS119",
    "a b:4317": "DS120",
}
REFUSED = (("tcp", "listen"), ("udp", "listen"), ("udp", "resolve"))


@pytest.fixture(scope="module", params=WORLDS, ids=str)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with made(request.param) as found:
        yield found


def test_a_world_is_what_the_predictions_are_made_from(place: Place) -> None:
    names = [x.name for x in place.world.names]
    space, found = within(place.name, lambda env: (namespaces.namespace(env), [resolver.lookup(env, x) for x in names]))
    told = place.world.namespace

    def facts(namespace: Namespace) -> dict[str, tuple[bool | None, set[str]]]:
        return {x.name: (x.disable_ipv6, {y.address for y in x.addresses}) for x in namespace.interfaces}

    assert (facts(space), space.bindv6only) == (facts(told), told.bindv6only)
    if not told.ipv6_absent:
        assert [(x.addresses, x.error) for x in found] == [(x.addresses, x.error) for x in place.world.names]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_runtime_binds_as_the_table_says(place: Place, way: Way) -> None:
    with heard(place, [*way.argv, str(FIRST_PORT), *HOSTS], len(HOSTS)) as said:
        sockets = bound(place.name)
        answering = reached(place, way.network, sockets)
    untold = set()
    for (host, port), words in zip(PORTS.items(), said, strict=True):
        predicted = bind(place.world.request(way, host))
        if predicted.unknown:
            untold.add(host)
            continue
        assert bool(predicted.error) is (words != "ok"), (host, words, predicted)
        assert words.startswith(predicted.error or "ok"), host
        assert {as_ss(x) for x in predicted.sockets} == sockets.get(port, set()), host
        assert taken(predicted, place.world) == answering.get(port, set()), host
    assert untold <= UNTOLD.get(way.runtime, set())


def taken(predicted: Bound, world: World) -> set[str]:
    """The addresses at which somebody should answer."""
    said = {x: [accepts(socket, x, world.namespace) for socket in predicted.sockets] for x in world.knocked}
    assert not any(None in x for x in said.values())
    return {x for x, answers in said.items() if any(answers)}


@pytest.mark.parametrize(("network", "call"), REFUSED)
def test_go_refuses_what_is_no_address_in_these_words(place: Place, network: str, call: str) -> None:
    with heard(place, [*Way("go", network, call).argv, "-", *ADDRESSES], len(ADDRESSES)) as said:
        expected = [Bound(error=x, cause=y) for x, y in zip(said, ADDRESSES.values(), strict=True)]
    assert [bind(x) for x in refused(place.world, network, call)] == expected


def refused(world: World, network: str, call: str) -> Iterator[BindRequest]:
    """What Go is asked to bind and will not."""
    return (BindRequest(x, network, call, namespace=world.namespace) for x in ADDRESSES)


@cache
def run_rows() -> tuple[dict[str, str], ...]:
    """The rows that answered in the runs of the sample; each run is a test above."""
    asked = [world.request(way, host) for world in SAMPLE for way in WAYS for host in HOSTS]
    asked += [x for world in SAMPLE for way in REFUSED for x in refused(world, *way)]
    return tuple({id(x): x for request in asked for x in rows(request)}.values())


@pytest.mark.parametrize(
    "row", [x for x in table("bind") if x["status"] == "measured"], ids=lambda x: " ".join(x.values())
)
def test_every_row_that_is_called_measured_has_a_run_behind_it(row: dict[str, str]) -> None:
    assert row in run_rows()


def test_a_row_that_nothing_ran_is_called_unverified() -> None:
    assert not [x for x in run_rows() if x["status"] == "unverified"]


def test_an_address_under_detection_of_duplicates_cannot_be_bound() -> None:
    with netns.isolated("bind") as name:
        netns.batch(name, ["link add eth0 type veth peer name peer0", "link set eth0 up", "link set peer0 up"])
        netns.sysctl(name, "net.ipv6.conf.eth0.dad_transmits", 100)
        netns.batch(name, ["address add fd00:9::5/64 dev eth0"])
        argv = [*Way("go", "tcp", "listen").argv, str(FIRST_PORT), "[fd00:9::5]"]
        with heard(Place(World(), name, ""), argv, 1) as said:
            error = said[0]
    eth0 = Interface("eth0", 2, up=True, addresses=(InterfaceAddress("fd00:9::5", 64, ("tentative",)),))
    request = BindRequest(f"[fd00:9::5]:{FIRST_PORT}", namespace=Namespace(name, (eth0,)))
    assert bind(request) == Bound(error=error, cause="DS304")


def test_without_ipv6_on_the_loopback_a_host_does_not_reach_its_own_ipv6_addresses() -> None:
    """And its neighbours do: what is sent to an address of one's own passes the loopback."""
    with made(World(ipv6="lo-off")) as place, heard(place, [*Way("go", "tcp", "listen").argv, "4000", "[::]"], 1):
        beside = reached(place, "tcp", [FIRST_PORT])
        with pytest.raises(TimeoutError):
            inside(find(place.name), lambda: socket.create_connection(("fd00:9::5", FIRST_PORT), 1))
    assert "fd00:9::5" in beside[FIRST_PORT]

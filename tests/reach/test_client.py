"""A question about one client: which addresses it tries, and which failures it never notices."""

import pytest

from dualstack.model.trace import Hop, Status, Trace
from dualstack.reach.client import connects
from dualstack.reach.predict import predict
from dualstack.reach.trace import line
from dualstack.reach.verdict import verdict
from dualstack.testing.incident import snapshot

V6, V4 = "2001:db8::7", "192.0.2.7"
UNROUTED = f'target: grpc://collector\nnames: {{collector: ["{V6}", {V4}]}}\n'
NAME = UNROUTED + f'routes: ["{V6} eth0 2001:db8::5"]\n'
BOTH = "expect: [ipv4, ipv6]\n"


def said(v6: str, v4: str) -> str:
    return f'probes: ["[{V6}]:4317 grpc {v6}", "{V4}:4317 grpc {v4}"]\n'


def traced(world: str) -> dict[str, Trace]:
    return {x.family: x for x in predict(snapshot(world)).items}


# Client, what IPv6 and IPv4 answer, whether each is required, the verdict.
LIVES = {
    "Go leaves a dead IPv6 at once": ("go", "refused", "accepted", False, True, "healthy"),
    "Go leaves a silent IPv6 after 300 ms": ("go", "timed_out", "accepted", False, True, "healthy"),
    "C waits two minutes for a silent IPv6": ("glibc", "timed_out", "accepted", True, True, "degraded"),
    "C leaves an IPv6 that a filter rejects at once": ("glibc", "denied", "accepted", False, True, "healthy"),
    "C leaves a dead IPv6 at once": ("glibc", "refused", "accepted", False, True, "healthy"),
    "Node 18 has nothing but the first": ("node@18", "refused", "accepted", True, False, "broken"),
    "Node 16 never meets IPv6": ("node@16", "refused", "accepted", False, True, "healthy"),
    "everything is dead": ("go", "refused", "refused", True, True, "broken"),
    "a receiver that says no is no connection failure": ("go", "rejected", "accepted", True, True, "degraded"),
}


@pytest.mark.parametrize(("client", "v6", "v4", "needs_v6", "needs_v4", "answer"), LIVES.values(), ids=LIVES)
def test_a_client_needs_the_addresses_that_it_cannot_do_without(
    client: str, v6: str, v4: str, needs_v6: bool, needs_v4: bool, answer: str
) -> None:
    world = f"{NAME}{said(v6, v4)}client: {client}\n"
    found = traced(world)

    assert (found["ipv6"].required, found["ipv4"].required) == (needs_v6, needs_v4)
    assert verdict(predict(snapshot(world))) == answer


@pytest.mark.parametrize(
    ("client", "needed", "answer"),
    [("node@18", True, "broken"), ("glibc", True, "degraded"), ("node@20", False, "healthy"), ("go", False, "healthy")],
)
def test_a_next_hop_that_does_not_answer_takes_no_address_from_the_front(
    client: str, needed: bool, answer: str
) -> None:
    silent = UNROUTED + f'routes: ["{V6} EHOSTUNREACH eth0 2001:db8::5"]\nclient: {client}\n'
    probed = silent + said("unreachable errno=EHOSTUNREACH took=3074", "accepted")

    assert traced(probed)["ipv6"].required is needed
    assert verdict(predict(snapshot(probed))) == answer
    assert traced(f'{silent}probes: ["{V4}:4317 grpc accepted"]\n')["ipv6"].required is needed


def test_a_family_that_is_insisted_on_stays_required() -> None:
    found = traced(NAME + BOTH + said("refused", "accepted") + "client: go\n")

    assert found["ipv6"].required


def test_the_line_says_in_which_place_an_address_is_tried() -> None:
    found = traced(NAME + said("refused", "accepted") + "client: go\n")

    assert " select=go:1 " in line(found["ipv6"])
    assert " select=go:2 " in line(found["ipv4"])
    assert found["ipv4"].at(Hop.SELECT).evidence[0].fact == f"go tries {V6}, {V4}"


def test_an_address_that_is_never_tried_fails_at_select() -> None:
    untried = traced(NAME + BOTH + said("refused", "accepted") + "client: node@18\n")["ipv4"]

    assert line(untried).endswith("resolve=A select=never -> not_tried")
    assert untried.required


def test_an_address_that_answers_too_late_is_no_connection_where_no_other_answers() -> None:
    world = NAME + said("accepted took=410", "refused") + "client: node@20\n"
    late = traced(world)["ipv6"]

    assert line(late).endswith("resolve=AAAA select=late -> timed_out")
    assert connects(late) == "accepted"
    assert verdict(predict(snapshot(world))) == "broken"


def test_a_literal_that_a_client_cannot_use_is_never_tried() -> None:
    world = f'target: grpc://[{V6}]:4317\nprobes: ["[{V6}]:4317 grpc accepted"]\nclient: otel-cpp-grpc@'

    assert [line(traced(f"{world}{x}\n")["ipv6"]).rpartition(" ")[2] for x in ("1.16", "1.17")] == [
        "not_tried",
        "accepted",
    ]


UNTOLD = {
    "no client": NAME + said("refused", "accepted"),
    "one address": f"target: grpc://{V4}\nclient: go\n" + said("refused", "accepted"),
    "an address that nobody probed": f'{NAME}client: go\nprobes: ["{V4}:4317 grpc accepted"]\n',
    "no names": f"{NAME}client: go\nwithheld: [Names]\n" + said("refused", "accepted"),
}


@pytest.mark.parametrize("world", UNTOLD.values(), ids=UNTOLD)
def test_where_too_little_is_known_nothing_is_said(world: str) -> None:
    hops = {x.at(Hop.SELECT).status for x in traced(world).values()}

    assert hops <= {Status.NOT_APPLICABLE, Status.UNKNOWN}


def test_a_family_without_addresses_is_left_as_it_is() -> None:
    names = "names: {collector: [192.0.2.7, 192.0.2.8]}\n"
    probes = 'probes: ["192.0.2.7:4317 grpc accepted", "192.0.2.8:4317 grpc accepted"]\n'
    found = traced(f"target: grpc://collector\n{names}{BOTH}{probes}client: go\n")

    assert line(found["ipv6"]).endswith("resolve=no-AAAA -> no_address")
    assert found["ipv6"].required
    assert found["ipv4"].at(Hop.SELECT).mark == "go:1"


def test_the_order_rests_on_the_routes_where_they_are_in_sight() -> None:
    found = traced(f"{UNROUTED}routes: [{V6} ENETUNREACH]\nclient: go\n" + said("no_route", "accepted"))

    assert found["ipv4"].at(Hop.SELECT).mark == "go:1"
    assert traced(NAME + said("no_route", "accepted") + "client: go\nwithheld: [Routes]\n")["ipv4"].required

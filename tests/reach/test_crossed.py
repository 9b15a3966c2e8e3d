"""Exports that containers on nodes made beat what is predicted for the clients of those nodes."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.inspection import Crossing
from dualstack.model.probe import Outcome, ProbeResult, ProbeTask
from dualstack.model.trace import Disposition, Hop, Status, Trace, TracedHop
from dualstack.reach.arrival import STALE
from dualstack.reach.astray import LACKING
from dualstack.reach.cluster_dns import SHUT_IN
from dualstack.reach.crossed import NOT_SERVED, crossed
from dualstack.reach.netpol import Lack, Way
from dualstack.reach.policy_marks import CHOOSES, SHUT_OUT, UNCLEAR, is_chosen

IP, PORT = "10.96.0.9", 4317
NODES = ("n1", "n2", "n3")
SHUT = SHUT_OUT[Way.IN, Lack.RULE]


def hops(**said: Status) -> tuple[TracedHop, ...]:
    """Every hop passes but handshake and export, and those that are said."""
    known = {Hop.SELECT: Status.NOT_APPLICABLE, Hop.HANDSHAKE: Status.UNKNOWN, Hop.EXPORT: Status.UNKNOWN}
    known |= {Hop(k): v for k, v in said.items()}
    return tuple(TracedHop(x, known.get(x, Status.PASS), f"why {x}") for x in Hop)


def trace(*, addresses: Sequence[str] = (IP,), count: str = "2", **said: Status) -> Trace:
    target = Target("otel.obs.svc", "otel.obs.svc", PORT, Protocol.GRPC)
    mine = tuple(replace(x, mark=count) if x.hop is Hop.ENDPOINTS else x for x in hops(**said))
    became = Disposition.REFUSED if Status.FAIL in said.values() else Disposition.INSUFFICIENT_INFO
    return Trace(
        "pods", target, Protocol.GRPC, Family.IPV4, tuple(addresses), mine, became, nodes=NODES, server="pod a"
    )


def made(node: str, outcome: Outcome, address: str = IP, status: str = "", pod: str = "") -> Crossing:
    return Crossing(node, "", pod, ProbeResult(ProbeTask(address, PORT, Protocol.GRPC, "otel"), outcome, status=status))


def told(one: Trace, *seen: Crossing) -> list[Trace]:
    return list(crossed([one], seen, len(NODES), {}))


def test_without_an_export_it_stays_as_predicted() -> None:
    assert told(trace()) == [trace()]
    assert told(trace(), made("n1", Outcome.ACCEPTED, "10.96.0.8")) == [trace()]
    assert told(trace(), made("n1", Outcome.CANCELLED)) == [trace()]


def test_an_export_that_was_taken_proves_the_way() -> None:
    (found,) = told(trace(), *(made(x, Outcome.ACCEPTED, status="grpc-status 0 OK") for x in NODES))

    assert (found.disposition, found.vantage) == (Disposition.ACCEPTED, "pods")
    assert {x.status for x in found.hops} == {Status.PASS, Status.NOT_APPLICABLE}
    proof = found.at(Hop.EXPORT).evidence[0]
    assert (proof.fact, proof.source) == (
        "accepted; grpc-status 0 OK",
        "grpc export to 10.96.0.9:4317 from the node n1 and 2 more",
    )


def test_it_beats_a_prediction_of_failure() -> None:
    (found,) = told(trace(listen=Status.FAIL), *(made(x, Outcome.ACCEPTED) for x in NODES))

    assert found.disposition is Disposition.ACCEPTED
    assert found.at(Hop.LISTEN).why == ""


def test_nodes_that_fare_differently_are_told_apart() -> None:
    seen = (made("n1", Outcome.ACCEPTED), made("n2", Outcome.TIMED_OUT))

    found = {x.vantage: x.disposition for x in told(trace(), *seen)}

    assert found == {
        "pods on n1": Disposition.ACCEPTED,
        "pods on n2": Disposition.TIMED_OUT,
        "pods on n3": Disposition.INSUFFICIENT_INFO,
    }


@pytest.mark.parametrize(
    ("outcome", "hop", "disposition"),
    [
        (Outcome.NO_ROUTE, Hop.ROUTE, Disposition.NO_ROUTE),
        (Outcome.TIMED_OUT, Hop.POLICY, Disposition.TIMED_OUT),
        (Outcome.TLS_EXPECTED, Hop.HANDSHAKE, Disposition.HANDSHAKE_FAILED),
        (Outcome.REJECTED, Hop.EXPORT, Disposition.REJECTED),
    ],
)
def test_a_failure_is_of_the_hop_where_the_export_ended(outcome: Outcome, hop: Hop, disposition: Disposition) -> None:
    (found,) = told(trace(), *(made(x, outcome) for x in NODES))

    assert found.failing
    assert (found.failing.hop, found.failing.mark, found.disposition) == (hop, outcome, disposition)
    assert found.at(Hop.EXPORT).status is (Status.FAIL if hop is Hop.EXPORT else Status.UNKNOWN)


def test_a_cluster_address_that_refuses_where_pods_accept_is_not_served() -> None:
    (found,) = told(trace(), *(made(x, Outcome.REFUSED) for x in NODES))

    assert found.failing
    assert (found.failing.hop, found.failing.mark) == (Hop.SERVICE, NOT_SERVED)


@pytest.mark.parametrize("unserved", [{"listen": Status.UNKNOWN}, {"service": Status.NOT_APPLICABLE}])
def test_else_a_reset_is_that_of_the_pod(unserved: dict[str, Status]) -> None:
    (found,) = told(trace(**unserved), *(made(x, Outcome.REFUSED) for x in NODES))

    assert found.failing
    assert found.failing.hop is Hop.LISTEN


def test_what_is_predicted_explains_what_was_met() -> None:
    (found,) = told(trace(endpoints=Status.FAIL), *(made(x, Outcome.DENIED) for x in NODES))

    assert found.failing
    assert (found.failing.hop, found.disposition) == (Hop.ENDPOINTS, Disposition.REFUSED)
    assert found.failing.evidence[0].fact == "denied"


def test_one_export_does_not_speak_for_each_of_several_backends() -> None:
    part = trace(count="1-of-2")

    assert told(part, *(made(x, Outcome.ACCEPTED) for x in NODES)) == [part]
    assert told(part, *(made(x, Outcome.TIMED_OUT) for x in NODES))[0].disposition is Disposition.TIMED_OUT


def test_of_several_addresses_one_that_fails_counts() -> None:
    seen = [made(x, y, z) for x in NODES for y, z in ((Outcome.ACCEPTED, IP), (Outcome.TIMED_OUT, "10.96.0.8"))]

    (found,) = told(trace(addresses=(IP, "10.96.0.8")), *seen)

    assert found.disposition is Disposition.TIMED_OUT


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.UNREACHABLE])
def test_where_endpoints_are_of_no_pod_nobody_is_there(outcome: Outcome) -> None:
    by_hand = replace(trace(), server="")

    (found,) = told(by_hand, *(made(x, outcome) for x in NODES))

    assert found.failing is not None
    assert (found.failing.hop, found.failing.mark) == (Hop.POD, STALE)


def test_an_export_of_its_own_beats_that_of_a_pod_of_the_target() -> None:
    (found,) = told(
        replace(trace(), nodes=("n1",)),
        made("n1", Outcome.ACCEPTED, pod="otel-0"),
        made("n1", Outcome.TIMED_OUT),
        made("n1", Outcome.ACCEPTED, pod="otel-1"),
    )

    assert found.disposition is Disposition.TIMED_OUT


def entering(**said: Status) -> Trace:
    return replace(trace(**said), vantage="node port of n2", nodes=("n2",))


def test_who_comes_to_a_node_port_is_on_another_node() -> None:
    near = [made("n2", Outcome.ACCEPTED), made("n1", Outcome.ACCEPTED, pod="otel-0")]

    assert told(entering(), *near) == [entering()]
    (found,) = told(entering(), *near, made("n1", Outcome.TIMED_OUT), made("n3", Outcome.NO_ROUTE))
    assert (found.disposition, found.vantage) == (Disposition.TIMED_OUT, "node port of n2")


def test_one_node_that_gets_through_proves_a_node_port() -> None:
    (found,) = told(entering(), made("n1", Outcome.TIMED_OUT), made("n3", Outcome.ACCEPTED))

    assert found.disposition is Disposition.ACCEPTED


def guarded(mark: str, status: Status) -> Trace:
    one = trace()
    return replace(
        one, hops=tuple(replace(x, mark=mark, status=status) if x.hop is Hop.POLICY else x for x in one.hops)
    )


def test_an_export_that_is_lost_shows_that_a_policy_is_enforced() -> None:
    (found,) = told(guarded(SHUT, Status.UNKNOWN), *(made(x, Outcome.TIMED_OUT) for x in NODES))

    assert found.failing is not None
    assert (found.failing.hop, found.failing.mark, found.disposition) == (Hop.POLICY, SHUT, Disposition.TIMED_OUT)


def test_an_export_that_arrives_shows_that_no_policy_is_enforced() -> None:
    (found,) = told(guarded(SHUT, Status.UNKNOWN), *(made(x, Outcome.ACCEPTED) for x in NODES))

    assert found.disposition is Disposition.ACCEPTED


def test_an_export_that_a_policy_does_not_choose_proves_nothing() -> None:
    (found,) = told(guarded(CHOOSES, Status.PASS), *(made(x, Outcome.TIMED_OUT) for x in NODES))

    assert found.disposition is Disposition.INSUFFICIENT_INFO
    assert found.at(Hop.POLICY).status is Status.UNKNOWN


@pytest.mark.parametrize("mark", [UNCLEAR, SHUT_IN, f"{SHUT}-by-labels"])
@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.TIMED_OUT])
def test_an_export_of_somebody_else_proves_nothing_where_labels_decide(mark: str, outcome: Outcome) -> None:
    before = guarded(mark, Status.UNKNOWN)
    (found,) = told(before, *(made(x, outcome) for x in NODES))

    assert found.disposition is Disposition.INSUFFICIENT_INFO
    assert found.at(Hop.POLICY).status is Status.UNKNOWN
    assert is_chosen(found.at(Hop.POLICY))


POD, FAR = "10.244.0.7", "10.244.1.7"


@pytest.mark.parametrize("outcome", [Outcome.NO_ROUTE, Outcome.TIMED_OUT])
def test_a_cluster_address_that_fails_where_every_pod_is_reached_is_not_served(outcome: Outcome) -> None:
    to_pods = [made("n1", Outcome.ACCEPTED, POD), made("n1", Outcome.ACCEPTED, FAR)]

    (found,) = told(replace(trace(), nodes=("n1",)), *to_pods, made("n1", outcome))

    assert found.failing is not None
    assert (found.failing.hop, found.failing.mark) == (Hop.SERVICE, NOT_SERVED)


def test_a_cluster_address_that_fails_where_a_pod_is_not_reached_is_no_fault_of_the_service() -> None:
    to_pods = [made("n1", Outcome.ACCEPTED, POD), made("n1", Outcome.TIMED_OUT, FAR)]

    (found,) = told(replace(trace(), nodes=("n1",)), *to_pods, made("n1", Outcome.TIMED_OUT))

    assert found.failing is not None
    assert found.failing.hop is Hop.POLICY


def both(**canary: Status) -> tuple[Trace, Trace]:
    """The ways to two backends of one Service: one of which nothing is known, and another."""
    return trace(count="1-of-2"), trace(count="1-of-2", **canary)


def test_a_failure_is_that_of_the_backend_that_is_known_to_fail_so() -> None:
    stable, canary = both(listen=Status.FAIL)
    seen = (made("n1", Outcome.REFUSED), made("n2", Outcome.ACCEPTED), made("n3", Outcome.NO_ROUTE))

    found = list(crossed([stable, canary], seen, len(NODES), {}))

    near = [x for x in found if x.vantage == "pods on n1 and n2"]
    assert [x.disposition for x in near] == [Disposition.INSUFFICIENT_INFO, Disposition.REFUSED]
    assert [x.fact for x in near[1].at(Hop.LISTEN).evidence] == ["refused"]
    away = [x for x in found if x.vantage == "pods on n3"]
    assert [x.disposition for x in away] == [Disposition.NO_ROUTE, Disposition.REFUSED]


def test_another_failure_is_not_explained_by_it() -> None:
    stable, canary = both(listen=Status.FAIL)

    found = list(crossed([stable, canary], [made(x, Outcome.TIMED_OUT) for x in NODES], len(NODES), {}))

    assert found[0].disposition is Disposition.TIMED_OUT


def test_silence_is_that_of_a_backend_that_is_kept_from_clients() -> None:
    stable, canary = both()
    denied = replace(canary, disposition=Disposition.DENIED)

    found = list(crossed([stable, denied], [made(x, Outcome.TIMED_OUT) for x in NODES], len(NODES), {}))

    assert found[0] == stable


def test_each_of_several_backends_with_an_address_of_its_own_is_met_by_itself() -> None:
    (found,) = told(trace(count="1-of-2", service=Status.NOT_APPLICABLE), *(made(x, Outcome.ACCEPTED) for x in NODES))

    assert found.accepted


def test_nodes_that_may_lack_a_family_and_find_no_way_lack_it() -> None:
    open_ended = trace(route=Status.UNKNOWN)
    hops = tuple(replace(x, mark="open") if x.hop is Hop.ROUTE else x for x in open_ended.hops)

    (found,) = told(replace(open_ended, hops=hops), *(made(x, Outcome.NO_ROUTE) for x in NODES))

    assert found.failing
    assert (found.failing.mark, found.disposition) == (LACKING, Disposition.NO_ROUTE)
    assert found.failing.why == "the pods have no IPv4: no route to this address"


def test_an_export_without_credentials_shows_the_way_and_nothing_of_clients() -> None:
    said = "grpc-status 16 UNAUTHENTICATED"

    (found,) = told(trace(), *(made(x, Outcome.REJECTED, status=said) for x in NODES))

    assert found.disposition is Disposition.INSUFFICIENT_INFO
    end = found.at(Hop.EXPORT)
    assert (end.status, end.mark, end.why) == (Status.UNKNOWN, Outcome.REJECTED, f"it wants credentials: {said}")
    assert found.at(Hop.HANDSHAKE).status is Status.PASS


def test_nor_does_one_without_a_certificate() -> None:
    task = ProbeTask(IP, PORT, Protocol.GRPC, "otel", tls=True)
    refused = ProbeResult(task, Outcome.TLS_REFUSED, detail="tlsv13 alert certificate required")

    (found,) = told(trace(), *(Crossing(x, "", "", refused) for x in NODES))

    assert found.at(Hop.HANDSHAKE).status is Status.UNKNOWN
    assert found.at(Hop.EXPORT).status is Status.UNKNOWN
    assert found.at(Hop.LISTEN).status is Status.PASS


def test_a_reset_of_the_pods_as_well_is_of_a_filter_on_the_way() -> None:
    seen = [made("n1", Outcome.REFUSED, POD), made("n1", Outcome.REFUSED)]

    (found,) = told(replace(trace(listen=Status.PASS), nodes=("n1",)), *seen)

    assert found.failing is not None
    assert (found.failing.hop, found.failing.mark) == (Hop.POLICY, "reset")


@pytest.mark.parametrize(
    "said", [{"resolve": Status.FAIL}, {"service": Status.NOT_APPLICABLE, "endpoints": Status.FAIL}]
)
def test_an_address_that_no_name_gives_proves_nothing(said: dict[str, Status]) -> None:
    one = trace(**said)

    assert told(one, *(made(x, Outcome.ACCEPTED) for x in NODES)) == [one]

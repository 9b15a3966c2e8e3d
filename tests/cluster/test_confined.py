"""Exports that fail within the network of one pod, by what was exported around it."""

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listeners
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, gathered
from tests.cluster.test_inside import ADDRESSES, POD, SERVICE, exports, in_pod, on_nodes

LOST = (Outcome.TIMED_OUT, Outcome.NO_ROUTE)


def made(pod: str = "", *, absent: bool = False, **fates: Outcome) -> Inspection:
    """Exports of a pod of the client, or of another one on its node."""
    held = (InterfaceAddress("10.244.1.9", 24), *(() if absent else (InterfaceAddress("fd00:244:0:1::9", 64),)))
    space = Namespace("host", (Interface("eth0", 2, up=True, disable_ipv6=absent, addresses=held),))
    tasks = [(x, fates.get("ipv6" if ":" in x else "ipv4", Outcome.ACCEPTED)) for x in SERVICE]
    results = (ProbeResult(ProbeTask(x, 4317, Protocol.GRPC, "otel.obs"), y) for x, y in tasks)
    facts = {Namespaces: Namespaces((space,)), Listeners: Listeners((), ("host",)), Probes: Probes(tuple(results))}
    return Inspection("n1", "shop", pod, plainly(Snapshot(facts)))


def asked(*looks: Inspection, family: str = "IPv6") -> Diagnosis:
    services = [w.service([family])] if family else [w.service()]
    world = gathered(cart("http://otel.obs:4317"), services=services)
    world.inspections = list(looks)
    return conclude(world, Question())


@pytest.mark.parametrize("fate", LOST)
def test_what_a_client_alone_meets_is_told_from_its_pod(fate: Outcome) -> None:
    found = asked(made("a", ipv6=fate), made(), family="")

    (end,) = {x.failing for x in found.traces if x.failing}
    assert end
    assert [x.source for x in end.evidence[:1] + end.evidence[-1:]] == [
        "grpc export to [fd00:96::9]:4317 from the pod a on n1",
        "grpc export to [fd00:96::9]:4317 from another pod on the node n1",
    ]


def test_a_filter_that_stops_one_client_is_looked_for_in_its_own_network() -> None:
    (fault,) = [x for x in asked(made("a", ipv6=Outcome.TIMED_OUT), made()).findings if x.code == "DS702"]

    assert fault.summary == "A packet filter stops IPv6"
    assert "Another pod on the same node gets through" in fault.detail
    assert "network of the client's pod that the evidence names: `kubectl debug -n NAMESPACE POD -it" in fault.hint


def test_where_the_others_fail_as_well_it_may_be_anywhere() -> None:
    for others in ([made(ipv6=Outcome.TIMED_OUT)], []):
        (fault,) = [x for x in asked(made("a", ipv6=Outcome.TIMED_OUT), *others).findings if x.code == "DS702"]

        assert fault.summary == "A packet filter, or a lost route, stops IPv6"
        assert "on the nodes at both ends" in fault.hint


def test_a_pod_that_does_not_reach_itself_has_the_filter() -> None:
    listening = ("0.0.0.0", None), ("::", True)
    lost = {"ipv6": Outcome.TIMED_OUT}
    (fault,) = _stopped(in_pod(*listening, **lost), *on_nodes(**lost))
    (other,) = _stopped(in_pod(*listening), *on_nodes(**lost))

    assert f"the pod {POD['metadata']['name']}: `kubectl debug -n obs {POD['metadata']['name']} -it" in fault.hint
    assert f"[{ADDRESSES[1]}]:4317 to itself, from inside the pod" in " ".join(x.source for x in fault.evidence)
    assert "on the nodes at both ends" in other.hint


def direct(node: str, **fates: Outcome) -> Inspection:
    """Exports from a node to the addresses of the pod itself, and to the Service."""
    made = Probes((*exports(ADDRESSES, **fates).items, *exports(SERVICE, **fates).items))
    return Inspection(node, "obs", "", plainly(Snapshot({Probes: made})))


def test_a_pod_that_its_node_does_not_reach_has_the_filter_or_answers_for_no_address() -> None:
    listening, lost = (("0.0.0.0", None), ("::", True)), {"ipv6": Outcome.TIMED_OUT}
    (fault,) = _stopped(in_pod(*listening), direct("n1", **lost), direct("n2", **lost))
    (other,) = _stopped(in_pod(*listening), direct("n1"), direct("n2", **lost))

    name = POD["metadata"]["name"]
    assert fault.summary == "A packet filter, or a missing neighbour, stops IPv6"
    assert "Another pod on the same node gets no answer either" in fault.detail
    assert f"in the network of the pod {name}: `kubectl debug -n obs {name} -it" in fault.hint
    assert "and those of the node n1. `ip -6 neigh` there says FAILED" in fault.hint
    assert "on the nodes at both ends" in other.hint


def test_a_pod_that_is_no_neighbour_of_its_node_is_told_from_a_route_between_nodes() -> None:
    listening, lost = (("0.0.0.0", None), ("::", True)), {"ipv6": Outcome.UNREACHABLE}
    (fault,) = _stopped(in_pod(*listening), direct("n1", **lost), direct("n2", **lost), code="DS305")
    (other,) = _stopped(in_pod(*listening), direct("n1"), direct("n2", **lost), code="DS305")

    name = POD["metadata"]["name"]
    assert fault.summary == "The node of the pod does not reach it over IPv6"
    assert "and so does what another pod on the node n1 sends there" in fault.detail
    assert f"Look at `ip -6 neigh` and `ip -6 route get {ADDRESSES[1]}` on the node n1" in fault.hint
    assert f"`kubectl debug -n obs {name} -it --profile=netadmin --image=IMAGE -- nft list ruleset`" in fault.hint
    assert other.summary == "The way to the pods has no IPv6 route"


def test_a_pod_in_the_network_of_its_node_has_none_of_its_own() -> None:
    pod = w.pod("otel-a", "n1")
    pod["spec"]["hostNetwork"] = True
    world = w.world(w.healthy(pods=[pod]))
    world.inspections = [in_pod(("::", False), ipv6=Outcome.TIMED_OUT), *on_nodes(ipv6=Outcome.TIMED_OUT)]

    assert "to itself" not in " ".join(str(x.evidence) for x in conclude(world, Question()).findings)


def _stopped(*looks: Inspection, code: str = "DS702") -> list[Finding]:
    world = w.world(w.healthy(pods=[POD]))
    world.inspections = list(looks)
    found = conclude(world, Question())
    return [x for x in found.findings if x.code == code and "4317" in str(x.flows)]


def test_a_client_whose_ipv6_is_off_is_the_cause() -> None:
    found = asked(made("a", absent=True, ipv6=Outcome.NO_ROUTE), made())

    (cause,) = [x for x in found.findings if not x.because]
    assert (cause.code, cause.summary) == ("DS302", "IPv6 is disabled on `eth0`")
    assert "`pod shop/a`" in cause.detail
    assert {"DS305", "DS501"} <= w.codes(found)


def test_a_client_with_ipv6_has_another_cause() -> None:
    assert "DS302" not in w.codes(asked(made("a", ipv6=Outcome.NO_ROUTE), made()))


def test_an_export_of_the_receiver_itself_is_told_from_its_pod() -> None:
    tasks = [ProbeTask(x, 4317, Protocol.GRPC, "otel.obs.svc") for x in SERVICE]
    probes = Probes(tuple(ProbeResult(x, Outcome.ACCEPTED) for x in tasks))
    world = w.world(w.healthy(pods=[POD]))
    world.inspections = [Inspection("n1", "obs", POD["metadata"]["name"], plainly(Snapshot({Probes: probes})))]

    told = {y.source for x in conclude(world, Question()).traces for h in x.hops for y in h.evidence}
    assert f"grpc export to 10.96.0.9:4317 from the pod {POD['metadata']['name']} on n1" in told
    assert not any("from the node" in x for x in told)

"""A forwarded port through which nothing comes: its stream is open before anybody has accepted a connection."""

from typing import Any

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Hop, Status
from dualstack.report.text import render
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import gathered, sidecar

Object = dict[str, Any]
HTTP, GRPC = Protocol.HTTP, Protocol.GRPC


def looks(place: str, *said: tuple[int, Protocol, Way, Outcome]) -> Glimpses:
    return Glimpses(tuple(Glimpse(place, *x) for x in said))


def told(*said: tuple[int, Protocol, Way, Outcome], grpc: str = "0.0.0.0:4317") -> Diagnosis:
    """A Collector with one pod, of which this was seen."""
    pod = w.pod("otel-a", "n1")
    seen = looks("pod otel-a", (4317, GRPC, Way.LOOPBACK, Outcome.ACCEPTED), *said)
    return w.diagnosed(w.healthy(pods=[pod], slices=w.endpoints([pod]), configs=[w.config(grpc)]), seen=seen)


def test_it_proves_no_connection_and_no_server_that_stays_silent() -> None:
    found = told((4318, HTTP, Way.LOOPBACK, Outcome.SILENT))

    assert found.verdict is Verdict.UNKNOWN
    assert not [x for x in found.findings if x.severity == "error"]
    ends = {x.at(Hop.HANDSHAKE).status for x in found.traces if x.target.port == 4318}
    assert ends == {Status.UNKNOWN}
    assert "does not tell whether a connection was accepted" in " ".join(render(found).split())


def test_who_answers_by_another_way_and_stays_silent_is_silent() -> None:
    found = told((4318, HTTP, Way.ADDRESS, Outcome.SILENT))

    assert [x.code for x in found.findings if x.severity == "error" and not x.because] == ["DS905"]


def test_of_a_program_that_nothing_is_known_of_it_is_said_as_well() -> None:
    pod = w.pod("otel-a", "n1")
    pod["spec"]["containers"][0] |= {"image": "acme/gateway:1", "args": []}
    seen = looks("pod otel-a", (4318, HTTP, Way.LOOPBACK, Outcome.SILENT))
    found = w.diagnosed(w.healthy(pods=[pod], slices=w.endpoints([pod]), configs=[]), seen=seen)

    (why,) = {x.at(Hop.LISTEN).why for x in found.traces if x.target.port == 4318}
    assert why == "nothing came through a forwarded port, which does not tell whether a connection was accepted"


def test_where_the_address_refuses_it_is_no_listener_of_the_loopback() -> None:
    pod = w.pod("otel-a", "n1")
    seen = looks(
        "pod otel-a",
        (4318, HTTP, Way.ADDRESS, Outcome.REFUSED),
        (4318, HTTP, Way.LOOPBACK, Outcome.SILENT),
    )
    found = w.diagnosed(w.healthy(pods=[pod], slices=w.endpoints([pod]), configs=[]), seen=seen)

    assert "DS202" not in w.codes(found)
    assert {x.at(Hop.LISTEN).mark for x in found.traces if x.target.port == 4318} == {"refused", ""}


def test_a_client_beside_its_collector_is_not_known_to_be_answered() -> None:
    pod, *more = sidecar()
    world = gathered(pod, more=more)
    world.seen = looks("pod a", (4317, GRPC, Way.LOOPBACK, Outcome.SILENT))
    found = conclude(world, Question())

    assert found.verdict is Verdict.UNKNOWN
    assert not [x for x in found.findings if x.severity == "error"]


def test_where_no_node_gets_an_answer_that_is_no_silent_server() -> None:
    """A firewall in the pod, of its loopback as well."""
    pod = w.pod("otel-a", "n1")
    world = w.world(w.healthy(pods=[pod], slices=w.endpoints([pod])))
    world.seen = looks("pod otel-a", (4318, HTTP, Way.LOOPBACK, Outcome.SILENT))
    tasks = (ProbeTask(x, 4318, HTTP, "otel.obs.svc") for x in ("10.96.0.9", "fd00:96::9"))
    probes = Probes(tuple(ProbeResult(x, Outcome.TIMED_OUT) for x in tasks))
    world.inspections = [Inspection(x, "obs", "", plainly(Snapshot({Probes: probes}))) for x in ("n1", "n2")]
    found = conclude(world, Question())

    assert "DS905" not in w.codes(found)
    assert {x.failing.hop for x in found.traces if x.failing} == {Hop.POLICY}

"""Receivers that take an empty export and refuse a larger one, as containers on nodes meet them."""

from typing import Any

import pytest
from msgspec.structs import replace

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Family, Protocol, family
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity
from dualstack.model.inspection import Crossing, Inspection
from dualstack.model.probe import Larger, Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Disposition
from dualstack.reach.large_exports import differing
from dualstack.reach.pods import Places
from tests.cluster import worlds as w
from tests.reach.test_crossed import IP, PORT, trace

SERVICE = next(x for x in w.healthy() if x["kind"] == "Service")["spec"]["clusterIPs"]
ONE = [w.pod("otel-a", "n1")]
HELD = [x["ip"] for x in ONE[0]["status"]["podIPs"]]
TOO_LARGE = Larger(Outcome.REJECTED, "HTTP 400", "http: request body too large")
SLOW = Larger(Outcome.SILENT, "", "nothing answered the request within 10 s")


def told(larger: Larger | None, to: list[str] | None = None, *, pod: str = "", **fates: Outcome) -> Diagnosis:
    """Exports from a node to the Service, or from a pod, of which those over HTTP had this larger one behind them."""
    made = []
    for address in to or SERVICE:
        for port, spoken in ((4317, Protocol.GRPC), (4318, Protocol.HTTP)):
            outcome = fates.get(family(address), Outcome.ACCEPTED)
            more: dict[str, Any] = {"larger": larger} if spoken is Protocol.HTTP else {}
            made.append(ProbeResult(ProbeTask(address, port, spoken, "otel.obs.svc"), outcome, **more))
    facts = plainly(Snapshot({Probes: Probes(tuple(made))}))
    world = w.world(w.healthy(pods=ONE))
    world.inspections = [Inspection(x, "obs", pod, facts) for x in (("n1",) if pod else ("n1", "n2"))]
    return conclude(world, Question())


@pytest.mark.parametrize(("to", "pod"), [(SERVICE, ""), (HELD, "otel-a")], ids=["service", "pod"])
def test_a_limit_below_what_clients_send_is_an_error_over_each_family(to: list[str], pod: str) -> None:
    found = told(TOO_LARGE, to, pod=pod)

    assert found.verdict is Verdict.DEGRADED
    (fault,) = found.findings
    assert (fault.code, fault.severity, fault.summary) == ("DS904", Severity.ERROR, "The export is too large")
    assert "one of 12 KiB is not" in fault.detail
    assert "It answered `HTTP 400: http: request body too large`." in fault.detail
    assert "raise `max_request_body_size` of the receiver" in fault.hint
    assert fault.families == (Family.IPV4, Family.IPV6)


def test_one_that_gets_no_answer_is_a_warning() -> None:
    found = told(SLOW)

    assert {(x.code, x.severity) for x in found.findings} == {("DS909", Severity.WARNING)}
    assert found.verdict is Verdict.HEALTHY


def test_one_behind_an_export_that_ended_is_not_told_beside_it() -> None:
    found = told(TOO_LARGE, ipv4=Outcome.TIMED_OUT, ipv6=Outcome.TIMED_OUT)

    assert "DS904" not in w.codes(found)


def test_one_that_is_taken_is_no_fault() -> None:
    assert (told(None).verdict, told(None).findings) == (Verdict.HEALTHY, ())


@pytest.mark.parametrize(("count", "told_of"), [("2", 1), ("1-of-2", 0)])
def test_through_a_service_of_differing_pods_the_larger_one_may_have_come_to_another(count: str, told_of: int) -> None:
    one = replace(trace(count=count), disposition=Disposition.ACCEPTED)
    made = Crossing(
        "n1", "", "", ProbeResult(ProbeTask(IP, PORT, Protocol.GRPC, "otel"), Outcome.ACCEPTED, larger=SLOW)
    )

    assert len(list(differing([one], [made], Places({})))) == told_of

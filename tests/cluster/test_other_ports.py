"""Faults of ports that no known client sends to: behind what clients meet, and errors where they are asked about."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, errors, told

Object = dict[str, Any]
HTTP = "http://otel.obs:4318"
TLS = "https://otel.obs:4318"
GRPC_AWAY = {"configs": [w.config(grpc="127.0.0.1:4317")]}
"""Clients of 4318 do not meet that 4317 is on the loopback."""
NUMBERS = [
    {"name": "otlp-grpc", "port": 4317, "targetPort": 4317},
    {"name": "otlp-http", "port": 4318, "targetPort": 4318},
]


def held(*pods: Object, **instead: Any) -> Stored:
    return Stored(w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(**instead), *pods)]), complete=True)


def of_all(*pods: Object, **instead: Any) -> Diagnosis:
    return conclude_all(survey(Asker(held(*pods, **instead), "")), Question())


def of_service(*pods: Object, **instead: Any) -> Diagnosis:
    found = of(Asker(held(*pods, **instead), "obs"), KubeTarget("svc", "otel"))
    found.clients = survey(Asker(held(*pods, **instead), "")).clients
    return conclude(found, Question())


@pytest.mark.parametrize("ports", [{}, {"services": [w.service(ports=NUMBERS)]}])
def test_what_a_client_does_not_send_to_is_no_error_of_its_own(ports: Any) -> None:
    found = told(cart(HTTP), **GRPC_AWAY, **ports)

    assert found.verdict is Verdict.UNKNOWN
    assert [(x.code, x.severity) for x in found.findings] == [("DS202", Severity.WARNING)]
    assert found.findings[0].detail.endswith("The clients that are asked about do not send there.")


def test_what_breaks_a_client_stands_before_faults_of_other_ports() -> None:
    found = told(cart(TLS), **GRPC_AWAY)

    assert [x.code for x in found.findings] == ["DS902", "DS202"]
    assert errors(found) == ["DS902"]


def test_a_fault_of_the_port_that_a_client_sends_to_stays_an_error() -> None:
    assert "DS202" in errors(told(cart("http://otel.obs:4317"), **GRPC_AWAY))


def test_what_keeps_pods_from_being_ready_concerns_every_client() -> None:
    waiting = [w.pod(x, "n1", conditions=[{"type": "Ready", "status": "False"}]) for x in ("otel-a", "otel-b")]
    found = told(cart(HTTP), **GRPC_AWAY, pods=waiting)

    assert "DS202" in {x.code for x in found.findings if x.severity is Severity.ERROR}


def test_pods_that_are_asked_about_are_not_only_clients() -> None:
    asked = of(Asker(held(**GRPC_AWAY), "obs"), KubeTarget("pod", "otel-a"))

    assert "DS202" in {x.code for x in conclude(asked, Question()).findings if x.severity is Severity.ERROR}


@pytest.mark.parametrize("labels", [{"app": "otel"}, {"app": "cart"}])
def test_what_is_wrong_with_a_service_of_their_own_is_an_error_of_theirs(labels: Object) -> None:
    mine, here = cart(HTTP), w.service(selector=labels, ports=[{"name": "otlp-grpc", "port": 4317, "targetPort": "x"}])
    mine["metadata"] |= {"namespace": "obs", "labels": labels}
    here["metadata"]["name"] = "mine"
    asked = of(Asker(held(mine, here), "obs"), KubeTarget("pod", "a"))
    asked.keep("Service", here)
    found = [x for x in conclude(asked, Question()).findings if x.code == "DS508"]

    assert not [x for x in found if x.detail.endswith("do not send there.")]


def test_of_everything_what_known_clients_meet_comes_first() -> None:
    found = of_all(cart(TLS), **GRPC_AWAY)

    assert [(x.code, x.severity) for x in found.findings if not x.because] == [
        ("DS902", Severity.ERROR),
        ("DS202", Severity.WARNING),
    ]
    assert found.findings[1].detail.endswith("No client that is known sends there.")


def test_a_port_that_no_known_client_uses_makes_nothing_degraded() -> None:
    found = of_all(cart(HTTP), **GRPC_AWAY)

    assert found.verdict is Verdict.UNKNOWN
    assert {x.required for x in found.traces if x.target.port == 4317} == {False}
    assert not errors(found)


@pytest.mark.parametrize("more", [{}, {"services": [w.service(type="NodePort")]}])
def test_where_others_may_come_a_fault_of_any_port_is_an_error(more: Any) -> None:
    clients = [cart(HTTP)] if more else []

    assert "DS202" in errors(of_all(*clients, **GRPC_AWAY, **more))


def test_of_a_service_that_is_asked_about_every_port_counts_behind_what_clients_meet() -> None:
    found = of_service(cart(TLS), **GRPC_AWAY)

    assert [x.code for x in found.findings if not x.because] == ["DS902", "DS202"]
    assert errors(found) == ["DS902", "DS202"]


def test_a_doubt_that_clients_meet_stands_before_an_error_that_none_meets() -> None:
    found = of_service(cart("otel.obs:4318"), **GRPC_AWAY)

    assert [(x.severity, x.met) for x in found.findings if not x.because][:2] == [
        (Severity.WARNING, True),
        (Severity.ERROR, False),
    ]


def test_services_that_no_client_names_stand_behind_those_that_some_do() -> None:
    spare = w.service(selector={"app": "none"}, type="NodePort", clusterIP="10.96.0.8", clusterIPs=["10.96.0.8"])
    spare["metadata"]["name"] = "another"
    found = of_all(cart(TLS), services=[spare, w.service()])

    assert [x.code for x in found.findings if not x.because][:2] == ["DS902", "DS509"]

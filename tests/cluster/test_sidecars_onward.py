"""Collectors beside a client in its pod: what they send on within the cluster is part of the client's way."""

from typing import Any

import pytest

from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Severity
from tests.cluster.test_client_ways import Object, errors, sidecar, told

TRACES = "exporters: [debug]"


def beside(exporter: str, **how: Any) -> list[Object]:
    """A client with a Collector that has this exporter."""
    *rest, held = sidecar(**how)
    text = held["data"]["config.yaml"].replace("exporters: {debug: {}}", f"exporters: {{otlp: {exporter}}}")
    return [*rest, {**held, "data": {"config.yaml": text.replace(TRACES, "exporters: [otlp]")}}]


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    ("exporter", "code"),
    [
        ("{endpoint: 'otell.obs:4317', tls: {insecure: true}}", "DS408"),
        ("{endpoint: 'otel.obs:4318', tls: {insecure: true}}", "DS902"),
        ("{endpoint: '10.96.0.9:4319', tls: {insecure: true}}", "DS508"),
        ("{endpoint: 'otel.obs:4317'}", "DS902"),
    ],
)
def test_what_the_collector_of_a_client_sends_wrong_is_found(exporter: str, code: str, *, native: bool) -> None:
    found = told(*beside(exporter, native=native))

    assert errors(found) == [code]
    assert {x.variable for x in found.exporters} == {"OTEL_EXPORTER_OTLP_ENDPOINT", "exporters.otlp.endpoint"}


@pytest.mark.parametrize("native", [False, True])
def test_what_it_sends_right_is_no_fault(*, native: bool) -> None:
    found = told(*beside("{endpoint: 'otel.obs:4317', tls: {insecure: true}}", native=native))

    assert not errors(found)
    assert {x.target.port for x in found.traces} == {4317}
    assert {x.target.host for x in found.traces} == {"localhost", "otel.obs.svc"}


def test_what_it_sends_out_of_the_cluster_is_not_the_way_that_is_asked_about() -> None:
    found = told(*beside("{endpoint: 'ingest.vendor.example:443'}"))

    assert {x.target.host for x in found.traces} == {"localhost"}


def with_ports(*ports: int, **how: Any) -> list[Object]:
    """A client that sends to the loopback, and a Collector beside it whose container names ports."""
    pod, made, held = sidecar(**how)
    for spec in (pod["spec"], made["spec"]["template"]["spec"]):
        spec["containers"][-1]["ports"] = [{"containerPort": x} for x in ports]
    return [pod, made, held]


@pytest.mark.parametrize("port", [4319, 55680])
def test_a_client_that_sends_to_another_port_of_its_pod_is_told_so_and_nothing_of_the_loopback(port: int) -> None:
    found = told(*with_ports(4317, 4318, port=port))

    (why,) = [x for x in found.findings if x.severity is not Severity.INFO]
    assert (why.code, why.because, why.ports) == ("DS211", (), (port,))
    assert "port 4317" in why.hint


def test_what_goes_nowhere_is_broken_whatever_the_collector_beside_it_could_send_on() -> None:
    on = "{endpoint: 'otel.obs:4317', tls: {insecure: true}}"
    lost, fine = (told(*beside(on, port=x)) for x in (4319, 4317))

    assert (lost.verdict, errors(lost)) == (Verdict.BROKEN, ["DS211"])
    assert (fine.verdict, errors(fine)) == (Verdict.UNKNOWN, [])


def test_of_a_collector_with_a_client_beside_it_the_own_way_counts() -> None:
    pod, *rest = beside("{endpoint: 'otel.obs:4317', tls: {insecure: true}}", port=4319)
    pod["spec"]["containers"].reverse()

    assert told(pod, *rest).verdict is Verdict.DEGRADED

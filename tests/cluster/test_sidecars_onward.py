"""Collectors beside a client in its pod: what they send on within the cluster is part of the client's way."""

import pytest

from tests.cluster.test_client_ways import Object, errors, sidecar, told

TRACES = "exporters: [debug]"


def beside(exporter: str, *, native: bool = False) -> list[Object]:
    """A client with a Collector that has this exporter."""
    *rest, held = sidecar(native=native)
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

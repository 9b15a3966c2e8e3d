"""What exports to pods of a cluster showed, against what is predicted of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.exporter import Exporter
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition, Hop, Status
from tests.cluster import worlds as w
from tests.cluster.test_incidents import (
    ONE,
    V4,
)


def seen(port: int, way: Way, outcome: Outcome, spoken: Protocol = Protocol.GRPC) -> Glimpse:
    return Glimpse("pod otel-a", port, spoken, way, outcome, "said so")


LOOKS: dict[str, tuple[Glimpses, Callable[[Any], bool]]] = {
    "refused at its address": (
        Glimpses((seen(4317, Way.ADDRESS, Outcome.REFUSED),)),
        lambda x: x.disposition is Disposition.REFUSED,
    ),
    "refused at the loopback of a wildcard": (
        Glimpses((seen(4317, Way.LOOPBACK, Outcome.REFUSED),)),
        lambda x: x.at(Hop.LISTEN).mark == "none",
    ),
    "connected": (
        Glimpses((seen(4317, Way.ADDRESS, Outcome.CONNECTED),)),
        lambda x: x.at(Hop.HANDSHAKE).status is Status.PASS,
    ),
    "another language": (
        Glimpses((seen(4317, Way.LOOPBACK, Outcome.HTTP1_SPOKEN),)),
        lambda x: x.disposition is Disposition.HANDSHAKE_FAILED,
    ),
    "no OTLP": (
        Glimpses((seen(4317, Way.ADDRESS, Outcome.NOT_OTLP),)),
        lambda x: x.disposition is Disposition.REJECTED,
    ),
}


@pytest.mark.parametrize("name", LOOKS)
def test_what_was_seen_from_outside_beats_what_is_predicted(name: str) -> None:
    looks, holds = LOOKS[name]

    found = w.diagnosed(w.healthy(pods=ONE), seen=looks)

    assert holds(next(x for x in found.traces if x.family is V4 and x.target.port == 4317))


SHOP = Exporter(
    *("obs", "Pod shop", "shop", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4317", "grpc"),
    signals=("traces",),
    tls=False,
)


def met(way: Way, outcome: Outcome, **said: Any) -> Glimpse:
    return Glimpse("pod otel-a", 4317, Protocol.GRPC, way, outcome, **said)


ELSEWHERE = w.config(grpc="${env:NOWHERE}:4317")


@pytest.mark.parametrize("config", [w.config(), ELSEWHERE], ids=["known", "unknown"])
def test_an_export_tells_more_than_the_proxy_of_an_api_server(config: w.Object) -> None:
    seen = Glimpses((met(Way.ADDRESS, Outcome.CLOSED), met(Way.LOOPBACK, Outcome.TLS_EXPECTED)))

    found = w.diagnosed(w.healthy(pods=ONE, configs=[config]), seen=seen, clients=[SHOP])

    assert w.codes(found) == {"DS902"}
    assert "targetPort" not in found.findings[0].hint
    assert V4 in {y for x in found.findings for y in x.families}


def test_but_not_of_another_socket() -> None:
    other = w.config(grpc="${env:MY_POD_IP}:4317")
    seen = Glimpses((met(Way.ADDRESS, Outcome.CLOSED), met(Way.LOOPBACK, Outcome.TLS_EXPECTED)))

    found = w.diagnosed(w.healthy(pods=ONE, configs=[other]), seen=seen)

    assert next(x.failing.mark for x in found.traces if x.failing and x.family is V4) == Outcome.CLOSED


METRICS = w.config()
METRICS["data"] = {"config.yaml": METRICS["data"]["config.yaml"].replace("traces:", "metrics/a:")}
UNIMPLEMENTED = "grpc-status 12 UNIMPLEMENTED"


def test_a_receiver_without_a_pipeline_of_traces_is_told_from_its_configuration() -> None:
    rejected = met(Way.LOOPBACK, Outcome.REJECTED, status=UNIMPLEMENTED, signals=("metrics",))

    found = w.diagnosed(w.healthy(pods=ONE, configs=[METRICS]), seen=Glimpses((rejected,)), clients=[SHOP])

    assert (w.codes(found), found.verdict) == ({"DS904"}, Verdict.DEGRADED)
    (told,) = found.findings
    assert "is in pipelines of metrics alone, and answers `grpc-status 12 UNIMPLEMENTED` to traces" in told.detail
    assert told.location is not None
    assert (told.location.file, told.location.line) == ("obs/configmap/otel.yaml", 11)
    assert {x.signals for x in found.traces if x.failed} == {("metrics",)}


def test_what_answers_there_is_no_stranger() -> None:
    page = met(Way.ADDRESS, Outcome.NOT_OTLP, status="HTTP 404")

    found = w.diagnosed(w.healthy(pods=ONE, configs=[METRICS]), seen=Glimpses((page,)))

    assert w.roots(found) == ["DS904"]


@pytest.mark.parametrize(
    ("config", "status"), [(w.config(), UNIMPLEMENTED), (METRICS, "grpc-status 16 UNAUTHENTICATED"), (ELSEWHERE, "")]
)
def test_other_rejections_are_what_their_status_says(config: w.Object, status: str) -> None:
    rejected = met(Way.LOOPBACK, Outcome.REJECTED, status=status)

    found = w.diagnosed(w.healthy(pods=ONE, configs=[config]), seen=Glimpses((rejected,)))

    assert not [x for x in found.findings if "pipeline of traces in" in x.hint]


@pytest.mark.parametrize("spaced", [True, False])
def test_a_configuration_in_one_line_of_json_is_read(*, spaced: bool) -> None:
    """Terraform writes so, with the keys in order; a text in YAML may end its lines in spaces."""
    made = w.config("localhost:4317", "localhost:4318")
    whole = yaml.safe_load(made["data"]["config.yaml"])
    made["data"]["config.yaml"] = json.dumps(whole, sort_keys=True, separators=None if spaced else (",", ":"))

    assert set(w.roots(w.diagnosed(w.healthy(configs=[made])))) == {"DS202"}


def led_to(receivers: str, port: int, number: int) -> list[w.Object]:
    """A Service whose port leads to another port of its pods, where these receivers are as well."""
    text = w.config()
    held = text["data"]["config.yaml"].replace("exporters:", f"{receivers}\nexporters:", 1)
    text["data"]["config.yaml"] = held.replace(
        "receivers: [otlp]", "receivers: [otlp, zipkin, jaeger, prometheusremotewrite]"
    )
    ports = [{"name": "otlp", "port": number, "targetPort": port}]
    there = w.endpoints(ONE, ports=[{"name": "otlp", "port": port}])
    return w.healthy(services=[w.service(ports=ports)], pods=ONE, slices=there, configs=[text])


ZIPKIN = '  zipkin: {endpoint: "0.0.0.0:9411"}'


@pytest.mark.parametrize(
    ("receivers", "port", "number", "code", "hint"),
    [
        (ZIPKIN, 9411, 4317, "DS902", "Set `targetPort` to 4317 where the Service says 4317."),
        (
            '  jaeger: {protocols: {grpc: {endpoint: "0.0.0.0:14250"}}}',
            *(14250, 4317, "DS905", "Set `targetPort` to 4317 where the Service says 4317."),
        ),
        (ZIPKIN, 9411, 9411, "DS902", "Send gRPC to a port that leads to 4317 of these pods."),
        (ZIPKIN.replace('"}', '", tls: {cert_file: /a}}'), 9411, 4317, "", ""),
        (ZIPKIN, 9411, 4318, "DS905", "Set `targetPort` to 4318 where the Service says 4318."),
        (ZIPKIN.replace("zipkin", "prometheusremotewrite"), 9411, 4318, "", ""),
    ],
    ids=["http-receiver", "grpc-receiver", "own-port", "with-tls", "http-to-http", "http-to-http-is-open"],
)
def test_a_receiver_of_another_protocol_takes_no_otlp(
    receivers: str, port: int, number: int, code: str, hint: str
) -> None:
    found = w.diagnosed(led_to(receivers, port, number))

    assert [(x.code, x.hint) for x in found.findings if x.code in ("DS902", "DS905")] == [(code, hint)] * bool(code)
    assert found.verdict is (Verdict.BROKEN if code else Verdict.UNKNOWN)


def test_the_page_of_metrics_takes_no_otlp() -> None:
    text = w.config()
    host = (
        "service:\n  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: '0.0.0.0', port: 8888}}}}]}}"
    )
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace("service:", host)
    ports = [{"name": "otlp-http", "port": 4318, "targetPort": 8888}]
    there = w.endpoints(ONE, ports=[{"name": "otlp-http", "port": 8888}])

    found = w.diagnosed(w.healthy(services=[w.service(ports=ports)], pods=ONE, slices=there, configs=[text]))

    (fault,) = (x for x in found.findings if x.code == "DS905")
    assert fault.detail == "`service/telemetry` listens there, which is no OTLP receiver."
    assert fault.hint == "Set `targetPort` to 4318 where the Service says 4318."

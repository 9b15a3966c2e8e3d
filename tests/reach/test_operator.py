"""What the Operator writes into a configuration, and the ports that it takes from one."""

import pytest

from dualstack.gather.collector_config import declared
from dualstack.knowledge import table
from dualstack.model.otel import DeclaredEndpoint
from dualstack.reach.operator import completed, inferred


def endpoints(text: str) -> list[DeclaredEndpoint]:
    return list(declared("x.yaml", lambda _: text.encode(), {}, "").endpoints)


def one(component: str, section: str = "receivers") -> DeclaredEndpoint:
    return endpoints(f"{section}: {{{component}}}")[0]


@pytest.mark.parametrize(
    ("component", "becomes"),
    [
        ("otlp: {protocols: {grpc: {}}}", "0.0.0.0:4317"),
        ("otlp: {protocols: {grpc: {endpoint: ''}}}", "0.0.0.0:4317"),
        ("otlp: {protocols: {grpc: {endpoint: ':4317'}}}", "0.0.0.0:4317"),
        ("otlp: {protocols: {grpc: {endpoint: '4317'}}}", "0.0.0.0:4317"),
        ("otlp/2: {protocols: {http: {endpoint: ':::4318'}}}", "0.0.0.0:4318"),
        ("loki: {protocols: {http: {}}}", "0.0.0.0:3100"),
        ("fluentforward: {}", "0.0.0.0:8006"),
        ("otlp: {protocols: {grpc: {endpoint: 'localhost:4317'}}}", "localhost:4317"),
        ("otlp: {protocols: {grpc: {endpoint: '[::]:4317'}}}", "[::]:4317"),
        ("otlp: {protocols: {grpc: {endpoint: 'http://0.0.0.0:4317'}}}", "http://0.0.0.0:4317"),
        ("otlp: {protocols: {grpc: {endpoint: localhost}}}", "localhost"),
        ("datadog: {}", "localhost:8126"),
        ("udplog: {listen_address: ':5000'}", ":5000"),
    ],
)
def test_what_is_left_out_of_a_receiver_is_written(component: str, becomes: str) -> None:
    endpoint = completed(one(component))

    assert endpoint.effective == becomes
    assert not endpoint.problem


def test_a_probed_extension_is_opened_and_another_is_not() -> None:
    assert completed(one("health_check: ", "extensions")).effective == "0.0.0.0:13133"
    assert completed(one("health_check: {endpoint: '13133'}", "extensions")).effective == "13133"
    assert completed(one("zpages: ", "extensions")).effective == "localhost:55679"


def test_what_cannot_be_read_stays_so() -> None:
    assert completed(one("otlp: {protocols: {grpc: {endpoint: [a, b]}}}")).problem


def test_a_reader_of_metrics_is_opened_where_nobody_has_written_one() -> None:
    reader = "{readers: [{pull: {exporter: {prometheus: {port: 8888}}}}]}"
    own = endpoints(f"service: {{telemetry: {{metrics: {reader}}}}}")

    assert completed(endpoints("service: {pipelines: {}}")[0]).effective == "0.0.0.0:8888"
    assert completed(own[0]).effective == "localhost:8888"


@pytest.mark.parametrize(
    ("component", "section", "port"),
    [
        ("otlp: {protocols: {grpc: }}", "receivers", 4317),
        ("loki: {protocols: {grpc: {endpoint: 'localhost:3600'}}}", "receivers", 3600),
        ("loki: {protocols: {grpc: }}", "receivers", 9095),
        ("otlp: {protocols: {grpc: {endpoint: '[2001:db8::1]:4317'}}}", "receivers", 1),
        ("tcp_log: {listen_address: '[::]:5000'}", "receivers", 5000),
        ("datadog: {endpoint: '0.0.0.0:8126'}", "receivers", 8126),
        ("datadog: {}", "receivers", 0),
        ("syslog: {tcp: {listen_address: '0.0.0.0:514'}}", "receivers", 0),
        ("prometheus: {endpoint: '0.0.0.0:8889'}", "exporters", 8889),
        ("zpages: {endpoint: '0.0.0.0:55679'}", "extensions", 0),
    ],
)
def test_the_port_that_it_takes_from_a_component(component: str, section: str, port: int) -> None:
    assert inferred(one(component, section)) == port


def test_each_port_that_it_knows_belongs_to_an_address_of_the_component() -> None:
    fields = {(x["section"], y, x["field"]) for x in table("components") for y in (x["type"], *x["aliases"].split(","))}
    for row in table("operator_ports"):
        known = (row["section"], row["type"], row["field"]) in fields
        assert known is not (row["section"] == "service" or row["type"] == "jaeger_query"), row

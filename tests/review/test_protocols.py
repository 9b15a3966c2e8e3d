"""Clients in files and the protocol of the port that they send to."""

from pathlib import Path

from dualstack.review import Review, lint
from tests.review.clusters import BOTH, client, collector, found, service


class TestWrongProtocol:
    def test_a_client_on_the_port_of_the_other_protocol(self) -> None:
        text = BOTH + collector()

        assert found(text + client("http/protobuf", "http://otel-collector:4317"), "DS902")
        assert found(text + client("grpc", "http://otel-collector:4318"), "DS902")
        assert not found(text + client("grpc", "http://otel-collector:4317"), "DS902")
        assert not found(text + client("http/protobuf", "http://otel-collector:4318"), "DS902")

    def test_the_port_of_the_service_is_followed_to_the_pod(self) -> None:
        text = service("{name: otlp, port: 80, targetPort: 4318}") + collector()

        assert found(text + client("grpc", "http://otel-collector:80"), "DS902")
        assert not found(text + client("grpc", "http://otel-collector:4318"), "DS902")

    def test_the_operators_services_lead_to_its_collector(self) -> None:
        gateway = """\
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gw}
spec: {config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}, exporters: {debug: {}}}}
"""
        for name in ("gw-collector", "gw-collector-headless"):
            assert found(gateway + client("http/protobuf", f"http://{name}:4317"), "DS902")
        assert not found(gateway + client("http/protobuf", "http://gw-collector-monitoring:4317"), "DS902")

    def test_python_that_the_operator_instruments_speaks_http(self) -> None:
        gateway = """\
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gw}
spec: {config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}, exporters: {debug: {}}}}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: all}
spec: {exporter: {endpoint: "http://gw-collector:4317"}, LANGUAGE}
"""
        alone, beside = gateway.replace("LANGUAGE", "python: {}"), gateway.replace("LANGUAGE", "python: {}, java: {}")
        told = gateway.replace("LANGUAGE", "python: {env: [{name: OTEL_EXPORTER_OTLP_PROTOCOL, value: grpc}]}")

        assert found(alone, "DS902")
        assert not found(beside, "DS902")
        assert not found(told, "DS902")
        assert not found(gateway.replace(", LANGUAGE", ""), "DS902")

    def test_signals_that_share_an_endpoint_may_each_have_a_protocol_of_their_own(self) -> None:
        mixed = client("http/protobuf", "http://otel-collector:4318")
        own = "        - {name: OTEL_EXPORTER_OTLP_%s, value: %s}\n"

        assert not found(BOTH + collector() + mixed, "DS902")
        assert found(BOTH + collector() + mixed + own % ("LOGS_PROTOCOL", "grpc"), "DS902")
        away = own % ("LOGS_ENDPOINT", '"http://otel-collector:4317"')
        assert not found(BOTH + collector() + mixed + own % ("LOGS_PROTOCOL", "grpc") + away, "DS902")

    def test_the_loopback_is_that_of_the_own_pod(self) -> None:
        sidecar = (
            "        - name: shop\n          env: [{name: OTEL_EXPORTER_OTLP_PROTOCOL, value: grpc},"
            ' {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://localhost:4318"}]\n'
        )

        assert found(collector(more=sidecar), "DS902")
        assert not found(collector() + client("grpc", "http://localhost:4318"), "DS902")

    def test_a_service_of_the_same_name_in_another_namespace_is_another(self) -> None:
        spaced = (BOTH + collector()).replace("metadata: {name: otel", "metadata: {namespace: a, name: otel")
        other = service("{port: 4317}").replace("metadata: {name: otel", "metadata: {namespace: b, name: otel")
        text = spaced + "---\n" + other.removesuffix("---\n")

        assert found(text + client("http/protobuf", "http://otel-collector.a:4317"), "DS902")
        assert not found(text + client("http/protobuf", "http://otel-collector.b:4317"), "DS902")

    def test_a_service_of_another_compose_file_is_another(self, tmp_path: Path) -> None:
        conf = 'receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}\nexporters: {debug: {}}\n'
        (tmp_path / "conf.yaml").write_text(conf)
        there = "services: {collector: {volumes: ['./conf.yaml:/etc/otelcol/config.yaml']}}\n"
        app = (
            "services: {app: {environment: {OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf,"
            " OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4317'}}, %s}\n"
        )
        (tmp_path / "a.yaml").write_text(there)
        (tmp_path / "b.yaml").write_text(app % "db: {}")

        assert "DS902" not in {x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings}
        (tmp_path / "b.yaml").write_text(app % there.removeprefix("services: {").rstrip()[:-1])
        assert "DS902" in {x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings}

    def test_another_signal_than_otlp_is_not_judged(self) -> None:
        zipkin = client("grpc", "x").replace("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_ZIPKIN_ENDPOINT")

        assert not found(BOTH + collector() + zipkin.replace('"x"', '"http://otel-collector:4317"'), "DS902")

    def test_an_exporter_of_a_collector(self) -> None:
        agent = """\
---
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}}
exporters: {otlphttp: {endpoint: "http://otel-collector:4317"}}
"""
        assert found(BOTH + collector() + agent, "DS902")

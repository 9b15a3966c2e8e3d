"""Ports of Services and the listeners behind them: what is found, what is left alone, and what a fix writes."""

import pytest
import yaml

from dualstack.model.finding import Applicability, Severity
from tests.review.clusters import BOTH, collector, found, mended, service


class TestPortsOfServices:
    def test_a_port_that_nobody_listens_on_is_led_to_the_receiver(self) -> None:
        text = service("{name: otlp-grpc, port: 4317, targetPort: 4320}, {port: 4318}") + collector()

        (wrong,) = found(text, "DS508")

        assert wrong.severity is Severity.ERROR
        assert "targetPort: 4317" in mended(text, unsafe=True)
        assert mended(text) == text

    def test_a_port_that_is_not_for_otlp_is_a_warning(self) -> None:
        text = service("{name: otlp-grpc, port: 4317}, {name: zipkin, port: 9411}") + collector()

        assert [x.severity for x in found(text, "DS508")] == [Severity.WARNING]

    @pytest.mark.parametrize(
        ("led", "said", "way_out"),
        [
            (
                "otlp-http",
                "`otlp-http`, which is port 4318 of Deployment otel-collector, and no receiver listens",
                4318,
            ),
            ("4318", "port 4318 of Deployment otel-collector, and no receiver listens there", 4318),
            ("nobody", "`nobody` of Deployment otel-collector, and no container there has a port of that name", None),
        ],
    )
    def test_a_port_of_a_container_is_not_said_to_be_missing(self, led: str, said: str, way_out: int | None) -> None:
        ports = "ports: [{name: otlp-http, containerPort: 4318}, "
        text = collector().replace(', http: {endpoint: "0.0.0.0:4318"}', "").replace("ports: [", ports)

        (wrong,) = found(service(f"{{name: otlp-http, port: 4318, targetPort: {led}}}") + text, "DS508")

        assert said in wrong.detail
        asked = f", or let one listen on port {way_out}." if way_out else "."
        assert wrong.hint == f"Name a port that the receiver listens on{asked}"

    def test_a_collector_that_receives_no_otlp_has_ports_left_over(self) -> None:
        text = BOTH + collector(used=", hostmetrics", receivers="      hostmetrics: {}").replace("[otlp, host", "[host")

        assert {x.severity for x in found(text, "DS508")} == {Severity.WARNING}

    @pytest.mark.parametrize(
        "given",
        [
            {"args": ', "--set=receivers.otlp.protocols.grpc.endpoint=0.0.0.0:4320"'},
            {"args": ", --config=/conf/more.yaml"},
            {"more": "        - {name: proxy, image: envoy}\n"},
            {"receivers": "      receiver_of_ours: {listen: 0.0.0.0:4320}", "used": ", receiver_of_ours"},
            {"grpc": "0.0.0.0:${env:PORT}"},
        ],
        ids=["set", "two configurations", "sidecar", "unknown component", "variable"],
    )
    def test_nothing_is_said_where_somebody_may_listen(self, given: dict[str, str]) -> None:
        text = service("{name: otlp-grpc, port: 4317, targetPort: 4320}, {port: 4318}") + collector(**given)

        assert not found(text, "DS508")

    def test_an_unknown_component_without_the_port_of_otlp_does_not_take_it(self) -> None:
        known = collector(grpc="0.0.0.0:4320", receivers="      of_ours: {a: b}", used=", of_ours")

        assert [x.location.line for x in found(BOTH + known, "DS508") if x.location] == [4]

    def test_components_that_listen_on_nothing_leave_no_doubt(self) -> None:
        known = collector(receivers="      hostmetrics: {}", used=", hostmetrics")

        assert found(service("{name: otlp, port: 4320}") + known, "DS508")

    def test_a_sidecar_that_the_operator_adds_may_listen(self) -> None:
        injected = 'metadata: {labels: {app: otel-collector}, annotations: {sidecar.opentelemetry.io/inject: "true"}}'
        text = collector().replace("metadata: {labels: {app: otel-collector}}", injected)

        assert not found(service("{port: 4317, targetPort: nobody}") + text, "DS508")

    def test_the_pods_of_the_operator_have_ports_of_their_own(self) -> None:
        text = """\
apiVersion: v1
kind: Service
metadata: {name: mine, namespace: o}
spec: {selector: {app.kubernetes.io/instance: o.gw}, ports: [{port: 4317, targetPort: otlp-grpc}]}
---
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gw, namespace: o}
spec: {config: {receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}}, exporters: {debug: {}}}}
"""
        assert not found(text, "DS508")

    def test_pods_of_several_workloads_may_listen_one_for_another(self) -> None:
        text = service("{port: 4317, targetPort: 4320}") + collector()
        pod = "kind: Pod\nmetadata: {name: x, labels: {app: otel-collector}}\nspec: {containers: [{}]}\n"
        other = f"---\napiVersion: v1\n{pod}"

        assert found(text, "DS508")
        assert not found(text + other, "DS508")

    @pytest.mark.parametrize(
        ("port", "severity"), [("4317", Severity.ERROR), ("80", Severity.WARNING)], ids=["otlp", "another"]
    )
    def test_nothing_leads_clients_of_a_headless_service_to_another_port(self, port: str, severity: Severity) -> None:
        text = headless(f"{{name: otlp-grpc, port: {port}, targetPort: 4320}}") + collector(grpc="0.0.0.0:4320")

        (wrong,) = found(text, "DS508")

        assert wrong.severity is severity
        assert "It is headless" in wrong.detail
        assert wrong.hint == "Send to port 4320, or listen on this one."
        assert mended(text, unsafe=True) == text

    def test_nor_do_they_need_the_target_port(self) -> None:
        ports = "{name: otlp-grpc, port: 4317, targetPort: 4320}, {name: otlp-http, port: 4318, targetPort: nobody}"

        assert not found(headless(ports) + collector(), "DS508")


def headless(ports: str) -> str:
    """The Service without an address of its own."""
    return service(ports).replace("spec: {", "spec: {clusterIP: None, ")


class TestPortsLeftOut:
    ONE = service("{name: otlp-grpc, port: 4317}")

    def test_the_other_port_is_added_unsafely(self) -> None:
        text = self.ONE + collector()

        (dropped,) = found(text, "DS521")
        ports = next(iter(yaml.safe_load_all(mended(text, unsafe=True))))["spec"]["ports"]

        assert dropped.severity is Severity.WARNING
        assert ports == [
            {"name": "otlp-http", "port": 4318, "targetPort": 4318},
            {"name": "otlp-grpc", "port": 4317},
        ]

    def test_a_port_is_added_in_block_style_too(self) -> None:
        block = self.ONE.replace("ports: [{name: otlp-grpc, port: 4317}]}", "").replace("spec: {", "spec:\n  ")
        block = block.replace(", \n", "\n  ports:\n    - name: otlp-grpc\n      port: 4317\n")

        ports = next(iter(yaml.safe_load_all(mended(block + collector(), unsafe=True))))["spec"]["ports"]

        assert [x["port"] for x in ports] == [4318, 4317]

    def test_a_port_that_is_there_and_leads_elsewhere_is_led_to_the_receiver(self) -> None:
        ports = "{name: otlp-grpc, port: 4317}, {name: otlp-http, port: 4318, targetPort: 9411}"
        text = service(ports) + collector()

        (dropped,) = found(text, "DS521")

        assert dropped.summary == "Service leads port 4318 elsewhere"
        assert mended(text, unsafe=True) == text.replace("9411", "4318")

    SWAPPED = "{name: otlp-grpc, port: 4317, targetPort: 4318}, {name: otlp-http, port: 4318, targetPort: 4317}"

    def test_ports_that_lead_each_to_the_other_receiver_are_led_to_their_own(self) -> None:
        text = service(self.SWAPPED) + collector()

        assert [x.summary for x in found(text, "DS521")] == [
            "Service leads port 4317 elsewhere",
            "Service leads port 4318 elsewhere",
        ]
        assert [x.severity for x in found(text, "DS521")] == [Severity.WARNING] * 2
        assert not found(mended(text, unsafe=True), "DS521")

    def test_a_receiver_without_a_port_is_led_to_by_none(self) -> None:
        text = service("{port: 4317}, {name: otlp-http, port: 4318}") + collector()

        assert not found(text.replace("0.0.0.0:4317", "0.0.0.0"), "DS521")

    def test_a_headless_service_swaps_nothing(self) -> None:
        assert not found(headless(self.SWAPPED) + collector(), "DS521")

    def test_a_port_of_another_number_is_what_somebody_wants(self) -> None:
        ports = "{port: 4317}, {name: otlp-http, port: 4318}, {name: more, port: 80, targetPort: 4318}"
        assert not found(service(ports) + collector(), "DS521")

    def test_an_unnamed_port_is_left_to_a_person(self) -> None:
        (dropped,) = found(service("{port: 4317}") + collector(), "DS521")

        assert dropped.fix
        assert dropped.fix.applicability is Applicability.MANUAL

    @pytest.mark.parametrize(
        "given",
        [
            {"http": "127.0.0.1:4318"},
            {"http": "0.0.0.0:${env:PORT}"},
            {"host": "}, {containerPort: 4318, hostPort: 4318"},
        ],
        ids=["loopback", "unknown", "host port"],
    )
    def test_a_port_that_others_cannot_use_or_reach_otherwise_is_left_alone(self, given: dict[str, str]) -> None:
        assert not found(self.ONE + collector(**given), "DS521")

    def test_a_service_without_otlp_does_not_count(self) -> None:
        assert not found(service("{name: metrics, port: 8888}") + collector(), "DS521")

    def test_a_headless_service_leaves_no_port_out(self) -> None:
        assert not found(headless("{name: otlp-grpc, port: 4317}") + collector(), "DS521")

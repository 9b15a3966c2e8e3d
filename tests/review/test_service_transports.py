"""Ports of Services that are for TCP where a receiver takes UDP, and the reverse."""

import pytest

from dualstack.review import lint
from dualstack.testing.files import file

WORLD = """\
apiVersion: v1
kind: Service
metadata: {name: col}
spec:
  selector: {app: col}
  ports: [%s]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: col}
data:
  c.yaml: |
    receivers: {%s}
    exporters: {debug: {}}
    service: {pipelines: {metrics: {receivers: [%s], exporters: [debug]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: col, labels: {app: col}}
spec:
  containers:
    - name: col
      image: otel/opentelemetry-collector-contrib:0.139.0
      ports: [{name: stats, containerPort: 8125, protocol: UDP}]
      volumeMounts: [{name: conf, mountPath: /conf}]
%s  volumes: [{name: conf, configMap: {name: col}}]
"""
STATSD, SYSLOG = (
    'statsd: {endpoint: "0.0.0.0:8125"}',
    'syslog: {tcp: {listen_address: "0.0.0.0:5140"}, protocol: rfc5424}',
)
OTLP = 'otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}'


def told(ports: str, receivers: str, used: str, more: str = "") -> list[str]:
    answer = lint(file(WORLD % (ports, receivers, used, more)))
    assert not answer.errors
    return [f"{x.severity}: {x.summary}" for x in answer.diagnosis.findings if x.code == "DS508"]


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ("{port: 8125}", ["error: Port 8125 takes UDP, not TCP"]),
        ("{port: 9125, targetPort: 8125}", ["error: Port 8125 takes UDP, not TCP"]),
        ("{port: 9125, targetPort: stats}", ["error: Port stats takes UDP, not TCP"]),
        ("{port: 8125}, {port: 4317}", ["error: Port 8125 takes UDP, not TCP"]),
        ("{port: 8125, protocol: UDP}", []),
        # Clients have what they need; the port that is left over is for nobody.
        ("{port: 8125}, {port: 8125, protocol: UDP}", []),
        ("{port: 8125}, {port: 8125, protocol: UDP}, {port: 4317}", ["warning: Nobody listens on port 8125"]),
        ("{port: 4317, protocol: UDP}", ["error: Port 4317 takes TCP, not UDP"]),
        ("{port: 9999}", []),
        ("{port: 9999}, {port: 4317}", ["warning: Nobody listens on port 9999"]),
    ],
)
def test_a_port_is_for_the_transport_that_the_receiver_takes(ports: str, expected: list[str]) -> None:
    assert told(ports, f"{STATSD}, {OTLP}", "statsd, otlp") == expected


def test_a_receiver_of_tcp_is_not_reached_over_udp() -> None:
    assert told("{port: 514, targetPort: 5140, protocol: UDP}", SYSLOG, "syslog") == [
        "error: Port 5140 takes TCP, not UDP"
    ]
    assert told("{port: 514, targetPort: 5140}", SYSLOG, "syslog") == []


def test_otlp_is_sent_over_tcp_whatever_else_runs_there() -> None:
    beside = "    - {name: proxy, image: envoy}\n"
    answer = lint(file(WORLD % ("{port: 4317, protocol: UDP}", OTLP, "otlp", beside)))

    (one,) = [x for x in answer.diagnosis.findings if x.code == "DS508"]
    assert (str(one.severity), one.hint) == ("error", "Write `protocol: TCP` in that port of the Service.")
    assert told("{port: 4317, protocol: UDP}, {port: 4317}", OTLP, "otlp", beside) == []


def test_nothing_is_certain_where_another_container_may_listen() -> None:
    assert told("{port: 8125}", STATSD, "statsd", "    - {name: proxy, image: envoy}\n") == []
    assert told("{port: 8125}", f"{STATSD}, unknown: {{}}", "statsd, unknown") == []

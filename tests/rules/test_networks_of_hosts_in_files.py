"""Collectors in the network of a host, and who speaks to them: at the address of the node, or over its loopback."""

import pytest

from dualstack.review import lint
from dualstack.testing.files import file

AGENT = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: agent}}
data:
  c.yaml: |
    receivers: {{otlp: {{protocols: {{http: {{endpoint: {address}}}}}}}}}
    exporters: {{debug: {{}}}}
    service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}}}
---
apiVersion: apps/v1
kind: {kind}
metadata: {{name: agent}}
spec:
  template:
    spec:
      hostNetwork: {network}
      containers:
        - name: otel
          image: otel/opentelemetry-collector:0.139.0
          volumeMounts: [{{name: c, mountPath: /c}}]
      volumes: [{{name: c, configMap: {{name: agent}}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop}}
spec:
  template:
    spec:
      hostNetwork: {beside}
      containers:
        - name: shop
          env:
            - {{name: IP, valueFrom: {{fieldRef: {{fieldPath: {field}}}}}}}
            - {{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "{endpoint}"}}
"""
USUAL = {
    "address": "127.0.0.1:4318",
    "kind": "DaemonSet",
    "network": "true",
    "beside": "false",
    "field": "status.hostIP",
    "endpoint": "http://$(IP):4318",
}


def told(text: str, code: str) -> list[str]:
    answer = lint(file(text))
    assert not answer.errors
    return [f"{x.severity} {x.location.line}" for x in answer.diagnosis.findings if x.code == code and x.location]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["warning 6"]),
        ({"address": "localhost:4318"}, ["warning 6"]),
        ({"address": "'[::1]:4318'"}, ["warning 6"]),
        ({"endpoint": "http://[$(IP)]:4318/v1/traces"}, ["warning 6"]),
        ({"beside": "true"}, ["warning 6"]),
        ({"address": "0.0.0.0:4318"}, []),
        ({"address": "127.0.0.1:4319"}, []),
        ({"endpoint": "http://$(IP):4317"}, []),
        ({"endpoint": "http://$(OTHER):4318"}, []),
        ({"field": "status.podIP"}, []),
        ({"kind": "Deployment"}, []),
        ({"network": "false"}, []),
    ],
)
def test_the_address_of_a_node_is_not_its_loopback(given: dict[str, str], expected: list[str]) -> None:
    assert told(AGENT.format(**{**USUAL, **given}), "DS202") == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["warning 34"]),
        ({"endpoint": "http://127.0.0.1:4318"}, []),
        ({"beside": "false"}, []),
        ({"network": "false"}, []),
        ({"kind": "Deployment"}, []),
        ({"address": "'[::1]:4318'", "endpoint": "http://127.0.0.1:4318"}, ["warning 34"]),
    ],
)
def test_pods_in_the_network_of_a_node_share_its_loopback(given: dict[str, str], expected: list[str]) -> None:
    usual = {**USUAL, "beside": "true", "endpoint": "http://[::1]:4318"}
    assert told(AGENT.format(**{**usual, **given}), "DS203") == expected


COMPOSE = """\
services:
  otel: {network_mode: %s, configs: [{source: c, target: /etc/otelcol/config.yaml}]}
  shop: {network_mode: %s, environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://[::1]:4318"}}
configs:
  c:
    content: |
      receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:4318"}}}}
"""


@pytest.mark.parametrize(
    ("receives", "sends", "expected"),
    [
        ("host", "host", ["warning 3"]),
        ("bridge", "service:otel", ["warning 3"]),
        ("service:shop", "bridge", ["warning 3"]),
        ("bridge", "host", []),
        ("host", "bridge", []),
    ],
)
def test_services_of_compose_in_one_network_share_its_loopback(receives: str, sends: str, expected: list[str]) -> None:
    assert told(COMPOSE % (receives, sends), "DS203") == expected

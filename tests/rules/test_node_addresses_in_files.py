"""Ports of nodes that two workloads take on the same or on different addresses of the node."""

import pytest

from dualstack.review import lint
from dualstack.testing.files import file


def taking(name: str, *ports: str) -> str:
    listed = ", ".join(f"{{containerPort: 4317, {x}}}" for x in ports)
    return f"""---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: {name}}}
spec: {{template: {{spec: {{containers: [{{name: otlp, ports: [{listed}]}}]}}}}}}
"""


def listening(name: str, address: str) -> str:
    return f"""---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}}}
data:
  config.yaml: |
    receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "{address}"}}}}}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: {name}}}
spec:
  template:
    spec:
      hostNetwork: true
      containers: [{{name: otel, image: "otel/opentelemetry-collector", volumeMounts: [{{name: c, mountPath: /}}]}}]
      volumes: [{{name: c, configMap: {{name: {name}}}}}]
"""


def told(text: str) -> list[str]:
    answer = lint(file(text))
    assert not answer.errors
    return [x.severity for x in answer.diagnosis.findings if x.code == "DS607"]


HOST = "hostPort: 4317, hostIP: "


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (HOST + "127.0.0.1", HOST + "169.254.20.10", []),
        (HOST + "127.0.0.1", HOST + "127.0.0.1", ["error"]),
        (HOST + '"::1"', HOST + "127.0.0.1", []),
        (HOST + "127.0.0.1", "hostPort: 4317", ["error"]),
        (HOST + "10.0.0.1", HOST + "0.0.0.0", ["error"]),
        # To the scheduler this one is an address like others.
        (HOST + "10.0.0.1", HOST + '"::"', []),
        (HOST + '"::"', "hostPort: 4317", ["error"]),
        (HOST + "127.0.0.1, protocol: UDP", HOST + "127.0.0.1", []),
    ],
)
def test_a_port_is_taken_once_for_each_address_of_a_node(one: str, other: str, expected: list[str]) -> None:
    assert told(taking("a", one) + taking("b", other)) == expected


def test_a_workload_is_told_once_that_it_meets_another_one_whatever_addresses_it_takes() -> None:
    both = taking("a", HOST + "10.0.0.1", HOST + "10.0.0.2")
    assert told(both + taking("b", HOST + "10.0.0.2")) == ["error"]
    assert told(both + taking("b", HOST + "10.0.0.3")) == []
    assert told(both + taking("b", "hostPort: 4317")) == ["error"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("127.0.0.1:4317", "10.0.0.1:4317", []),
        ("localhost:4317", "127.0.0.1:4317", ["error"]),
        ("localhost:4317", "[::1]:4317", []),
        ("[::]:4317", "127.0.0.1:4317", ["error"]),
        (":4317", "[::1]:4317", ["error"]),
        ("${env:IP}:4317", "10.0.0.1:4317", ["error"]),
    ],
)
def test_listeners_in_the_network_of_a_node_are_told_apart_by_the_address_that_they_bind(
    one: str, other: str, expected: list[str]
) -> None:
    assert told(listening("a", one) + listening("b", other)) == expected

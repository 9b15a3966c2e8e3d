"""Grafana Tempo has the receivers of the Collector in a configuration of its own."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity
from dualstack.report.verbs.understood import render_json
from dualstack.review import explained, lint
from dualstack.testing.files import file
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart
from tests.cluster.test_client_ways import told as client_told

Object = dict[str, Any]
OPEN = "grpc: {endpoint: '0.0.0.0:4317'}, http: {endpoint: '0.0.0.0:4318'}"
LEFT_OUT = "grpc: , http: "


def text(protocols: str, **more: str) -> str:
    rest = "".join(f"  {k}: {v}\n" for k, v in more.items())
    receivers = f"  receivers: {{otlp: {{protocols: {{{protocols}}}}}}}\n"
    return (
        f"server: {{http_listen_port: 3200}}\ndistributor:\n{rest}{receivers}storage: {{trace: {{backend: local}}}}\n"
    )


def tempo(protocols: str, image: str, **more: str) -> Diagnosis:
    pod = deepcopy(w.pod("otel-a", "n1"))
    pod["spec"]["containers"][0] |= {"image": image, "args": ["-config.file=/conf/tempo.yaml"]}
    config = w.config()
    config["data"] = {"tempo.yaml": text(protocols, **more)}
    made = w.deployment()
    made["spec"]["template"]["spec"] = {k: v for k, v in pod["spec"].items() if k != "nodeName"}
    return w.diagnosed(w.healthy(pods=[pod], configs=[config], workloads=[made]))


@pytest.mark.parametrize("more", [{}, {"log_received_spans": "{enabled: true}"}])
@pytest.mark.parametrize(
    ("image", "protocols", "codes"),
    [
        ("grafana/tempo:2.8.2", LEFT_OUT, {"DS202"}),
        ("grafana/tempo:2.7.0", "grpc: {endpoint: 'localhost:4317'}, http: {endpoint: 'localhost:4318'}", {"DS202"}),
        ("grafana/tempo:2.6.1", LEFT_OUT, set()),
        ("grafana/tempo:2.8.2", OPEN, set()),
    ],
)
def test_its_listeners_are_those_of_its_version(
    image: str, protocols: str, codes: set[str], more: dict[str, str]
) -> None:
    found = tempo(protocols, image, **more)

    assert {x.code for x in found.findings if x.severity is Severity.ERROR} - {"DS201"} == codes


def test_it_is_called_by_its_name_and_its_fields_by_theirs() -> None:
    found = [x for x in tempo(LEFT_OUT, "grafana/tempo:2.8.2").findings if x.code == "DS202"]

    for one, name in zip(found, ("grpc", "http"), strict=True):
        assert "held by `Tempo`" in one.detail
        assert f"Set `distributor.receivers.otlp.protocols.{name}.endpoint` in" in one.hint
        assert "`receivers." not in f"{one.detail} {one.hint} {one.evidence}"


def test_where_nobody_says_which_one_runs_its_own_versions_are_told() -> None:
    said = f"""apiVersion: v1
kind: ConfigMap
metadata: {{name: tempo}}
data:
  tempo.yaml: |
    distributor:
      receivers: {{otlp: {{protocols: {{{LEFT_OUT}}}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: tempo}}
spec:
  template:
    metadata: {{labels: {{app: tempo}}}}
    spec:
      containers:
        - name: tempo
          image: grafana/tempo:main
          args: [-config.file=/conf/tempo.yaml]
          ports: [{{containerPort: 4317}}]
          volumeMounts: [{{name: conf, mountPath: /conf}}]
      volumes: [{{name: conf, configMap: {{name: tempo}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: tempo}}
spec: {{selector: {{app: tempo}}, ports: [{{name: otlp-grpc, port: 4317}}]}}
"""
    (one,) = [x for x in lint(file(said)).diagnosis.findings if x.code == "DS214"]

    assert one.detail.endswith("Before 2.7 it was every address.")
    assert "`distributor.receivers.otlp.protocols.grpc.endpoint`" in one.hint


def test_the_collectors_own_metrics_are_none_of_it() -> None:
    shown = render_json(explained(file(text(OPEN)))[0])

    assert "distributor.receivers.otlp" in shown
    assert "service/telemetry" not in shown


def test_as_a_file_it_is_judged_as_well() -> None:
    said = text("grpc: {endpoint: '::1:4317'}", ring="{kvstore: {store: memberlist}}")

    assert [x.code for x in lint(file(said)).diagnosis.findings] == ["DS101"]


def with_ports(pod: Object, port: int, protocols: str) -> dict[str, Any]:
    """A world in which a pod of Tempo has these receivers, and its Service leads to 4317 and to another port."""
    pod["spec"]["containers"][0] |= {"image": "grafana/tempo:2.9.0", "args": ["-config.file=/conf/tempo.yaml"]}
    pod["spec"]["containers"][0] |= {"readinessProbe": {"httpGet": {"path": "/ready", "port": 3200}}}
    made = w.deployment()
    made["spec"]["template"]["spec"] = {k: v for k, v in pod["spec"].items() if k != "nodeName"}
    config = {**w.config(), "data": {"tempo.yaml": text(protocols)}}
    ports = [{"name": f"p{x}", "port": x} for x in (4317, port)]
    slices = w.endpoints([pod], ports=ports)
    services = [w.service(ports=ports)]
    return {"pods": [pod], "configs": [config], "workloads": [made], "services": services, "slices": slices}


def test_it_has_ports_of_its_own() -> None:
    found = client_told(cart("http://otel.obs:4317"), **with_ports(deepcopy(w.pod("otel-a", "n1")), 3200, OPEN))

    assert not [x for x in found.findings if x.severity is not Severity.INFO]


@pytest.mark.parametrize(
    ("port", "named", "said"),
    [
        (4318, False, "Nothing listens on port 4318"),
        (3200, True, "No receiver listens on port 3200"),
        (9095, False, "No receiver listens on port 9095"),
    ],
)
def test_what_it_has_no_receiver_for_is_told(port: int, named: bool, said: str) -> None:
    pod = deepcopy(w.pod("otel-a", "n1"))
    ports = [{"containerPort": 4317}, *([{"containerPort": port}] if named else [])]
    pod["spec"]["containers"][0] |= {"ports": ports}
    found = client_told(cart(f"http://otel.obs:{port}"), **with_ports(pod, port, "grpc: {endpoint: '0.0.0.0:4317'}"))

    errors = [x for x in found.findings if x.severity is Severity.ERROR and not x.because]
    assert found.verdict is Verdict.BROKEN
    assert [x.code for x in errors] in (["DS211"], ["DS508"])
    assert any(said in f"{x.summary} {x.detail}" for x in found.findings)

"""Grafana Tempo has the receivers of the Collector in a configuration of its own."""

from copy import deepcopy

import pytest

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Severity
from dualstack.review import lint
from dualstack.testing.files import file
from tests.cluster import worlds as w

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


def test_as_a_file_it_is_judged_as_well() -> None:
    said = text("grpc: {endpoint: '::1:4317'}", ring="{kvstore: {store: memberlist}}")

    assert [x.code for x in lint(file(said)).diagnosis.findings] == ["DS101"]

"""What is told by its text alone and not parsed: whatever it is, the answer is as if everything were."""

import random
from pathlib import Path

import pytest

from dualstack.gather import glance
from dualstack.gather.files import Text
from dualstack.gather.recognise import Found, take
from dualstack.gather.settle import settle
from dualstack.model.address import BOTH
from dualstack.model.question import Question
from dualstack.review import Review, lint
from dualstack.testing.files import file
from tests.rules.test_examples import FILES, named

SERVICE = """apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {selector: {app: APP}, ports: [{port: 80}]}
"""
WORKLOAD = """apiVersion: apps/v1
kind: Deployment
metadata: {name: collector}
spec: {template: {metadata: {labels: {app: LABEL}}, spec: {containers: [{name: c, image: otel/collector}]}}}
"""


@pytest.mark.parametrize(("rule", "kind", "text"), FILES, ids=named(FILES))
def test_an_example_is_judged_as_if_all_were_parsed(
    rule: object, kind: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lint(file(text))
    monkeypatch.setattr(glance, "speaks", lambda *_: True)

    assert lint(file(text)).diagnosis == before.diagnosis


def test_a_cluster_of_all_examples_is_judged_as_if_all_were_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(5)
    for number, (_, _, text) in enumerate(FILES):
        folder = tmp_path / str(rng.randrange(4))
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.yaml").write_text(text)
    request = Review((str(tmp_path),), question=Question(cluster=BOTH, expect=BOTH))
    before = lint(request)
    monkeypatch.setattr(glance, "speaks", lambda *_: True)

    assert lint(request).diagnosis.findings == before.diagnosis.findings
    assert before.diagnosis.findings


def services(*texts: str, wanted: frozenset[str] | None) -> list[str]:
    """The names of the Services that are read."""
    found = Found()
    for number, text in enumerate(texts):
        take(Text(f"{number}.yaml", text, named=False), found)
    settle(found, wanted)
    return [x.meta.name for x in found.services]


def service(name: str, app: str = "shop") -> str:
    return SERVICE.replace("NAME", name).replace("APP", app)


def test_a_service_is_read_where_something_leads_to_it() -> None:
    assert services(service("cart"), service("gateway"), wanted=frozenset({"gateway"})) == ["gateway"]
    assert services(service("cart", "collector-1"), service("mail"), wanted=frozenset({"collector-1"})) == ["cart"]
    assert services(service("cart"), wanted=frozenset()) == []
    assert services(service("gâteau"), service("cart"), wanted=frozenset({"gâteau"})) == ["gâteau"]
    assert services(service("cart"), wanted=None) == ["cart"]


@pytest.mark.parametrize(
    "text",
    [
        '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "gateway"}, "spec": {}}',
        'apiVersion: v1\nkind: "Service"\nmetadata: {name: "gate\\x77ay"}\nspec: {}\n',
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: gateway}, spec: {}}\n",
        "  apiVersion: v1\n  kind: Service\n  metadata:\n    name: 'gateway'\n",
    ],
)
def test_a_service_is_known_however_it_is_written(text: str) -> None:
    assert services(text, wanted=frozenset({"gateway"})) == ["gateway"]


def test_a_namesake_is_read_too_because_the_nearer_one_is_meant() -> None:
    wanted = frozenset({"collector-1"})
    assert services(service("cart", "collector-1"), service("cart", "other"), wanted=wanted) == ["cart", "cart"]


def test_labels_of_pods_lead_to_their_services(tmp_path: Path) -> None:
    config = 'receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:80"}}}}\nexporters: {debug: }\n'
    pod = f"""apiVersion: v1
kind: Pod
metadata: {{name: edge, labels: {{app: edge-1}}}}
spec:
  containers:
  - {{name: c, image: otel/opentelemetry-collector, volumeMounts: [{{name: c, mountPath: /etc/otelcol}}]}}
  volumes: [{{name: c, configMap: {{name: edge}}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: edge}}
data:
  config.yaml: |
    {config.strip().replace(chr(10), chr(10) + "    ")}
"""
    (tmp_path / "pod.yaml").write_text(pod)
    assert "DS202" not in {x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings}
    (tmp_path / "service.yaml").write_text(service("edge", "edge-1"))
    assert "DS202" in {x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings}

"""An Instrumentation that sends to the loopback, and the pods that ask for it."""

from pathlib import Path

import pytest

from dualstack.review import Review, lint
from dualstack.testing.files import file

RESOURCE = """\
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {%s}
spec:
  exporter: {endpoint: "http://localhost:4317"}
%s
---
"""
POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart%s}
spec:
  template:
    metadata: {annotations: {%s}}
    spec:
      %s
"""
OWN = 'env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://otel:4317"}]'
JAVA, ALONE = "instrumentation.opentelemetry.io/inject-java", 'containers: [{name: cart, image: "cart:1"}]'


def told(about: str, note: str, spec: str = ALONE, *, resource: str = "  java: {}", namespace: str = "") -> list[str]:
    answer = lint(file(RESOURCE % (about, resource) + POD % (namespace, note, spec)))
    assert not answer.errors
    return [f"{x.severity} {x.location.line}" for x in answer.diagnosis.findings if x.code == "DS110" and x.location]


@pytest.mark.parametrize(
    ("about", "note", "expected"),
    [
        ("name: all", f'{JAVA}: "true"', ["error 5"]),
        ("name: all", f"{JAVA}: all", ["error 5"]),
        ("name: all, namespace: obs", f"{JAVA}: obs/all", ["error 5"]),
        ("name: all", f'{JAVA}: "false"', []),
        ("name: all", f"{JAVA}: other", []),
        ("name: all, namespace: obs", f"{JAVA}: shop/all", []),
        ("name: all, namespace: obs", f'{JAVA}: "true"', []),
        ("name: all", 'instrumentation.opentelemetry.io/inject-python: "true"', []),
        ("name: all", f'{JAVA}: "true", sidecar.opentelemetry.io/inject: "true"', []),
        ("name: all", "app: cart", []),
    ],
)
def test_a_resource_is_judged_by_the_pods_that_ask_for_it(about: str, note: str, expected: list[str]) -> None:
    assert told(about, note) == expected


@pytest.mark.parametrize(
    ("spec", "note", "expected"),
    [
        ("containers: [{name: cart}, {name: otelcol, image: otel/opentelemetry-collector}]", "", []),
        ("containers: [{name: cart}, {name: web, image: nginx}]", "", ["warning 5"]),
        ("hostNetwork: true\n      containers: [{name: cart}]", "", []),
        (f"containers: [{{name: cart, {OWN}}}]", "", []),
        (
            f"containers: [{{name: cart, {OWN}}}, {{name: b}}]",
            ", instrumentation.opentelemetry.io/container-names: 'b, c'",
            ["warning 5"],
        ),
        (
            "initContainers: [{name: b}]\n      containers: [{name: cart}]",
            ", instrumentation.opentelemetry.io/java-container-names: b",
            [],
        ),
    ],
)
def test_a_resource_is_judged_by_what_runs_in_those_pods(spec: str, note: str, expected: list[str]) -> None:
    assert told("name: all", f'{JAVA}: "true"{note}', spec) == expected


def test_a_resource_without_languages_is_for_all_of_them() -> None:
    note = 'instrumentation.opentelemetry.io/inject-sdk: "true"'
    assert told("name: all", note, resource="") == ["error 5"]
    assert told("name: all", note, resource="  env: [{name: OTEL_SDK_DISABLED, value: 'true'}]") == []


def test_two_resources_that_a_pod_may_mean_are_told_apart_by_name_alone() -> None:
    both = RESOURCE % ("name: all", "") + RESOURCE % ("name: more", "")

    def lines(note: str) -> list[int]:
        found = lint(file(both + POD % ("", note, ALONE))).diagnosis.findings
        return [x.location.line for x in found if x.location]

    assert lines(f'{JAVA}: "true"') == []
    assert lines(f"{JAVA}: more") == [12]


def test_the_worst_of_several_pods_is_told_with_its_name() -> None:
    pods = POD % ("", f'{JAVA}: "true"', "containers: [{name: cart}, {name: web}]") + "---\n"
    pods += (POD % ("", f'{JAVA}: "true"', ALONE)).replace("name: cart}\nspec", "name: lone}\nspec")
    (found,) = lint(file(RESOURCE % ("name: all", "  java: {}") + pods)).diagnosis.findings
    assert found.severity == "error"
    assert [x.fact for x in found.evidence] == ["http://localhost:4317", "Deployment lone"]


def test_pods_of_another_folder_are_those_of_another_resource(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    (tmp_path / "a" / "resource.yaml").write_text(RESOURCE % ("name: all", ""))
    (tmp_path / "b" / "pod.yaml").write_text(POD % ("", f'{JAVA}: "true"', ALONE))
    assert lint(Review()).diagnosis.findings == ()
    (tmp_path / "b" / "pod.yaml").write_text(POD % ("", f"{JAVA}: all", ALONE))
    assert [x.code for x in lint(Review()).diagnosis.findings] == ["DS110"]

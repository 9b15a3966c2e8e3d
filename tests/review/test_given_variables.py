"""Variables that a container takes from ConfigMaps, Secrets and files: judged where they are written."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from dualstack.review import Review, lint, mend
from dualstack.testing.files import file

MAP = """\
apiVersion: v1
kind: {kind}
metadata: {{name: {name}}}
{data}:
  {key}: "{value}"
---
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: shop}}
spec: {{containers: [{{name: shop, {given}}}]}}
"""
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
ALL = "envFrom: [{configMapRef: {name: settings}}]"
ONE = "env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, valueFrom: {configMapKeyRef: {name: settings, key: endpoint}}}]"


def held(key: str, value: str, name: str = "settings", kind: str = "ConfigMap", data: str = "data") -> str:
    return MAP.format(kind=kind, name=name, data=data, key=key, value=value)


def told(text: str) -> list[str]:
    answer = lint(file(text))
    assert not answer.errors
    return [f"{x.code} {x.severity} {x.location.line}" for x in answer.diagnosis.findings if x.location]


LOCAL, BARE = "http://localhost:4318", "http://fd00::abcd:ef01"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (held(ENDPOINT, LOCAL) + POD.format(given=ALL), ["DS110 error 5"]),
        (held("endpoint", LOCAL) + POD.format(given=ONE), ["DS110 error 5"]),
        (held("endpoint", LOCAL) + POD.format(given=ALL), []),
        (held(ENDPOINT[5:], LOCAL) + POD.format(given=ALL.replace("[{", "[{prefix: OTEL_, ")), ["DS110 error 5"]),
        (held(ENDPOINT, LOCAL, kind="Secret", data="stringData") + POD.format(given=ALL), []),
        (
            held(ENDPOINT, LOCAL, kind="Secret", data="stringData")
            + POD.format(given=ALL.replace("configMap", "secret")),
            ["DS110 error 5"],
        ),
        (
            held("endpoint", LOCAL, kind="Secret", data="stringData")
            + POD.format(given=ONE.replace("configMap", "secret")),
            ["DS110 error 5"],
        ),
        # What `env` says counts more, and so does what comes later in `envFrom`.
        (
            held(ENDPOINT, LOCAL) + POD.format(given=ALL + f", env: [{{name: {ENDPOINT}, value: 'http://otel:4318'}}]"),
            [],
        ),
        (
            held(ENDPOINT, LOCAL)
            + held(ENDPOINT, "http://otel:4318", "more")
            + POD.format(given="envFrom: [{configMapRef: {name: settings}}, {configMapRef: {name: more}}]"),
            [],
        ),
        (held("endpoint", LOCAL) + POD.format(given=ONE.replace("endpoint}", "other}")), []),
        (held("endpoint", LOCAL, "other") + POD.format(given=ONE), []),
        (
            held("endpoint", LOCAL).replace("{name: settings}", "{name: settings, namespace: b}")
            + POD.format(given=ONE).replace("{name: shop}", "{name: shop, namespace: a}"),
            [],
        ),
        # Nobody in the files takes it: the text itself is judged.
        (held(ENDPOINT, BARE), ["DS101 error 5"]),
        (held(ENDPOINT, "http://0.0.0.0:4318"), ["DS109 warning 5"]),
        (held(ENDPOINT, LOCAL), []),
        (held(ENDPOINT, BARE) + POD.format(given=ALL), ["DS101 error 5"]),
    ],
)
def test_a_variable_is_judged_where_the_object_has_it(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_one_finding_for_all_who_take_it_and_its_fix_is_made_in_the_object() -> None:
    text = held("endpoint", BARE) + POD.format(given=ONE) + "---\n" + POD.format(given=ONE).replace("shop}", "more}")
    review = file(text)
    answer = lint(review)
    assert [x.code for x in answer.diagnosis.findings] == ["DS101"]
    mended = mend(review, answer, unsafe=False)
    assert mended.after == {"example.yaml": text.replace(BARE, "http://[fd00::abcd:ef01]")}


def test_the_kubelet_fills_nothing_into_what_an_object_holds() -> None:
    ip = "env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}, "
    asked = "# dualstack lint --cluster-families IPv6\n"
    inside = POD.format(given=f"{ip}{{name: {ENDPOINT}, value: 'http://$(IP):4318'}}]")
    outside = held(ENDPOINT, "http://$(HOST):4318") + POD.format(given=ALL + ", env: [{name: HOST, value: '::1'}]")
    assert told(asked + inside) == ["DS102 error 5"]
    assert told(outside) == []


def test_a_collector_that_binds_a_variable_of_an_object_binds_its_value() -> None:
    text = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: otel}
data:
  interface: "%s"
  config.yaml: |
    receivers: {otlp: {protocols: {grpc: {endpoint: "${env:INTERFACE}:4317"}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: otel}
spec:
  containers:
    - name: otel
      env: [{name: INTERFACE, valueFrom: {configMapKeyRef: {name: otel, key: interface}}}]
      volumeMounts: [{name: config, mountPath: /conf}]
  volumes: [{name: config, configMap: {name: otel}}]
"""
    assert told(text % "fd00:77::10") == ["DS102 error 7"]
    assert told(text % "0.0.0.0") == []


def test_of_several_objects_of_one_name_the_nearest_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, value in (("a", LOCAL), ("b", "http://otel:4318")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "map.yaml").write_text(held(ENDPOINT, value))
        (tmp_path / folder / "pod.yaml").write_text(POD.format(given=ALL))
    found = lint(Review()).diagnosis.findings
    assert [(x.code, x.location.file) for x in found if x.location] == [("DS110", os.path.join("a", "map.yaml"))]


COMPOSE = {
    "compose.yaml": """\
services:
  otel:
    image: quay.io/signalfx/splunk-otel-collector:0.140.0
    env_file: %s
    command: [--config, /etc/otel/agent.yaml]
    volumes: ["./agent.yaml:/etc/otel/agent.yaml"]
""",
    "agent.yaml": 'receivers: {otlp: {protocols: {grpc: {endpoint: "${LISTEN}:4317"}}}}\n',
}


@pytest.mark.parametrize(
    ("files", "named", "expected"),
    [
        ({"listen.env": "LISTEN=fd00:77::10\n"}, "listen.env", ["error"]),
        ({"listen.env": "LISTEN=fd00:77::10\n"}, "[{path: ./listen.env, required: false}]", ["error"]),
        ({"listen.env": "LISTEN=0.0.0.0\n"}, "[listen.env]", []),
        ({"listen.env": "LISTEN=0.0.0.0\n", "more.env": "LISTEN=fd00:77::10\n"}, "[listen.env, more.env]", ["error"]),
        ({"other.env": "LISTEN=fd00:77::10\n"}, "listen.env", []),
    ],
)
def test_a_file_of_variables_of_any_name_is_read_for_who_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str], named: str, expected: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {**COMPOSE, "compose.yaml": COMPOSE["compose.yaml"] % named, **files}.items():
        (tmp_path / name).write_text(text)
    answer = lint(Review())
    assert not answer.errors
    assert [x.severity for x in answer.diagnosis.findings if x.code == "DS102"] == expected


@pytest.mark.parametrize(
    ("generated", "place"),
    [
        ("literals: [OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318]", "kustomization.yaml:5"),
        ("envs: [settings.env]", "settings.env:1"),
    ],
)
@pytest.mark.parametrize("given", [ALL, ONE.replace("key: endpoint", f"key: {ENDPOINT}")])
def test_an_object_that_kustomize_makes_is_that_which_its_pods_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generated: str, place: str, given: str
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = f"resources: [pod.yaml]\nnamePrefix: a-\nconfigMapGenerator:\n- name: settings\n  {generated}\n"
    files = {"kustomization.yaml": whole, "pod.yaml": POD.format(given=given)}
    for name, text in {**files, "settings.env": f"{ENDPOINT}={LOCAL}\n"}.items():
        (tmp_path / name).write_text(text)
    found = [x for x in lint(Review()).diagnosis.findings if x.location and x.code == "DS110"]
    assert [f"{x.location.file}:{x.location.line}" for x in found if x.location] == [place]

"""Configurations that are made on the command line of a container: files, texts in words, variables and settings."""

import pytest

from dualstack.model.finding import Finding
from dualstack.review import Review, explained, lint
from dualstack.testing.files import file

BASE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: otel}
data:
  base.yaml: |
    receivers:
      otlp: {protocols: {grpc: {endpoint: "localhost:4317"}, http: {endpoint: "localhost:4318"}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
---
apiVersion: v1
kind: Service
metadata: {name: otel}
spec: {selector: {app: otel}, ports: [{name: grpc, port: 4317}, {name: http, port: 4318}]}
---
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: otel, labels: {app: otel}}
spec:
  containers:
    - name: otel
      image: otel/opentelemetry-collector:0.139.0
      %s
      volumeMounts: [{name: config, mountPath: /conf}]
  volumes: [{name: config, configMap: {name: otel}}]
"""
GRPC, HTTP = "receivers::otlp::protocols::grpc::endpoint", "receivers.otlp.protocols.http.endpoint"
FILE = "--config=/conf/base.yaml"


def findings(text: str) -> list[Finding]:
    answer = lint(file(text))
    assert not answer.errors
    return list(answer.diagnosis.findings)


def told(text: str) -> list[str]:
    """Errors, as `CODE line`."""
    return [f"{x.code} {x.location.line}" for x in findings(text) if x.severity == "error" and x.location]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (f'args: ["{FILE}"]', ["DS202 7", "DS202 7"]),
        (f'args: ["{FILE}", "--set={GRPC}=0.0.0.0:4317", "--set={HTTP}=0.0.0.0:4318"]', []),
        (f'args: ["{FILE}", "--set", "{GRPC}=0.0.0.0:4317"]', ["DS202 7"]),
        (f'command: [/otelcol, -set, "{HTTP}=:4318", -config, /conf/base.yaml]', ["DS202 7"]),
        (f'args: ["{FILE}", "--config=yaml:{GRPC}: 0.0.0.0:4317", "--set={HTTP}=:4318"]', []),
        # What comes first is laid under what comes later; `--set` is last wherever it stands.
        (f'args: ["--config=yaml:{GRPC}: 0.0.0.0:4317", "{FILE}"]', ["DS202 7", "DS202 7"]),
        (f'args: ["--set={GRPC}=0.0.0.0:4317", "{FILE}", "--config", "yaml:{GRPC}: 127.0.0.1:4317"]', ["DS202 7"]),
        (f'args: ["{FILE}", "--set=receivers.otlp={{protocols: {{grpc: {{endpoint: 0.0.0.0:4317}}}}}}"]', ["DS202 7"]),
        (f'args: ["--config=file:/conf/base.yaml", "--set={GRPC}=fd00::5:4317"]', ["DS101 23", "DS202 7"]),
        (
            (
                'args: ["--config=env:MORE", "--config=/conf/base.yaml", "--config=env:MORE"]\n'
                '      env: [{name: MORE, value: "receivers: {otlp: {protocols: {grpc: {endpoint: 0.0.0.0:4317}}}}"}]'
            ),
            ["DS202 7"],
        ),
        # What the files do not have can say anything, and then this is all that can be told.
        (f'args: ["--config=https://example.com/c.yaml", "{FILE}"]', ["DS202 7", "DS202 7"]),
        (f'args: ["--config=/conf/else.yaml", "--set={GRPC}=fd00::5:4317"]', ["DS101 23"]),
        (f'args: [helm, upgrade, "--set={GRPC}=fd00::5:4317"]', ["DS202 7", "DS202 7"]),
        (f'args: ["{FILE}", "--set={GRPC}", --set]', ["DS202 7", "DS202 7"]),
    ],
)
def test_what_a_container_reads_is_what_its_words_make_of_it(words: str, expected: list[str]) -> None:
    assert sorted(told(BASE + POD % words)) == expected


def test_a_whole_configuration_in_a_word_is_that_of_its_container() -> None:
    config = f"{{{GRPC}: 'localhost:4317', exporters: {{debug: }}}}"
    assert told(BASE + POD % f'args: ["--config=yaml:{config}"]') == ["DS202 23"]
    assert told(BASE + POD % f'args: ["--config=yaml:{config}", "--set={GRPC}=0.0.0.0:4317"]') == []
    held = f'args: ["--config=env:CONFIG"]\n      env: [{{name: CONFIG, value: "{config}"}}]'
    assert told(BASE + POD % held) == ["DS202 24"]


def test_a_port_that_nobody_listens_on_is_certain_where_every_part_is_known() -> None:
    moved = [f"--set={GRPC}=0.0.0.0:14317", f"--set={HTTP}=0.0.0.0:4318"]
    codes = [x.code for x in findings(BASE + POD % f'args: ["{FILE}", "{moved[0]}", "{moved[1]}"]')]
    assert "DS508" in codes
    unknown = [x.code for x in findings(BASE + POD % f'args: ["{FILE}", "--config=env:X", "{moved[0]}", "{moved[1]}"]')]
    assert "DS508" not in unknown


def test_two_services_of_compose_may_share_a_base_and_differ_in_their_words() -> None:
    text = f"""\
services:
  one:
    command: "--config=/c.yaml --set={GRPC}=0.0.0.0:4317"
    configs: [&c {{source: c, target: /c.yaml}}]
    ports: ["4317:4317"]
  two:
    command: "--config=/c.yaml --set={GRPC}=127.0.0.1:4317"
    configs: [*c]
    ports: ["14317:4317"]
configs:
  c:
    content: |
      receivers: {{otlp: {{protocols: {{grpc: }}}}}}
"""
    assert told(text) == ["DS202 7"]


@pytest.mark.parametrize(
    "text",
    [
        (
            "apiVersion: opentelemetry.io/v1beta1\nkind: OpenTelemetryCollector\nmetadata: {name: otel}\nspec:\n"
            f"  args: {{set: '{GRPC}=%s'}}\n"
            "  config: {receivers: {otlp: {protocols: {grpc: {endpoint: localhost:4317}}}}}\n"
        ),
        (
            "mode: deployment\nimage: {repository: otel/opentelemetry-collector}\n"
            f"command: {{extraArgs: ['--set={GRPC}=%s']}}\n"
            "config: {receivers: {otlp: {protocols: {grpc: {endpoint: localhost:4317}}}}}\n"
        ),
    ],
)
def test_settings_are_laid_over_the_configuration_of_a_resource_and_of_values(text: str) -> None:
    assert "DS202" not in [x.code for x in findings(text % "0.0.0.0:4317")]
    assert "DS202" in [x.code for x in findings(text % "127.0.0.1:4317")]


def test_broken_yaml_in_a_word_is_an_error_at_its_place() -> None:
    answer = lint(file(BASE + POD % f'args: ["{FILE}", "--config=yaml:receivers: {{otlp"]'))
    assert [(x.line, x.column) for x in answer.errors] == [(23, 42)]


def test_what_is_understood_names_the_parts() -> None:
    review = file(BASE + POD % f'args: ["{FILE}", "--set={GRPC}=0.0.0.0:4317"]')
    assert isinstance(review, Review)
    (config,) = explained(review)[0].configurations
    assert config.held == "in ConfigMap otel, base.yaml and in the command line"
    assert config.run == "Pod otel, container otel"
    assert [x.address for x in config.endpoints if "otlp" in x.component] == ["0.0.0.0:4317", "localhost:4318"]


def test_of_a_volume_with_some_keys_the_others_are_not_read() -> None:
    more = "  more.yaml: |\n    receivers: {otlp: {protocols: {grpc: {endpoint: 0.0.0.0:4317}}}}\n---\n"
    text = BASE.replace("---\n", more, 1) + POD % f'args: ["{FILE}", "--config=/conf/more.yaml"]'
    assert told(text) == ["DS202 7"]
    assert told(text.replace("{name: otel}}]", "{name: otel, items: [{key: base.yaml, path: base.yaml}]}}]")) == [
        "DS202 7",
        "DS202 7",
    ]

"""Charts: templates are passed over with a note, and judged by what the real Helm makes of them."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from dualstack.cli.lint import command
from dualstack.gather.charts import Rendered, at, charts, is_template
from dualstack.model.source import Location
from dualstack.review import Review, Reviewed, lint, mend
from tests.real.helm import helm

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-c
  annotations: {x: "{{ `{{ kept }}` }}"}
data:
  config.yaml: |
    receivers:
      otlp:
        protocols:
          grpc: {endpoint: {{ .Values.endpoint | quote }}}
          http: {endpoint: "fd00::7:4318"}
    exporters: {debug: {}}
---
{{- range list 1 2 }}
apiVersion: v1
kind: ConfigMap
metadata: {name: "c{{ . }}"}
data: {otel: "{{ . }}"}
---
{{- end }}
"""
PLAIN = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: p}
data:
  c.yaml: |
    receivers: {otlp: {protocols: {grpc: {endpoint: '::1:4317'}}}}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    (folder / "templates").mkdir(parents=True)
    (folder / "charts" / "sub").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: other\nversion: 0.1.0\n")
    (folder / "charts" / "sub" / "Chart.yaml").write_text("apiVersion: v2\nname: sub\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text('endpoint: "fd00::5:4317"\n')
    (folder / "templates" / "cm.yaml").write_text(TEMPLATE)
    (folder / "templates" / "plain.yaml").write_text(PLAIN)
    (folder / "templates" / "_helpers.tpl").write_text("{{/* nothing */}}")
    return folder


@pytest.fixture
def with_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.path.dirname(helm()) + os.pathsep + os.environ["PATH"])


def places(found: Reviewed) -> list[tuple[str, str, int, int]]:
    return [
        (x.code, os.path.basename(x.location.file), x.location.line, x.location.column)
        for x in found.diagnosis.findings
        if x.location
    ]


def test_a_template_is_passed_over_with_a_note_and_a_plain_file_is_read(chart: Path) -> None:
    found = lint(Review((str(chart),)))

    assert places(found) == [("DS101", "plain.yaml", 6, 53)]
    assert [os.path.basename(x.needs) for x in found.diagnosis.skipped] == ["cm.yaml"]
    assert "template" in found.diagnosis.skipped[0].why
    assert not found.errors


@pytest.mark.usefixtures("with_helm")
def test_what_helm_makes_is_judged_and_told_at_the_template(chart: Path) -> None:
    request = Review((str(chart.parent),), helm=True)
    found = lint(request)

    assert places(found) == [
        ("DS101", "cm.yaml", 11, 1),
        ("DS101", "cm.yaml", 12, 28),
        ("DS101", "plain.yaml", 6, 53),
    ]
    assert not found.errors
    assert [x.excerpt.strip()[:5] for x in found.diagnosis.findings] == ["grpc:", "http:", "recei"]
    assert mend(request, found, unsafe=True).done == 0


@pytest.mark.usefixtures("with_helm")
def test_a_chart_that_helm_refuses_is_told_beside_the_others(chart: Path) -> None:
    broken = chart.parent / "broken"
    (broken / "templates").mkdir(parents=True)
    (broken / "Chart.yaml").write_text("apiVersion: v2\nname: broken\nversion: 0.1.0\n")
    (broken / "templates" / "a.yaml").write_text('{{ fail "no" }}')

    found = lint(Review((str(chart.parent),), helm=True))

    assert len(found.errors) == 1
    assert "helm does not render it" in str(found.errors[0])
    assert ("DS101", "cm.yaml", 12, 28) in places(found)


def test_without_helm_the_option_is_refused(chart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    done = CliRunner().invoke(command, [str(chart), "--helm"])
    assert done.exit_code == 2
    assert "needs the program helm" in done.output


def test_a_program_that_is_no_helm_is_told(chart: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "helm"
    program.parent.mkdir()
    for text in ("#!/bin/sh\nexit 3\n", "no program"):
        program.write_text(text)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        found = lint(Review((str(chart),), helm=True))
        assert len(found.errors) == 1


def test_charts_inside_charts_are_not_rendered_alone(chart: Path) -> None:
    assert list(charts([str(chart.parent)])) == [str(chart)]
    assert is_template(str(chart / "templates" / "cm.yaml"))
    assert not is_template(str(chart / "values.yaml"))
    assert not is_template("templates/x.yaml")


@pytest.mark.parametrize(
    ("template", "line", "found"),
    [
        ("a: b\n", "a: b", Location("t", 1, 4, 1, 5)),
        ("a: b\na: b\n", "a: b", Location("t", 1)),
        ("x: {{ .b }}\ny: {{ .c }}\n", "y: b", Location("t", 2)),
        ("x: {{ .b }} {{ .c }} z\n", "x: b", Location("t", 1)),
        ("{{ .b }}\n", "y: b", Location("t", 1)),
        ("", "a: b", Location("t", 1)),
    ],
)
def test_a_place_in_a_template_is_told_where_it_is_plain(template: str, line: str, found: Location) -> None:
    rendered = Rendered("t", "t", template, line)
    assert at(Location("t", 1, 4, 1, 5), rendered) == found


def test_values_inside_other_objects_are_read(tmp_path: Path) -> None:
    def config(indent: int) -> str:
        space = " " * indent
        grpc = "otlp: {protocols: {grpc: {endpoint: '::1:4317'}}}"
        return f"config:\n{space}  receivers:\n{space}    {grpc}\n{space}  exporters: {{debug: {{}}}}\n"

    texts = {
        "release.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\n"
        f"spec:\n  values:\n    mode: deployment\n    {config(4)}",
        "application.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\n"
        f"spec:\n  source:\n    helm:\n      values: |\n        {config(8)}      valuesObject:\n        {config(8)}",
        "values.yaml": f"collectors:\n  daemon:\n    {config(4)}alternateConfig{config(0).removeprefix('config')}",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    found = places(lint(Review((str(tmp_path),))))
    names = [y for x, y, *_ in found if x == "DS101"]
    assert sorted(names) == ["application.yaml"] * 2 + ["release.yaml"] + ["values.yaml"] * 2

"""Compose files that belong together: overrides, includes, and services that extend those of other files."""

from pathlib import Path

import pytest

from dualstack.gather.files import text_of
from dualstack.gather.joined import join
from dualstack.gather.recognise import Found, take
from dualstack.model.kube import Workload
from dualstack.review import Review, lint

BASE = """\
services:
  app:
    image: otel/app:1
    command: [first]
    environment: {OTEL_A: base, OTEL_B: base}
    ports: ["4317:4317"]
"""
OVER = """\
services:
  app: {command: [second], environment: [OTEL_B=over], ports: ["4318:4318"]}
  new: {image: otel/x}
"""
TOP = """\
services:
  web:
    extends: {file: ../common/c.yaml, service: app}
    environment: {OTEL_B: web}
"""
READER = """\
services:
  c:
    image: otel/opentelemetry-collector:0.139.0
    command: [--config=/c.yaml]
    configs: [{source: c, target: /c.yaml}]
"""
HELD = """\
services: {c: {environment: {IP: 'fd00::5'}}}
configs:
  c:
    content: |
      receivers: {otlp: {protocols: {grpc: {endpoint: '${env:IP}:4317'}}}}
      exporters: {debug: {}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(files: dict[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def workloads(files: dict[str, str], *taken: str) -> dict[str, Workload]:
    """The workloads of the files that are taken, all where none is named."""
    write(files)
    seen = Found()
    for name in taken or files:
        text = text_of(name, named=False)
        assert text
        take(text, seen)
    join(seen, lambda x: text_of(x, named=False))
    return {f"{x.meta.namespace}:{x.meta.name}": x for x in seen.workloads if x.meta.kind == "service"}


def values(workload: Workload) -> dict[str, str]:
    return {x.name: x.value.text for x in workload.containers[0].variables if x.value}


@pytest.mark.parametrize("override", ["compose.override.yaml", "docker-compose.override.yml"])
@pytest.mark.parametrize("given", [("compose.yaml",), ()])
@pytest.mark.usefixtures("here")
def test_an_override_is_put_over_the_file_beside_it(override: str, given: tuple[str, ...]) -> None:
    found = workloads({"compose.yaml": BASE, override: OVER}, *given)

    assert sorted(found) == ["compose.yaml:app", "compose.yaml:new"]
    container = found["compose.yaml:app"].containers[0]
    assert [x.text for x in container.words] == ["second"]
    assert values(found["compose.yaml:app"]) == {"OTEL_A": "base", "OTEL_B": "over"}
    assert [x.number.text for x in container.ports] == ["4317", "4318"]
    assert [x.at.file for x in container.variables] == ["compose.yaml", "compose.yaml", override]


@pytest.mark.parametrize(("tag", "left"), [("!reset []", []), ("!override ['4318:4318']", ["4318"])])
@pytest.mark.usefixtures("here")
def test_an_override_can_take_back(tag: str, left: list[str]) -> None:
    over = f"services: {{app: {{ports: {tag}, image: otel}}}}\n"
    found = workloads({"compose.yaml": BASE, "compose.override.yaml": over})
    assert [x.number.text for x in found["compose.yaml:app"].containers[0].ports] == left


@pytest.mark.parametrize("given", [("top/compose.yaml",), ()])
@pytest.mark.usefixtures("here")
def test_a_service_extends_one_of_another_file_from_the_folder_of_that(given: tuple[str, ...]) -> None:
    common = f"{BASE}    env_file: app.env\n    volumes: ['./c.yaml:/etc/c.yaml']\n"
    files = {"top/compose.yaml": TOP, "common/c.yaml": common, "common/app.env": "OTEL_C=file\n"}
    web = workloads(files, *given)["top/compose.yaml:web"]

    assert values(web)["OTEL_B"] == "web"
    assert values(web)["OTEL_A"] == "base"
    assert [x.source for x in web.volumes] == ["common/c.yaml"]
    assert web.containers[0].sources == ("../common/app.env",)
    assert given or values(web)["OTEL_C"] == "file"


@pytest.mark.parametrize("said", ["[part/more.yaml]", "[{path: part/more.yaml}]", "[{path: [part/more.yaml]}]"])
@pytest.mark.usefixtures("here")
def test_what_is_included_is_of_the_same_project(said: str) -> None:
    more = "services: {collector: {image: otel/opentelemetry-collector, volumes: ['./c.yaml:/c.yaml']}}\n"
    found = workloads({"compose.yaml": f"include: {said}\n{BASE}", "part/more.yaml": more})

    assert sorted(found) == ["compose.yaml:app", "compose.yaml:collector"]
    assert [x.source for x in found["compose.yaml:collector"].volumes] == ["part/c.yaml"]


@pytest.mark.parametrize(
    "files",
    [
        {"compose.yaml": f"include: [compose.yaml, gone.yaml, a.yaml]\n{BASE}", "a.yaml": f"include: [x]\n{BASE}"},
        {"compose.yaml": "services: {otel: {extends: {file: compose.yaml, service: otel}}}\n"},
        {"compose.yaml": "include: x\nservices: {otel: {extends: {file: [], service: {}}}}\n"},
    ],
)
@pytest.mark.usefixtures("here")
def test_a_circle_has_an_end_and_what_is_gone_is_left_out(files: dict[str, str]) -> None:
    assert len(workloads(files)) == 1


@pytest.mark.usefixtures("here")
def test_files_that_include_each_other_have_an_end() -> None:
    write({"a.yaml": f"include: [b.yaml]\n{BASE}", "b.yaml": f"include: [a.yaml]\n{BASE}"})
    assert not lint(Review((".",))).errors


@pytest.mark.usefixtures("here")
def test_a_finding_stands_in_the_file_that_says_it() -> None:
    write({"compose.yaml": READER, "compose.override.yaml": HELD})
    found = lint(Review((".",))).diagnosis.findings
    places = [(x.code, x.location.file, x.location.line) for x in found if x.location]
    assert ("DS102", "compose.override.yaml", 5) in places

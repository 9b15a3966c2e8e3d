"""The JSON contract: a schema that ships with the package, and the same bytes for the same world."""

import json
import subprocess
import sys
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from dualstack.lab.demo import receiver
from dualstack.model import diagnosis, understood
from dualstack.report.json import Document
from dualstack.report.schema import schema
from tests.cli.command import REFUSED, SOURCE, dualstack

DIAGNOSIS, UNDERSTOOD = "schema/diagnosis-1.json", "schema/understood-1.json"


def shipped(file: str = DIAGNOSIS) -> dict[str, Any]:
    """A schema as an installed package has it."""
    found: dict[str, Any] = json.loads(resources.files("dualstack").joinpath(file).read_text())
    return found


@pytest.mark.parametrize(
    ("file", "document", "title"),
    [(DIAGNOSIS, Document, diagnosis.SCHEMA), (UNDERSTOOD, understood.Understood, understood.SCHEMA)],
)
def test_shipped_schema(file: str, document: type[msgspec.Struct], title: str) -> None:
    """The file is what the code writes. A field that changes its meaning needs a new number."""
    assert shipped(file) == json.loads(json.dumps(schema(document, title)))
    jsonschema.Draft202012Validator.check_schema(shipped(file))


def test_wheel(tmp_path: Path) -> None:
    """The schemas and the tables of knowledge are in the wheel."""
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(argv, check=True, capture_output=True, cwd=SOURCE.parent)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert {f"dualstack/{DIAGNOSIS}", f"dualstack/{UNDERSTOOD}"} <= set(names)
    assert "dualstack/knowledge/bind.table" in names


ASKED = [
    [REFUSED],
    ["http://[::1]:1", "--expect", "dual"],
    ["no-such-host.invalid:4317"],
    ["localhost:1", "-v"],
    ["--no-probe", "192.0.2.200"],
]


@pytest.mark.parametrize("argv", ASKED, ids=" ".join)
def test_valid(argv: list[str]) -> None:
    """The report is one object of that schema and nothing else."""
    document = json.loads(dualstack("diagnose", "--format", "json", *argv).stdout)

    jsonschema.Draft202012Validator(shipped()).validate(document)


FILES = {
    "otel.yaml": """\
receivers:
  otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}, http: }}
  otlp/6: {protocols: {grpc: {endpoint: "[fd00::1]:1", transport: tcp6}, http: {endpoint: "${env:NOT_SET}:2"}}}
exporters: {otlp: {endpoint: "gateway:4317"}}
service: {pipelines: {traces: {receivers: [otlp, otlp/6], exporters: [otlp]}}}
""",
    "service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: gateway}\nspec: {ports: [{port: 4317}]}\n",
    "vector.toml": "[sources.otel]\ntype = 'opentelemetry'\ngrpc.address = '[::]:4317'\n",
    "broken.yaml": "otel: [\n",
}


def test_explain_file(tmp_path: Path) -> None:
    """What was understood holds to its schema, and the schema refuses what breaks the contract."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    document = json.loads(dualstack("lint", "--explain-file", "--format", "json", str(tmp_path)).stdout)
    validator = jsonschema.Draft202012Validator(shipped(UNDERSTOOD))

    validator.validate(document)
    assert document["schema"] == "dualstack.understood/1"
    assert all(document[x] for x in ("configurations", "others", "destinations", "services", "passed_over"))
    for wrong in ({"schema": 1}, {"configurations": [{}]}, {"others": None}):
        assert not validator.is_valid({**document, **wrong})


def test_repeatable() -> None:
    """Two runs over the same world differ in their evidence alone."""

    def report() -> str:
        document = json.loads(dualstack("diagnose", "--format", "json", *targets).stdout)
        return json.dumps(without_evidence(document), indent=2)

    with receiver("grpc", "127.0.0.1", 0) as port:
        targets = (f"grpc://127.0.0.1:{port}", f"grpc://[::1]:{port}", REFUSED)

        assert report() == report()


def without_evidence(value: Any) -> Any:
    """A document with every `evidence` emptied."""
    if isinstance(value, dict):
        return {k: [] if k == "evidence" else without_evidence(v) for k, v in value.items()}
    return [without_evidence(x) for x in value] if isinstance(value, list) else value


@pytest.mark.parametrize("argv", [["probe", REFUSED], ["sockets"], ["rules"], ["explain", "DS205"]], ids=lambda x: x[0])
def test_other_verbs(argv: list[str]) -> None:
    """Their JSON parses, and nothing stands around it."""
    assert json.loads(dualstack(*argv, "--format", "json").stdout)

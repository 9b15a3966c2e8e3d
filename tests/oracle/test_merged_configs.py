"""Several configurations, settings and references come to the same endpoints as in the real Collector."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from dualstack.review import Review, explained
from tests.real.collector import binary

_BASE = """\
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "1.2.3.4:1", include_metadata: true}
      http:
exporters:
  debug:
  otlp_grpc/a: {endpoint: "one:4317"}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_grpc/a]}
"""
_FILES = {
    "base.yaml": _BASE,
    "ports.yaml": "receivers: {otlp: {protocols: {grpc: {endpoint: '[::]:4317'}}}}\n",
    "null.yaml": "receivers:\n  otlp:\n    protocols:\n      grpc:\n",
    "all-null.yaml": "receivers:\n  otlp: {protocols: null}\n  otlp/2: {protocols: {grpc: {endpoint: '5:5'}}}\n",
    "empty.yaml": "",
    "second.yaml": "exporters: {otlp_grpc/a: {endpoint: 'two:1'}}\n---\nexporters: {otlp_grpc/a: {endpoint: 'no:1'}}\n",
    "paths.yaml": "exporters::otlp_grpc/a::endpoint: 3:1\nreceivers:\n  otlp::protocols: {http: {endpoint: 'h:1'}}\n",
    "more.yaml": """\
exporters: {otlp_grpc/b: {endpoint: "four:4317"}}
service: {pipelines: {traces: {exporters: [otlp_grpc/b]}}}
""",
    "whole.yaml": "receivers: {otlp: {protocols: {http: '${file:http.yaml}'}}}\n",
    "http.yaml": "endpoint: ${env:HOST:-[::]}:4318\n",
    "text.yaml": "receivers: {otlp: {protocols: {http: {endpoint: '${file:host}:${env:PORT}'}}}}\n",
    "host": "10.0.0.1",
    "nested.yaml": "receivers: {otlp: {protocols: {http: '${file:${env:NAME}.yaml}'}}}\n",
    "given.yaml": "receivers: {otlp: {protocols: {http: '${env:SECTION}'}}}\n",
    "dollar.yaml": "exporters: {otlp_grpc/a: {endpoint: 'a$$b:4317'}}\n",
    "merge.yaml": """\
receivers: {otlp: {protocols: {grpc: &x {endpoint: "9.9.9.9:9", transport: tcp4}, http: {<<: *x}}}}
exporters: {otlp_grpc/a: {<<: {endpoint: "over:1", compression: none}, endpoint: "own:1"}}
""",
    "listed.yaml": "service: {pipelines: {traces: {exporters: '${env:LIST}', receivers: ['${env:ONE}']}}}\n",
}
_ENVIRON = {
    "PORT": "4444",
    "NAME": "http",
    "SECTION": "{endpoint: 'from-env:4318'}",
    "LIST": "[debug, otlp_grpc/a]",
    "ONE": "otlp",
    "GRPC": "fd00::1:4317",
}
_CALLS = {
    "one": ["--config", "base.yaml"],
    "later wins": ["--config", "base.yaml", "--config", "ports.yaml"],
    "null replaces": ["--config", "base.yaml", "--config", "null.yaml"],
    "null replaces a whole mapping": ["--config", "base.yaml", "--config", "all-null.yaml"],
    "a mapping replaces null": ["--config", "all-null.yaml", "--config", "base.yaml"],
    "nothing changes nothing": ["--config", "empty.yaml", "--config", "base.yaml", "--config", "empty.yaml"],
    "the first document alone": ["--config", "base.yaml", "--config", "second.yaml"],
    "keys that are paths": ["--config", "base.yaml", "--config", "paths.yaml"],
    "lists are replaced": ["--config", "base.yaml", "--config", "more.yaml"],
    "settings win over files": ["--set", "exporters.otlp_grpc/a.endpoint=set:1", "--config", "base.yaml"],
    "the last setting wins": [
        "--config",
        "base.yaml",
        "--set",
        "receivers.otlp.protocols.http.endpoint=a:1",
        "--set",
        "receivers::otlp::protocols.http={endpoint: 'b:2'}",
    ],
    "a setting is YAML": ["--config", "base.yaml", "--set", 'receivers.otlp.protocols.http.endpoint= "[::1]:4318" '],
    "a setting without a value": ["--config", "base.yaml", "--set", "receivers.otlp.protocols.http="],
    "a setting with a variable": ["--config", "base.yaml", "--set", "receivers.otlp.protocols.http=${env:SECTION}"],
    "yaml and env as places": ["--config", "base.yaml", "--config", "yaml:exporters::otlp_grpc/a::endpoint: y:1"],
    "a file as a section": ["--config", "base.yaml", "--config", "file:whole.yaml"],
    "a file inside a text": ["--config", "base.yaml", "--config", "text.yaml"],
    "a file named by a variable": ["--config", "base.yaml", "--config", "nested.yaml"],
    "a variable as a section": ["--config", "base.yaml", "--config", "given.yaml"],
    "an escaped dollar": ["--config", "base.yaml", "--config", "dollar.yaml"],
    "merge keys": ["--config", "base.yaml", "--config", "merge.yaml"],
    "variables that are lists": ["--config", "base.yaml", "--config", "listed.yaml"],
    "yaml in a text": ["--config", "base.yaml", "--set", "exporters.otlp_grpc/a.endpoint=${yaml:in}:4317"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in _FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def real(argv: list[str], environ: Mapping[str, str]) -> dict[str, object]:
    """The configuration as the Collector has resolved it."""
    call = [str(binary()), "print-config", "--mode=unredacted", "--validate=false", "--format=json", *argv]
    done = subprocess.run(call, env={**os.environ, **environ}, capture_output=True, check=False, text=True)
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def values(argv: list[str], option: str) -> tuple[str, ...]:
    return tuple(x for flag, x in pairwise(argv) if flag == option)


def endpoints(found: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(found, dict):
        for key, value in found.items():
            if key == "endpoint" and isinstance(value, str):
                yield f"{path}.endpoint".removeprefix("."), value
            else:
                yield from endpoints(value, f"{path}.{key}")


@pytest.mark.parametrize("name", list(_CALLS))
def test_the_endpoints_are_those_of_the_real_collector(name: str, folder: Path) -> None:
    argv = _CALLS[name]
    resolved = real(argv, _ENVIRON)
    pipeline = resolved["service"]["pipelines"]["traces"]  # type: ignore[index]
    used = tuple(f"{x}.{y}." for x in ("receivers", "exporters") for y in pipeline[x])
    wanted = {k: v for k, v in endpoints(resolved) if k.startswith(used)}
    request = Review(
        (), configs=values(argv, "--config"), settings=values(argv, "--set"), environ={**os.environ, **_ENVIRON}
    )

    found, errors = explained(request)

    mine = {y.field: y.address for x in found.configurations for y in x.endpoints if y.field.startswith("receivers")}
    mine |= {x.field: x.value for x in found.destinations if x.field.startswith("exporters")}
    assert not errors
    assert wanted
    assert mine == wanted


@pytest.mark.parametrize("argv", [["--config", "list.yaml"], ["--config", "twice.yaml"]])
def test_what_the_collector_refuses_is_refused(argv: list[str], folder: Path) -> None:
    (folder / "list.yaml").write_text("- receivers\n")
    (folder / "twice.yaml").write_text(_BASE + "receivers: {}\n")
    call = [str(binary()), "print-config", "--validate=false", *argv]
    assert subprocess.run(call, capture_output=True, check=False, timeout=60).returncode

    _, errors = explained(Review((), configs=values(argv, "--config")))

    assert len(errors) == 1

"""The action for GitHub: its steps run as the runner runs them, in a shell, with inputs as variables."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.command import CHECKOUT, environ

ACTION = yaml.safe_load((Path(CHECKOUT) / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
BROKEN = 'receivers: {otlp: {protocols: {grpc: {endpoint: "fd00::5:4317"}}}}\n'


def values(inputs: dict[str, str]) -> dict[str, str]:
    """The inputs of a call, with their defaults."""
    assert inputs.keys() <= ACTION["inputs"].keys()
    return {k: inputs.get(k, v["default"]) for k, v in ACTION["inputs"].items()}


def variables(step: dict[str, Any], inputs: dict[str, str]) -> dict[str, str]:
    """The variables of a step, with its expressions put in."""
    known = {f"inputs.{k}": v for k, v in values(inputs).items()} | {"github.action_path": CHECKOUT}
    return {k: re.sub(r"\$\{\{ (\S+) \}\}", lambda m: known[m[1]], v) for k, v in step["env"].items()}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A repository with one broken file, and an environment in which dualstack is this checkout."""
    (tmp_path / "repo" / "a b").mkdir(parents=True)
    (tmp_path / "repo" / "a b" / "collector.yaml").write_text(BROKEN)
    command = tmp_path / "dualstack" / "bin" / "dualstack"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dualstack "$@"\n')
    command.chmod(0o755)
    (command.parent / "python").symlink_to(sys.executable)
    return tmp_path


def lint(place: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """Status, log and outputs of the step that lints."""
    step = next(x for x in STEPS if x.get("id") == "lint")
    given = {k.replace("_", "-"): v for k, v in inputs.items()}
    written, script = place / "output", place / "step.sh"
    written.write_text("")
    script.write_text(step["run"])
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
        check=False,
        capture_output=True,
        text=True,
        cwd=place / "repo",
        env=environ(RUNNER_TEMP=str(place), GITHUB_OUTPUT=str(written), **variables(step, given)),
    )
    outputs = dict(x.split("=", 1) for x in written.read_text().splitlines())
    return done.returncode, done.stdout + done.stderr, outputs


def test_inputs_and_outputs_are_those_that_the_steps_know() -> None:
    text = (Path(CHECKOUT) / "action.yml").read_text()

    assert set(re.findall(r"\$\{\{ inputs\.(\S+) \}\}", text)) == set(ACTION["inputs"])
    assert ACTION["inputs"].keys() == {"paths", "args", "format", "fail-on", "sarif-file", "python-version"}
    assert all(x["description"] for x in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))
    assert all("${{" not in x.get("run", "") for x in STEPS), "text of a caller must never be part of a script"
    assert [x["shell"] for x in STEPS if "run" in x] == ["bash", "bash"]


def test_a_finding_fails_the_step_is_annotated_and_written_as_sarif(place: Path) -> None:
    status, log, outputs = lint(place, args="--select DS101")

    assert status == 1
    assert log.startswith("::error file=a b/collector.yaml,line=1,endLine=1,col=49,")
    assert outputs == {"sarif-file": "dualstack.sarif", "status": "1"}
    (run,) = json.loads((place / "repo" / "dualstack.sarif").read_text())["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/collector.yaml"


def test_paths_options_and_files_are_those_of_the_caller(place: Path) -> None:
    status, log, outputs = lint(
        place, paths=".\n  a*\n", args="--select\nDS101 --exit-zero", format="text", sarif_file="", fail_on="warning"
    )

    assert (status, outputs) == (2, {"status": "2"})
    assert "`a*` is not there" in log
    assert lint(place, paths=".", args="--exit-zero", format="text")[0] == 0
    assert lint(place, fail_on="never")[0] == 0


@pytest.mark.parametrize("paths", ["'a b'", '"a b/collector.yaml"', "\"a b\"\n'a b/collector.yaml'\n", "a\\ b"])
def test_a_path_with_blanks_stands_in_quotes(place: Path, paths: str) -> None:
    status, log, _ = lint(place, paths=paths, args="--select 'DS101'")

    assert status == 1
    assert log.count("::error file=a b/collector.yaml") == 1


@pytest.mark.parametrize("given", ["paths", "args"])
def test_a_quote_that_is_not_closed_is_told(place: Path, given: str) -> None:
    assert lint(place, **{given: "'a b"}) == (2, f"::error::{given}: a quote is not closed\n", {})


def test_empty_inputs_are_the_defaults(place: Path) -> None:
    empty = lint(place, paths=" ", args="", format="", fail_on="", sarif_file="dualstack.sarif")

    assert empty == lint(place)
    assert empty[0] == 1


def test_what_is_clean_unknown_or_unreadable(place: Path) -> None:
    for name, text in (
        ("clean", BROKEN.replace("fd00::5", "[::]")),
        ("unknown", "a: 1\n"),
        ("broken", "receivers: [\n"),
    ):
        (place / "repo" / name).mkdir()
        (place / "repo" / name / "x.yaml").write_text(text)

    written = {"sarif-file": "dualstack.sarif"}
    assert lint(place, paths="clean") == (0, "", {**written, "status": "0"})
    assert lint(place, paths="unknown") == (
        3,
        "::warning title=UNKNOWN::nothing was understood, so nothing is known.\n",
        {**written, "status": "3"},
    )
    status, log, outputs = lint(place, paths="broken clean")
    assert (status, outputs) == (2, {**written, "status": "2"})
    assert log.startswith("::error file=broken/x.yaml,line=2,")


def test_text_of_a_caller_is_no_command(place: Path) -> None:
    lint(
        place, paths="$(touch owned) `touch owned`; touch owned", args='"; touch owned; "', sarif_file="$(touch owned)"
    )

    assert not (place / "repo" / "owned").exists()


def test_a_report_that_cannot_be_written_is_no_output(place: Path) -> None:
    status, log, outputs = lint(place, sarif_file="no/such/folder/x.sarif", args="--select DS101")

    assert (status, outputs) == (1, {"status": "1"})
    assert log.startswith("::warning::no SARIF was written to no/such/folder/x.sarif\n")


def test_a_report_of_another_run_is_no_output(place: Path) -> None:
    (place / "repo" / "dualstack.sarif").write_text("{}")

    assert lint(place, args="--no-such-option")[2] == {"status": "2"}


def test_it_installs_itself(tmp_path: Path) -> None:
    """From a copy of what is committed; what it depends on is that of this environment, so no index is asked."""
    copy, step = tmp_path / "copy", next(x for x in STEPS if x.get("name") == "Install dualstack")
    argv = ["git", "ls-files", "-z", "src", "pyproject.toml", "README.md", "LICENSE"]
    listed = subprocess.run(argv, check=True, capture_output=True, cwd=CHECKOUT, text=True).stdout
    for name in filter(None, listed.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(CHECKOUT) / name, copy / name)
    offline = {"PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}
    given = {**variables(step, {}), "SOURCE": str(copy), "RUNNER_TEMP": str(tmp_path)}
    env = {**environ(**given, **offline), "PYTHONPATH": sysconfig.get_path("purelib")}
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]

    done = subprocess.run([*shell, step["run"]], check=False, capture_output=True, text=True, env=env)

    assert done.returncode == 0, done.stderr
    command = tmp_path / "dualstack" / "bin" / "dualstack"
    shown = subprocess.run([command, "rules"], check=True, capture_output=True, text=True, env=env).stdout
    assert shown.startswith("DS101  unbracketed-ipv6-endpoint ")

"""`dualstack lint` as scripts and people call it: statuses, streams, formats, colour, progress."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from dualstack.cli import progress
from tests.cli import command
from tests.cli.command import ARGV, CHECKOUT, dualstack, environ, on_terminal

BROKEN = 'receivers: {otlp: {protocols: {grpc: {endpoint: "fd00::5:4317"}}}}\n'
SOUND = 'receivers: {otlp: {protocols: {grpc: {endpoint: "[fd00::5]:4317"}}}}\n'
CUT = "receivers:\n  otlp: {protocols: [\n"
TEMPLATE = "apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Values.name }}\n"
SHOWN = """\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: ${env:MY_POD_IP}:4317   # every pod its own
exporters:
  otlp:
    endpoint: fd00::5:4317
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
"""
IMPATIENT = "from dualstack.cli import progress; progress.PATIENCE = 0; from dualstack.__main__ import main; main()"
CODES = ("--select", "DS101")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "broken.yaml").write_text(BROKEN)
    (tmp_path / "sound.yaml").write_text(SOUND)
    return tmp_path


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["sound.yaml"], 0),
        (["broken.yaml"], 1),
        (["."], 2),
        (["deploy"], 1),
        (["broken.yaml", "--exit-zero"], 0),
        (["broken.yaml", "--fail-on", "never"], 0),
        (["broken.yaml", "--diff"], 1),
        (["broken.yaml", "--diff", "--exit-zero"], 0),
        (["sound.yaml", "--diff"], 0),
        (["missing.yaml"], 2),
        (["broken.yaml", "cut.yaml"], 2),
        (["cut.yaml", "broken.yaml", "--diff"], 2),
        (["cut.yaml", "--exit-zero"], 2),
        (["other.yaml"], 2),
        (["empty"], 3),
        (["empty", "--exit-zero"], 0),
        (["broken.yaml", "--statistics", "--format", "html"], 2),
        (["broken.yaml", "--format", "nonsense"], 2),
        (["broken.yaml", "-o", "no/such/folder"], 2),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else str(x),
)
def test_status(folder: Path, argv: list[str], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "cut.yaml").write_text(CUT)
    (folder / "other.yaml").write_text("a: 1\n")
    (folder / "empty").mkdir()
    (folder / "deploy").mkdir()
    (folder / "deploy" / "broken.yaml").write_text(BROKEN)
    monkeypatch.chdir(folder)

    done = dualstack("lint", *CODES, *argv)

    assert done.returncode == status, done.stderr
    assert (done.stderr == "") is (status in (0, 1, 3))
    assert all(x.startswith("dualstack: ") for x in done.stderr.splitlines())


def test_what_cannot_be_read_hides_nothing_of_the_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "cut.yaml").write_text(CUT)
    monkeypatch.chdir(folder)

    done = dualstack("lint", *CODES, ".")

    assert "broken.yaml:1:49: DS101 [error]" in done.stdout
    assert done.stdout.endswith("1 error; 1 file could not be read. `--fix` mends 1.\n")
    assert done.stderr.startswith("dualstack: cut.yaml:3:1: is not YAML")


@pytest.mark.parametrize("form", ["json", "sarif", "junit", "github", "markdown", "html"])
def test_a_report_goes_to_a_file_whole_and_stdout_stays_empty(folder: Path, form: str) -> None:
    (folder / "cut.yaml").write_text(CUT)
    to, plain = str(folder / "report"), dualstack("lint", *CODES, str(folder), "--format", form)

    done = dualstack("lint", *CODES, str(folder), "--format", form, "-o", to)

    assert done.stdout == ""
    assert Path(to).read_text(encoding="utf-8") == plain.stdout
    assert "cut.yaml" in plain.stdout
    if form in ("json", "sarif"):
        json.loads(plain.stdout)
    elif form == "junit":
        assert fromstring(plain.stdout).attrib["errors"] == "1"


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit", "github", "markdown", "html"])
def test_a_file_name_that_is_no_text(tmp_path: Path, form: str) -> None:
    name = os.fsdecode(b"caf\xe9\n\x1b[31m<b>.yaml")
    (tmp_path / name).write_text(BROKEN)

    done = dualstack("lint", *CODES, str(tmp_path), "--format", form, PYTHONUTF8="1")

    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout
    assert "DS101" in done.stdout


def test_counts(folder: Path) -> None:
    text = dualstack("lint", *CODES, str(folder), "--statistics")
    found = json.loads(dualstack("lint", *CODES, str(folder), "--statistics", "--format", "json").stdout)

    assert text.stdout == "1  DS101 unbracketed-ipv6-endpoint (1 by --fix)\n1 finding of 1 rule.\n"
    assert text.returncode == 1
    assert found["rules"] == [{"code": "DS101", "name": "unbracketed-ipv6-endpoint", "count": 1, "fixable": 1}]


def test_colour_is_for_a_terminal(folder: Path) -> None:
    status, shown = on_terminal("lint", *CODES, str(folder))
    _, plain = on_terminal("lint", *CODES, str(folder), changes={"NO_COLOR": "1"})

    assert status == 1
    assert "\x1b[1;31m" in shown
    assert "\x1b" not in plain
    assert "\x1b" not in dualstack("lint", *CODES, str(folder)).stdout


def test_a_template_is_passed_over_and_said_to_be_when_asked(folder: Path) -> None:
    (folder / "service.yaml").write_text(TEMPLATE)

    assert "service.yaml" not in dualstack("lint", *CODES, str(folder)).stdout
    told = dualstack("lint", *CODES, str(folder), "-v").stdout
    assert "service.yaml:4 is a template; lint what it is rendered to" in " ".join(told.split())


def test_no_progress_where_nobody_waits(folder: Path) -> None:
    _, shown = on_terminal("lint", *CODES, str(folder), changes={"NO_COLOR": "1"})

    assert "\r\x1b[K" not in shown


class Terminal:
    """A stderr that is a terminal, and what was written to it."""

    def __init__(self) -> None:
        self.written = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.written += text

    def flush(self) -> None:
        pass


def test_progress_is_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "30")

    monkeypatch.setattr(progress, "PATIENCE", 0)
    with progress.progress() as tell:
        tell("a" * 90 + "\x1b[2J")
    with progress.progress(wanted=False) as tell:
        tell("b")
    monkeypatch.setattr(progress, "PATIENCE", 3600)
    with progress.progress() as tell:
        tell("c")
        tell("")

    (line, cleared) = terminal.written.split("\r\x1b[K")[1:]
    assert line == "1 files, " + "a" * 19 + "…"
    assert cleared == ""


@pytest.mark.parametrize("patience", [0, 0.05])
def test_somebody_who_waits_after_the_last_file_is_told_why(patience: float, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(progress, "PATIENCE", patience)

    with progress.progress() as tell:
        tell("a.yaml")
        tell("")
        while "read" not in terminal.written:
            time.sleep(0.01)

    assert terminal.written.endswith("\r\x1b[Kfiles read: 1; looking for what is wrong\r\x1b[K")


def test_progress_is_on_the_terminal_and_not_in_the_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = folder / "report"
    monkeypatch.setattr(command, "ARGV", (sys.executable, "-c", IMPATIENT))

    status, shown = on_terminal("lint", *CODES, str(folder), "-o", str(report))
    _, quiet = on_terminal("lint", *CODES, str(folder), "-o", str(report), "-q")

    assert status == 1
    assert "\r\x1b[K1 files, " in shown
    assert shown.endswith("\r\x1b[K")
    assert quiet == ""
    assert "\r" not in report.read_text()


def test_stdin_is_named_and_ends_at_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [*ARGV, "lint", "-", "--stdin-filename", "x.yaml", "--format", "github", *CODES],
        check=False,
        capture_output=True,
        input=BROKEN,
        text=True,
        env=environ(),
        cwd=tmp_path,
    )

    assert done.stdout.startswith("::error file=x.yaml,line=1,endLine=1,col=49,endColumn=63,title=DS101 ")


@pytest.mark.parametrize(
    ("page", "text"), [("docs/lint.md", SHOWN), ("README.md", SHOWN.replace("${env:MY_POD_IP}:4317", '"[::]:4317"'))]
)
def test_what_the_documentation_shows_is_what_is_said(
    page: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "collector.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)

    said = dualstack("lint", "deploy", NO_COLOR="1").stdout

    assert f"```\n$ dualstack lint deploy\n{said}```\n" in (Path(CHECKOUT) / page).read_text(encoding="utf-8")

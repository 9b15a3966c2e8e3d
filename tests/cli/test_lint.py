"""`dualstack lint` as its users call it: settings, suppressions, what has changed, baselines, fixes."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import ARGV, dualstack, environ

WRONG = """\
receivers:
  otlp: {protocols: {grpc: {endpoint: "fd00::5:4317"}}}
exporters:
  otlp: {endpoint: "fd00::6:14317"}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
"""
RIGHT = WRONG.replace("fd00::5", "[fd00::5]").replace("fd00::6", "[fd00::6]")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(WRONG)
    return tmp_path


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that another user can get into."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def places(*argv: str) -> list[str]:
    done = dualstack("lint", "--format", "json", *argv)
    assert done.stdout, done.stderr
    found = [(x["location"], x["code"]) for x in json.loads(done.stdout)["findings"]]
    return [f"{at['file']}:{at['line']} {code}" for at, code in found]


def piped(said: bytes, *argv: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*ARGV, "lint", *argv], input=said, capture_output=True, check=False, env=environ(), timeout=60
    )


def test_configurations_named_with_config_are_one(here: Path) -> None:
    (here / "b.yaml").write_text("receivers: {otlp: {protocols: {grpc: {endpoint: '[::]:4317'}}}}\n")

    assert places("--config", "a.yaml", "--config", "b.yaml") == ["a.yaml:4 DS101"]
    assert places("--config", "b.yaml", "--config", "a.yaml") == ["a.yaml:2 DS101", "a.yaml:4 DS101"]
    assert places("--config", "a.yaml", "--set", "exporters.otlp.endpoint=x:1", ".") == ["a.yaml:2 DS101"]
    assert places("--config", "a.yaml", "--set", "receivers=", "--set", "exporters.otlp.endpoint=fd00::7:14317") == [
        "--set:2 DS101"
    ]


def test_a_file_that_is_taken_in_is_mended_where_it_stands(here: Path) -> None:
    (here / "a.yaml").write_text("receivers: {otlp: {protocols: {grpc: '${file:part.yaml}'}}}\n")
    (here / "part.yaml").write_text("endpoint: fd00::5:4317 # dualstack: ignore[DS101]\ntransport: tcp\n")
    assert places(".") == []
    (here / "part.yaml").write_text("endpoint: fd00::5:4317\n")
    assert places(".") == ["part.yaml:1 DS101"]

    assert dualstack("lint", "--fix", "a.yaml").returncode == 0

    assert (here / "part.yaml").read_text() == 'endpoint: "[fd00::5]:4317"\n'


def test_files_outside_are_taken_in_only_where_the_user_names_the_configuration(here: Path) -> None:
    inner = here / "inner"
    inner.mkdir()
    (here / "secret").write_text("endpoint: fd00::5:4317\n")
    (inner / "a.yaml").write_text("receivers: {otlp: {protocols: {grpc: '${file:../secret}'}}}\n")
    os.chdir(inner)

    assert places(".") == []
    assert places("--config", "a.yaml") == ["../secret:1 DS101"]


def test_an_annotation_silences_its_object_and_one_that_silences_nothing_is_told(here: Path) -> None:
    text = f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: x
  annotations:
    dualstack.dev/ignore: "DS101,DS102"
data:
  x.yaml: |
{"".join(f"    {x}" for x in WRONG.splitlines(keepends=True))}"""
    (here / "a.yaml").write_text(text)
    assert places(".") == ["a.yaml:6 DS121"]
    assert "the annotation dualstack.dev/ignore" in dualstack("lint", "-v", ".").stdout
    assert places(".", "--select", "DS101,DS121") == []  # nobody has looked for DS102

    (here / "a.yaml").write_text(text + "---\n" + WRONG)
    assert places(".", "--ignore", "DS121") == ["a.yaml:18 DS101", "a.yaml:20 DS101"]


def test_an_annotation_of_the_template_of_pods_counts_also_inside_a_list(here: Path) -> None:
    (here / "a.yaml").write_text("""\
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: a}
  spec:
    template:
      metadata:
        annotations: {dualstack.dev/ignore: DS101}
      spec:
        containers:
        - name: c
          env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://fd00::5:4318"}]
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: b}
  spec:
    template:
      spec:
        containers:
        - name: c
          env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://fd00::5:4318"}]
---
apiVersion: example.org/v1
kind: Unknown
metadata: {name: c, annotations: {dualstack.dev/ignore: "DS101"}}
""")

    assert places(".", "--select", "DS101,DS121") == ["a.yaml:23 DS101", "a.yaml:27 DS121"]


def test_a_comment_for_a_rule_that_was_not_run_is_not_told_of(here: Path) -> None:
    (here / "a.yaml").write_text(RIGHT + "# dualstack: ignore[DS103]\n# dualstack: ignore\nx: 1\n")

    assert places(".", "--select", "DS121,DS101") == []
    assert places(".") == ["a.yaml:8 DS121", "a.yaml:9 DS121"]


def test_the_settings_of_the_repository_hold_and_the_command_line_wins(here: Path) -> None:
    (here / "pyproject.toml").write_text("""\
[tool.dualstack]
ignore = ["DS101"]
exclude = ["/vendor/"]
fail-on = "never"
[tool.dualstack.per-file-ignores]
"old/*" = ["DS1"]
""")
    for folder in ("vendor", "old"):
        (here / folder).mkdir()
        (here / folder / "b.yaml").write_text(WRONG)

    assert places(".") == []
    assert places(".", "--ignore", "DS105") == ["a.yaml:2 DS101", "a.yaml:4 DS101"]
    assert len(places("vendor/b.yaml", "--ignore", "DS105")) == 2
    assert places("old", "--ignore", "DS105") == []
    assert dualstack("lint", "a.yaml", "--ignore", "DS105").returncode == 0
    assert dualstack("lint", "a.yaml", "--ignore", "DS105", "--fail-on", "error").returncode == 1
    (here / "pyproject.toml").write_text("[tool.dualstack]\nselct = []\n")
    done = dualstack("lint", ".")
    assert (done.returncode, done.stdout) == (2, "")
    assert "pyproject.toml: [tool.dualstack] `selct` is no key" in done.stderr


def git(*words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], check=True, capture_output=True)


def test_only_what_has_changed_since_a_revision(here: Path) -> None:
    (here / "a.yaml").write_text(WRONG.replace("fd00::6", "[fd00::6]"))
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "x")
    (here / "a.yaml").write_text(WRONG)
    (here / "new.yaml").write_text(WRONG)

    assert places(".", "--changed-since", "HEAD") == ["a.yaml:4 DS101", "new.yaml:2 DS101", "new.yaml:4 DS101"]
    done = dualstack("lint", ".", "--changed-since", "nope")
    assert (done.returncode, done.stdout) == (2, "")
    assert "`--changed-since nope` is no revision" in done.stderr


def test_outside_of_a_repository_that_is_said(here: Path) -> None:
    done = dualstack("lint", ".", "--changed-since", "HEAD", GIT_CEILING_DIRECTORIES=str(here))

    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a git repository" in done.stderr


def test_a_baseline_hides_what_is_in_it_and_says_what_is_gone(here: Path) -> None:
    kept = dualstack("lint", ".", "--write-baseline", "base.json")
    assert (kept.returncode, kept.stdout, kept.stderr) == (0, "", "Kept 2 findings in base.json.\n")

    (here / "a.yaml").write_text(f"# moved\n\n{WRONG.replace('fd00::6', 'fd00::9')}")
    assert places(".", "--baseline", "base.json") == ["a.yaml:6 DS101"]
    told = dualstack("lint", ".", "--baseline", "base.json").stderr
    assert told == "note: base.json: 1 finding of it is gone; `--write-baseline base.json` takes them away\n"
    assert dualstack("lint", ".", "--baseline", "base.json", "--select", "DS102").stderr == ""
    assert dualstack("lint", ".", "--baseline", "a.yaml").returncode == 2


def test_what_is_in_a_baseline_is_not_mended(here: Path) -> None:
    dualstack("lint", ".", "--write-baseline", "base.json")
    (here / "a.yaml").write_text(WRONG.replace("fd00::6", "fd00::9"))

    dualstack("lint", ".", "--baseline", "base.json", "--fix")

    assert (here / "a.yaml").read_text() == WRONG.replace("fd00::6", "[fd00::9]")


def test_stdin_is_mended_to_stdout(here: Path) -> None:
    done = piped(b"\xef\xbb\xbf" + WRONG.replace("\n", "\r\n").encode(), "-", "--fix")

    assert done.stdout == b"\xef\xbb\xbf" + RIGHT.replace("\n", "\r\n").encode()
    assert done.stderr.decode() == "No findings.\nMended 2 in 1 file.\n"
    assert done.returncode == 0
    assert piped(RIGHT.encode(), "-", "--fix").stdout == RIGHT.encode()


@pytest.mark.parametrize(
    "text", [WRONG, WRONG.replace("\n", "\r\n"), WRONG.rstrip("\n"), "\ufeff" + WRONG, "# a\u2028# c\n" + WRONG]
)
def test_a_difference_is_what_patch_takes(text: str, here: Path) -> None:
    (here / "sub dir").mkdir()
    path = here / "sub dir" / "a b.yaml"
    path.write_bytes(text.encode())
    (here / "a.yaml").unlink()
    for name in ("./sub dir", str(here / "sub dir")):
        done = subprocess.run(
            [*ARGV, "lint", name, "--diff"], capture_output=True, check=False, env=environ(), cwd=here
        )
        root = here if name.startswith(".") else Path("/")

        subprocess.run(["patch", "-p1", "--binary"], input=done.stdout, cwd=root, check=True, capture_output=True)

        mended = text.replace("fd00::5", "[fd00::5]").replace("fd00::6", "[fd00::6]")
        assert path.read_bytes() == mended.encode()
        assert done.returncode == 1
        path.write_bytes(text.encode())


def test_a_file_that_cannot_be_written_is_left_and_the_others_are_mended(public: Path) -> None:
    here = public
    (here / "closed").mkdir()
    (here / "closed" / "b.yaml").write_text(WRONG)
    (here / "closed").chmod(0o555)
    (here / "a.yaml").write_text(WRONG)
    for path in (here, here / "a.yaml"):
        os.chown(path, 65534, 65534)

    done = dualstack("lint", str(here), "--fix", before=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))

    assert done.returncode == 2
    assert (here / "a.yaml").read_text() == RIGHT
    assert (here / "closed" / "b.yaml").read_text() == WRONG
    assert "closed/b.yaml: cannot be written" in done.stderr
    assert done.stdout.count("DS101") == 2
    assert "Mended 2 in 1 file." in done.stderr


def test_findings_that_want_the_same_change_are_one_change(here: Path) -> None:
    (here / "a.yaml").write_text("""\
receivers:
  otlp: {protocols: {grpc: &here {endpoint: "fd00::5:4317"}}}
  otlp/2: {protocols: {grpc: *here}}
""")

    done = dualstack("lint", ".", "--fix", "--select", "DS101")

    assert done.stderr == "Mended 1 in 1 file.\n"
    assert "[fd00::5]:4317" in (here / "a.yaml").read_text()


def test_set_without_config_is_refused(here: Path) -> None:
    done = dualstack("lint", "--set", "a=b")

    assert (done.returncode, done.stdout) == (2, "")
    assert "`--set` is given without a configuration" in done.stderr


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--config", "a.yaml", "--set", "ab"], "`--set ab` is not of the form KEY=VALUE"),
        (["--config", "http://x/y"], "`--config http://x/y` is not followed"),
        (["--config", "env:NOT_SET_AT_ALL"], "NOT_SET_AT_ALL is not set here"),
        (["--config", "gone.yaml"], "gone.yaml: cannot be read: No such file"),
        (["--config", "list.yaml"], "list.yaml:1:1: is no Collector configuration: it holds no mapping"),
    ],
)
def test_what_cannot_be_a_configuration_is_said(argv: list[str], said: str, here: Path) -> None:
    (here / "list.yaml").write_text("- a\n")

    done = dualstack("lint", *argv)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_configuration_is_judged_without_what_is_for_systems_and_clusters(here: Path, form: str) -> None:
    (here / "a.yaml").write_text(RIGHT)
    code = f"import sys; from dualstack.cli.app import run; run(['lint', 'a.yaml', '--format', '{form}', '-o', 'said'])"
    unwanted = "{'dualstack.model.cluster', 'dualstack.model.probe', 'dualstack.reach.arrival', 'dualstack.reach.pods'}"
    argv = [*ARGV[:1], "-c", f"{code}; print(unwanted & set(sys.modules))".replace("unwanted", unwanted)]
    done = subprocess.run(argv, capture_output=True, check=True, env=environ(), text=True, timeout=60)

    assert done.stdout == "set()\n"

"""Files that are broken, hostile or odd: each is named, the others are judged, and nothing takes long."""

import os
import pickle
import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualstack.gather.errors import BadFile, BadInput
from dualstack.gather.regular import MOST
from dualstack.gather.yaml_tree import BadYaml
from dualstack.review import Review, Reviewed, explained, lint, mend
from tests.cli.command import dualstack
from tests.robust.mutants import mutant

WRONG = 'receivers:\n  otlp: {protocols: {grpc: {endpoint: "fd00::5:4317"}}}\n'
PATIENCE = 5.0  # seconds, on a busy machine


def config(value: str) -> str:
    return f'receivers:\n  otlp: {{protocols: {{grpc: {{endpoint: "{value}"}}}}}}\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yaml").write_text(WRONG)
    return tmp_path


def judged(*paths: str) -> Reviewed:
    """The review, in which the other file is judged whatever the first one is; nothing takes long."""
    start = time.monotonic()
    found = lint(Review((*paths, "other.yaml")))
    assert time.monotonic() - start < PATIENCE
    assert "other.yaml" in {x.location.file for x in found.diagnosis.findings if x.location}
    return found


def bomb(kind: str, levels: int = 30, wide: int = 30) -> str:
    """A few lines whose aliases stand for more than there are atoms."""
    held = [f"a0: &a0 {'[x]' if kind == 'list' else '{x: 1}'}"]
    for i in range(1, levels):
        each = [f"*a{i - 1}" if kind == "list" else f"k{n}: *a{i - 1}" for n in range(wide)]
        held.append(f"a{i}: &a{i} " + (f"[{', '.join(each)}]" if kind == "list" else f"{{{', '.join(each)}}}"))
    return WRONG + "processors:\n" + "".join(f"  {x}\n" for x in held)


REFUSED = {
    "a tab": (WRONG + "exporters:\n\tdebug:\n", r"bad\.yaml:4:1: is not YAML: .*cannot start any token"),
    "an open bracket": (WRONG + "x: [1, 2\ny: 3\n", r"bad\.yaml:\d:\d+: is not YAML: .*expected ',' or '\]'"),
    "an unknown alias": (WRONG + "x: *nobody\n", r"bad\.yaml:3:4: is not YAML: .*undefined alias"),
    "a control character": (WRONG + "x: \x01\n", r"bad\.yaml:3:4: is not YAML: control characters are not allowed"),
    "too many aliases": (WRONG + "a: &a 1\nb: [" + "*a, " * 1001 + "1]\n", r"bad\.yaml: holds more than 1000 aliases"),
    "deep lists": (
        WRONG + "x: " + "[" * 5000 + "]" * 5000 + "\n",
        r"bad\.yaml:3:1003: is not YAML: .*maximum nesting depth",
    ),
    "deep blocks": (WRONG + "".join(" " * i + "x:\n" for i in range(1, 3000)), r"bad\.yaml"),
    "deep dashes": (WRONG + "x:\n" + "- " * 5000 + "1\n", r"bad\.yaml: nests deeper than 100 levels"),
    "a key twice": (WRONG + "receivers: {}\n", r"bad\.yaml:3:1: has the key `receivers` a second time, after line 1"),
    "a deep key twice": (WRONG + "service:\n  a: 1\n  'a': 2\n", r"bad\.yaml:5:3: has the key `a` a second time"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_no_yaml_is_named_at_its_place(name: str, here: Path) -> None:
    text, said = REFUSED[name]
    (here / "bad.yaml").write_text(text)

    (error,) = judged("bad.yaml").errors

    assert re.match(said, str(error)), error


def test_a_key_that_is_there_twice_is_an_error_and_the_rest_is_judged(here: Path) -> None:
    (here / "bad.yaml").write_text(WRONG + "processors: {}\nprocessors: {}\n")

    found = judged("bad.yaml")

    assert len(found.errors) == 1
    assert "bad.yaml" in {x.location.file for x in found.diagnosis.findings if x.location}


def test_keys_of_an_object_and_of_the_configuration_in_it_are_held_against_their_own_kind(here: Path) -> None:
    held = "".join(f"    {x}" for x in (WRONG + "receivers: {}\n").splitlines(keepends=True))
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  a.yaml: |\n{held}"
    (here / "bad.yaml").write_text(text + "metadata: {}\n")

    errors = judged("bad.yaml").errors

    assert {(x.line, x.column) for x in errors} == {(8, 5), (9, 1)}


@pytest.mark.parametrize("kind", ["list", "mapping"])
@pytest.mark.parametrize("around", ["", "values", "bare"])
def test_an_alias_bomb_takes_no_time(kind: str, around: str, here: Path) -> None:
    text = bomb(kind)
    if around == "bare":
        text = "# otel\n" + text.removeprefix(WRONG).replace("processors", "processes")
    if around == "values":
        text = "collector: {x: 1}\nopentelemetry:\n" + "".join(f"  {x}" for x in text.splitlines(keepends=True))
    (here / "bad.yaml").write_text(text)

    judged("bad.yaml")


def test_recursive_aliases_end(here: Path) -> None:
    (here / "bad.yaml").write_text(
        WRONG + "exporters: &x {otlp: *x, debug: [*x]}\nservice: &y {<<: *y, pipelines: *y}\n"
    )

    judged("bad.yaml")


@pytest.mark.parametrize(
    "text",
    [
        WRONG + "? [a, b]\n: 1\n? {c: d}\n: 2\n1: 2\nnull: 3\ntrue: 4\n~: 5\n2026-01-01: 6\n",
        WRONG.replace("otlp", "1"),
        "receivers: [otlp]\nexporters: text\nservice: 5\n",
        "receivers: {otlp: [1, 2]}\nservice: {pipelines: [a], extensions: {a: b}}\n",
        "apiVersion: [v1]\nkind: {Service: otel}\n",
        "apiVersion: v1\nkind: Service\nmetadata: [collector]\nspec: text\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: {otel: 1}, volumes: x}}}\n",
        "apiVersion: v1\nkind: List\nitems: [otel, [collector], {kind: List, apiVersion: v1, items: [1]}]\n",
        "services: {otel: [1], collector: null, x: {environment: 5, command: {a: b}}}\n",
        "!!binary otel: !!set {collector}\n",
        "%YAML 1.2\n---\n" + WRONG,
        "--- # otel\n--- otel\n...\n---\n" + WRONG,
        "otel",
        "- otel\n- collector: 4317\n",
    ],
)
def test_shapes_that_nobody_expects_are_no_end(text: str, here: Path) -> None:
    (here / "bad.yaml").write_text(text)

    assert all(isinstance(x, BadFile) for x in judged("bad.yaml").errors)
    explained(Review(("bad.yaml",)))


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
_MARKS = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff", "utf-32-be": "\ufeff"}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines_are_read_and_kept(encoding: str, end: str, here: Path) -> None:
    text = ("# ä\u2028# 1\u0085" + WRONG + "# no end").replace("\n", end)
    path = here / "bad.yaml"
    raw = (_MARKS.get(encoding, "") + text).encode(encoding)
    path.write_bytes(raw)

    (finding,) = judged("bad.yaml").diagnosis.findings[:1]
    assert finding.location
    assert (finding.location.file, finding.location.line) == ("bad.yaml", 4)
    assert dualstack("lint", "--fix", "bad.yaml").returncode == 0

    mended = (_MARKS.get(encoding, "") + text.replace("fd00::5", "[fd00::5]")).encode(encoding)
    assert path.read_bytes() == mended


def test_a_slip_is_put_right_whatever_ends_its_line(here: Path) -> None:
    path = here / "bad.yaml"
    text = "# a\x85# b\u2028receivers:\r\n  otlp: {protocols: {grpc: {endpoint: [::]:4317}}}\r"
    path.write_text(text, newline="")

    assert dualstack("lint", "--fix", "bad.yaml").returncode == 0

    assert path.read_bytes().decode() == text.replace("[::]:4317", '"[::]:4317"')


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (WRONG.encode() + "# ä\n".encode("latin-1"), "is not text in UTF-8, from its line 3 on"),
        (WRONG.encode() + b"x: \0\n", "is not text: it holds a zero byte"),
        (WRONG.encode("utf-16-le"), "is not text: it holds a zero byte"),
        (b"\xff\xfe\x00", "is not text in UTF-16-LE"),
        (bytes(range(256)) * 100, "is not text in UTF-8"),
    ],
)
def test_what_is_no_text_is_named_and_passed_over_in_a_folder(raw: bytes, said: str, here: Path) -> None:
    (here / "bad.yaml").write_bytes(raw)

    (error,) = judged("bad.yaml").errors
    assert said in str(error)
    assert not lint(Review((".",))).errors


def test_a_file_without_end_or_too_large_is_named(here: Path) -> None:
    with (here / "large.yaml").open("wb") as file:
        file.truncate(MOST + 1)
    os.mkfifo(here / "pipe.yaml")

    errors = judged("large.yaml", "pipe.yaml", "/dev/zero").errors

    assert [str(x).partition(":")[0] for x in errors] == ["large.yaml", "pipe.yaml", "/dev/zero"]
    assert "larger than 64 MB" in str(errors[0])


def test_a_large_file_of_one_line_takes_no_time(here: Path) -> None:
    (here / "large.yaml").write_text("x: " + "otel: " * 1_000_000 + "\n")
    (here / "long.yaml").write_text("# " + "otel " * 1_000_000 + "\n" + WRONG)

    judged("large.yaml", "long.yaml")


def test_links_that_lead_round_are_followed_once(here: Path) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "up").symlink_to(here)
    (here / "loop.yaml").symlink_to(here / "loop.yaml")
    (here / "again.yaml").symlink_to(here / "other.yaml")
    (here / "folder.yaml").mkdir()
    (here / "folder.yaml" / "in.yaml").write_text(WRONG)

    found = lint(Review((".",)))

    assert not found.errors
    assert [x.location.file for x in found.diagnosis.findings if x.location] == ["again.yaml", "folder.yaml/in.yaml"]
    with pytest.raises(BadInput, match=r"`loop\.yaml` is a link that leads nowhere"):
        lint(Review(("loop.yaml",)))
    with pytest.raises(BadInput, match=r"`gone\.yaml` is not there"):
        lint(Review(("other.yaml", "gone.yaml")))


def test_stdin_is_read_once_and_an_empty_one_is_said(here: Path) -> None:
    found = lint(Review(("-", "-", "other.yaml"), stdin=WRONG.encode()))
    assert [x.location.file for x in found.diagnosis.findings if x.location] == ["-", "other.yaml"]

    done = dualstack("lint", "-")
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input is empty" in done.stderr
    assert dualstack("lint", "-", "--stdin-filename", "x.yaml").returncode == 0


def test_findings_are_told_beside_what_cannot_be_read(here: Path) -> None:
    (here / "bad.yaml").write_text("otel: [")

    done = dualstack("lint", ".")

    assert done.returncode == 2
    assert "other.yaml:2:39: DS101" in done.stdout
    assert done.stderr.startswith("dualstack: bad.yaml:2:1: is not YAML: ")
    assert "Traceback" not in done.stderr


def test_a_template_is_named_as_such(here: Path) -> None:
    (here / "bad.yaml").write_text("{{- if .Values.otel }}\nreceivers: {{ .x }}\n{{- end }}\n")

    found = judged("bad.yaml")

    assert not found.errors
    assert "is a template" in found.diagnosis.skipped[-1].why


def test_what_cannot_be_entered_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        for name in ("closed", "open"):
            Path(folder, name).mkdir()
            Path(folder, name, "a.yaml").write_text(WRONG)
        Path(folder, "open", "secret.yaml").write_text(WRONG)
        Path(folder, "open", "secret.yaml").chmod(0)
        Path(folder, "closed").chmod(0)

        done = dualstack("lint", folder, before=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))

    assert done.returncode == 2
    assert "closed: cannot be read: Permission denied" in done.stderr
    assert "secret.yaml: cannot be read: Permission denied" in done.stderr
    assert "open/a.yaml:2:39: DS101" in done.stdout


GOOD = (
    f"""\
{WRONG}
exporters:
  otlp:
    endpoint: ${{env:H:-[::1]}}:4317
service: {{pipelines: {{a: {{receivers: [otlp]}}}}}}
""",
    """\
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  b.yaml: |
    receivers:
      otlp: &x
        protocols: {grpc: {endpoint: [::]:4317}, http: {<<: *x}}
---
apiVersion: v1
kind: Service
metadata: {name: otel, annotations: {dualstack.dev/ignore: DS501}}
spec: {ports: [{port: 4317}], selector: {a: b}}
""",
    """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: otel}
spec:
  template:
    spec:
      containers:
      - name: c
        image: 'otel/opentelemetry-collector:0.139.0'
        args: ['--config', /etc/b.yaml]
        env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: 'http://otel:4318'}]
""",
    """\
services:
  otel:
    environment: [OTEL_EXPORTER_OTLP_ENDPOINT=http://fd00::1:4318]
    command: --config x
""",
    """\
# dualstack: ignore[DS101]
config:
  receivers: {otlp: {protocols: {http: '${file:x}'}}}
  exporters: {debug: }
""",
)
"""Files of each kind, to be spoilt."""


@given(
    st.integers(min_value=0, max_value=2**32), st.sampled_from(GOOD), st.sampled_from(["x.yaml", ".env", "a.service"])
)
@settings(max_examples=400, deadline=None)
def test_no_spoilt_file_ends_a_review(seed: int, text: str, name: str) -> None:
    raw = mutant(text.encode(), random.Random(seed))
    request = Review(("-",), stdin=raw, stdin_name=name)

    found = lint(request)
    mend(request, found, unsafe=True)
    explained(request)

    assert all(isinstance(x, BadFile) for x in found.errors)
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", raw.decode(errors="replace"))
    assert all(x.location and 0 < x.location.line <= len(lines) for x in found.diagnosis.findings)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le", "shift-jis"])
def test_a_file_that_is_no_utf8_is_named_where_it_speaks_of_telemetry(encoding: str, here: Path) -> None:
    remark = "# ä\n" if encoding == "latin-1" else "# テスト\n"
    (here / "collector.yaml").write_bytes((remark + WRONG).encode(encoding))
    (here / "other.yaml").write_bytes(f"{remark}a: b\n".encode(encoding))
    (here / "picture.conf").write_bytes(bytes(range(256)))
    found = lint(Review((str(here),)))

    assert [Path(x.needs).name for x in found.diagnosis.skipped if "passed over" in x.why] == ["collector.yaml"]
    assert not found.errors


def test_what_cannot_be_read_is_the_same_in_another_process() -> None:
    error = BadYaml("a.yaml", 1, 2, "is not YAML", (3,))
    error.held = ("obs", "scratch")
    again = pickle.loads(pickle.dumps(error))

    assert (str(again), again.near, again.held) == (str(error), error.near, error.held)

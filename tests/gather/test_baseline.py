"""Findings that are kept in a file and not told again."""

import json
from pathlib import Path

import pytest

from dualstack.gather.baseline import entries, known, rendered
from dualstack.gather.errors import BadFile
from dualstack.model.finding import Finding
from dualstack.model.source import Location


def finding(file: Path, line: int = 3, *, code: str = "DS101", excerpt: str = "  endpoint:  x") -> Finding:
    return Finding("Wrong", "It is.", code=code, excerpt=excerpt, location=Location(str(file), line, 3))


def kept(folder: Path, *findings: Finding) -> Path:
    path = folder / "base.json"
    path.write_text(rendered(entries(findings, str(path))))
    return path


def test_what_is_kept_is_sorted_and_does_not_depend_on_the_folder(tmp_path: Path) -> None:
    found = [
        finding(tmp_path / "b.yaml"),
        finding(tmp_path / "sub" / "a.yaml"),
        finding(tmp_path / "b.yaml", code="DS100"),
    ]

    whole = json.loads(kept(tmp_path, *found).read_text())

    assert whole["schema"] == "dualstack.baseline/1"
    assert [(x["file"], x["code"], x["text"]) for x in whole["findings"]] == [
        ("b.yaml", "DS100", "endpoint: x"),
        ("b.yaml", "DS101", "endpoint: x"),
        ("sub/a.yaml", "DS101", "endpoint: x"),
    ]


def test_only_what_is_new_is_left(tmp_path: Path) -> None:
    path = kept(tmp_path, finding(tmp_path / "a.yaml"))
    moved, second = finding(tmp_path / "a.yaml", 50), finding(tmp_path / "a.yaml", 60)

    assert known(str(path)).new([moved]) == ()
    assert known(str(path)).new([moved, second]) == (second,)


def test_what_is_gone_is_counted_where_that_is_known(tmp_path: Path) -> None:
    here, there = tmp_path / "a.yaml", tmp_path / "there.yaml"
    there.write_text("x\n")
    path = kept(tmp_path, finding(here), finding(there), finding(here, code="DS102"), finding(tmp_path / "no.yaml"))
    base = known(str(path))

    assert base.gone([], [str(here), str(tmp_path / "new.yaml")], {"DS101"}) == 2  # in a.yaml, and in no.yaml
    assert base.gone([finding(here, 9)], [str(here)], {"DS101", "DS102"}) == 2
    there.unlink()
    assert base.gone([], [], {"DS101"}) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no baseline: Input data was truncated; write one with"),
        ("{}", "is no baseline: Object missing required field `schema`"),
        ('{"schema": "dualstack.baseline/1", "findings": [{}]}', "missing required field"),
        ('{"schema": "dualstack.baseline/2", "findings": []}', "is of the form dualstack.baseline/2"),
        ('"\udcff"', "is no baseline"),
    ],
)
def test_what_is_no_baseline_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(BadFile, match=said):
        known(str(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be read: No such file"):
        known(str(tmp_path / "base.json"))

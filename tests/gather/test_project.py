"""The settings of a repository: which file counts, what it may say, and what is wrong with it."""

import re
from pathlib import Path

import pytest

from dualstack.gather.errors import BadFile
from dualstack.gather.project import Settings, project


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_nearest_file_counts_and_one_that_says_nothing_of_this_tool_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "dualstack.toml", 'expect = "dual"\n')
    write(tmp_path / "sub" / "pyproject.toml", "[tool.other]\nx = 1 # dualstack\n")
    write(tmp_path / "sub" / "near" / "pyproject.toml", '[tool.dualstack]\nfail-on = "info"\n')

    assert project(str(tmp_path / "sub")).settings == Settings(expect="dual")
    assert project(str(tmp_path / "sub" / "near" / "x.yaml")).settings == Settings(fail_on="info")


def test_a_file_of_its_own_wins_over_the_shared_one_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "dualstack.toml", "")
    write(tmp_path / "pyproject.toml", '[tool.dualstack]\nfail-on = "info"\n')

    assert project(str(tmp_path)).settings == Settings()


def test_every_key(tmp_path: Path) -> None:
    text = """
[tool.dualstack]
select = ["DS1", "single-stack-service-on-dual-stack-cluster"]
ignore = ["DS105"]
expect = "ipv6"
cluster-families = ["IPv6", "IPv4"]
collector-version = "0.139.0"
fail-on = "never"
exclude = ["/vendor/", "*.tmpl.yaml"]
[tool.dualstack.per-file-ignores]
"tests/**" = ["DS101"]
"!tests/real/**" = ["DS102"]
"""
    write(tmp_path / "pyproject.toml", text)

    found = project(str(tmp_path))

    assert found.settings.cluster_families == ("IPv6", "IPv4")
    assert found.settings.collector_version == "0.139.0"
    assert found.exempts(str(tmp_path / "tests" / "a" / "b.yaml"), "DS101")
    assert not found.exempts(str(tmp_path / "tests" / "a" / "b.yaml"), "DS102")
    assert not found.exempts(str(tmp_path / "a.yaml"), "DS101")
    assert not found.exempts("/elsewhere/tests/a.yaml", "DS101")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('selct = ["DS101"]', "`selct` is no key; known are select, ignore, expect"),
        ('select = "DS101"', "select: Expected a list, got a text"),
        ("ignore = [1]", "ignore[0]: Expected a text, got `int`"),
        ('ignore = ["DS000"]', "ignore: `DS000` is no rule"),
        ('expect = "both"', "expect: Invalid enum value 'both'"),
        ('cluster-families = ["IPv5"]', "cluster-families[0]: Invalid enum value 'IPv5'"),
        ('collector-version = "new"', "collector-version: `new` is no version"),
        ("collector-version = 0.139", "collector-version: Expected a text, got `float`"),
        ('exclude = ["!"]', "exclude: Invalid git pattern"),
        ('exclude = ["[z-a]"]', "exclude: Invalid git pattern"),
        ('per-file-ignores = {"x" = ["DS999"]}', "per-file-ignores.x: `DS999` is no rule"),
        ('per-file-ignores = {"x" = "DS101"}', "per-file-ignores[...]: Expected a list"),
        ("per-file-ignores = []", "per-file-ignores: Expected a table, got a list"),
        ("select =", "is not TOML: Invalid value"),
        ("a = 1\na = 2", "is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(text: str, said: str, tmp_path: Path) -> None:
    write(tmp_path / "dualstack.toml", text)

    with pytest.raises(BadFile, match=rf"dualstack\.toml: .*{re.escape(said)}"):
        project(str(tmp_path))


def test_the_section_is_named_in_a_shared_file(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool]\ndualstack = 1\n")

    with pytest.raises(BadFile, match=r"pyproject\.toml: \[tool\.dualstack\] Expected a table, got `int`"):
        project(str(tmp_path))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "dualstack.toml").write_bytes(b"\xff")

    with pytest.raises(BadFile, match=r"dualstack\.toml: cannot be read"):
        project(str(tmp_path))


def test_a_shared_file_that_is_broken_elsewhere_is_no_matter(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.other\n")

    assert project(str(tmp_path)).settings == Settings()


def test_tool_that_is_no_table_says_nothing(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "tool = 'dualstack'\n")

    assert project(str(tmp_path)).settings == Settings()

"""What has changed since a revision, in real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from dualstack.gather.errors import BadInput
from dualstack.gather.git import changes

_IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    call = ["git", *_IDENTITY, *words]
    return subprocess.run(call, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, said: str = "x") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", said, "--allow-empty")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a.yaml").write_text("1\n2\n3\n4\n5\n")
    (tmp_path / "same.yaml").write_text("1\n")
    commit(tmp_path)
    return tmp_path


def test_changed_and_added_lines_are_told_from_the_others(repository: Path) -> None:
    (repository / "a.yaml").write_text("1\ntwo\n3\n5\nsix\nseven\n")

    found = changes("HEAD", [str(repository)])

    path = str(repository / "a.yaml")
    assert [n for n in range(1, 7) if found.touch(path, n, n)] == [2, 5, 6]
    assert found.touch(path, 1, 3)
    assert found.former == {path: "1\n2\n3\n4\n5\n"}
    assert not found.touch(str(repository / "same.yaml"), 1, 9)


def test_a_file_that_git_does_not_know_counts_whole(repository: Path) -> None:
    (repository / "new.yaml").write_text("1\n")
    (repository / "added.yaml").write_text("1\n")
    git(repository, "add", "added.yaml")

    found = changes("HEAD", [str(repository / "a.yaml")])

    assert found.touch(str(repository / "new.yaml"), 1, 1)
    assert found.touch(str(repository / "added.yaml"), 1, 1)
    assert found.touch("/elsewhere", 1, 1)
    assert not found.former


def test_odd_names_renames_and_removals(repository: Path) -> None:
    names = ["ä b.yaml", 'q"uote.yaml', "tab\t.yaml", "back\\.yaml", " lead.yaml"]
    for name in names:
        (repository / name).write_text("".join(f"{i}\n" for i in range(9)))
    (repository / "gone.yaml").write_text("was\n")
    base = commit(repository)
    for name in names:
        (repository / name).write_text("".join(f"{i}\n" for i in range(9)) + "new\n")
    (repository / "gone.yaml").unlink()
    os.rename(repository / names[0], repository / "moved.yaml")
    commit(repository)

    found = changes(base, [str(repository)])

    for name in ["moved.yaml", *names[1:]]:
        assert [n for n in range(1, 11) if found.touch(str(repository / name), n, n)] == [10], name
    assert found.former[str(repository / "moved.yaml")].startswith("0\n")
    assert found.former[str(repository / "gone.yaml")] == "was\n"


def test_what_others_changed_meanwhile_is_no_change_of_this_branch(repository: Path) -> None:
    git(repository, "checkout", "-qb", "mine")
    (repository / "a.yaml").write_text("1\n2\nmine\n4\n5\n")
    commit(repository)
    git(repository, "checkout", "-q", "main")
    (repository / "same.yaml").write_text("theirs\n")
    commit(repository)
    git(repository, "checkout", "-q", "mine")

    found = changes("main", [str(repository)])

    assert found.touch(str(repository / "a.yaml"), 3, 3)
    assert not found.touch(str(repository / "same.yaml"), 1, 1)


def test_histories_without_a_common_commit_are_compared_as_they_are(repository: Path) -> None:
    git(repository, "checkout", "-q", "--orphan", "other")
    (repository / "a.yaml").write_text("1\nother\n3\n4\n5\n")
    commit(repository)

    found = changes("main", [str(repository)])

    assert [n for n in range(1, 6) if found.touch(str(repository / "a.yaml"), n, n)] == [2]


def test_settings_of_the_user_and_of_the_repository_change_nothing(repository: Path) -> None:
    for name, value in (
        ("diff.noprefix", "true"), ("diff.mnemonicPrefix", "true"), ("color.ui", "always"), ("diff.external", "false"),
        ("core.fsmonitor", "touch ran; false"), ("diff.relative", "true"), ("core.quotePath", "false"),
    ):  # fmt: skip
        git(repository, "config", name, value)
    (repository / ".gitattributes").write_text("*.yaml diff=odd -text\n")
    git(repository, "config", "diff.odd.textconv", "false")
    (repository / "a.yaml").write_text("one\n2\n3\n4\n5\n")

    found = changes("HEAD", [str(repository)])

    assert [n for n in range(1, 6) if found.touch(str(repository / "a.yaml"), n, n)] == [1]
    assert not (repository / "ran").exists()


def test_files_that_are_no_text_or_of_no_interest_have_no_former_text(repository: Path) -> None:
    (repository / "b.yaml").write_bytes(b"\0\xff")
    (repository / "c.txt").write_text("1\n")
    base = commit(repository)
    (repository / "b.yaml").write_bytes(b"\0\xfe")
    (repository / "c.txt").write_text("2\n")

    found = changes(base, [str(repository)])

    assert not found.former
    assert found.touch(str(repository / "b.yaml"), 1, 1)


def test_what_is_no_repository_or_no_revision_is_said(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("plain")
    with pytest.raises(BadInput, match=r"needs a git repository, and `.*plain.*` is in none"):
        changes("HEAD", [str(elsewhere)])
    for revision in ("nope", "--output=x", "HEAD:a.yaml", ""):
        with pytest.raises(BadInput, match="is no revision of the repository"):
            changes(revision, [str(repository)])
    assert not (repository / "x").exists()


def test_without_git_that_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))

    with pytest.raises(BadInput, match="git is not installed"):
        changes("HEAD", [str(repository)])


def test_a_git_that_cannot_be_run_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "git").write_bytes(b"no program")
    (repository / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(repository))

    with pytest.raises(BadInput, match="git does not answer"):
        changes("HEAD", [str(repository)])

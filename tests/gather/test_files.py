"""Files under paths: which, and as what text."""

import os
from pathlib import Path

import pytest

from dualstack.gather.errors import BadInput
from dualstack.gather.files import found, text_of
from dualstack.gather.regular import MOST


def tree(folder: Path, *names: str, **texts: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get(name, "a: 1\n"))


def names(*paths: Path) -> list[str]:
    return [os.path.relpath(x, paths[0]) for x, _ in found([str(x) for x in paths])]


def test_a_folder_is_walked_in_order_and_what_cannot_matter_is_left_out(tmp_path: Path) -> None:
    tree(tmp_path, "b.yaml", "a.yml", "sub/c.json", "x.txt", ".git/d.yaml", "node_modules/e.yaml", ".env", ".env.local")
    os.symlink(tmp_path, tmp_path / "sub" / "loop")
    os.symlink(tmp_path / "b.yaml", tmp_path / "z.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")

    assert names(tmp_path) == [".env", ".env.local", "a.yml", "b.yaml", "sub/c.json"]
    assert [named for _, named in found([str(tmp_path), str(tmp_path / "x.txt")])] == [False] * 5 + [True]


def test_gitignore_is_respected_also_below_and_above(tmp_path: Path) -> None:
    tree(tmp_path, "a.yaml", "b.yaml", "deep/b.yaml", "deep/keep.yaml", "out/c.yaml", "deep/gone/d.yaml")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("b.yaml\n/out/\n*keep.yaml\n")
    (tmp_path / "deep" / ".gitignore").write_text("!keep.yaml\ngone\n")

    assert names(tmp_path) == ["a.yaml", "deep/keep.yaml"]
    assert names(tmp_path / "deep") == ["keep.yaml"]
    assert names(tmp_path / "b.yaml") == ["."]  # what is named is read


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not there"):
        list(found([str(tmp_path / "nothing")]))


TEXT = "a: é\r\nb: 2\n"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"\xff\xfe\0\0", "utf-32-le"),
        (b"\0\0\xfe\xff", "utf-32-be"),
    ],
)
def test_a_text_knows_how_it_is_written_back(tmp_path: Path, mark: bytes, encoding: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(mark + TEXT.encode(encoding))

    text = text_of(str(path), named=True)

    assert text
    assert text.text == TEXT
    assert text.mark + text.text.encode(text.encoding) == path.read_bytes()


@pytest.mark.parametrize("raw", [b"\xff\xff", b"a\0b", b"caf\xe9"])
def test_what_is_no_text_is_passed_over_where_nobody_named_it(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(raw)

    assert text_of(str(path), named=False) is None
    with pytest.raises(BadInput, match=f"^{path}: is not text"):
        text_of(str(path), named=True)


def test_a_file_that_is_too_large_or_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.touch()
    os.truncate(path, MOST + 1)

    for file in (path, tmp_path / "gone.yaml"):
        with pytest.raises(BadInput, match="cannot be read"):
            text_of(str(file), named=False)

"""References that bring more than a text. That the values are those of the Collector is tested against it."""

from collections.abc import Mapping

import pytest

from dualstack.gather.errors import BadFile
from dualstack.gather.files import Text
from dualstack.gather.follow import Follower
from dualstack.gather.yaml_tree import DEPTH, Node, Origin, compose, pairs, scalar, value


def follow(
    text: str, files: Mapping[str, str], environ: Mapping[str, str] | None = None
) -> tuple[Node, Origin, Follower]:
    follower = Follower(environ or {}, lambda x: Text(x, files[x]) if x in files else None)
    origin = Origin("main.yaml", text)
    root = compose(origin)
    assert root is not None
    return *follower.follow(root, origin), follower


def test_what_a_file_brings_stands_in_that_file() -> None:
    root, origin, follower = follow("a:\n  b: ${file:sub/part.yaml}\n", {"sub/part.yaml": "# top\nc: 1\n"})

    node = value(root, "a", "b", "c")
    assert node is not None
    at = origin.location(node)
    assert (at.file, at.line, at.column) == ("sub/part.yaml", 2, 4)
    assert not follower.errors
    assert not follower.notes


def test_what_a_text_or_a_variable_brings_stands_where_it_is_referred_to_and_cannot_be_changed_there() -> None:
    root, origin, _ = follow("a: '${yaml:{b: 1}'\nc: ${file:host}:1\nd: ${D}\n", {"host": "h"}, {"D": "{e: 2}"})

    for path, text, line in ((("a",), "{b: 1", 1), (("c",), "h:1", 2), (("d", "e"), "2", 3)):
        written = origin.written(value(root, *path))
        assert written
        assert (written.text, written.raw, written.at.line) == (text, "", line)


def test_without_references_nothing_is_copied() -> None:
    origin = Origin("main.yaml", "a: ${b\n")
    root = compose(origin)
    assert root is not None

    assert Follower({}, lambda _: None).follow(root, origin)[0] is root


def test_a_file_that_is_not_at_hand_is_named_once_and_stays_as_it_is_written() -> None:
    root, _, follower = follow("a: ${file:gone}${env:X}\nb: ${file:gone}\n", {}, {"X": "x"})

    assert [scalar(v) for _, v in pairs(root)] == ["${file:gone}x", "${file:gone}"]
    assert [x.needs for x in follower.notes] == ["main.yaml:1", "main.yaml:2"]


@pytest.mark.parametrize(
    ("main", "files", "chain"),
    [
        ("a: ${file:./main.yaml}", {"main.yaml": "a: 1"}, "main.yaml > main.yaml"),
        ("a: ${file:b}", {"b": "c: ${file:d}", "d": "- ${file:b}"}, "main.yaml > b > d > b"),
    ],
)
def test_files_that_lead_back_to_themselves_are_named(main: str, files: Mapping[str, str], chain: str) -> None:
    _, _, follower = follow(main, files)

    (error,) = follower.errors.values()
    assert error.sentence.endswith(chain)
    assert error.line == 1


def test_a_text_that_refers_to_itself_ends() -> None:
    root, _, _ = follow("a: x${env:A}${file:f}", {"f": "y${file:f}"}, {"A": "${env:A}"})

    assert value(root, "a") is not None


def test_a_reference_that_grows_without_end_is_cut() -> None:
    root, _, _ = follow("a: x${file:f}", {"f": "${file:f}" * 10}, {})

    assert value(root, "a") is not None


def test_files_that_nest_too_deep_are_refused() -> None:
    files = {f"f{i}": f"a: ${{file:f{i + 1}}}" for i in range(2 * DEPTH)}

    with pytest.raises(BadFile, match="nests deeper"):
        follow("a: ${file:f0}", files)


def test_an_alias_bomb_of_references_is_bounded() -> None:
    levels = ["l0: &l0 ['${env:X}']"] + [f"l{i}: &l{i} [*l{i - 1}, *l{i - 1}]" for i in range(1, 60)]

    root, _, _ = follow("\n".join(levels), {}, {"X": "{a: 1}"})

    assert value(root, "l59") is not None


def test_what_files_bring_together_is_bounded() -> None:
    big = "[" + ",".join(["{a: '${env:X}'}"] * 3000) + "]"
    text = "\n".join(f"k{i}: ${{file:big}}" for i in range(40))

    with pytest.raises(BadFile, match="refer to fewer"):
        follow(text, {"big": big}, {"X": "{a: 1}"})

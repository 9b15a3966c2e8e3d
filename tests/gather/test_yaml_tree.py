"""YAML with its places: documents, texts inside texts, and bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.gather.yaml_tree import (
    BadYaml,
    Node,
    Origin,
    ScalarNode,
    chunks,
    compose,
    get,
    is_null,
    items,
    pairs,
    scalar,
    text_at,
    value,
)
from dualstack.model.source import Location, Written


def root(text: str) -> tuple[Node, Origin]:
    origin = Origin("a.yaml", text)
    node = compose(origin)
    assert node is not None
    return node, origin


@given(st.lists(st.sampled_from(["a: 1", "---", "--- x", "---x", " ---", "", "b: |", "  ---"]), max_size=12))
def test_documents_are_cut_where_the_parser_cuts_them(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = list(chunks(text))

    assert "".join(x.text for x in found) == text
    for chunk in found:
        assert text.split("\n")[chunk.line :][: chunk.text.count("\n") + 1][0].startswith(chunk.text.split("\n")[0])


def test_the_line_of_a_document_counts_every_kind_of_line_break() -> None:
    found = list(chunks("é: 1\r\nb: 2\rc: 3\u2028---\na: 1\n---\nb: 1\n"))

    assert [x.line for x in found] == [0, 3, 5]


CONFIG_MAP = """\
kind: List
items:
- kind: ConfigMap
  data:
    relay: |  # the configuration
      receivers:
        otlp:
          endpoint: "[::]:4317"

    folded: >-
      a: b
    quoted: "a: b"
    indented: |2
        a: b
"""


def inner(*path: str) -> tuple[Node, Origin]:
    node, origin = root(CONFIG_MAP)
    held = value(items(value(node, "items"))[0], "data", *path)
    assert isinstance(held, ScalarNode)
    found = origin.inner(held)
    tree = compose(found)
    assert tree is not None
    return tree, found


def test_a_text_inside_a_text_has_its_place_in_the_file() -> None:
    node, origin = inner("relay")
    written = origin.written(value(node, "receivers", "otlp", "endpoint"))

    assert written == Written("[::]:4317", Location("a.yaml", 8, 21, 8, 32), '"[::]:4317"')
    line = CONFIG_MAP.splitlines()[written.at.line - 1]
    assert line[written.at.column - 1 : written.at.end_column - 1] == written.raw


def test_an_indented_block_has_its_place_as_well() -> None:
    node, origin = inner("indented")
    written = origin.written(value(node, "a"))

    assert written
    assert CONFIG_MAP.splitlines()[written.at.line - 1][written.at.column - 1 :] == "b"


@pytest.mark.parametrize(("key", "line"), [("folded", 10), ("quoted", 12)])
def test_a_text_that_is_spelled_otherwise_is_one_place(key: str, line: int) -> None:
    node, origin = inner(key)
    written = origin.written(value(node, "a"))

    assert written
    assert (written.text, written.raw, written.at.line) == ("b", "", line)
    assert origin.inner(ScalarNode("", "c: d")).whole == origin.whole


def test_what_is_merged_in_comes_after_what_is_there() -> None:
    node, _ = root("base: &b {x: 1, y: 2}\nmore: &m {z: 3, x: 9}\nhere: {<<: [*b, *m], x: 5}\nloop: &l {<<: *l}\n")

    assert [scalar(v) for _, v in pairs(value(node, "here"))] == ["5", "1", "2", "3", "9"]
    assert text_at(node, "here", "x") == "5"
    assert list(pairs(value(node, "loop"))) == []


def test_what_is_not_there() -> None:
    node, origin = root("a: ~\nb: [1]\n1: x\n? [k]\n: y\n")

    assert (get(node, "c"), value(node, "a", "b"), text_at(node, "a"), items(value(node, "a"))) == (None, None, "", [])
    assert (is_null(value(node, "a")), is_null(value(node, "b")), is_null(None)) == (True, False, False)
    assert (origin.written(value(node, "b")), origin.written(None), text_at(node, "1")) == (None, None, "x")
    assert not origin.written(value(node, "a"))
    assert compose(Origin("a.yaml", "# nothing\n")) is None


REFUSED = {
    "brackets": "a: " + "[" * 200 + "]" * 200,
    "dashes": "- " * 200 + "a",
    "indentation": "".join(f"{' ' * n}a:\n" for n in range(300)),
    "aliases": "a: &a 1\nb: [" + "*a, " * 2000 + "]",
    "no YAML": "a: [1\n",
    "a tab": "a:\n\t- b\n",
    "a control character": "a: \x01\n",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_no_yaml_or_too_much_is_refused_with_the_file(text: str) -> None:
    with pytest.raises(BadYaml, match=r"^a\.yaml"):
        compose(Origin("a.yaml", text))


def test_the_place_of_a_fault_is_that_in_the_file() -> None:
    with pytest.raises(BadYaml) as caught:
        compose(Origin("a.yaml", "a: 1\nb: [1\n", 10, 4))
    assert (caught.value.line, caught.value.column, caught.value.near) == (13, 5, (2, 1))

    with pytest.raises(BadYaml) as caught:
        compose(Origin("a.yaml", "a: [", whole=Location("a.yaml", 7, 3, 7, 9)))
    assert (caught.value.line, caught.value.column) == (7, 3)

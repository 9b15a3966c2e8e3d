"""Configurations merged: whose node is where. That the values are those of the Collector is tested against it."""

import pytest

from dualstack.gather.errors import BadFile
from dualstack.gather.merge import MOST, Part, merged
from dualstack.gather.vacancies import vacancy
from dualstack.gather.yaml_tree import Origin, compose, get, pairs, scalar, value


def part(name: str, text: str) -> Part:
    origin = Origin(name, text)
    root = compose(origin)
    assert root is not None
    return root, origin


def test_every_node_has_the_place_that_it_came_from() -> None:
    root, origin = merged([part("a", "x:\n  p: 1\n  q: [2]\n"), part("b", "# none\nx: {q: three, r: 4}\n")])

    places = {}
    for name in "pqr":
        pair = get(root, "x", name)
        assert pair
        at = origin.location(pair[1])
        places[name] = (at.file, at.line, at.column)
    assert places == {"p": ("a", 2, 6), "q": ("b", 2, 8), "r": ("b", 2, 18)}
    written = origin.written(value(root, "x", "q"))
    assert written
    assert (written.text, written.raw) == ("three", "three")
    assert origin.written(None) is None
    assert origin.location(root).file == "a"


def test_a_text_in_a_merged_tree_knows_its_lines() -> None:
    root, origin = merged([part("a", "x: 1\n"), part("b", "y: |\n  one\n  two\n")])

    inner = origin.inner(value(root, "y"))  # type: ignore[arg-type]

    assert (inner.file, inner.line, inner.column) == ("b", 1, 2)


def test_what_is_merged_can_be_merged_again() -> None:
    first = merged([part("a", "x: 1\n"), part("b", "y: 2\n")])

    root, origin = merged([first, part("c", "x: 3\n")])

    assert [(scalar(k), scalar(v)) for k, v in pairs(root)] == [("x", "3"), ("y", "2")]
    assert origin.location(value(root, "x")).file == "c"  # type: ignore[arg-type]


def test_aliases_that_stand_for_too_much_are_refused() -> None:
    levels = ["l0: &l0 {a: 1, b: 1, c: 1, d: 1}"]
    levels += [f"l{i}: &l{i} {{a: *l{i - 1}, b: *l{i - 1}, c: *l{i - 1}, d: *l{i - 1}}}" for i in range(1, 20)]
    bomb = "\n".join(levels)

    with pytest.raises(BadFile, match=str(MOST)):
        merged([part("a", bomb), part("b", bomb)])


def test_keys_that_are_paths_inside_a_bomb_are_found_in_time() -> None:
    levels = ["l0: &l0 {'a::b': 1}"]
    levels += [f"l{i}: &l{i} {{a: *l{i - 1}, b: *l{i - 1}}}" for i in range(1, 40)]

    with pytest.raises(BadFile, match=str(MOST)):
        merged([part("a", "\n".join(levels))])


def test_a_value_that_is_left_out_is_written_only_where_key_and_mapping_stand_together() -> None:
    root, origin = merged([part("a", "# one\nx:\n  p: {q: 1}\ny: {}\nz:\n"), part("b", "x: {p: {r: 1}}\ny: 5\n")])
    x, z = get(root, "x", "p"), get(root, "z")
    assert x
    assert z

    here, there = vacancy(*x, origin), vacancy(*z, origin)

    assert here
    assert there
    assert (here.at.file, here.at.line, here.at.column) == ("a", 3, 7)
    assert (there.at.file, there.at.line) == ("a", 5)
    assert vacancy(x[0], value(root, "y"), origin) is None  # type: ignore[arg-type]

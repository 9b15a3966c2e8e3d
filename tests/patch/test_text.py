"""Edits of a text: what they name, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.model.finding import Edit
from dualstack.model.source import Location
from dualstack.patch.text import apply


def edit(line: int, column: int, old: str, new: str) -> Edit:
    return Edit("a.yaml", old, new, Location("a.yaml", line, column, line, column + len(old)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_every_other_character_stays(end: str) -> None:
    text = f"a: x # é{end}{end}  b: 'y'   {end}c: z"

    found = apply(text, [edit(4, 4, "z", "Z"), edit(1, 4, "x", "12"), edit(3, 6, "'y'", "'why'")])

    assert found.text == f"a: 12 # é{end}{end}  b: 'why'   {end}c: Z"
    assert (len(found.done), found.refused) == (3, ())


def test_what_does_not_fit_is_refused() -> None:
    wrong = [edit(1, 4, "y", "z"), edit(9, 1, "x", "z"), edit(0, 1, "x", "z"), Edit("a.yaml", "x", "z")]

    found = apply("a: x\n", wrong)

    assert (found.text, found.done, found.refused) == ("a: x\n", (), tuple(wrong))


def test_of_edits_that_overlap_the_first_is_made_and_an_equal_one_is_made_once() -> None:
    first, second, same = edit(1, 1, "abc", "X"), edit(1, 3, "cd", "Y"), edit(1, 1, "abc", "X")
    before, again = edit(1, 5, "", "<"), edit(1, 5, "", ">")

    found = apply("abcdef", [first, second, same, before, again, edit(1, 5, "e", "E")])

    assert found.text == "Xd<Ef"
    assert found.refused == (second, again)


@given(st.text(), st.data())
def test_an_edit_and_its_reverse_give_the_text_again(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    if any(x in text for x in "\r\x85\u2028\u2029"):
        return
    number = data.draw(st.integers(1, len(lines)))
    start = data.draw(st.integers(0, len(lines[number - 1])))
    old = lines[number - 1][start : data.draw(st.integers(start, len(lines[number - 1])))]
    new = data.draw(st.text(st.characters(exclude_characters="\n\r\x85\u2028\u2029")))

    there = apply(text, [edit(number, start + 1, old, new)])
    back = apply(there.text, [edit(number, start + 1, new, old)])

    assert back.text == text

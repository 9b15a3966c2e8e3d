"""Positions of an editor and places of findings, there and back."""

from hypothesis import given
from hypothesis import strategies as some

from dualstack.editor.positions import Lines, Spot
from dualstack.model.source import Location

TEXTS = some.text(alphabet="ab😀é\n\r\x85\u2028:", max_size=40)


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@given(TEXTS)
def test_every_code_point_has_a_position_that_leads_back_to_it(text: str) -> None:
    lines = Lines(text, utf16)
    for offset in range(len(text) + 1):
        inside = text[offset - 1 : offset + 1] == "\r\n"  # no position is between the two
        assert inside or lines.offset(lines.spot(offset)) == offset


def test_lines_end_as_each_side_has_it() -> None:
    lines = Lines("a\u2028bb\ncc", utf16)

    assert lines.span(Location("x", 2, 1, 2, 3)) == (2, 4)
    assert lines.spot(2) == Spot(0, 2)
    assert lines.span(Location("x", 3, 1, 3, 3)) == (5, 7)
    assert lines.spot(5) == Spot(1, 0)


def test_characters_beyond_16_bits_take_two_units() -> None:
    assert Lines("😀x", utf16).spot(1) == Spot(0, 2)
    assert Lines("😀x", utf16).offset(Spot(0, 2)) == 1
    assert Lines("😀x", utf16).offset(Spot(0, 1)) == 1


def test_what_is_beyond_the_text_is_its_end() -> None:
    lines = Lines("ab\ncd", utf16)

    assert lines.span(Location("x", 9, 9, 9, 10)) == (5, 5)
    assert lines.offset(Spot(0, 99)) == 2
    assert lines.offset(Spot(7, 0)) == 5
    assert lines.span(Location("x", 0, 0)) == (0, 1)

"""What somebody else wrote, made fit for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.model.text import legible, paragraphs, printable


@pytest.mark.parametrize(
    ("text", "longest", "shown"),
    [
        ("no token", 8, "no token"),
        ("no tokens", 8, "no toke…"),
        ("\x1b[31mred\n", 200, r"\x1b[31mred\n"),
        ("\u202edlrow", 200, r"\u202edlrow"),
        ("\ud800", 200, r"\ud800"),
        ("\x1b\x1b", 5, "\\x1b…"),
        ("日本語", 200, "日本語"),
        ("", 1, ""),
    ],
)
def test_a_text_is_escaped_and_cut(text: str, longest: int, shown: str) -> None:
    assert printable(text, longest) == shown


@given(st.text(), st.integers(1, 40))
def test_nothing_steers_a_terminal_and_nothing_is_too_long(text: str, longest: int) -> None:
    shown = printable(text, longest)

    assert shown.isprintable()
    assert len(shown) <= longest
    if text.isprintable() and len(text) <= longest:
        assert shown == text


def test_line_breaks_are_kept_where_there_may_be_several_lines() -> None:
    assert paragraphs("one\x1b\ntwo\r\nthree") == "one\\x1b\ntwo\nthree"
    assert paragraphs("long enough", 5) == "long…"


@given(st.text(st.characters()))
def test_what_is_legible_can_be_encoded(text: str) -> None:
    assert legible(text).encode().decode() == legible(text)
    assert legible(text) == text or any("\ud800" <= x <= "\udfff" for x in text)


def test_bytes_of_a_file_name_that_are_no_text_are_spelled_out() -> None:
    assert legible("caf\udce9 ü") == r"caf\udce9 ü"

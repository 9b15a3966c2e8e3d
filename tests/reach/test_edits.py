"""A text in the place of another, in the quotes that it has."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dualstack.model.finding import Applicability, Edit
from dualstack.model.source import Location, Written
from dualstack.reach.edits import fix, replaced, spelled

AT = Location("a.yaml", 1, 5, 1, 9)


@pytest.mark.parametrize(
    ("text", "like", "expected"),
    [
        ("0.0.0.0:4317", "x", "0.0.0.0:4317"),
        ("[::]:4317", "x", '"[::]:4317"'),
        ("[::]:4317", "'x'", "'[::]:4317'"),
        ("it's", "'x'", "'it''s'"),
        ('a"b\\', '"x"', '"a\\"b\\\\"'),
        (":4317", "x", '":4317"'),
        ("a: b", "x", '"a: b"'),
        ("http://[fd00::5]:4318", "x", '"http://[fd00::5]:4318"'),
        ("http://10.0.0.5:4318", "x", "http://10.0.0.5:4318"),
    ],
)
def test_how_it_is_spelled(text: str, like: str, expected: str) -> None:
    assert spelled(text, like) == expected


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)), st.sampled_from(["x", "'x'", '"x"']))
def test_what_is_spelled_is_read_as_what_was_meant(text: str, like: str) -> None:
    said = spelled(text, like)

    assert yaml.compose(f"{{a: {said}}}", Loader=yaml.SafeLoader).value[0][1].value == text
    assert yaml.compose(f"a: {said}", Loader=yaml.SafeLoader).value[0][1].value == text


def test_what_cannot_be_changed_in_place_is_left_to_a_person() -> None:
    folded, plain = Written("a", AT), Written("a", AT, "a")

    assert replaced(folded, "b") == ()
    assert replaced(plain, "b") == (Edit("a.yaml", "a", "b", AT),)
    assert fix("Write it", Applicability.SAFE, folded, "b").applicability is Applicability.MANUAL
    assert fix("Write it", Applicability.SAFE, None, "b").applicability is Applicability.MANUAL
    assert fix("Write it", Applicability.SAFE, plain, "").edits == ()
    assert fix("Write it", Applicability.UNSAFE, plain, "b").applicability is Applicability.UNSAFE

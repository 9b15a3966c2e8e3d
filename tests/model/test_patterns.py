"""Patterns that are compiled when they are first used."""

import re

import pytest

from dualstack.model.patterns import pattern


def test_it_is_what_re_would_make_of_it() -> None:
    late = pattern(r"(?P<a>x+)y", re.IGNORECASE)

    found = late.fullmatch("XXY")
    assert found
    assert found["a"] == "XX"
    assert late.sub("-", "xy xy") == "- -"
    assert late.pattern == r"(?P<a>x+)y"


def test_one_that_is_wrong_fails_when_it_is_used() -> None:
    with pytest.raises(re.error):
        pattern("(").search("")

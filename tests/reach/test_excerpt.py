"""The line of a finding as a safe fix leaves it."""

from typing import Any

import pytest

from dualstack.model.finding import Applicability, Edit, Finding, Fix
from dualstack.model.source import Location
from dualstack.reach.excerpt import mended

AT = Location("f", 3, 4, 3, 6)


def edit(new: str, at: Location | None = AT, target: str = "f") -> Edit:
    return Edit(target, "xx", new, at)


def finding(*edits: Edit, **changes: Any) -> Finding:
    given = {"location": AT, "excerpt": "a: xx yy", "fix": Fix("Do", Applicability.SAFE, edits), **changes}
    return Finding("It fails", "It fails.", **given)


def test_edits_are_made_from_the_end_of_the_line() -> None:
    assert mended(finding(edit("longer"), edit("z", Location("f", 3, 7, 3, 9)))) == "a: longer z"


@pytest.mark.parametrize(
    "given",
    [
        finding(edit("z"), location=None),
        finding(edit("z"), fix=None),
        finding(edit("z"), excerpt=""),
        finding(edit("z"), fix=Fix("Do", Applicability.UNSAFE, (edit("z"),))),
        finding(edit("z", None)),
        finding(edit("z", target="g")),
        finding(edit("z", Location("f", 4, 4, 4, 6))),
        finding(edit("z", Location("f", 3, 4, 4, 6))),
        finding(edit("z\nz")),
        finding(edit("xx")),
        finding(),
    ],
)
def test_there_is_none_where_it_would_not_be_this_line_alone(given: Finding) -> None:
    assert mended(given) is None

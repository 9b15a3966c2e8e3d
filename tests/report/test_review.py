"""A review for a person at a terminal."""

import json
import re

import pytest
from msgspec.structs import replace

from dualstack.model.finding import Finding, Fix, Skipped
from dualstack.model.source import Location
from dualstack.report.verbs.lines import WIDTH
from dualstack.report.verbs.review import render, statistics, statistics_as_json, unified
from tests.report.reviews import CLEAN, EVIL, FORCED, NOTED, SAMPLE, UNBRACKETED, UNKNOWN, hostile

SGR = re.compile(r"\x1b\[[0-9;]*m")  # select graphic rendition, ECMA-48 section 8.3.117
WHOLE = """\
deploy/collector.yaml:5:19: DS101 [error] IPv6 address without brackets
    5 |         endpoint: fd00::5:4317
      |                   ^^^^^^^^^^^^
    In `fd00::5:4317` the colons of the address and that of the port cannot be
    told apart.
    fix: Write `[fd00::5]:4317`.

deploy/a b.yaml:2:14: DS208 [warning] Transport takes one family
    2 |   transport: tcp4
      |              ^^^^
    `tcp4` takes IPv4 alone.
    hint: Leave `transport` out.

deploy/a b.yaml:9:3: DS511 [info] Name of another cluster
    Nobody here knows its families.

1 error, 1 warning, 1 note; 1 file could not be read.
`--fix` mends 1, `--fix --unsafe-fixes` mends 1 more.
`-v` says what else was not judged, in 1 note.
"""


def shown(excerpt: str, at: Location) -> tuple[str, str]:
    """The line of the file and that of the caret, behind the bars."""
    text = render(replace(CLEAN, findings=(replace(UNBRACKETED, excerpt=excerpt, location=at),)))
    source, caret = text.splitlines()[1:3]
    assert (source[5:8], caret[:8]) == (" | ", "      | ")
    return source[8:], caret[8:]


def test_a_report_from_top_to_bottom() -> None:
    assert render(SAMPLE) == WHOLE


def test_asked_for_more_it_tells_the_facts_and_what_was_passed_over() -> None:
    lines = render(SAMPLE, verbose=True).splitlines()

    assert "    - fd00::5:4317 (declared: receivers.otlp.protocols.grpc.endpoint)" in lines
    assert "note: chart/service.yaml:4 is a template; lint what it is rendered to" in lines
    assert [x for x in lines if x not in WHOLE.splitlines()] == [
        "    - fd00::5:4317 (declared: receivers.otlp.protocols.grpc.endpoint)",
        "note: chart/service.yaml:4 is a template; lint what it is rendered to",
    ]


def test_asked_to_be_quiet_it_tells_the_number_alone() -> None:
    assert render(SAMPLE, quiet=True) == "".join(x + "\n" for x in WHOLE.splitlines()[-3:-1])
    assert render(SAMPLE, quiet=True, verbose=True) == render(SAMPLE, quiet=True)


UNDERSTOOD_NOTHING = "Nothing was understood, so nothing is known."


def test_without_findings_it_says_whether_anything_is_known() -> None:
    assert render(CLEAN) == "No findings.\n"
    assert render(UNKNOWN) == f"{UNDERSTOOD_NOTHING}\n"


def test_where_nothing_was_understood_the_reason_is_told_unasked() -> None:
    notes = tuple(Skipped(f"t{x}.yaml:1", "is a template") for x in range(7))

    shown = render(replace(UNKNOWN, skipped=notes)).splitlines()

    assert shown[0] == "note: t0.yaml:1 is a template"
    assert shown[5:] == [
        "",
        "Nothing was understood, so nothing is known.",
        "`-v` says what else was not judged, in 2 notes.",
    ]
    assert len(render(replace(UNKNOWN, skipped=notes), verbose=True).splitlines()) == 9
    assert "template" not in render(replace(UNKNOWN, skipped=notes), quiet=True)
    last = render(replace(UNKNOWN, skipped=SAMPLE.skipped)).splitlines()[-1]
    assert last == "No findings; 1 file could not be read."


def test_unsafe_fixes_alone_are_named_with_their_option() -> None:
    last = render(replace(CLEAN, findings=(FORCED, FORCED))).splitlines()[-1]

    assert last == "2 warnings. `--fix --unsafe-fixes` mends 2."


def test_colour_changes_no_text() -> None:
    plain, colored = render(SAMPLE), render(SAMPLE, color=True)

    assert "\x1b" not in plain
    assert SGR.sub("", colored) == plain
    assert "\x1b[1;31mdeploy/collector.yaml:5:19: DS101" in colored


@pytest.mark.parametrize(
    ("excerpt", "at", "source", "caret"),
    [
        ("a: x", Location("f", 1, 4, 1, 5), "a: x", "   ^"),
        ("\ta: x", Location("f", 1, 5, 1, 6), "    a: x", "       ^"),
        ("日本: x", Location("f", 1, 5, 1, 6), "日本: x", "      ^"),
        ("x: 日本", Location("f", 1, 4, 1, 6), "x: 日本", "   ^^^^"),
        ("e\u0301: x", Location("f", 1, 5, 1, 6), "e\u0301: x", "   ^"),
        ("\x1b: x", Location("f", 1, 4, 1, 5), "\\x1b: x", "      ^"),
        ("a: x  ", Location("f", 1, 4), "a: x", "   ^"),
        ("a: [x,", Location("f", 1, 4, 3, 2), "a: [x,", "   ^^^"),
        ("a: x", Location("f", 1, 9, 1, 12), "a: x", "    ^"),
        ("a:", Location("f", 1, 3, 1, 3), "a:", "  ^"),
    ],
)
def test_a_caret_stands_below_the_very_characters(excerpt: str, at: Location, source: str, caret: str) -> None:
    assert shown(excerpt, at) == (source, caret)


@pytest.mark.parametrize("before", [0, 10, 60, 75, 300])
@pytest.mark.parametrize("after", [0, 300])
@pytest.mark.parametrize("filler", ["x", "日"])
def test_a_long_line_is_cut_around_the_place(before: int, after: int, filler: str) -> None:
    excerpt = f"{filler * before}HERE{filler * after}"
    source, caret = shown(excerpt, Location("f", 1, before + 1, 1, before + 5))

    columns = "".join(x * 2 if x == "日" else x for x in source)
    assert len(columns) <= WIDTH - 8
    assert columns[caret.index("^") : len(caret)] == "HERE"
    assert source.endswith("…") is (after > 0)
    whole = before == len(source.partition("HERE")[0])
    assert source.startswith("…") is not whole


def test_a_place_that_is_longer_than_the_line_is_marked_to_the_end_of_what_is_shown() -> None:
    source, caret = shown("x" * 500, Location("f", 1, 1, 1, 501))

    assert (len(source), len(caret)) == (71, 70)


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
@pytest.mark.parametrize("look", [{}, {"verbose": True}, {"quiet": True}])
def test_nothing_that_was_found_steers_a_terminal(evil: str, look: dict[str, bool]) -> None:
    text = render(hostile(SAMPLE, evil), **look)

    assert all(x.isprintable() for x in text.replace("\u0301", "").split("\n"))
    assert text.count("\n\n") == render(SAMPLE, **look).count("\n\n")


def test_a_finding_without_a_place_is_told_without_one() -> None:
    nowhere = replace(UNBRACKETED, location=None)

    assert render(replace(CLEAN, findings=(nowhere,))).startswith("DS101 [error] IPv6 address without brackets\n    In")


def test_lines_are_no_wider_than_a_terminal_but_those_of_places() -> None:
    long = replace(UNBRACKETED, detail="word " * 90, hint="Write " * 60, evidence=UNBRACKETED.evidence * 2)
    wide = [x for x in render(replace(SAMPLE, findings=(long,)), verbose=True).splitlines() if len(x) > WIDTH]

    assert wide == []


MANY = (UNBRACKETED, NOTED, FORCED, UNBRACKETED, replace(UNBRACKETED, fix=Fix("By hand")))


def test_rules_are_counted_the_most_frequent_first() -> None:
    assert statistics(MANY) == (
        "3  DS101 unbracketed-ipv6-endpoint (2 by --fix)\n"
        "1  DS208 transport-pins-family\n"
        "1  DS511 external-name-families-elsewhere\n"
        "5 findings of 3 rules.\n"
    )
    assert statistics(()) == "0 findings of 0 rules.\n"


def test_numbers_stand_below_each_other() -> None:
    many: tuple[Finding, ...] = (FORCED,) * 10 + (UNBRACKETED,)

    assert statistics(many).splitlines()[:2] == [
        "10  DS208 transport-pins-family",
        " 1  DS101 unbracketed-ipv6-endpoint (1 by --fix)",
    ]


def test_the_same_for_programs() -> None:
    found = json.loads(statistics_as_json(MANY))

    assert found["schema"] == "dualstack.statistics/1"
    assert found["rules"][0] == {"code": "DS101", "name": "unbracketed-ipv6-endpoint", "count": 3, "fixable": 2}
    assert [x["count"] for x in found["rules"]] == [3, 1, 1]


def test_a_difference_is_one_that_patch_reads() -> None:
    assert unified({"/a": "x\ny", "b": "1\n"}, {"/a": "x\nz", "b": "1\n"}) == (
        "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n x\n-y\n\\ No newline at end of file\n+z\n\\ No newline at end of file\n"
    )

"""The rules as a list, one rule explained, and error lines explained."""

import json
import re

import pytest

from dualstack.knowledge import table
from dualstack.reach.explain import Explanation
from dualstack.report.verbs.catalogue import (
    LINES,
    Entry,
    as_json,
    as_text,
    entries,
    explained_line,
    explained_rule,
    line_as_json,
    looks_like_code,
)
from dualstack.rules.registry import UnknownCode, rules
from tests.rules.test_meta import BESIDE

CHECKED = {x.code for x in rules()}
EACH = pytest.mark.parametrize("entry", entries(), ids=lambda x: x.code)
UNCHECKED = Entry("DS999", "made-up", "error", "listen", "live", "manual", "")
MEANT = Explanation(("DS101",), "The address has no brackets.", "Put it in brackets.", {"address": "fd00::5"}, "net.go")


def test_the_list_is_that_of_the_catalogue() -> None:
    assert [x.code for x in entries()] == [x["code"] for x in table("catalogue")]
    assert {x.code for x in entries() if x.documentation} == CHECKED


def test_a_part_is_selected_as_elsewhere() -> None:
    assert [x.code for x in entries("DS201, nothing-listening")] == ["DS201", "DS211"]
    with pytest.raises(UnknownCode):
        entries("DS999")


def test_a_rule_is_one_line_that_says_whether_it_is_checked() -> None:
    shown = as_text((*entries("DS201"), UNCHECKED)).splitlines()

    assert shown == [
        f"DS201  {'family-not-accepted':<43} {'error':<13}  live",
        f"DS999  {'made-up':<43} {'error':<13}  not yet",
    ]


def test_the_same_for_programs() -> None:
    document = json.loads(as_json((*entries("DS201"), UNCHECKED)))

    assert document["schema"] == "dualstack.rules/1"
    told = [(x["code"], x["checked"], x["checked_from"]) for x in document["rules"]]
    assert told == [("DS201", True, "live"), ("DS999", False, "")]


@EACH
def test_an_explanation_names_the_rule_and_fits_a_terminal(entry: Entry) -> None:
    shown = explained_rule(entry)

    assert shown.startswith(f"{entry.code} {entry.name} ({entry.severity}; hop {entry.hop}; fix: {entry.fix})\n")
    free = [x for x in shown.splitlines() if not x.startswith(("    ", "- ", f"{entry.code} ", "  "))]
    assert [x for x in free if len(x) > 80] == []
    assert "```" not in shown
    assert "## " not in shown


@pytest.mark.parametrize("code", sorted(CHECKED))
def test_a_checked_rule_is_explained_with_both_examples(code: str) -> None:
    (entry,) = entries(code)
    shown = explained_rule(entry)

    assert "\nWHAT IT DETECTS\n" in shown
    if "static" in entry.checked_from:
        assert "\nThis file fires it:\n" in shown
        assert "\nThis file does not:\n" in shown
    if "live" in entry.checked_from and code not in BESIDE:
        assert re.search(r"\nThis (world|cluster) fires it:\n", shown)
    if entry.checked_from == "live":
        assert re.search(r"\nThis (world|cluster) does not:\n", shown)


@pytest.mark.parametrize(("remark", "said"), [("", ""), ("odd sockets", "It is about odd sockets.\n\n")])
def test_a_rule_that_nothing_checks_says_so(remark: str, said: str) -> None:
    shown = explained_rule(Entry("DS999", "made-up", "error", "listen", "live", "manual", remark))

    assert shown.partition("\n\n")[2] == f"{said}This version keeps the code and does not check it yet.\n"


def test_error_lines_lead_to_a_rule_and_are_few() -> None:
    (entry,) = entries("DS211")
    head, _, tail = explained_rule(entry).partition("ERROR LINES THAT LEAD HERE\n")

    assert head
    assert 0 < len(tail.splitlines()) <= LINES
    assert all(x.startswith("    ") and len(x) <= 80 for x in tail.splitlines())


@pytest.mark.parametrize(
    ("text", "code"),
    [("DS201", True), (" ds2 ", True), ("DS20111", False), ("DS", False), ("connection refused", False)],
)
def test_what_looks_like_a_code(text: str, code: bool) -> None:
    assert looks_like_code(text) is code


def test_a_meaning_is_told_with_the_next_step_and_the_rules() -> None:
    assert explained_line([MEANT]) == (
        "The address has no brackets.\nLook: Put it in brackets.\nRules: DS101 unbracketed-ipv6-endpoint\n"
    )


def test_several_meanings_stand_apart_and_cannot_steer_the_terminal() -> None:
    evil = Explanation(("DS211",), "\x1b[2J" + "word " * 40, "x", {}, "")
    shown = explained_line([MEANT, evil])

    assert "\n\n\\x1b[2Jword" in shown
    assert all(x.isprintable() and len(x) <= 80 for x in shown.split("\n"))


def test_meanings_for_programs() -> None:
    assert json.loads(line_as_json([MEANT])) == {
        "schema": "dualstack.explanation/1",
        "explanations": [
            {
                "codes": ["DS101"],
                "meaning": MEANT.meaning,
                "look": MEANT.look,
                "groups": {"address": "fd00::5"},
            }
        ],
    }


def test_the_list_fits_a_terminal() -> None:
    assert [x for x in as_text(entries()).splitlines() if len(x) > 80] == []


def test_an_example_that_is_a_file_is_called_one_and_shown_as_it_stands() -> None:
    (entry,) = entries("DS101")

    assert 'This file fires it:\n\n    receivers: {otlp: {protocols: {grpc: {endpoint: "fd00::5:4317"}}}}' in (
        explained_rule(entry)
    )

"""The contract that other programs read, over every documented world and incident."""

import json
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from dualstack.model.diagnosis import SCHEMA, Diagnosis
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Applicability, Edit, Finding, Fix, Skipped
from dualstack.model.source import Location
from dualstack.report.json import Document, render
from dualstack.report.schema import schema
from tests.report.worlds import diagnoses

EACH = pytest.mark.parametrize("diagnosis", diagnoses().values(), ids=diagnoses())
VALIDATOR = jsonschema.Draft202012Validator(schema(Document, SCHEMA))
KEYS = {
    "": {"schema", "verdict", "traces", "findings", "skipped", "interrupted", "clients"} | {"exporters"},
    "traces": {"vantage", "target", "protocol", "family", "disposition", "hops", "line", "addresses", "required"},
    "hops": {"hop", "status", "why", "evidence"},
    "evidence": {"fact", "source", "layer"},
    "findings": {"code", "name", "severity", "confidence", "summary", "detail", "hint", "hop", "families", "because"}
    | {"location", "evidence", "fix"},
    "location": {"file", "line", "column", "end_line", "end_column"},
    "fix": {"title", "applicability", "edits", "commands"},
    "edits": {"target", "old", "new", "location"},
    "skipped": {"needs", "why", "codes", "unreadable", "location"},
    "clients": {"client", "target", "protocol", "addresses", "attempts", "connected", "waited", "verified", "found"}
    | {"why", "evidence"},
    "attempts": {"address", "at", "outcome"},
    "exporters": {"owner", "namespace", "pod", "pods", "variable", "endpoint", "protocol", "families", "service"}
    | {"target", "traces"},
}


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render(diagnosis))
    return found


def check_keys(value: Any, name: str = "") -> None:
    """Every object has the keys of the contract, no more and no fewer."""
    if isinstance(value, list):
        for each in value:
            check_keys(each, name)
    elif isinstance(value, dict):
        assert set(value) == KEYS[name]
        for key, each in value.items():
            check_keys(each, key)


@EACH
def test_a_report_holds_to_the_schema_and_the_contract(diagnosis: Diagnosis) -> None:
    found = document(diagnosis)

    VALIDATOR.validate(found)
    check_keys(found)


@EACH
def test_the_same_diagnosis_is_the_same_text(diagnosis: Diagnosis) -> None:
    assert render(diagnosis) == render(diagnosis)
    assert render(diagnosis).endswith("}\n")


def test_everything_that_a_finding_can_say_is_in_the_contract() -> None:
    place = Location("collector.yaml", 7, 15, 7, 27)
    fix = Fix("Quote it", Applicability.SAFE, (Edit("collector.yaml", "a", "b", place),), ("sysctl -w x=0",))
    finding = Finding("It fails", "It fails.", evidence=(Evidence("x", "y"),), location=place, fix=fix, code="DS118")
    diagnosis = replace(next(iter(diagnoses().values())), findings=(finding,))

    found = document(diagnosis)

    VALIDATOR.validate(found)
    check_keys(found)
    assert found["findings"][0]["fix"]["edits"][0]["location"]["column"] == 15


@pytest.mark.parametrize(
    "change", [{"verdict": "fine"}, {"schema": 1}, {"traces": [{}]}, {"interrupted": "no"}, {"findings": None}]
)
def test_the_schema_refuses_what_breaks_the_contract(change: dict[str, Any]) -> None:
    wrong = document(next(iter(diagnoses().values()))) | change

    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(wrong)


def test_control_characters_are_escaped() -> None:
    finding = Finding("It fails", "\x1b[2J\n\x07 \u2028")
    shown = render(replace(next(iter(diagnoses().values())), findings=(finding,)))

    assert all(x.isprintable() or x == "\n" for x in shown.replace("\u2028", ""))
    assert json.loads(shown)["findings"][0]["detail"] == finding.detail


def test_a_file_that_could_not_be_read_is_told_with_its_place() -> None:
    gap = Skipped("a.yaml:3", "is not YAML", unreadable=True, location=Location("a.yaml", 3, 7))
    found = document(replace(next(iter(diagnoses().values())), skipped=(gap,)))

    VALIDATOR.validate(found)
    assert found["skipped"] == [
        {
            "needs": "a.yaml:3",
            "why": "is not YAML",
            "codes": [],
            "unreadable": True,
            "location": {"file": "a.yaml", "line": 3, "column": 7, "end_line": 0, "end_column": 0},
        }
    ]


def test_a_file_name_that_is_no_text_is_shown_as_python_spells_it() -> None:
    finding = Finding("It fails", "It fails.", location=Location("caf\udce9.yaml", 1))
    shown = render(replace(next(iter(diagnoses().values())), findings=(finding,)))

    shown.encode()
    VALIDATOR.validate(json.loads(shown))
    assert json.loads(shown)["findings"][0]["location"]["file"] == r"caf\udce9.yaml"

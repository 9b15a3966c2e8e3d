"""The files of the incidents; `test_diagnosis.py` makes them."""

import json

import pytest

from dualstack.knowledge import table
from dualstack.model.diagnosis import Verdict
from tests.e2e import incidents
from tests.e2e.incidents import Incident

ALL = [incidents.load(x) for x in incidents.names()]
CODES = {x["code"] for x in table("catalogue")}


def each(which: list[Incident]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("incident", which, ids=lambda x: x.name)


def test_there_are_enough_of_both_kinds() -> None:
    assert sum(not x.healthy for x in ALL) >= 25
    assert sum(x.healthy for x in ALL) >= 10


@each(ALL)
def test_a_verdict_and_its_causes_agree(incident: Incident) -> None:
    assert incident.healthy == (incident.expect.verdict is Verdict.HEALTHY)
    assert {y for x in incident.expect.roots for y in x} | set(incident.expect.also) <= CODES
    json.loads(incident.kustomization())


@each(ALL)
def test_what_is_expected_was_measured(incident: Incident) -> None:
    assert incident.surprises(incident.measured) == []

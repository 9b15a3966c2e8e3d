"""Every incident is made on the cluster, and clients on each node fare as its file says."""

import json

import pytest

from dualstack.knowledge import table
from dualstack.model.diagnosis import Verdict
from tests.e2e import incidents, measure
from tests.e2e.cluster import Cluster
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


@pytest.mark.cluster
@each(ALL)
def test_clients_fare_as_recorded(incident: Incident, cluster: Cluster, clients: dict[str, str]) -> None:
    with measure.standing(cluster, incident):
        measured = measure.measure(cluster, incident, clients)

    assert incident.surprises(measured) == []
    assert measured.keys() == incident.measured.keys()

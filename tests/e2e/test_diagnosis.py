"""Incidents on a real cluster are diagnosed, by the rights and the evidence that there are."""

import pytest

from tests.e2e import incidents, measure, score
from tests.e2e.cluster import Cluster

SOME = (
    "grpc-bound-to-first-pod-address",
    "receivers-left-at-their-defaults",
    "service-single-stack",
    "selector-of-another-app",
    "target-port-wrong",
    "replicas-on-nodes-of-different-families",
    "transport-of-one-family",
    "healthy-dual-stack-everywhere",
    "healthy-ipv4-service-nobody-asks-more",
)
"""A sample: `python -m tests.e2e.score DIR` goes through all of them, and takes most of an hour."""


@pytest.mark.cluster
@pytest.mark.parametrize("name", SOME)
def test_the_cause_is_found_and_nothing_else_is_blamed(name: str, cluster: Cluster, clients: dict[str, str]) -> None:
    incident = incidents.load(name)
    with measure.standing(cluster, incident):
        assert incident.surprises(measure.measure(cluster, incident, clients)) == []
        told = {mode: score.judged(incident, mode, found) for mode, found in score.documents(cluster, incident)}

    assert {k: x.complaints for k, x in told.items() if not x.right} == {}
    assert set(told) == set(score.MODES)

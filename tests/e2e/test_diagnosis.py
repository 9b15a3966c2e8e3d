"""Every incident on a real cluster is diagnosed, by the rights and the evidence that there are."""

import pytest

from tests.e2e import incidents, score
from tests.e2e.cluster import Cluster

SHARE = 0.98
"""Of the incidents, for each mode, those of which nothing is wrong; what is wrong may be no false alarm."""


@pytest.mark.cluster
def test_causes_are_found_and_nothing_else_is_blamed(cluster: Cluster, clients: dict[str, str]) -> None:
    every = [incidents.load(x) for x in incidents.names()]

    told = list(score.scored(cluster, every, clients))

    complaints = [y for x in told for y in x.complaints]
    assert len(told) == len(every)
    assert not [y for x in told for y in x.alarms], complaints
    for mode in score.MODES:
        assert sum(x.is_right(mode) for x in told) >= SHARE * len(told), complaints

"""Every incident on a real cluster is diagnosed, by the rights and the evidence that there are."""

import pytest

from tests.e2e import incidents, score
from tests.e2e.cluster import Cluster

SHARE = 0.98
"""Of the incidents, for each mode, those of which nothing is wrong; what is wrong may be no false alarm."""


@pytest.mark.cluster
@pytest.mark.parametrize("alone", [False, True], ids=["at-once", "one-by-one"])
def test_causes_are_found_and_nothing_else_is_blamed(alone: bool, cluster: Cluster, clients: dict[str, str]) -> None:
    every = [x for x in map(incidents.load, incidents.names()) if score.is_alone(x) is alone]

    told = list(score.scored(cluster, every, clients))

    complaints = [y for x in told for y in x.complaints]
    assert len(told) == len(every) > 0
    assert not [y for x in told for y in x.alarms], complaints
    for mode in score.MODES:
        assert sum(x.is_right(mode) for x in told) >= SHARE * len(told), complaints

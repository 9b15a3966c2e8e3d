"""Flows that fail and that no rule speaks of are told by the hop at which they end."""

import pytest

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.cluster import Cluster
from dualstack.model.trace import Hop, Status, TracedHop, Traces
from dualstack.reach.arrival import Flow, traced
from dualstack.reach.unexplained import unexplained

TARGET = Target("otel:4317", "otel", 4317, Protocol.GRPC)


def ended(hop: Hop, mark: str = "") -> Traces:
    flow = Flow("pods", (), TARGET, Family.IPV4, ())
    return Traces((traced(flow, (TracedHop(hop, Status.FAIL, "it ends", mark),)),))


@pytest.mark.parametrize(
    ("hop", "mark", "code"),
    [
        (Hop.ENDPOINT, "DS103", "DS103"),
        (Hop.ENDPOINT, "", "DS101"),
        (Hop.RESOLVE, "", "DS408"),
        (Hop.ROUTE, "", "DS305"),
    ],
)
def test_it_stands_under_the_nearest_rule(hop: Hop, mark: str, code: str) -> None:
    [(told, finding)] = unexplained(ended(hop, mark), (), Cluster())

    assert told == code
    assert finding.hint.endswith(".")

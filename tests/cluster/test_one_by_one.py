"""Pods behind one Service that containers on nodes export to one by one, through the Service and directly."""

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.looks import not_exported_to
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.trace import Disposition
from tests.cluster import worlds as w
from tests.cluster.test_inside import NAME, PORTS, SERVICE, V4, V6

TWO = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]
CROWD = [w.pod(f"otel-{x}", "n1") for x in "abcdefghijklmnopqrst"]
HELD = [y["ip"] for x in TWO for y in x["status"]["podIPs"]]


def to_pods(node: str, lost: Outcome | None, *, sends: bool = True, led: Outcome = Outcome.ACCEPTED) -> Inspection:
    """What a node met that exports to the Service and to both pods, to the second one over IPv6 in vain.

    `led` is what it met that exports to the Service over IPv6, which leads to one of them.
    """
    ends = {"fd00:96::9": led, HELD[-1]: lost or Outcome.ACCEPTED}
    held = [
        (x, ends.get(x, Outcome.ACCEPTED) if sends or ":" not in x else Outcome.NO_ROUTE) for x in (*SERVICE, *HELD)
    ]
    made = (ProbeResult(ProbeTask(x, port, spoken, NAME), end) for x, end in held for port, spoken in PORTS)
    return Inspection(node, "obs", "", plainly(Snapshot({Probes: Probes(tuple(made))})))


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.NO_ROUTE, Outcome.REFUSED])
def test_one_of_two_pods_that_no_node_reaches_over_a_family_is_told(outcome: Outcome) -> None:
    world = w.world(w.healthy(pods=TWO))
    world.inspections = [to_pods("n1", outcome), to_pods("n2", outcome, led=outcome)]
    found = conclude(world, Question())

    assert found.verdict == "degraded"
    lost = [x for x in found.traces if x.failed]
    assert {(x.family, x.servers) for x in lost} == {(V6, ("pod otel-b",))}
    assert {(x.family, x.servers) for x in found.traces if x.accepted} == {
        (V4, ("pod otel-a", "pod otel-b")),
        (V6, ("pod otel-a",)),
    }
    assert "DS608" not in {x.code for x in found.findings}
    assert [x for x in found.findings if x.severity == "error"]


@pytest.mark.parametrize(
    "seen",
    [
        [to_pods("n1", None), to_pods("n2", None)],
        [to_pods("n1", None), to_pods("n2", None, sends=False)],
        [to_pods("n1", Outcome.TIMED_OUT), to_pods("n2", None)],
    ],
    ids=["all are reached", "a node without IPv6", "another node reaches it"],
)
def test_a_pod_that_a_node_reaches_is_reached(seen: list[Inspection]) -> None:
    world = w.world(w.healthy(pods=TWO))
    world.inspections = seen

    assert not [x for x in conclude(world, Question()).traces if x.failed and x.disposition is not Disposition.NO_ROUTE]


def test_of_very_many_pods_some_are_not_exported_to_and_that_is_said() -> None:
    few, many = (conclude(w.world(w.healthy(pods=x)), Question()).traces for x in (TWO, CROWD))

    assert not_exported_to(few) == ()
    assert [x.why for x in not_exported_to(many)] == ["made to 16 of 20 behind the Service one by one"]

"""1,132 runs of the real Collector, replayed: each configuration is read, its sockets predicted, and both compared."""

import pytest

from dualstack.knowledge import table
from dualstack.model.sockets import Transport
from dualstack.reach.bind import rows
from tests.oracle.recorded import (
    ADDRESSES,
    RUNS,
    Run,
    cause,
    endpoints,
    foretold,
    label,
    predicted,
    request,
    sockets,
    taken,
    world,
)


def test_every_run_is_replayed() -> None:
    assert len(RUNS) == 1132


@pytest.mark.parametrize("run", RUNS, ids=label)
def test_the_prediction_is_what_the_collector_did(run: Run) -> None:
    outcomes = list(predicted(run))
    assert outcomes
    assert not any(x.unknown for x in outcomes)
    assert all(x.started for x in outcomes) is run["started"]
    assert sockets(outcomes) == sorted(set(run["listen"]))

    connected = taken(outcomes, Transport.TCP, world(run).namespace)
    assert connected == {x for x in ADDRESSES if run.get("connect", {}).get(x) == "ok"}

    if run["error"]:
        assert {x.cause for x in outcomes} == {cause(run)}
        assert foretold(run, outcomes) in run["error"]


def test_every_row_that_is_called_a_collectors_answers_in_a_run() -> None:
    asked = [request(x, world(run)) for run in RUNS for x in endpoints(run) if not x.problem]
    answering = {id(x) for each in asked for x in rows(each)}
    assert not [x for x in table("bind") if x["status"] == "collector" and id(x) not in answering]

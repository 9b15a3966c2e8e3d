"""What real components of contrib bound, compared with what the table predicts of the same configuration."""

import json

import pytest

from dualstack.knowledge import table
from dualstack.model.otel import DeclaredEndpoint
from dualstack.reach.bind import BindRequest, Bound, bind
from tests.oracle.components import DATA, MODULES, WORLD, Record, cases, endpoints
from tests.oracle.recorded import PLACES, as_ss

RECORDS: list[Record] = [json.loads(x) for x in DATA.read_text(encoding="utf-8").splitlines()]
TELEMETRY = ("telemetry", "prometheus", "host")
"""What the runs of `collector-bind.jsonl` have beside components."""


def outcome(endpoint: DeclaredEndpoint) -> Bound:
    if endpoint.problem:
        return Bound(error=endpoint.problem, cause=endpoint.cause)
    request = BindRequest(
        endpoint.effective, endpoint.network, endpoint.call, namespace=WORLD.namespace, names=WORLD.names
    )
    return bind(request)


@pytest.mark.parametrize("record", RECORDS, ids=lambda x: "-".join(map(str, list(x.values())[:6])))
def test_a_component_bound_what_the_table_predicts(record: Record) -> None:
    outcomes = [outcome(x) for x in endpoints(record)]

    sockets = sorted({f"{x.transport.value} {as_ss(x)}" for y in outcomes for x in y.sockets})
    assert sockets == record["sockets"]
    assert bool(record["error"]) is not all(x.started for x in outcomes)


def test_what_is_recorded_is_what_is_tried() -> None:
    said = [{k: v for k, v in x.items() if k not in ("sockets", "error")} for x in RECORDS]
    assert said == [x for version in MODULES for x in cases(version)]


def test_what_is_called_measured_was_measured() -> None:
    measured = {(x["section"], x["name"], x["field"]) for x in RECORDS} | {TELEMETRY}
    measured |= {(section, name, ".".join((*path, "endpoint"))) for section, name, path, *_ in PLACES.values()}
    for row in table("components"):
        names = (row["type"], *filter(None, row["aliases"].split(",")))
        seen = any((row["section"], x, row["field"]) in measured for x in names)
        assert seen is (row["status"] == "measured"), row

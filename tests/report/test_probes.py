"""The probes alone, one line each."""

import json

import pytest
from msgspec.structs import replace

from dualstack.model.probe import Probes, Stage
from dualstack.report.verbs.probes import as_json, as_text, status
from dualstack.testing.incident import snapshot


def probes(*lines: str) -> Probes:
    return snapshot(f"target: []\nprobes: {list(lines)}\n").having(Probes) or Probes()


def test_each_probe_is_a_line_in_columns() -> None:
    found = probes("[::1]:4317 grpc refused", "127.0.0.1:4318 https rejected HTTP 401 detail=token")
    stages = (Stage("connect", ok=False, milliseconds=1.25, reason="ECONNREFUSED"),)
    timed = Probes((replace(found.items[0], stages=stages), found.items[1]))

    assert as_text(timed).splitlines() == [
        "IPv6  grpc   [::1]:4317      refused   a reset answered: connection refused (connect 1.2 ms ECONNREFUSED)",
        "IPv4  https  127.0.0.1:4318  rejected  HTTP 401; token",
    ]


def test_nothing_to_probe_is_said_in_words() -> None:
    assert as_text(Probes()) == "Nothing to probe: the name has no address.\n"


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((), 3),
        (("accepted", "connected"), 0),
        (("accepted", "refused"), 1),
        (("refused", "cancelled"), 130),
    ],
)
def test_the_exit_status(outcomes: tuple[str, ...], code: int) -> None:
    assert status(probes(*(f"127.0.0.1:4318 http {x}" for x in outcomes))) == code


def test_the_same_for_programs() -> None:
    document = json.loads(as_json(probes("[::1]:4317 grpc accepted")))

    assert document["schema"] == "dualstack.probes/1"
    assert document["probes"][0]["task"]["address"] == "::1"
    assert document["probes"][0]["outcome"] == "accepted"

"""What `knowledge/runtimes.table` says of clients, against real ones: run here, or run once and recorded."""

import os
from collections.abc import Iterator

import pytest

from dualstack.model.question import Client
from dualstack.reach.select import Behaviour, behaviour, behaviours
from tests import netns
from tests.oracle.clients import FETCHED, HERE, QUICK, Program, differences, ready, records, settled
from tests.oracle.scenes import SCENES, Observed, World, world
from tests.real import need

EVERYTHING = os.environ.get("DUALSTACK_ORACLE") == "all"
SAMPLE = (*HERE, *FETCHED) if EVERYTHING else HERE

LONG = ("ipv6-dropped-twice",)
"""Not part of the sample for a client that waits for the kernel: it shows the same wait a second time."""

BEYOND = {
    ("java-ipv6-first", "ipv4-host"): "a JDK that finds no IPv6 on the host uses IPv4 alone; the table knows no hosts",
    ("curl pycurl==7.45.7", "hosts"): "libcurl 8.16.0 leaves out the last IPv6 address after the only IPv4 address",
}
"""Runs that the table does not describe, with the reason."""


@pytest.fixture(scope="module")
def place() -> Iterator[World]:
    netns.require()
    with world(QUICK) as made:
        yield made


@pytest.mark.parametrize("program", SAMPLE, ids=lambda x: x.name)
def test_a_client_does_what_the_table_says(program: Program, place: World) -> None:
    need(*program.needs)
    client = ready(program)
    row = behaviour(client.client.runtime, client.client.version)
    left_out = () if row.delay is not None or row.timeout or EVERYTHING else LONG
    _, wrong = settled(client, place, [x for x in SCENES.values() if x.name not in left_out], QUICK)
    assert set(wrong) == {scene for name, scene in BEYOND if name == program.name}, wrong


RECORDS = records()


@pytest.mark.parametrize("name", sorted({x["client"] for x in RECORDS}))
def test_a_recorded_client_did_what_the_table_says(name: str) -> None:
    for run_ in (x for x in RECORDS if x["client"] == name):
        scene = SCENES[run_["scene"]]
        assert run_["addresses"] == scene.fates, "the scene has changed: `python -m tests.oracle.clients` runs it again"
        seen = Observed(tuple((k, v) for k, v in run_["tried"]), run_["connected"])
        client = Client(run_["runtime"], _version(run_["version"]))
        said = differences(scene, client, run_["syn_timeout"], run_["limit"], seen)
        assert bool(said) is ((name, scene.name) in BEYOND), said


@pytest.mark.parametrize("row", behaviours(), ids=lambda x: f"{x.runtime}-{x.until}")
def test_a_row_is_verified_where_a_run_was_recorded(row: Behaviour) -> None:
    rows = {behaviour(x["runtime"], _version(x["version"])) for x in RECORDS}
    assert row.verified is (row in rows)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(x) for x in text.split(".") if x)

"""The real Collector, started again as it was for the recorded runs, compared with them and with the prediction.

Each runs in a namespace of its kind. 0.149 has no runs of its own: it is held to those of 0.161, of which it differs in
nothing that was recorded. The sample has every component, version and kind of namespace; `DUALSTACK_ORACLE=all` starts
all of them.
"""

import socket
from collections.abc import Iterator
from itertools import groupby

import pytest

from dualstack.gather.netns import find, inside
from dualstack.model.sockets import Transport
from tests import netns
from tests.oracle.listeners import EVERYTHING, NOBODY, Place, World, made
from tests.oracle.recorded import (
    ADDRESSES,
    RUNS,
    Run,
    cause,
    configuration,
    foretold,
    label,
    predicted,
    recorded,
    sockets,
    taken,
    world,
)
from tests.real import collector

OTLP = ("otlp/grpc", "otlp/http")
AS_LATEST = [{**x, "version": "0.149.0"} for x in RUNS if x["version"] == collector.LATEST and x["component"] in OTLP]


def _sample() -> Iterator[Run]:
    """Of each component, version and namespace some runs, in each others: one in six, and one at least."""

    def kind(run: Run) -> tuple[str, ...]:
        return (run["version"], run["component"], run["ipv6"], str(run["bindv6only"]))

    for number, (_, found) in enumerate(groupby(sorted([*RUNS, *AS_LATEST], key=kind), key=kind)):
        runs = list(found)
        yield from runs[number % min(6, len(runs)) :: 6]


CHOSEN = [*RUNS, *AS_LATEST] if EVERYTHING else list(_sample())
KINDS = sorted({world(x) for x in CHOSEN})


@pytest.fixture(scope="module")
def places() -> Iterator[dict[World, Place]]:
    with made(KINDS[0]) as one, made(KINDS[1]) as two, made(KINDS[2]) as three, made(KINDS[3]) as four:
        yield {x.world: x for x in (one, two, three, four)}


@pytest.mark.parametrize("run", CHOSEN, ids=label)
def test_a_collector_does_what_was_recorded_and_what_is_predicted(
    places: dict[World, Place], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in run["env"].items():
        monkeypatch.setenv(name, value)
    outcomes = list(predicted(run))
    log, listening, reached = observed(run, places[world(run)].name)
    assert bool(log) is not run["started"]
    assert bool(log) is not all(x.started for x in outcomes)
    if log:
        assert {x.cause for x in outcomes} == {cause(run)}
        assert recorded(run) in log
        assert foretold(run, outcomes) in log
    assert listening == sorted(set(run["listen"])) == sockets(outcomes)
    assert reached == {x: taken(outcomes, x, world(run).namespace) for x in Transport}
    assert reached[Transport.TCP] == {x for x in ADDRESSES if run.get("connect", {}).get(x) == "ok"}


def observed(run: Run, name: str) -> tuple[str, list[str], dict[Transport, set[str]]]:
    """The log where it does not start, the sockets as `ss` shows them, and the addresses at which they are reached."""
    try:
        with collector.start(configuration(run), name, run["version"]) as running:
            lines = [x.split() for x in netns.execute(name, "ss", "-Htuln").splitlines()]
            ports = {Transport(x[0]): int(x[4].rpartition(":")[2]) for x in lines}
            reached = inside(find(name), lambda: {x: reaching(x, ports.get(x)) for x in Transport})
            running.process.kill()  # a statsd receiver over TCP heeds nothing else
    except collector.DidNotStart as failed:
        return str(failed), [], {x: set() for x in Transport}
    return "", sorted({x[4] for x in lines}), reached


def reaching(transport: Transport, port: int | None) -> set[str]:
    """The addresses at which a socket takes what is sent to the port."""
    return {x for x in ADDRESSES if port and takes(transport, x, port)}


def takes(transport: Transport, address: str, port: int) -> bool:
    """Whether a socket takes what is sent there; the kernel refuses a datagram of its own host before the next one."""
    kind = socket.SOCK_STREAM if transport is Transport.TCP else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as client:
        client.settimeout(10)
        try:
            client.connect((address, port))
            client.send(b"\n")
            client.send(b"\n")
        except OSError as error:
            if error.errno in NOBODY:
                return False
            raise
    return True

"""Nothing of a run is left: when it ends, when it is interrupted, and when it was killed and another begins."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import pytest

from dualstack.lab.journal import started_at
from dualstack.lab.topology import CannotBuild, needs
from tests.e2e import network
from tests.e2e.machine import Machine, boot
from tests.e2e.node import _make_cgroups
from tests.e2e.programs import own
from tests.e2e.run import CGROUPS, FOLDER, Run, begun

ROOT = Path(__file__).parents[2]
_MACHINE = """
import os, signal, sys
from tests.e2e.machine import boot
from tests.e2e.programs import own
from tests.e2e.run import begun
run = begun()
try:
    print(run.name, boot(run, "one", own("pause")).init, flush=True)
    sys.argv[1] == "killed" and os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()
except KeyboardInterrupt:
    sys.exit(130)
finally:
    run.down()
"""


@pytest.fixture(autouse=True)
def able() -> None:
    """What machines need, and Kubernetes is not among it."""
    if lack := needs("nsenter", "unshare", "go"):
        pytest.skip(lack)


@pytest.fixture
def run() -> Iterator[Run]:
    made = begun()
    try:
        yield made
    finally:
        made.down()


def left(name: str) -> list[str]:
    """What is found by the name of a run."""
    return [*glob(f"/run/netns/{name}-*"), *glob(f"{CGROUPS}/*/{name}-*"), *glob(f"{FOLDER}/{name}")]


def started(how: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", _MACHINE, how]
    return subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "src:."}
    )


def read(process: "subprocess.Popen[str]") -> tuple[str, int]:
    assert process.stdout is not None
    name, init = process.stdout.readline().split()
    return name, int(init)


def test_all_ends_with_the_run(run: Run) -> None:
    machine = boot(run, "one", own("pause"))
    machine.start("sleep", "sleep", "1000")
    machine.run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & mount -t tmpfs tmpfs /var/lib")
    _make_cgroups(machine.netns)
    inside = machine.run("ps", "-e", "-o", "comm=").split()
    run.down()

    assert inside.count("sleep") == 2
    assert left(run.name) == []
    assert started_at(machine.init) is None
    assert run.name not in Path("/proc/mounts").read_text(encoding="utf-8")


def test_an_interrupted_run_takes_itself_down() -> None:
    with started("interrupted") as process:
        name, init = read(process)
        process.send_signal(signal.SIGINT)
        process.wait(30)

    assert process.returncode == 130
    assert (left(name), started_at(init)) == ([], None)


def test_a_killed_run_is_taken_down_by_the_next() -> None:
    with started("killed") as process:
        name, init = read(process)
    stood = left(name), started_at(init)
    begun().down()

    assert stood[0]
    assert stood[1]
    assert (left(name), started_at(init)) == ([], None)


def test_a_run_that_goes_on_is_left_alone(run: Run) -> None:
    machine = boot(run, "one", own("pause"))
    with started("interrupted") as process:
        other, _ = read(process)
        process.send_signal(signal.SIGINT)

    assert other != run.name
    assert started_at(machine.init)


def test_a_machine_that_cannot_come_up_is_an_error(run: Run) -> None:
    with pytest.raises(CannotBuild, match="did not come up"):
        boot(run, "one", "/nonexistent")


def test_machines_reach_each_other_over_the_families_they_have(run: Run) -> None:
    switch, both, one = (boot(run, x, own("pause")) for x in ("cp", "both", "one"))
    network.bridge(switch)
    network.plug(switch, both, ("10.100.0.11", "fd00:100::11"))
    network.plug(switch, one, ("10.100.0.13",))

    assert reach(both, "10.100.0.13")
    assert reach(both, "fd00:100::1")
    assert not reach(one, "fd00:100::11")


def reach(machine: Machine, address: str) -> bool:
    """Whether a route leads there: what is sent arrives at a closed port, and says so."""
    code = ("import socket, sys; s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET);"
            "s.settimeout(3); s.connect((sys.argv[1], 9))")  # fmt: skip
    argv = machine.command(sys.executable, "-c", code, address)
    return "ConnectionRefusedError" in subprocess.run(argv, check=False, capture_output=True, text=True).stderr

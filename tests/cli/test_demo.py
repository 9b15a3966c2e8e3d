"""The demonstration finds what it broke, says the same thing each time, and leaves nothing behind."""

import fcntl
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualstack.lab.demo import FAULTS
from tests import netns
from tests.cli.command import ARGV, dualstack, environ
from tests.real import need


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """One demonstration at a time, so that each sees free ports and names, and only its own remains."""
    with open(Path(tempfile.gettempdir(), "dualstack-demo.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def left_behind() -> set[str]:
    """What a demonstration may have made and not removed."""
    folders = (Path("/run/netns"), Path("/etc/netns"))
    return {str(x) for folder in folders if folder.exists() for x in folder.glob("ds-demo*")}


def test_everything_is_found() -> None:
    """As root on a machine with nft and IPv6 nothing is skipped."""
    netns.require()
    need("nft")
    before = left_behind()
    done = dualstack("demo")

    assert f"{len(FAULTS)} of {len(FAULTS)} diagnoses found what was broken." in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert left_behind() <= before


def test_same_text() -> None:
    """Two runs print the same, no line wider than a terminal."""
    first = dualstack("demo").stdout

    assert first == dualstack("demo").stdout
    assert [x for x in first.splitlines() if len(x) > 80] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(number: signal.Signals) -> None:
    """In the middle of a namespace's demonstration: nothing stays, status 130."""
    netns.require()
    before = left_behind()
    argv = ["env", "--default-signal=INT,TERM,HUP", *ARGV, "demo"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ())
    while not left_behind() - before:
        assert process.poll() is None
    os.kill(process.pid, number)
    err = process.communicate(timeout=30)[1]

    assert (process.returncode, err.strip()) == (130, "")
    assert left_behind() <= before


def test_without_privileges() -> None:
    """What cannot be shown is skipped by name."""
    netns.require()
    before = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--reuid", "65534")
    done = dualstack("demo", before=before)

    assert "Skipped: needs root to make network namespaces." in done.stdout
    assert done.stderr == ""

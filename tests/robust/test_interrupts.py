"""Ctrl-C and its like at random moments: an answer at once, and nothing is left behind, as after any other run."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualstack.model.probe import Options
from dualstack.model.question import Question
from dualstack.model.target import parse_target
from dualstack.pipeline import Request, diagnose, listeners_of, names_of, probe
from tests.cli.command import ARGV, environ
from tests.netns import batch, etc, ip, pair, require, wait_until_up
from tests.robust.mutants import WIDE

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOMENTS = 40 if WIDE else 10
INTERRUPTED = (130, -signal.SIGINT)
"""A shell calls both 130. Python ends itself by SIGINT where that came in the midst of an exec(), as in an import."""
SILENT = "10.9.0.77"
"""An address of the link that answers nothing; packets to it go to a link-layer address that nobody has."""


@pytest.fixture(scope="module")
def silence() -> Iterator[str]:
    """A namespace in which both a server and the nameserver are silent, so that every run takes long."""
    with pair("silent") as (client, _), etc(client, hosts="", resolv_conf=f"nameserver {SILENT}\noptions timeout:30\n"):
        batch(client, [f"neighbour add {SILENT} lladdr 02:00:00:00:00:01 dev eth0"])
        wait_until_up(client, "eth0")
        yield client


VERBS = {
    "diagnose": (("diagnose", "--netns", "NETNS", "--timeout", "50", f"http://{SILENT}:4318"), 0.8),
    "diagnose a name": (("diagnose", "--netns", "NETNS", "silent.example"), 1.0),
    "probe": (("probe", "--netns", "NETNS", "--timeout", "50", f"grpc://{SILENT}:4317"), 0.8),
    "resolve": (("resolve", "--netns", "NETNS", "silent.example"), 0.8),
    "demo": (("demo",), 1.5),
}


def traces() -> dict[str, list[str]]:
    """What a run could leave behind: namespaces, their files, processes of its programs, links."""
    return {
        "namespaces": sorted(x for x in os.listdir("/run/netns") if x.startswith("ds-demo")),
        "files": sorted(x for x in os.listdir("/etc/netns") if x.startswith("ds-demo")) if _has_etc() else [],
        "processes": sorted(_programs()),
        "links": sorted(x.split()[1] for x in ip("-oneline", "link", "show").splitlines() if "ds" in x.split()[1]),
    }


def _has_etc() -> bool:
    return Path("/etc/netns").is_dir()


def _programs() -> Iterator[str]:
    """The processes of this test's own session that a run started: receivers, nft."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
            parent = Path("/proc", pid, "environ").read_bytes()
        except OSError:
            continue
        if MARK in parent:
            yield b" ".join(words).decode(errors="replace")


MARK = f"DS_ROBUST={os.getpid()}".encode()


def settled() -> dict[str, list[str]]:
    """The traces once those that a kernel still takes down are gone, or after five seconds."""
    deadline = time.monotonic() + 5
    while (found := {key: here for key, here in traces().items() if here}) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def started(argv: tuple[str, ...]) -> subprocess.Popen[str]:
    """The command, which heeds Ctrl-C though a shell may have had it ignored."""
    command = ["env", "--default-signal=INT,TERM,HUP", *ARGV, *argv]
    env = environ(DS_ROBUST=str(os.getpid()))
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def ready(process: subprocess.Popen[str]) -> None:
    """Return once the command has begun to heed signals: it is then no longer the interpreter alone."""
    caught = 1 << (signal.SIGTERM - 1)
    while process.poll() is None:
        status = Path("/proc", str(process.pid), "status").read_text()
        if int(status.partition("SigCgt:")[2].split()[0], 16) & caught:
            return
        time.sleep(0.001)


@pytest.mark.parametrize("name", VERBS)
def test_signals_at_random_moments(name: str, silence: str) -> None:
    """The exit status is that of an interrupted run, without a traceback."""
    argv, longest = VERBS[name]
    rng = random.Random(name)
    for number in range(MOMENTS):
        process = started(tuple(silence if x == "NETNS" else x for x in argv))
        ready(process)
        time.sleep(rng.uniform(0, longest))
        process.send_signal(SIGNALS[number % len(SIGNALS)])
        out, err = process.communicate(timeout=10)  # what is asked for takes longer

        assert "Traceback" not in err
        assert "Fatal" not in err
        assert process.returncode in INTERRUPTED, (out, err)

    assert settled() == {}


def test_a_second_signal_is_no_traceback(silence: str) -> None:
    """An impatient user."""
    argv, _ = VERBS["diagnose"]
    rng = random.Random(8)
    for _ in range(MOMENTS):
        process = started(tuple(silence if x == "NETNS" else x for x in argv))
        ready(process)
        time.sleep(rng.uniform(0.1, 0.4))
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(rng.uniform(0, 0.03))
        _, err = process.communicate(timeout=10)

        assert "Traceback" not in err
        assert process.returncode in INTERRUPTED


def test_nohup_is_heeded(silence: str) -> None:
    """A signal that the caller has had ignored stays ignored."""
    argv = ("env", "--ignore-signal=HUP", *ARGV, "probe", "--netns", silence, "--timeout", "1", f"http://{SILENT}:4318")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environ()) as process:
        ready(process)
        process.send_signal(signal.SIGHUP)
        out, _ = process.communicate(timeout=20)

    assert "timed_out" in out
    assert process.returncode == 1


@pytest.mark.parametrize("name", ["diagnose", "demo"])
def test_a_whole_run_leaves_nothing(name: str) -> None:
    require()
    argv = {"diagnose": ("diagnose", "http://127.0.0.1:1"), "demo": ("demo",)}[name]
    process = started(argv)
    process.communicate(timeout=60)

    assert process.returncode in (0, 1)
    assert settled() == {}


def test_a_library_user_keeps_no_descriptor_and_no_thread(silence: str) -> None:
    """A process that asks again and again holds as much after the last answer as after the first."""
    requests = [
        Request(Question(targets=parse_target("http://127.0.0.1:1"))),
        Request(Question(targets=parse_target(f"grpcs://{SILENT}:4317")), netns=silence, options=Options(seconds=0.05)),
        Request(Question(targets=parse_target("http://127.0.0.1:1"), probing=False), netns=silence),
    ]
    held = []
    for _ in range(5):
        for request in requests:
            diagnose(request)
            probe(request)
        names_of("", "localhost")
        listeners_of(silence, ())
        held.append((len(os.listdir("/proc/self/fd")), threading.active_count()))

    assert held[-1] == held[0]


def test_an_interrupt_that_a_callback_swallows_comes_again() -> None:
    """Python ignores what is raised in the callback of a weak reference; its imports use such."""
    script = (
        "import signal, time, weakref\n"
        "from dualstack.__main__ import _heed_signals\n"
        "_heed_signals()\n"
        "class Held: pass\n"
        "held = Held()\n"
        "watched = weakref.ref(held, lambda _: signal.raise_signal(signal.SIGINT))\n"
        "del held\n"
        "time.sleep(30)\n"
        "print('slept')\n"
    )
    argv = ["env", "--default-signal=INT,ALRM", sys.executable, "-c", script]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environ(), timeout=60)

    assert (done.returncode, done.stdout) == (-signal.SIGINT, "")
    assert "Exception ignored" not in done.stderr

"""Much of everything: the answer is as right as for little, the report as short, the memory bounded."""

import json
import math
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dualstack.lab.demo import receiver
from tests.cli.command import ARGV, environ
from tests.netns import batch, etc, isolated

READABLE = 45
"""Lines of a report that a person still reads."""
MEGABYTES = 250
"""Memory that one run may take."""

HOLDER = """
import socket, sys
kind, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
held = []
for number in range(first, first + count):
    made = socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    made.bind((f"127.1.{number // 50_000}.1", 10_000 + number % 50_000))
    if kind == "tcp":
        made.listen()
    held.append(made)
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(netns: str, kind: str, count: int) -> Iterator[None]:
    """That many sockets in a namespace, in as few processes as the limit on descriptors allows."""
    each = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100
    with ExitStack() as stack:
        running = []
        for first in range(0, count, each):
            size = str(min(each, count - first))
            argv = ["ip", "netns", "exec", netns, sys.executable, "-c", HOLDER, kind, str(first), size]
            argv = ["prlimit", f"--nofile={each + 100}", *argv]
            running.append(stack.enter_context(subprocess.Popen(argv, stdin=-1, stdout=-1)))
        assert len(running) == math.ceil(count / each)
        for process in running:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
        yield
        for process in running:
            process.communicate()


def told(*argv: str) -> tuple[int, list[str]]:
    """Exit status and lines of a command, whose memory is held to its bound."""
    bounded = ["prlimit", f"--data={MEGABYTES << 20}", *ARGV, *argv]
    done = subprocess.run(bounded, check=False, stdout=subprocess.PIPE, text=True, env=environ(), timeout=60)
    return done.returncode, done.stdout.splitlines()


def test_five_thousand_addresses() -> None:
    lines = [f"address add 10.{20 + x // 250}.{x % 250}.1/24 dev lo" for x in range(2500)]
    lines += [f"address add fd00:{x:x}::1/64 dev lo" for x in range(2500)]
    with isolated("many") as name:
        batch(name, lines)
        with receiver("http", "0.0.0.0", 4318, netns=name):
            for argv, status in ((), 0), (("--expect", "dual"), 1), (("http://10.29.249.1:4318",), 0):
                code, report = told("diagnose", "--netns", name, *argv)

                assert (code, len(report) < READABLE) == (status, True), report
            code, every = told("diagnose", "--netns", name, "-v")

    assert any("2501 IPv4 addresses; only the first 16 were probed" in x for x in every)
    assert len(every) < READABLE


def test_ten_thousand_listeners() -> None:
    with isolated("many") as name, holding(name, "tcp", 10_000):
        code, listed = told("sockets", "--netns", name)
        one = told("sockets", "--netns", name, "15000")[1]
        _, report = told(
            "diagnose", "--netns", name, "--timeout", "0.2", "http://127.1.0.1:15000", "http://127.0.0.1:99"
        )

    assert (code, len(listed)) == (0, 10_000)
    assert all("(python, pid" in x for x in listed)
    assert len(one) == 1
    assert any("stays silent" in x for x in report)
    assert any("DS211 nothing-listening" in x for x in report)


def test_a_hundred_thousand_sockets() -> None:
    with isolated("many") as name, holding(name, "udp", 100_000), receiver("grpc", "::", 4317, netns=name):
        code, report = told("diagnose", "--netns", name)
        listed = told("sockets", "--netns", name, "4317")[1]

    assert (code, report[0].partition(":")[0]) == (0, "HEALTHY")
    assert len(report) < READABLE
    assert [x.split("  ")[:2] for x in listed] == [["tcp", "[::]:4317"]]


def test_a_thousand_interfaces() -> None:
    with isolated("many") as name:
        batch(name, [f"link add a{x} type veth peer name b{x}" for x in range(500)])
        with receiver("http", "::", 4318, netns=name):
            code, report = told("diagnose", "--netns", name)

    assert (code, len(report) < READABLE) == (0, True), report


@pytest.fixture(scope="module")
def crowd() -> Iterator[str]:
    """A namespace whose nameserver gives a name a thousand addresses, none of which there is a route to."""
    zone = {
        "many.example.": {
            "A": [f"10.{x // 250}.{x % 250}.1" for x in range(1000)],
            "AAAA": ["fd00::1"],
        }
    }
    with isolated("crowd") as name, etc(name, hosts="127.0.0.1 localhost\n", resolv_conf="nameserver 127.0.0.1\n"):
        argv = ["ip", "netns", "exec", name, sys.executable, "-m", "dualstack.lab.nameserver", "127.0.0.1"]
        with subprocess.Popen(argv, stdin=-1, stdout=-1, env=environ()) as server:
            assert server.stdin
            assert server.stdout
            server.stdin.write(json.dumps(zone).encode() + b"\n")
            server.stdin.flush()
            assert server.stdout.readline() == b"ready\n"
            yield name
            server.communicate()


def test_a_thousand_addresses_of_a_name_are_not_a_thousand_probes(crowd: str) -> None:
    code, report = told("diagnose", "--netns", crowd, "http://many.example:4318")
    _, probes = told("probe", "--netns", crowd, "http://many.example:4318")

    assert (code, len(report) < READABLE) == (1, True), report
    assert any("no-route-for-family" in x for x in report)
    assert any("has 1000 IPv4 addresses; only the first 16" in x for x in report)
    assert len(probes) == 18
    assert probes[-1] == "many.example has 1000 IPv4 addresses; only the first 16 were probed."


def test_a_thousand_addresses_of_a_name_are_a_short_answer(crowd: str, tmp_path: Path) -> None:
    """JSON holds them all."""
    code, lines = told("resolve", "--netns", crowd, "many.example")
    told("resolve", "--netns", crowd, "many.example", "--format", "json", "-o", str(tmp_path / "all"))

    assert (code, len(lines) < READABLE) == (0, True), lines
    assert any("and 984 more" in x for x in lines)
    assert len(json.loads((tmp_path / "all").read_text())["addresses"]) == 1001

"""Every rule over 10,000 listening sockets, against the time of reading these from the kernel.

The sockets are real, in a network namespace of their own, held by forked workers: one a port, on either wildcard or
loopback address by turns. The question is about eight of the ports, over both families, and each of them turns one
family away, so that there are findings to make. Measured are `listeners()`, the rules (`evaluate`), and the traces with
the rules (`conclude`), by turns in one process. Needs root.

    python benchmarks/rules.py [ROUNDS]
"""

import contextlib
import gc
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from dualstack.gather.env import real
from dualstack.gather.namespaces import namespace
from dualstack.gather.netns import find, inside
from dualstack.gather.sockets import listeners
from dualstack.model.address import Protocol, Target
from dualstack.model.client import Callers, Proxies
from dualstack.model.host import Filters, Namespaces, Routes, Transits
from dualstack.model.names import Names
from dualstack.model.otel import Declared
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listeners
from dualstack.pipeline import conclude
from dualstack.reach.predict import predict
from dualstack.rules.registry import evaluate, rules

LISTENERS = 10_000
WORKERS = 4
FIRST = 10_000
ADDRESSES = ("0.0.0.0", "::", "127.0.0.1", "::1")
ASKED = 8
NAME = f"ds-bench-rules-{os.getpid()}"
GOAL = 2  # times the reading


def hold(start: int) -> None:
    """Listen on a worker's share of the ports, say so, and wait to be ended."""
    held = []
    for port in range(start, start + LISTENERS // WORKERS):
        address = ADDRESSES[port % len(ADDRESSES)]
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
        made.bind((address, port))
        made.listen(1)
        held.append(made)
    os.write(1, b"\n")
    signal.pause()


@contextlib.contextmanager
def population() -> Iterator[None]:
    """A network namespace with that many listeners."""
    subprocess.run(["ip", "netns", "add", NAME], check=True)
    running = []
    try:
        subprocess.run(["ip", "-n", NAME, "link", "set", "lo", "up"], check=True)
        for worker in range(WORKERS):
            start = FIRST + worker * LISTENERS // WORKERS
            argv = ["ip", "netns", "exec", NAME, sys.executable, __file__, "hold", str(start)]
            running.append(subprocess.Popen(argv, stdout=subprocess.PIPE))
        for process in running:
            assert process.stdout
            process.stdout.readline()
        yield
    finally:
        for process in running:
            process.kill()
            process.communicate()
        subprocess.run(["ip", "netns", "del", NAME], check=True)


def evidence(found: Listeners) -> Snapshot:
    """What was read, and a question about some of it; nothing is missing, so that no rule is skipped."""
    ports = range(FIRST, FIRST + LISTENERS, LISTENERS // ASKED)
    targets = tuple(
        Target(f"localhost:{x + i}", "localhost", x + i, Protocol.GRPC, addresses=("127.0.0.1", "::1"))
        for i, x in enumerate(ports)
    )
    spaces = Namespaces((namespace(real()),))
    empty = (Names(), Routes(), Transits(), Filters(), Probes(), Declared(), Proxies(), Callers())
    return Snapshot({type(x): x for x in (Question(targets=targets), spaces, found, *empty)})


def milliseconds(function: Callable[[], object]) -> float:
    """How long one call takes."""
    gc.collect()
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start)


def measure(rounds: int) -> tuple[dict[str, float], int]:
    """Median milliseconds of each way, taken in turns, and how many findings there are."""
    found = listeners(real())
    assert len(found.items) == LISTENERS
    snapshot = evidence(found)
    traced = snapshot.adding(predict(snapshot))
    findings, skipped = evaluate(traced, rules())
    assert findings
    assert not skipped
    ways: dict[str, Callable[[], object]] = {
        "listeners()": lambda: listeners(real()),
        "evaluate()": lambda: evaluate(traced, rules()),
        "conclude()": lambda: conclude(snapshot),
    }
    taken: dict[str, list[float]] = {x: [] for x in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(milliseconds(way))
    return {name: statistics.median(x) for name, x in taken.items()}, len(findings)


def main(rounds: int = 15) -> int:
    """Print the report; 1 where the goal is missed."""
    if os.geteuid() != 0:
        print("skipped: needs root to make a network namespace")
        return 0
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < LISTENERS // WORKERS + 50:
        print(f"skipped: needs a limit of {LISTENERS // WORKERS + 50} descriptors in each process (ulimit -n)")
        return 0
    with population():
        taken, findings = inside(find(NAME), lambda: measure(rounds))
    reading = taken["listeners()"]
    print(f"{LISTENERS} listeners, {len(rules())} rules, {2 * ASKED} flows, {findings} findings; median of {rounds}")
    for name, median in taken.items():
        print(f"{median:8.1f} ms  {median / reading:5.2f} times the reading  {name}")
    print(f"the goal for the rules is {GOAL} times the reading")
    return int(taken["evaluate()"] > GOAL * reading)


if __name__ == "__main__":
    if sys.argv[1:2] == ["hold"]:
        hold(int(sys.argv[2]))
    else:
        sys.exit(main(*map(int, sys.argv[1:])))

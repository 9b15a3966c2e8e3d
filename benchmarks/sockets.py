"""Listening sockets out of 100,000: `ss`, and this tool, in one run on one network namespace.

The sockets are connections over loopback, held by as many processes as the limit on descriptors asks for; 200 listeners
stand among them. Measured are the call in a running process, and whole processes against each other. Needs root.
"""

import contextlib
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
from dualstack.gather.netns import find, inside
from dualstack.gather.sockets import listeners, with_owners

SOCKETS = 100_000
LISTENERS = 200
ROUNDS = 15
NAME = f"ds-bench-{os.getpid()}"
GOAL = 4  # times faster than ss


def hold(start: int, connections: int) -> None:
    """Open listeners from port `start` on and connections to the first of them, say so, and wait to be ended."""
    held = []
    for port in range(start, start + LISTENERS // 10):
        made = socket.socket(socket.AF_INET6)
        made.bind(("::", port))
        made.listen(1024)
        held.append(made)
    for number in range(connections):
        # Each address of the listener has its own range of ports to be called from.
        held.append(socket.create_connection((f"127.0.{number // 20_000}.1", start)))
        held.append(held[0].accept()[0])
    os.write(1, b"\n")
    signal.pause()


@contextlib.contextmanager
def population() -> Iterator[None]:
    """A network namespace with that many sockets."""
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500
    workers = max(10, -(-SOCKETS // room))
    share = (SOCKETS - LISTENERS) // (2 * workers)
    subprocess.run(["ip", "netns", "add", NAME], check=True)
    running = []
    try:
        subprocess.run(["ip", "-n", NAME, "link", "set", "lo", "up"], check=True)
        for worker in range(workers):
            argv = ["ip", "netns", "exec", NAME, sys.executable, __file__, str(10_000 + 100 * worker), str(share)]
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


def milliseconds(function: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    function()
    return 1000 * (time.perf_counter() - start)


def ss() -> str:
    """What a user would run, whole process; it lists the listening TCP sockets with their v6only."""
    return real().run(["ss", "-Htlne"])


def tool() -> str:
    """The same by this tool, whole process, interpreter and imports included."""
    code = "from dualstack.gather.env import real; from dualstack.gather.sockets import listeners; listeners(real())"
    return real().run([sys.executable, "-c", code])


def measure() -> dict[str, float]:
    """Median milliseconds of each way, taken in turns so that all see the same machine."""
    ways: dict[str, Callable[[], object]] = {
        "ss -Htlne (whole process)": ss,
        "dualstack listeners() (call; TCP and UDP)": lambda: listeners(real()),
        "dualstack listeners() (whole process)": tool,
        "python -c pass (whole process)": lambda: real().run([sys.executable, "-c", "pass"]),
        "dualstack with_owners(), one port (call)": lambda: with_owners(listeners(real()), real(), {10_000}),
        "ss -Htlnep (whole process)": lambda: real().run(["ss", "-Htlnep"]),
    }
    slow = {"dualstack with_owners(), one port (call)", "ss -Htlnep (whole process)"}
    taken: dict[str, list[float]] = {x: [] for x in ways}
    for turn in range(ROUNDS):
        for name, way in ways.items():
            if name not in slow or turn < 3:
                taken[name].append(milliseconds(way))
    return {name: statistics.median(x) for name, x in taken.items()}


def main() -> int:
    """Print the report; 1 where the goal is missed."""
    if os.geteuid() != 0:
        print("skipped: needs root to make a network namespace")
        return 0
    with population():
        netns = find(NAME)
        total = inside(netns, lambda: int(real().run(["ss", "-s"]).split()[1]))
        found = inside(netns, lambda: listeners(real()).items)
        said = inside(netns, ss).splitlines()
        result = inside(netns, measure)
    print(f"{total} sockets in one network namespace, {len(found)} listeners ({len(said)} by ss); median of {ROUNDS}")
    for name, value in result.items():
        print(f"{value:10.2f} ms  {name}")
    call, reference = (result[x] for x in ("dualstack listeners() (call; TCP and UDP)", "ss -Htlne (whole process)"))
    print(f"the call takes 1/{reference / call:.1f} of ss; the goal is 1/{GOAL}")
    return int(reference / call < GOAL or len(found) != len(said))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        hold(int(sys.argv[1]), int(sys.argv[2]))
    else:
        sys.exit(main())

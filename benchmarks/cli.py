"""The command line against the start of a bare interpreter, `python -c pass`, and the memory of a diagnosis.

The target of the diagnosis is a pair of receivers on the loopback interface, OTLP/gRPC and OTLP/HTTP, each asked over
both families: four exports. All ways take turns, so that a busy machine is busy for all of them.

    python benchmarks/cli.py [ROUNDS]
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

BARE = "python -c pass"
GOALS = {"dualstack --version": 6, "python -m dualstack --version": 6, "dualstack diagnose": 20}
"""How many times the bare start each may take; `--help` stands beside them for what the parser alone costs."""
MEMORY = 60 * 1024
"""Kilobytes that a diagnosis may hold at its peak (ru_maxrss, getrusage(2))."""


@contextmanager
def receiver(protocol: str) -> Iterator[int]:
    """A receiver of this project's lab in a process of its own, for both families. Gives its port."""
    argv = [sys.executable, "-m", "dualstack.lab.receiver", protocol, "::", "0"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout
        yield int(running.stdout.readline())
        running.communicate()


def cost(argv: Sequence[str], environ: dict[str, str]) -> tuple[float, int]:
    """Milliseconds and peak kilobytes of one process, which has to end well."""
    start = time.perf_counter()
    quiet = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    pid = os.posix_spawn(argv[0], tuple(argv), environ, file_actions=[quiet])
    _, status, usage = os.wait4(pid, 0)
    taken = 1000 * (time.perf_counter() - start)
    assert os.waitstatus_to_exitcode(status) == 0, argv
    return taken, usage.ru_maxrss


def ways(grpc: int, http: int) -> dict[str, list[str]]:
    """What is measured, by name."""
    script = str(Path(sys.executable).with_name("dualstack"))
    hosts = ("127.0.0.1", "[::1]")
    targets = [f"grpc://{x}:{grpc}" for x in hosts] + [f"http://{x}:{http}" for x in hosts]
    return {
        BARE: [sys.executable, "-c", "pass"],
        "dualstack --version": [script, "--version"],
        "python -m dualstack --version": [sys.executable, "-m", "dualstack", "--version"],
        "dualstack --help": [script, "--help"],
        "dualstack diagnose": [script, "diagnose", *targets],
    }


def main(rounds: int = 15) -> int:
    """Print the report; 1 where a goal is missed."""
    with ExitStack() as stack:
        asked = ways(stack.enter_context(receiver("grpc")), stack.enter_context(receiver("http")))
        environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environ["PYTHONPYCACHEPREFIX"] = stack.enter_context(TemporaryDirectory())
        costs = {name: [cost(argv, environ)] for name, argv in asked.items()}
        for _ in range(rounds):
            for name, argv in asked.items():
                costs[name].append(cost(argv, environ))
    taken = {name: statistics.median(x[0] for x in each[1:]) for name, each in costs.items()}
    memory = max(x[1] for x in costs["dualstack diagnose"][1:])
    for name, median in taken.items():
        goal = f", the goal is {GOALS[name]}" if name in GOALS else ""
        print(f"{median:8.1f} ms  {median / taken[BARE]:5.1f} times the bare start{goal}  {name}")
    print(f"{memory / 1024:8.1f} MB  at the peak of a diagnosis, the goal is {MEMORY // 1024}")
    missed = [name for name, goal in GOALS.items() if taken[name] > goal * taken[BARE]]
    return int(bool(missed) or memory > MEMORY)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

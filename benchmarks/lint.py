"""`dualstack lint` against kubeconform, against the start of a bare interpreter, and its memory.

The manifests are those of `corpus.py`, the same 20,000 documents for both. kubeconform 0.8.0 has no schemas here: it
parses and validates nothing, which is the least that it does. `go install` builds it once, into the folder of the
cache. All ways take turns, and each ratio is the median of those of the rounds, so that a busy machine is busy for
all of them. Two workers are compared where there are two processors.

    python benchmarks/lint.py [ROUNDS]
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import NamedTuple

import corpus

DOCUMENTS, MANY = 20_000, 50_000
KUBECONFORM = "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0"
CACHE = Path(os.environ.get("DUALSTACK_CACHE") or Path(__file__).parents[1] / ".cache").absolute()
MEMORY = 200 * 1024
"""Kilobytes at the peak for 50,000 documents, in one file or in many; of all processes together."""

NOISE = 1.1
"""What a ratio of two medians differs by from run to run: a goal that is missed by less is a coin toss, told and no
failure."""

CONFIG = """receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
      http:
        endpoint: "[::]:4318"
exporters:
  otlp:
    endpoint: gateway.observability.svc:4317
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp]
"""


class Cost(NamedTuple):
    """Seconds of one run, and the peak kilobytes of it (ru_maxrss, getrusage(2))."""

    seconds: float
    memory: int


def kubeconform() -> str:
    """The peer, built where it is not yet."""
    folder = CACHE / "kubeconform"
    program = folder / "kubeconform"
    if not program.exists():
        go = shutil.which("go") or "/usr/local/go/bin/go"
        subprocess.run([go, "install", KUBECONFORM], env={**os.environ, "GOBIN": str(folder)}, check=True)
    return str(program)


def run(
    argv: Sequence[str], *, stdin: Path | None = None, environ: dict[str, str], good: Sequence[int] = (0, 1)
) -> Cost:
    """One process to its end, which has to be a good one or that of findings, without a complaint."""
    with TemporaryFile() as complaint:
        quiet = [
            (os.POSIX_SPAWN_OPEN, 0, str(stdin or os.devnull), os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, complaint.fileno(), 2),
        ]
        start = time.perf_counter()
        pid = os.posix_spawn(argv[0], tuple(argv), environ, file_actions=quiet)
        _, status, usage = os.wait4(pid, 0)
        taken = time.perf_counter() - start
        complaint.seek(0)
        said = complaint.read().decode()
    assert os.waitstatus_to_exitcode(status) in good, argv
    assert not said, said
    return Cost(taken, usage.ru_maxrss)


def peer(folder: Path, workers: int, schemas: Path) -> list[str]:
    """Kubeconform over a folder, without a schema for anything."""
    return [
        *(kubeconform(), "-n", str(workers), "-ignore-missing-schemas"),
        *("-schema-location", str(schemas), str(folder)),
    ]


def lint(path: Path | str, *words: str) -> list[str]:
    """This project over a path."""
    return [str(Path(sys.executable).with_name("dualstack")), "lint", str(path), *words]


def ratio(one: Sequence[Cost], other: Sequence[Cost]) -> float:
    """How many times as long the one takes, as the median of the rounds."""
    return statistics.median(x.seconds / y.seconds for x, y in zip(one, other, strict=True))


class Verdict(NamedTuple):
    """A goal, what was reached, and whether that is missed by more than noise."""

    text: str
    missed: bool


def at_least(name: str, reached: float, goal: float) -> Verdict:
    """A ratio that should be large."""
    return _verdict(f"{name}: {reached:.2f} times, the goal is {goal}", reached < goal, reached * NOISE < goal)


def at_most(name: str, reached: float, goal: float, unit: str = "times the bare start") -> Verdict:
    """A number that should be small."""
    return _verdict(f"{name}: {reached:.1f} {unit}, the goal is {goal}", reached > goal, reached > goal * NOISE)


def _verdict(text: str, below: bool, beyond_noise: bool) -> Verdict:
    said = " - MISSED" if beyond_noise else " - missed, by less than runs differ" if below else ""
    return Verdict(f"{text}{said}", beyond_noise)


def speeds(folder: Path, environ: dict[str, str], rounds: int) -> list[Verdict]:
    """Documents per second against kubeconform."""
    schemas = folder / "schemas"
    schemas.mkdir()
    manifests = folder / "manifests"
    corpus.write(manifests, DOCUMENTS)
    found = []
    for workers, goal in ((1, 3.0), (2, 1.8)):
        if workers > (os.cpu_count() or 1):
            print(f"skipped: {workers} workers need as many processors")
            continue
        others = {**environ, "GOMAXPROCS": str(workers)}
        pairs = [
            (
                run(lint(manifests, "--jobs", str(workers)), environ=environ),
                run(peer(manifests, workers, schemas), environ=others),
            )
            for _ in range(rounds + 1)
        ][1:]
        mine, theirs = zip(*pairs, strict=True)
        for name, costs in (("dualstack lint", mine), ("kubeconform", theirs)):
            taken = statistics.median(x.seconds for x in costs)
            print(f"{DOCUMENTS / taken:8.0f} documents per second, {workers} worker{'s' * (workers > 1)}, {name}")
        found.append(at_least(f"documents per second, {workers} to {workers}", ratio(theirs, mine), goal))
    return found


def starts(folder: Path, environ: dict[str, str], rounds: int) -> list[Verdict]:
    """A small configuration, as a file and on stdin as an editor gives it."""
    path = folder / "collector.yaml"
    path.write_text(CONFIG)
    ways = {
        "one small file": (lint(path), 8),
        "stdin as json": (lint("-", "--stdin-filename", "x.yaml", "--format", "json"), 10),
    }
    argvs = [[sys.executable, "-c", "pass"], *(x for x, _ in ways.values())]
    rows = [[run(x, stdin=path, environ=environ) for x in argvs] for _ in range(5 * rounds + 1)][1:]
    bare, *others = zip(*rows, strict=True)
    print(f"{1000 * statistics.median(x.seconds for x in bare):8.1f} ms  python -c pass")
    found = []
    for (name, (_, goal)), costs in zip(ways.items(), others, strict=True):
        print(f"{1000 * statistics.median(x.seconds for x in costs):8.1f} ms  {name}")
        found.append(at_most(name, ratio(costs, bare), goal))
    return found


def memory(folder: Path, environ: dict[str, str]) -> list[Verdict]:
    """50,000 documents in many files, and the same ones in one."""
    many, one = folder / "many", folder / "one.yaml"
    corpus.write(many, MANY)
    with one.open("w") as whole:  # piece by piece: what this process holds counts for those that it starts
        for path in sorted(many.rglob("*.yaml")):
            whole.write(f"---\n{path.read_text()}")
    peaks = {"many files": run(lint(many, "--jobs", "1"), environ=environ), "one file": run(lint(one), environ=environ)}
    goal = MEMORY // 1024
    return [at_most(f"{MANY} documents in {k}", v.memory / 1024, goal, "MB") for k, v in peaks.items()]


def main(rounds: int = 5) -> int:
    """Print the report; 1 where a goal is missed by more than noise."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with TemporaryDirectory() as name:
        folder = Path(name)
        environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
        found = [
            *speeds(folder, environ, rounds),
            *starts(folder, environ, rounds),
            *memory(folder, environ),
        ]
    print(*(x.text for x in found), sep="\n")
    return int(any(x.missed for x in found))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

"""rotel, an OTLP receiver in Rust: a peer that shares no code with the Collector or with this project.

Its wheel is for CPython 3.11 on x86-64 Linux, and its program links Debian's libpython3.11.
"""

import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real import command, end


class DidNotStart(Exception):
    """rotel ended, or never said that it listens, and this is its log."""


@dataclass(frozen=True)
class Rotel:
    """One that listens; its log names every span that it takes."""

    process: subprocess.Popen[bytes]
    path: Path

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.path.read_text(errors="replace")


def program() -> Path:
    """The agent inside the wheel; skips the calling test, by name, where it is not there or cannot be loaded."""
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        pytest.skip(f"needs rotel, whose wheel is for CPython 3.11 on x86-64 Linux; this is {sys.version.split()[0]}")
    path = Path(found.origin).with_name("rotel-agent")
    done = subprocess.run([path, "--version"], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs libpython3.11 for rotel: {done.stderr.strip()}")
    return path


@contextmanager
def start(grpc: str = "[::]:4317", http: str = "[::]:4318", netns: str | None = None) -> Iterator[Rotel]:
    """A rotel that listens on these endpoints, inside a named network namespace where one is given."""
    options = ["--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"]
    endpoints = ["--otlp-grpc-endpoint", grpc, "--otlp-http-endpoint", http]
    argv = command(netns, [str(program()), "start", *endpoints, *options])
    with tempfile.TemporaryDirectory(prefix="dualstack-rotel-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _wait(process, log, {int(x.rpartition(":")[2]) for x in (grpc, http)})
            yield Rotel(process, log)
        finally:
            end(process)


def _wait(process: subprocess.Popen[bytes], log: Path, ports: set[int], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not ports <= _listening(process.pid):
        if process.poll() is not None or time.monotonic() > until:
            raise DidNotStart(log.read_text(errors="replace"))
        time.sleep(0.02)


def _listening(pid: int) -> set[int]:
    """The TCP ports that are listened on in the namespace of a process (state 0A of proc(5))."""
    tables = [Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}

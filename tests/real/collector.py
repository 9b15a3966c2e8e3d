"""The OpenTelemetry Collector, built from its released modules with the OpenTelemetry Collector Builder."""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dualstack.lab.collector import LATEST, MODULES, program
from tests.real import command, end

__all__ = ["LATEST", "MODULES", "Collector", "DidNotStart", "binary", "start"]

_READY = b"Everything is ready"
_ENDPOINT = re.compile(r'"endpoint": "([^"]+)"')


class DidNotStart(Exception):
    """The Collector ended, or said nothing of being ready, and this is its log."""


@dataclass(frozen=True)
class Collector:
    """One that is running and has said that everything is ready."""

    process: subprocess.Popen[bytes]
    path: Path

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.path.read_text(errors="replace")

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints that its log says it serves, in that order."""
        lines = [x for x in self.log.splitlines() if "Starting" in x]
        return tuple(match[1] for x in lines if (match := _ENDPOINT.search(x)))


def binary(version: str = LATEST) -> Path:
    """The program of one version; skips the calling test where it is not built: that takes minutes and a network."""
    found = Path(program(version))
    if not found.exists():
        pytest.skip(f"needs the Collector {version}: `make collector` builds it")
    return found


@contextmanager
def start(
    config: str, netns: str | None = None, version: str = LATEST, arguments: Sequence[str] = ()
) -> Iterator[Collector]:
    """A Collector with this configuration, inside a named network namespace where one is given.

    Raises DidNotStart with its log where it ends before it is ready. A statsd receiver over TCP ignores SIGTERM, so
    the end is SIGKILL after a wait.
    """
    built = binary(version)
    with tempfile.TemporaryDirectory(prefix="dualstack-collector-") as folder:
        file, log = Path(folder, "config.yaml"), Path(folder, "log")
        file.write_text(config)
        argv = command(netns, [str(built), "--config", str(file), *arguments])
        with log.open("wb") as output:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _wait(process, log)
            yield Collector(process, log)
        finally:
            end(process)


def _wait(process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while _READY not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > until:
            raise DidNotStart(log.read_text(errors="replace"))
        time.sleep(0.02)

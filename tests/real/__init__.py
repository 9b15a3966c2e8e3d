"""Real components for tests: what is compiled is compiled once a machine, under `.cache/`."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from dualstack.lab.programs import build, cache, once

__all__ = ["CACHE", "build", "command", "end", "need", "once"]

CACHE = Path(cache())


def need(*tools: str) -> None:
    """Skip the calling test, by name, where a command is not on the PATH."""
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"needs {tool} on the PATH")


def command(netns: str | None, argv: Sequence[str]) -> list[str]:
    """`argv` as it runs in a named network namespace, or as it is."""
    return ["ip", "netns", "exec", netns, *argv] if netns else [*argv]


def end(process: subprocess.Popen[bytes], seconds: float = 5) -> None:
    """SIGTERM, and SIGKILL for one that does not heed it; its pipes are closed."""
    with process:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()

"""`python -m dualstack` as a user runs it: a process, its two streams, its exit status."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
ARGV = (sys.executable, "-m", "dualstack")
REFUSED = "http://127.0.0.1:1"
"""Nothing listens on port 1 (tcpmux) of the loopback of a machine that runs tests."""


def environ(**changes: str) -> dict[str, str]:
    """The environment of a user without wishes about colour, with these changes."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "PYTHONIOENCODING")}
    return {**kept, "PYTHONPATH": str(SOURCE), "TERM": "xterm", **changes}


def dualstack(*argv: str, before: Sequence[str] = (), **changes: str) -> subprocess.CompletedProcess[str]:
    """The ended process. `before` is a command that runs it, such as setpriv; `changes` are environment variables."""
    return subprocess.run(
        [*before, *ARGV, *argv],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        env=environ(**changes),
        timeout=60,
    )


def on_terminal(*argv: str, changes: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit status, and what a terminal shows of both streams together."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*ARGV, *argv], stdin=slave, stdout=slave, stderr=slave, env=environ(**(changes or {})), close_fds=True
    )
    os.close(slave)
    shown = b""
    while chunk := _read(master):
        shown += chunk
    os.close(master)
    return process.wait(60), shown.decode()


def _read(master: int) -> bytes:
    """The next bytes of a terminal; Linux ends it with EIO when the last process that has it open is gone."""
    try:
        return os.read(master, 65536)
    except OSError:
        return b""

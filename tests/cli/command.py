"""`python -m dualstack` as a user runs it: a process, its two streams, its exit status."""

import os
import pty
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = str(Path(__file__).parents[2])
SOURCE = Path(CHECKOUT) / "src"
ARGV = (sys.executable, "-m", "dualstack")
REFUSED = "http://127.0.0.1:1"
"""Nothing listens on port 1 (tcpmux) of the loopback of a machine that runs tests."""


def environ(**changes: str) -> dict[str, str]:
    """The environment of a user without wishes about colour, with these changes."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "PYTHONIOENCODING")}
    return {**kept, "PYTHONPATH": str(SOURCE), "TERM": "xterm", **changes}


def dualstack(*argv: str, before: Sequence[str] = (), **changes: str) -> subprocess.CompletedProcess[str]:
    """The ended process. `before` is a command that runs it, such as setpriv; `changes` are environment variables."""
    if "setpriv" in before:
        return _in_the_open(*before, *ARGV, *argv, **changes)
    return _run([*before, *ARGV, *argv], environ(**changes))


def _in_the_open(*argv: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """The ended process of somebody else, who sees the checkout at another path: a clone may be in a private folder."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        moved = [x.replace(CHECKOUT, folder) for x in argv]
        show = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', CHECKOUT, folder)
        return _run([*show, *moved], environ(**{"PYTHONPATH": f"{folder}/src", **changes}))


def _run(argv: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        env=env,
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

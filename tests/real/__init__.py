"""Real components for tests: what is compiled is compiled once a machine, under `.cache/`."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[2] / ".cache"


def need(*tools: str) -> None:
    """Skip the calling test, by name, where a command is not on the PATH."""
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"needs {tool} on the PATH")


def command(netns: str | None, argv: Sequence[str]) -> list[str]:
    """`argv` as it runs in a named network namespace, or as it is."""
    return ["ip", "netns", "exec", netns, *argv] if netns else [*argv]


@contextmanager
def once(product: Path, source: Path | None = None) -> Iterator[bool]:
    """Whether `product` is still to be made, or older than its source; others that want it wait until it is made."""
    product.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{product}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not product.exists() or (source is not None and source.stat().st_mtime > product.stat().st_mtime)


def build(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
    """Run one build step and say so on the terminal; raises RuntimeError with the end of its output where it fails."""
    sys.stderr.write(f"building: {' '.join(argv)}\n")
    done = subprocess.run(argv, cwd=folder, env=environ, check=False, capture_output=True, text=True)
    if done.returncode:
        msg = f"{argv[0]} failed with status {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}"
        raise RuntimeError(msg)


def end(process: subprocess.Popen[bytes], seconds: float = 5) -> None:
    """SIGTERM, and SIGKILL for one that does not heed it; its pipes are closed."""
    with process:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()

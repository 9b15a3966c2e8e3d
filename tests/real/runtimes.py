"""Listeners in the languages that receivers are written in, each a few lines that bind and hold.

A program takes NETWORK CALL PORT HOST…, says `ok` or its error for each HOST on one line, sends datagrams back, and
ends with its input.
"""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real import CACHE, build, command, end, need, once

SOURCES = Path(__file__).parents[1] / "oracle" / "runtimes"
_PYTHON = (sys.executable, str(SOURCES / "listen.py"))

# The source, how it is compiled into {out}, and how it is run.
_GO = ("listen.go", ("go", "build", "-o", "{out}/listen-go", "{source}"), ("{out}/listen-go",))
_JVM = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # these start sooner
_JAVA = ("Listen.java", ("javac", "-d", "{out}", "{source}"), (*_JVM, "-cp", "{out}", "Listen"))
_RUST = ("listen.rs", ("rustc", "-o", "{out}/listen-rust", "{source}"), ("{out}/listen-rust",))
_CARGO = ("cargo", "build", "--quiet", "--locked", "--manifest-path", "{folder}/../Cargo.toml", "--target-dir", "{out}")
_TOKIO = ("listen-tokio/src/main.rs", _CARGO, ("{out}/debug/listen-tokio",))
_C = ("listen.c", ("cc", "-o", "{out}/listen-c", "{source}"), ("{out}/listen-c",))
_NODE = ("listen.js", (), ("node", "{source}"))
RUNTIMES = {
    "go": _GO,
    "jvm": _JAVA,
    "rust": _RUST,
    "tokio": _TOKIO,
    "posix": _C,
    "node": _NODE,
    **{x: ("listen.py", (), (*_PYTHON, x)) for x in ("python", "asyncio", "grpc-core")},
}


@dataclass(frozen=True)
class Listener:
    """A program that holds its socket, or what it said instead of `ok`."""

    process: subprocess.Popen[bytes]
    said: str


def program(runtime: str) -> list[str]:
    """The command that starts a runtime's listener, compiled on first use; skips, by name, where a tool is missing."""
    name, compiler, run = RUNTIMES[runtime]
    source, out = SOURCES / name, CACHE / "listeners"
    places = {"out": str(out), "source": str(source), "folder": str(source.parent)}
    need(*(x for x in (*compiler[:1], *run[:1]) if "/" not in x))
    if compiler:
        stamp = out / f"{runtime}.built"
        with once(stamp, source) as missing:
            if missing:
                build([x.format(**places) for x in compiler], SOURCES, os.environ)
                stamp.touch()
    return [x.format(**places) for x in run]


@contextmanager
def listener(runtime: str, network: str, host: str, port: int, netns: str | None = None) -> Iterator[Listener]:
    """A runtime's listener at host:port, inside a named network namespace where one is given.

    `network` is Go's (`tcp`, `tcp4`, `tcp6`, `udp`…); the others know `tcp` and `udp`, Node `tcp`, `udp4` and `udp6`.
    Raises TimeoutError where the program says nothing for 30 seconds.
    """
    argv = command(netns, [*program(runtime), network, "listen", str(port), host])
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Listener(process, _said(process))
    finally:
        end(process)


def _said(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], 30)[0]:
        msg = f"{process.args!r} said nothing"
        raise TimeoutError(msg)
    return process.stdout.readline().decode().strip()

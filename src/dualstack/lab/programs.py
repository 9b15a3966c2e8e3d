"""The programs that an incident may start, and how those of other languages are compiled: once a machine, on first use.

What is compiled lives in `$DUALSTACK_CACHE`, else in `$XDG_CACHE_HOME/dualstack`, else in `~/.cache/dualstack`.
"""

import fcntl
import importlib.resources
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from dualstack.lab.topology import CannotBuild

StrPath = str | os.PathLike[str]
_FOREIGN = re.compile(
    r"(?i)_proxy$|^(OTEL|JAVA|JDK|NODE|GRPC|DUALSTACK)_|^(GODEBUG|RES_OPTIONS|LOCALDOMAIN|HOSTALIASES)$"
)
"""Variables by which programs are configured: the world alone is to decide what they do."""

SOURCES = str(importlib.resources.files("dualstack.lab") / "runtimes")


class Program(NamedTuple):
    """How a program is compiled and run.

    Its words may be `{at}` `{host}` `{port}` `{network}` `{config}` of the server, `{out}` `{source}` `{otelcol}` for
    what is compiled, and `{words}` for any number of further words.
    """

    argv: tuple[str, ...]
    source: str = ""
    compiler: tuple[str, ...] = ()
    module: str = ""
    ready: str = ""
    """What its log says when it is; empty where a listening socket says it."""


_PYTHON = (sys.executable, "-P", "-m")
_RECEIVER = (*_PYTHON, "dualstack.lab.receiver", "{words}")
PROGRAMS = {
    "otelcol": Program(("{otelcol}", "--config", "{config}", "{words}"), ready="Everything is ready"),
    "go": Program(
        ("{out}/serve-go", "{network}", "{at}"), "serve.go", ("go", "build", "-o", "{out}/serve-go", "{source}")
    ),
    "jvm": Program(
        ("java", "{words}", "-cp", "{out}", "Serve", "{host}", "{port}"),
        "Serve.java",
        ("javac", "-d", "{out}", "{source}"),
    ),
    "node": Program(("node", "{words}", f"{SOURCES}/serve.js", "{host}", "{port}")),
    "rust": Program(("{out}/serve-rust", "{at}"), "serve.rs", ("rustc", "-o", "{out}/serve-rust", "{source}")),
    "posix": Program(("{out}/serve-c", "{host}", "{port}"), "serve.c", ("cc", "-o", "{out}/serve-c", "{source}")),
    "python": Program((*_RECEIVER, "http", "{host}", "{port}")),
    "python-grpc": Program((*_RECEIVER, "grpc", "{host}", "{port}")),
    "asyncio": Program((*_RECEIVER, "--asyncio", "http", "{host}", "{port}")),
    "grpc-core": Program((sys.executable, "-P", f"{SOURCES}/serve_grpc.py", "{at}"), module="grpc"),
    "faulty": Program((*_PYTHON, "dualstack.lab.faulty", "{words}", "{host}", "{port}")),
    "relay": Program((*_PYTHON, "dualstack.lab.relay", "{host}", "{port}", "{words}")),
    "tunnel": Program((*_PYTHON, "dualstack.lab.tunnel", "{host}", "{port}", "{words}"), ready="ready"),
    "command": Program(("{words}",)),
}


def environ(changes: Mapping[str, str]) -> dict[str, str]:
    """The variables of this program with changes, and without what the user set for other programs of his."""
    return {k: v for k, v in os.environ.items() if not _FOREIGN.search(k)} | dict(changes)


def cache() -> str:
    """The folder of what was compiled."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("DUALSTACK_CACHE") or os.path.join(home, "dualstack")


def needed(name: str) -> str:
    """What a program lacks on this machine, as a sentence part; empty where nothing is."""
    program = PROGRAMS[name]
    tools = [x[0] for x in (program.compiler, program.argv) if x and "/" not in x[0] and "{" not in x[0]]
    missing = [x for x in tools if not shutil.which(x)]
    if missing:
        return f"needs the command `{missing[0]}`"
    if program.module and not importlib.util.find_spec(program.module):
        return f"needs the Python module `{program.module}`"
    return ""


def words(name: str, values: Mapping[str, str], further: Sequence[str]) -> list[str]:
    """The command line of a program, compiled where it has to be. Raises CannotBuild."""
    if lack := needed(name):
        raise CannotBuild(lack)
    program = PROGRAMS[name]
    places = {"out": os.path.join(cache(), "runtimes"), "source": f"{SOURCES}/{program.source}", **values}
    if program.compiler:
        stamp = os.path.join(places["out"], f"{program.source}.built")
        with once(stamp, places["source"]) as missing:
            if missing:
                build([x.format_map(places) for x in program.compiler], SOURCES, os.environ)
                open(stamp, "w", encoding="ascii").close()
    argv = [y for x in program.argv for y in (further if x == "{words}" else (x.format_map(places),))]
    if not argv or not shutil.which(argv[0]):
        raise CannotBuild(f"needs the command `{' '.join(argv[:1])}`")
    return argv


@contextmanager
def once(product: StrPath, source: StrPath = "") -> Iterator[bool]:
    """Whether `product` is still to be made, or older than its source; others that want it wait until it is made."""
    try:
        os.makedirs(os.path.dirname(product), exist_ok=True)
        with open(f"{product}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made = os.path.exists(product)
            yield not made or (source != "" and os.path.getmtime(source) > os.path.getmtime(product))
    except PermissionError as error:
        raise CannotBuild(f"{os.path.dirname(product)} cannot be written: {error.strerror}") from error


def build(argv: Sequence[str], folder: StrPath, environ: Mapping[str, str]) -> None:
    """Run one step of a build and say so on the terminal. Raises CannotBuild with the end of its output."""
    sys.stderr.write(f"building: {' '.join(argv)}\n")
    done = subprocess.run(argv, cwd=folder, env=environ, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CannotBuild(f"`{argv[0]}` failed with status {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")

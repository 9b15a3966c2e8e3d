"""The runtime of real processes, as they come and as they are stripped, renamed or packed."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dualstack.gather.env import real
from dualstack.gather.processes import process
from dualstack.knowledge import table
from dualstack.model.sockets import Process, Runtime
from tests.netns import as_nobody, require
from tests.real import CACHE, build, end, need, once, runtimes

FOLDER = CACHE / "processes"
GO = 'package main\n\nimport "os"\n\nfunc main() { os.Stdin.Read(make([]byte, 1)) }\n'
RUST = "use std::io::Read;\nfn main() { std::io::stdin().read(&mut [0u8; 1]).unwrap(); }\n"
C = "#include <unistd.h>\nint main(void) { char c; return (int)read(0, &c, 1); }\n"
EMBEDDING = """#include <dlfcn.h>
#include <unistd.h>
int main(int argc, char **argv) { char c; return dlopen(argv[argc - 1], RTLD_NOW) ? (int)read(0, &c, 1) : 9; }
"""
JAVA = "public class Wait { public static void main(String[] a) throws Exception { System.in.read(); } }\n"


def made(name: str, source: str, *argv: str, **environ: str) -> str:
    """The program that a command with {source} and {out} makes; compiled once."""
    need(argv[0])
    text, out = FOLDER / name, FOLDER / name.replace(".", "-")
    with once(out) as missing:
        if missing:
            text.write_text(source)
            build([x.format(source=text, out=out) for x in argv], FOLDER, {**os.environ, **environ})
    return str(out)


def copied(program: str, name: str, *argv: str) -> str:
    """A copy under another name, changed by a command with {out}."""
    out = FOLDER / name
    with once(out) as missing:
        if missing:
            shutil.copy(program, f"{out}.new")
            if argv:
                need(argv[0])
                build([x.format(out=f"{out}.new") for x in argv], FOLDER, os.environ)
            os.replace(f"{out}.new", out)
    return str(out)


def packed(program: str, name: str) -> str:
    """A copy without a section table, as packers leave it: e_shoff, e_shnum and e_shstrndx are zero."""
    out = Path(copied(program, name))
    image = bytearray(out.read_bytes())
    struct.pack_into("=Q", image, 40, 0)
    struct.pack_into("=HHH", image, 58, 0, 0, 0)
    other = out.with_suffix(".bare")
    other.write_bytes(image)
    other.chmod(0o755)
    return str(other)


def go(name: str = "wait.go", flags: str = "", **environ: str) -> str:
    return made(name, GO, "go", "build", f"-ldflags={flags}", "-o", "{out}", "{source}", **environ)


def rust() -> str:
    return made("wait.rs", RUST, "rustc", "-o", "{out}", "{source}")


def c() -> str:
    return made("wait.c", C, "cc", "-o", "{out}", "{source}")


def embedding() -> str:
    return made("embed.c", EMBEDDING, "cc", "-o", "{out}", "{source}", "-ldl")


def source_launched() -> list[str]:
    need("java")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "Wait.java").write_text(JAVA)
    return ["java", str(FOLDER / "Wait.java")]


def library(name: str, *folders: str) -> str:
    """The path of a shared library; skips where this machine has none."""
    for folder in folders:
        for path in sorted(Path(folder).glob(f"**/{name}")):
            return str(path)
    return pytest.skip(f"needs {name}")


def node() -> str:
    need("node")
    return os.path.realpath(shutil.which("node") or "")


NODE_WAITS = ["-e", "process.stdin.resume()"]
PROGRAMS: dict[str, tuple[Runtime, Callable[[], list[str]]]] = {
    "go": (Runtime.GO, lambda: [go()]),
    "go, static": (Runtime.GO, lambda: [go("static.go", CGO_ENABLED="0")]),
    "go, without symbols": (Runtime.GO, lambda: [go("bare.go", "-s -w")]),
    "go, stripped": (Runtime.GO, lambda: [copied(go(), "go-stripped", "strip", "--strip-all", "{out}")]),
    "go, without a build id": (Runtime.GO, lambda: [go("noid.go", "-buildid=")]),
    "go, named java": (Runtime.GO, lambda: [copied(go(), "java")]),
    "rust": (Runtime.RUST, lambda: [rust()]),
    "rust, stripped": (Runtime.RUST, lambda: [copied(rust(), "rs-stripped", "strip", "--strip-all", "{out}")]),
    "rust, without .comment": (
        Runtime.RUST,
        lambda: [copied(rust(), "rs-bare", "objcopy", "--strip-all", "--remove-section=.comment", "{out}")],
    ),
    "c": (Runtime.POSIX, lambda: [c()]),
    "c, stripped": (Runtime.POSIX, lambda: [copied(c(), "c-stripped", "strip", "--strip-all", "{out}")]),
    "c, packed": (Runtime.UNKNOWN, lambda: [packed(c(), "c-packed")]),
    "python": (Runtime.PYTHON, lambda: [sys.executable, "-c", "input()"]),
    "python, embedded": (
        Runtime.PYTHON,
        lambda: [embedding(), library("libpython3*.so.1.0", sysconfig.get_config_var("LIBDIR"), "/usr/lib")],
    ),
    "node": (Runtime.NODE, lambda: [node(), *NODE_WAITS]),
    "node, renamed": (Runtime.NODE, lambda: [copied(node(), "exporter"), *NODE_WAITS]),
    "java, one source file": (Runtime.JVM, source_launched),
    "jvm, embedded": (Runtime.JVM, lambda: [embedding(), library("libjvm.so", "/usr/lib/jvm", "/opt")]),
}


@contextmanager
def started(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> Iterator[int]:
    """The PID of a program that waits for its input; it may still be loading what it maps."""
    running = subprocess.Popen(argv, stdin=-1, stdout=-1, stderr=-1, env={**os.environ, **(environ or {})})
    try:
        yield running.pid
    finally:
        end(running)


def settled(pid: int, runtime: Runtime) -> Process:
    """The process when it is read as `runtime`, or after five seconds as whatever it is read as.

    It is read once more then: execve(2) shows the new program before its arguments and environment.
    """
    deadline = time.monotonic() + 5
    while process(real(), pid).runtime is not runtime and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.05)
    return process(real(), pid)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_and_its_runtime(name: str) -> None:
    runtime, argv = PROGRAMS[name]
    with started(argv()) as pid:
        assert settled(pid, runtime).runtime is runtime


@pytest.mark.parametrize("runtime", ["go", "jvm", "rust", "posix", "node", "python"])
def test_a_listener_and_its_runtime(runtime: str) -> None:
    with runtimes.listener(runtime, "tcp", "127.0.0.1", 0) as running:
        found = process(real(), running.process.pid)

        assert found.runtime == runtime
        assert list(found.command) == [str(x) for x in running.process.args]  # type: ignore[union-attr]


def test_the_options_of_a_jvm_are_its_words_and_nothing_else_of_the_environment_is_kept() -> None:
    environ = {
        "JAVA_TOOL_OPTIONS": "-Djava.net.preferIPv4Stack=true '-Dname=two words'",
        "JDK_JAVA_OPTIONS": "-Xshare:auto",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret",
    }
    with started(source_launched(), environ) as pid:
        found = settled(pid, Runtime.JVM)

    assert sorted(found.options) == ["-Djava.net.preferIPv4Stack=true", "-Dname=two words", "-Xshare:auto"]
    assert "secret" not in repr(found)


@pytest.mark.parametrize("variable", ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"])
def test_options_are_split_as_the_jvm_splits_them(variable: str) -> None:
    value = """-Dds.a=C:\\x  "-Dds.b=two words" -Dds.c="x y"z'q"'"""
    environ = {variable: value}
    argv = ["java", "-XshowSettings:properties", "-version"]
    need("java")
    said = subprocess.run(argv, check=True, capture_output=True, text=True, env={**os.environ, **environ}).stderr
    taken = [f"-D{x.strip().replace(' = ', '=')}" for x in said.splitlines() if x.startswith("    ds.")]
    with started(source_launched(), environ) as pid:
        assert sorted(settled(pid, Runtime.JVM).options) == sorted(taken)

    assert len(taken) == 3


def test_name_and_command_are_those_of_the_process() -> None:
    with started([c(), "two words", ""]) as pid:
        found = settled(pid, Runtime.POSIX)

    assert (found.pid, found.name, found.command, found.options) == (pid, "wait-c", (c(), "two words", ""), ())


def test_a_process_that_was_deleted_on_disk_is_still_known_by_its_name() -> None:
    program = Path(copied(node(), "node"))
    with started([str(program), *NODE_WAITS]) as pid:
        settled(pid, Runtime.NODE)
        program.unlink()

        assert process(real(), pid).runtime is Runtime.NODE


def test_another_users_process_is_unknown_but_named() -> None:
    require()
    with started([c()]) as pid:
        settled(pid, Runtime.POSIX)
        found = as_nobody(lambda: process(real(), pid))

    assert (found.runtime, found.name, found.command) == (Runtime.UNKNOWN, "wait-c", (c(),))


def test_a_process_that_a_signal_has_stopped_is_told_from_one_that_runs() -> None:
    with started([c()]) as pid:
        settled(pid, Runtime.POSIX)
        seen = [process(real(), pid).stopped]
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        seen.append(process(real(), pid).stopped)
        os.kill(pid, signal.SIGCONT)

    assert seen == [False, True]


def test_a_process_that_has_ended_is_unknown() -> None:
    with started([c()]) as pid:
        pass

    assert process(real(), pid) == Process(pid, "")


@pytest.mark.parametrize("head", [b"", b"\x7fELF", b"#!/bin/sh\n" * 10, b"\x7fELF\x02\x01" + b"\xff" * 58, bytes(64)])
def test_a_broken_program_is_unknown(head: bytes) -> None:
    world = replace(real(), part=lambda _, offset, size: head[offset : offset + size], link=lambda _: "/bin/thing")

    assert process(replace(world, read=lambda _: b""), 1).runtime is Runtime.UNKNOWN


def test_every_mark_is_of_a_known_kind() -> None:
    assert {x["mark"] for x in table("process_marks")} == {"section", "exe", "map", "text"}
    assert {x["runtime"] for x in table("process_marks")} <= {*Runtime} - {Runtime.UNKNOWN, Runtime.POSIX}
    assert all(x["source"] for x in table("process_marks"))

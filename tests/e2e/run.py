"""What a cluster is made of, found again by its name alone, so that all of it can be taken down: also by a later run.

A run has a folder, machines (`machine.py`) whose first processes it notes, and names that begin with its own: network
namespaces and cgroups. Whoever takes a run down ends the first processes; the kernel ends all others with them.
"""

import itertools
import os
import shutil
import signal
import time
from contextlib import suppress
from glob import glob

import msgspec

from dualstack.gather.interrupts import uninterrupted
from dualstack.lab.journal import NETNS, started_at
from dualstack.lab.topology import CannotBuild, run

FOLDER = "/var/cache/dualstack-e2e"
CGROUPS = "/sys/fs/cgroup"
_JOURNAL = "journal.json"
_KERNEL = f"{FOLDER}/kernel.json"
_TUNED = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
          "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes")  # fmt: skip
"""What a kubelet sets for the whole machine (pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables)."""
_SECONDS = 30.0


class Run(msgspec.Struct):
    """The program that owns it, and the processes that are to be ended: ids, each with its start time."""

    name: str
    owner: tuple[int, int]
    processes: list[tuple[int, int]] = []

    @property
    def folder(self) -> str:
        """Where its files are."""
        return f"{FOLDER}/{self.name}"

    def owns(self, pid: int) -> None:
        """Note a process; it and all below it end with the run."""
        self.processes.append((pid, started_at(pid) or 0))
        self.save()

    def save(self) -> None:
        """Write it down, at once or not at all."""
        path = f"{self.folder}/{_JOURNAL}"
        with open(f"{path}.new", "wb") as file:
            file.write(msgspec.json.encode(self))
        os.rename(f"{path}.new", path)

    def down(self) -> None:
        """End and remove everything; what is gone already is no error."""
        with uninterrupted():
            _kill(self.processes)
            for space in glob(f"{NETNS}/{self.name}-*"):
                with suppress(CannotBuild):
                    run("ip", "netns", "del", os.path.basename(space))
            _remove_cgroups(self.name)
            shutil.rmtree(self.folder, ignore_errors=True)
            if not _runs():
                _restore_kernel()
                with suppress(OSError):
                    os.rmdir(FOLDER)


def begun() -> Run:
    """A new run with a name of its own; what killed runs have left is taken down before. Raises CannotBuild."""
    for name in _runs():
        left = _opened(name)
        if started_at(left.owner[0]) != left.owner[1]:
            left.down()
    try:
        os.makedirs(FOLDER, exist_ok=True)
        _note_kernel()
        for name in (f"ds-e2e-{n}" for n in itertools.count(1)):
            with suppress(FileExistsError), uninterrupted():
                os.mkdir(f"{FOLDER}/{name}")
                made = Run(name, (os.getpid(), started_at(os.getpid()) or 0))
                made.save()
                return made
    except OSError as error:
        raise CannotBuild(f"{FOLDER} cannot be written: {error.strerror}") from error
    raise AssertionError  # there is always another number


def _runs() -> list[str]:
    return [os.path.basename(x) for x in glob(f"{FOLDER}/ds-e2e-*")]


def _opened(name: str) -> Run:
    try:
        with open(f"{FOLDER}/{name}/{_JOURNAL}", "rb") as file:
            return msgspec.json.decode(file.read(), type=Run)
    except (OSError, msgspec.DecodeError):
        return Run(name, (0, 0))


def _kill(processes: list[tuple[int, int]]) -> None:
    for pid, started in processes:
        if started_at(pid) == started:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + _SECONDS
    for pid, started in processes:
        while started_at(pid) == started and time.monotonic() < until:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.02)


def _remove_cgroups(name: str) -> None:
    folders = [x for top in glob(f"{CGROUPS}/*/{name}-*") for x, _, _ in os.walk(top, topdown=False)]
    folders += [x for top in glob(f"{CGROUPS}/{name}-*") for x, _, _ in os.walk(top, topdown=False)]
    for folder in folders:
        with suppress(OSError):
            os.rmdir(folder)


def _note_kernel() -> None:
    if not os.path.exists(_KERNEL):
        values = {x: _read(f"/proc/sys/{x}") for x in _TUNED if os.path.exists(f"/proc/sys/{x}")}
        with open(_KERNEL, "wb") as file:
            file.write(msgspec.json.encode(values))


def _restore_kernel() -> None:
    with suppress(OSError):
        for key, value in msgspec.json.decode(_read(_KERNEL), type=dict[str, str]).items():
            if _read(f"/proc/sys/{key}") != value:
                with open(f"/proc/sys/{key}", "w", encoding="ascii") as file:
                    file.write(value)
        os.unlink(_KERNEL)


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()

"""What a world is made of, noted before it is made, so that all of it can be taken down: also by another process."""

import itertools
import os
import shutil
import signal
from contextlib import suppress

import msgspec

from dualstack.gather.interrupts import uninterrupted
from dualstack.lab.topology import CannotBuild, run

FOLDER = "/run/dualstack-lab"
NETNS, ETC = "/run/netns", "/etc/netns"  # ip-netns(8)
_FILE = "journal.json"
_TRIES = 100


class Journal(msgspec.Struct):
    """The namespaces by place, and the processes: ids with the start time that tells them from later ones.

    `owner` is the program that built the world. The journal is in the folder of the world.
    """

    name: str
    owner: tuple[int, int] = (0, 0)
    spaces: dict[str, str] = {}
    processes: list[tuple[int, int]] = []

    @property
    def folder(self) -> str:
        """Where the files of the world are."""
        return f"{FOLDER}/{self.name}"

    @property
    def busy(self) -> bool:
        """Whether the program that built the world still runs, and will take it down."""
        pid, started = self.owner
        return pid != 0 and started_at(pid) == started

    def save(self) -> None:
        """Write it down."""
        with open(f"{self.folder}/{_FILE}", "wb") as file:
            file.write(msgspec.json.encode(self))

    def down(self) -> None:
        """End the processes, delete the namespaces and the folders; what is gone already is no error."""
        with uninterrupted():
            self._down()

    def _down(self) -> None:
        for pid, started in reversed(self.processes):
            if started_at(pid) == started:
                with suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
                with suppress(ChildProcessError):
                    os.waitpid(pid, 0)
        for space in self.spaces.values():
            with suppress(CannotBuild):
                run("ip", "netns", "del", space)
            shutil.rmtree(f"{ETC}/{space}", ignore_errors=True)
        with suppress(OSError):
            os.rmdir(ETC)  # empty only where it was not there before
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            os.rmdir(FOLDER)


def begun(wanted: str) -> Journal:
    """A new journal, with the folder of the world: of that name, or with a number after it where that is taken.

    Raises CannotBuild.
    """
    for name in itertools.chain((wanted,), (f"{wanted}-{n}" for n in itertools.count(2))):
        try:
            make(f"{FOLDER}/{name}")
        except FileExistsError:
            continue
        except OSError as error:
            raise CannotBuild(f"{FOLDER}/{name} cannot be written: {error.strerror}") from error
        journal = Journal(name, (os.getpid(), started_at(os.getpid()) or 0))
        journal.save()
        return journal
    raise AssertionError  # there is always another number


def make(path: str) -> None:
    """Make a folder, and those above it, which a world that ends meanwhile may take away. Raises OSError."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            return os.makedirs(path, 0o755)
    return os.makedirs(path, 0o755)


def standing() -> tuple[str, ...]:
    """The names of the worlds that are up."""
    return tuple(sorted(os.listdir(FOLDER))) if os.path.isdir(FOLDER) else ()


def opened(name: str) -> Journal:
    """The journal of a world that is up; one that was cut short says nothing but its folder. Raises CannotBuild."""
    if name not in standing():
        raise CannotBuild(f"no world `{name}` is up")
    try:
        with open(f"{FOLDER}/{name}/{_FILE}", "rb") as file:
            return msgspec.json.decode(file.read(), type=Journal)
    except (OSError, msgspec.DecodeError):
        return Journal(name)


def started_at(pid: int) -> int | None:
    """When a process started, in clock ticks since the boot (proc_pid_stat(5), field 22); None where it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(") ")[2].split()[19])
    except OSError:
        return None

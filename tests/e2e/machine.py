"""A machine: namespaces of network, processes and mounts, with a first process that all others end with.

It has its own /run, /var/lib and /var/log, so that programs keep their usual paths, and a hosts file with both loopback
addresses; the rest of the file system is that of the host. Commands enter it with `nsenter`, which leaves the cgroups
in sight.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dualstack.gather.interrupts import uninterrupted
from dualstack.lab.journal import NETNS
from dualstack.lab.topology import CannotBuild, run
from tests.e2e.run import Run

_MOUNTS = """
mount --bind "$0/lib" /var/lib && mount --bind "$0/log" /var/log && mount -t tmpfs tmpfs /run || exit
mount --bind "$0/hosts" /etc/hosts || exit
mount --make-rshared / && exec "$1"
"""
_SECONDS = 10.0
_WORDS = 1000


@dataclass(frozen=True)
class Machine:
    """One that is up. `netns` is the name of its network namespace, `init` its first process as the host sees it."""

    name: str
    netns: str
    init: int
    folder: str

    def command(self, *argv: str) -> list[str]:
        """`argv` as it runs inside."""
        return ["nsenter", f"--target={self.init}", "--net", "--mount", "--pid", "--", *argv]

    def run(self, *argv: str) -> str:
        """The output of a command inside. Raises CannotBuild where it fails."""
        return run(*self.command(*argv))

    def start(self, name: str, *argv: str, environ: Mapping[str, str] = os.environ) -> None:
        """Start a program inside, which ends with the machine."""
        _spawn(self.command(*argv), self.log(name), environ)

    def log(self, name: str) -> str:
        """The file that a program of that name writes to."""
        return f"{self.folder}/log/{name}.log"

    def last_words(self, name: str) -> str:
        """The end of that file."""
        with open(self.log(name), encoding="utf-8", errors="replace") as file:
            return file.read()[-_WORDS:]


def boot(owner: Run, name: str, pause: str) -> Machine:
    """A new machine with its loopback interface up; `pause` is its first process. Raises CannotBuild."""
    folder, netns = f"{owner.folder}/{name}", f"{owner.name}-{name}"
    for each in ("lib", "log"):
        os.makedirs(f"{folder}/{each}")
    with open(f"{folder}/hosts", "w", encoding="ascii") as file:
        file.write("127.0.0.1 localhost\n::1 localhost\n")
    with uninterrupted():
        run("ip", "netns", "add", netns)
    run("ip", "-n", netns, "link", "set", "lo", "up")
    argv = ["nsenter", f"--net={NETNS}/{netns}", "unshare", "--mount", "--propagation=private", "--pid", "--fork",
            "--kill-child", "--mount-proc", "sh", "-c", _MOUNTS, folder, pause]  # fmt: skip
    log = f"{folder}/log/boot.log"
    with uninterrupted():
        holder = _spawn(argv, log, os.environ)
        owner.owns(holder)
    init = _init(holder, os.path.basename(pause), log)
    owner.owns(init)
    return Machine(name, netns, init, folder)


def _spawn(argv: Sequence[str], log: str, environ: Mapping[str, str]) -> int:
    """A process in a session of its own: Ctrl-C is not for it. It inherits the files that are inheritable."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(argv[0], [*argv], environ, file_actions=actions, setsid=True, setsigmask=())


def _init(holder: int, comm: str, log: str) -> int:
    until = time.monotonic() + _SECONDS
    while os.waitpid(holder, os.WNOHANG) == (0, 0) and time.monotonic() < until:
        for pid in _words(f"/proc/{holder}/task/{holder}/children"):
            if _words(f"/proc/{pid}/comm") == [comm]:
                return int(pid)
        time.sleep(0.01)
    with open(log, encoding="utf-8", errors="replace") as file:
        raise CannotBuild(f"a machine did not come up: {file.read()[-_WORDS:]}")


def _words(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []

"""What is looked at changes or goes away meanwhile: processes, sockets, interfaces, whole namespaces."""

import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dualstack.gather.env import real
from dualstack.gather.errors import BadInput
from dualstack.gather.namespaces import namespace
from dualstack.gather.netns import find, inside
from dualstack.gather.sockets import listeners, with_owners
from dualstack.lab.demo import receiver
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import parse_target
from dualstack.pipeline import Request, diagnose
from tests.cli.command import dualstack
from tests.netns import batch, ip, isolated, require

ROUNDS = 20


@contextmanager
def meanwhile(*argv: str) -> Iterator[None]:
    """A line of shell that is run for as long as the block lasts, with every process that it starts."""
    running = subprocess.Popen(argv, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        os.killpg(running.pid, 9)
        running.wait()


STORM = 'while :; do (sleep 0) & (exec true) & sh -c "exec sleep 0" & wait; done'


def test_processes_come_and_go() -> None:
    """The owner that stays is found each time, and whoever went is nobody's fault."""
    with receiver("http", "127.0.0.1", 0) as port, meanwhile("sh", "-c", STORM), meanwhile("sh", "-c", STORM):
        for _ in range(ROUNDS):
            found = with_owners(listeners(real()), real(), {port})
            (mine,) = found.on("host", port)

            assert [x.runtime for x in mine.processes] == ["python"]


FLICKER = """
import random, socket
while True:
    made = [socket.socket(random.choice((socket.AF_INET, socket.AF_INET6))) for _ in range(50)]
    for each in made:
        each.bind(("", 0)); each.listen()
    for each in made:
        each.close()
"""


def test_sockets_come_and_go() -> None:
    with isolated("flicker") as name, receiver("grpc", "::", 4317, netns=name):
        argv = ("ip", "netns", "exec", name, "python3", "-c", FLICKER)
        with meanwhile(*argv), meanwhile(*argv):
            for _ in range(ROUNDS):
                seen = inside(find(name), lambda: with_owners(listeners(real("x")), real("x"), None))

                assert [x.v6only for x in seen.on("x", 4317)] == [False]
            assert asked(name, "grpc://127.0.0.1:4317").verdict == "healthy"


def asked(netns: str, *targets: str) -> Diagnosis:
    """The diagnosis from inside a namespace."""
    return diagnose(Request(Question(targets=tuple(y for x in targets for y in parse_target(x))), netns=netns))


def test_interfaces_and_addresses_come_and_go() -> None:
    """A table that changes while it is read is read again; one that never holds still is said to do so."""
    with isolated("flicker") as name:
        batch(name, ["address add 10.0.0.1/32 dev lo", *(f"link add a{x} type veth peer name b{x}" for x in range(20))])
        lines = "".join(f"address add 10.1.{x}.1/32 dev lo\\naddress del 10.1.{x}.1/32 dev lo\\n" for x in range(250))
        with meanwhile("sh", "-c", f"while :; do printf '{lines}' | ip -n {name} -force -batch -; done"):
            seen = 0
            for _ in range(ROUNDS):
                with suppress(BlockingIOError):  # EAGAIN: it did not hold still
                    space = inside(find(name), lambda: namespace(real("x")))
                    assert space.owner("10.0.0.1")
                    assert len(space.interfaces) == 41
                    seen += 1

    assert seen


def _deleted(name: str, after: float) -> None:
    time.sleep(after)
    ip("netns", "del", name)


def test_a_namespace_that_is_deleted_meanwhile() -> None:
    """It is refused, or answered from what was seen; the thread that looks keeps it alive to the end."""
    require()
    rng = random.Random(9)
    for number in range(ROUNDS):
        name = f"ds-deleted-{os.getpid()}-{number}"
        ip("netns", "add", name)
        batch(name, ["link set lo up"])
        remover = threading.Thread(target=_deleted, args=(name, rng.uniform(0, 0.1)))
        remover.start()
        try:
            found = asked(name, "http://127.0.0.1:4318")
        except BadInput as refusal:
            assert name in str(refusal)  # noqa: PT017 -- it is one of two right answers
        else:
            assert found.verdict == "broken"
        remover.join()


def test_other_namespaces_that_are_deleted_meanwhile() -> None:
    """Those that a packet may go to are looked into one by one; whatever of them is left is looked at."""
    storm = 'while :; do for x in 1 2 3 4; do ip netns add "$0-$x"; ip netns del "$0-$x"; done; done'
    name = f"ds-passing-{os.getpid()}"
    with isolated("storm") as here:
        batch(here, ["link add eth0 type veth peer name eth1", "address add 10.9.0.1/24 dev eth0"])
        batch(here, ["link set eth0 up", "link set eth1 up"])
        with meanwhile("sh", "-c", storm, name):
            for _ in range(2):
                found = diagnose(Request(Question(targets=parse_target("http://10.9.0.9:4318")), netns=here))
                assert found.verdict == "broken"
        for left in Path("/run/netns").glob(f"{name}-*"):
            subprocess.run(["umount", left], check=False, capture_output=True)
            left.unlink()


ODD: dict[str, Callable[[Path], None]] = {
    "file": Path.touch,
    "folder": Path.mkdir,
    "dangling link": lambda x: x.symlink_to("/nowhere"),
    "pipe": os.mkfifo,
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_what_is_no_namespace_among_the_named(make: Callable[[Path], None]) -> None:
    """A bare file stays where a namespace was deleted while its mount was held elsewhere."""
    with isolated("dangling") as here:
        other = Path("/run/netns", f"{here}-x")
        make(other)
        try:
            refused = dualstack("diagnose", "--netns", other.name, "http://127.0.0.1:1")
            beside = dualstack("diagnose", "--netns", here, "http://127.0.0.1:1")
        finally:
            _take_away(other)

    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "DS211" in beside.stdout


def _take_away(path: Path) -> None:
    """Remove it; `ip` of another test may have opened the pipe meanwhile, and waits until somebody would write."""
    if path.is_dir():
        path.rmdir()
        return
    writing = os.open(path, os.O_RDWR) if path.is_fifo() else None
    path.unlink()
    if writing is not None:
        os.close(writing)


def test_a_process_that_ends_takes_its_namespace_with_it() -> None:
    require()
    with subprocess.Popen(["unshare", "-n", "sleep", "60"]) as running:
        while netns_of(running.pid) == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        seen = find(str(running.pid))
        running.kill()
    with pytest.raises(BadInput, match="has it ended"):
        inside(seen, lambda: namespace(real()))
    refused = dualstack("diagnose", "--netns", str(running.pid), "http://127.0.0.1:1")

    assert (refused.returncode, refused.stdout) == (2, "")


def netns_of(pid: int) -> str:
    """The network namespace of a process."""
    return os.readlink(f"/proc/{pid}/ns/net")

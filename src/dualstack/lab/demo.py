"""Real receivers, each broken on purpose in one way, and the diagnosis of each.

`FAULTS` is the table: what is broken, what a diagnosis has to say of it, and the world in which it is so.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from dualstack.gather.env import real
from dualstack.gather.namespaces import namespace
from dualstack.lab.incident import load
from dualstack.lab.receiver import bound
from dualstack.lab.topology import CannotBuild
from dualstack.lab.world import standing
from dualstack.model.address import BOTH, Family, Scope, join, scope, without_zone
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.host import Namespace
from dualstack.model.probe import Options
from dualstack.model.question import Question
from dualstack.model.target import parse_target
from dualstack.pipeline import Request, diagnose

PROBE_SECONDS = 1.0
"""For one probe on this machine, where an answer takes a millisecond."""

_FIRST_PORT = 14317  # below every ephemeral port of Linux (ip_local_port_range), so the text is the same each time


class World(NamedTuple):
    """What to ask, and the network namespace to ask it from; empty for the one that this program is in."""

    targets: tuple[str, ...]
    netns: str = ""


class CannotShow(Exception):
    """This machine has not got what a demonstration needs; the text says what."""


class Fault(NamedTuple):
    """One row: the sentence for the user, what the diagnosis has to say, and the world. `codes` are possible causes."""

    broken: str
    verdict: Verdict
    codes: tuple[str, ...]
    world: Callable[[], AbstractContextManager[World]]


class Shown(NamedTuple):
    """One demonstration: its diagnosis, or why there is none. `found` says that it is what the fault calls for."""

    fault: Fault
    diagnosis: Diagnosis | None
    skipped: str = ""

    @property
    def found(self) -> bool:
        """Whether the verdict is right and a cause that is expected stands among the causes."""
        if self.diagnosis is None:
            return False
        causes = {x.code for x in self.diagnosis.findings if not x.because}
        as_expected = bool(causes.intersection(self.fault.codes)) or (not causes and not self.fault.codes)
        return self.diagnosis.verdict is self.fault.verdict and as_expected


def shown() -> Iterator[Shown]:
    """Every demonstration in turn. Raises KeyboardInterrupt on Ctrl-C, after its world is taken down."""
    for fault in FAULTS:
        try:
            with fault.world() as world:
                yield Shown(fault, _diagnosed(world))
        except (CannotShow, CannotBuild) as error:
            yield Shown(fault, None, str(error))


def _diagnosed(world: World) -> Diagnosis:
    targets = tuple(x for text in world.targets for x in parse_target(text))
    found = diagnose(Request(Question(targets=targets), netns=world.netns, options=Options(PROBE_SECONDS)))
    if found.interrupted:
        raise KeyboardInterrupt
    return found


@contextmanager
def receiver(protocol: str, address: str, port: int, *, v6only: bool = False, netns: str = "") -> Iterator[int]:
    """The port of a receiver of our own, listening in a child process. Raises CannotShow where it does not start."""
    inside = ("ip", "netns", "exec", netns) if netns else ()
    options = ("--v6only",) if v6only else ()
    argv = (*inside, sys.executable, "-P", "-m", "dualstack.lab.receiver", protocol, address, str(port), *options)
    with _started(argv) as child:
        try:
            yield _port_of(child)
        finally:
            child.kill()


def _started(argv: Sequence[str]) -> subprocess.Popen[str]:
    """A child in a session of its own, which Ctrl-C does not reach."""
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, text=True)
    except OSError as error:
        raise CannotShow(f"`{argv[0]}` cannot be run: {error.strerror}") from error


def _port_of(child: subprocess.Popen[str]) -> int:
    """The port that it says it listens on, once it does."""
    said = child.stdout.readline() if child.stdout else ""
    if not said:
        failed = child.stderr.read().strip() if child.stderr else ""
        last = failed.rpartition("\n")[2]
        raise CannotShow(f"a receiver did not start: {last}")
    return int(said)


def _free_port(first: int, address: str) -> int:
    for port in range(first, first + 1000):
        try:
            bound(address, port, v6only=False).close()
        except OSError:
            continue
        return port
    raise CannotShow("no port is free")


@contextmanager
def on_loopback(protocol: str, port: int, address: str, *, v6only: bool = False) -> Iterator[World]:
    """A receiver on this host that clients ask over the loopback addresses of both families."""
    if "::1" not in _host().addresses(Family.IPV6):
        raise CannotShow("this host has no IPv6 on its loopback")
    free = _free_port(port, "::")
    with receiver(protocol, address, free, v6only=v6only):
        yield World((f"{protocol}://127.0.0.1:{free}", f"{protocol}://[::1]:{free}"))


@contextmanager
def asked_from_outside(protocol: str, port: int) -> Iterator[World]:
    """A receiver on the loopback of this host that clients ask over another address of the host."""
    host = _host()
    known = (x for family in BOTH for x in host.addresses(family))
    others = [x for x in known if scope(without_zone(x)) not in (Scope.LOOPBACK, Scope.LINK_LOCAL)]
    if not others:
        raise CannotShow("this host has no address but those of its loopback")
    free = _free_port(port, "0.0.0.0")
    with receiver(protocol, "127.0.0.1", free):
        yield World((f"{protocol}://{join(others[0], free)}",))


def _host() -> Namespace:
    return namespace(real())


@contextmanager
def incident(name: str) -> Iterator[World]:
    """The world of an incident of the lab."""
    loaded = load(name)
    with standing(loaded) as journal:
        yield World(loaded.ask.targets, journal.spaces[loaded.ask.by])


FAULTS = (
    Fault(
        "Nothing is broken: a receiver on [::] that takes both families.",
        Verdict.HEALTHY,
        (),
        lambda: on_loopback("grpc", 14317, "::"),
    ),
    Fault(
        "A receiver is bound to 0.0.0.0, so it has no IPv6.",
        Verdict.DEGRADED,
        ("DS205",),
        lambda: on_loopback("http", 14318, "0.0.0.0"),
    ),
    Fault(
        "A receiver is bound to [::] with IPV6_V6ONLY, so it has no IPv4.",
        Verdict.DEGRADED,
        ("DS206", "DS207"),
        lambda: on_loopback("grpc", 14317, "::", v6only=True),
    ),
    Fault(
        "A receiver is bound to 127.0.0.1, and its clients are elsewhere.",
        Verdict.BROKEN,
        ("DS202",),
        lambda: asked_from_outside("http", 14318),
    ),
    Fault(
        "A firewall on the receiver's side drops IPv6.",
        Verdict.DEGRADED,
        ("DS702", "DS906"),
        lambda: incident("demo-firewall"),
    ),
    Fault(
        "A name has an AAAA record that leads nowhere.",
        Verdict.DEGRADED,
        ("DS305", "DS404", "DS906"),
        lambda: incident("demo-stale-aaaa"),
    ),
)

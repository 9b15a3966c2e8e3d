"""Builds the world of an incident, asks in it, and takes it down.

Whatever fails halfway is taken down.
"""

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from dualstack.gather.interrupts import uninterrupted
from dualstack.lab import certificates, collector, programs, topology
from dualstack.lab.incident import Incident, Place, Server
from dualstack.lab.journal import ETC, NETNS, Journal, begun, make, started_at
from dualstack.lab.topology import LAYOUTS, CannotBuild, run
from dualstack.pipeline import listeners_of

_READY_SECONDS = 30.0
_NAMESERVER = (sys.executable, "-P", "-m", "dualstack.lab.nameserver")
_WITHOUT_IPV6 = (sys.executable, "-P", "-m", "dualstack.lab.without_ipv6")


def lacking(incident: Incident) -> str:
    """What this machine lacks for an incident, as a sentence part; empty where nothing is."""
    places = incident.places.values()
    commands = ("nft",) * any(x.filters for x in places) + ("openssl",) * bool(incident.certificates)
    commands += ("sysctl",) * any(x.sysctls for x in places)
    lacks = [topology.needs(*commands)]
    for server in (x for place in places for x in place.servers):
        lacks.append(programs.needed(server.run))
        if server.run == "otelcol" and not os.path.exists(collector.program(server.version)):
            lacks.append(f"needs the Collector {server.version}: `python -m dualstack.lab.collector` builds it")
    return next(filter(None, lacks), "")


@contextmanager
def standing(incident: Incident, *, stays: bool = False) -> Iterator[Journal]:
    """The world of an incident for the length of a block; one that stays is left where that ends well.

    Raises CannotBuild.
    """
    if lack := lacking(incident):
        raise CannotBuild(lack)
    journal, kept = None, False
    try:
        with uninterrupted():  # no folder may be made that nobody here knows of
            journal = begun(incident.name)
        _build(incident, journal)
        yield journal
        kept = stays
    finally:
        if journal is not None and not kept:
            journal.down()


def _build(incident: Incident, journal: Journal) -> None:
    for place in incident.places:
        space = f"ds-{journal.name}-{place}"
        if os.path.exists(f"{NETNS}/{space}"):
            raise CannotBuild(f"a network namespace `{space}` is there already")
        journal.spaces[place] = space
        journal.save()
        run("ip", "netns", "add", space)
    changed = {k: v.addresses for k, v in incident.places.items()}
    topology.connect(LAYOUTS[incident.layout], journal.spaces, changed)
    certificates.make(journal.folder, incident.certificates)
    for place, wanted in incident.places.items():
        _furnish(place, wanted, journal)
    for place, wanted in incident.places.items():
        for server in wanted.servers:
            _serve(place, wanted, server, journal)
    for place, wanted in incident.places.items():
        _commands(place, wanted.after, journal)


def _furnish(place: str, wanted: Place, journal: Journal) -> None:
    """The files, sysctls, commands, filters and nameservers of one namespace."""
    space = journal.spaces[place]
    make(f"{ETC}/{space}")
    resolv = [f"nameserver {x}" for x in wanted.nameservers] + ["options timeout:1 attempts:1"]
    hosts = ["127.0.0.1 localhost", "::1 localhost", *wanted.hosts]
    files = {"hosts": hosts, "resolv.conf": resolv, "nsswitch.conf": ["hosts: files dns"]}
    for name, text in {**{k: "\n".join(v) for k, v in files.items()}, **wanted.etc}.items():
        with open(f"{ETC}/{space}/{name}", "w", encoding="utf-8") as file:
            file.write(text.rstrip("\n") + "\n")
    if wanted.sysctls:
        run("ip", "netns", "exec", space, "sysctl", "-qw", *(f"{k}={v}" for k, v in wanted.sysctls.items()))
    _commands(place, wanted.before, journal)
    if wanted.filters:
        run("ip", "netns", "exec", space, "nft", "-f", "-", lines=[wanted.filters])
    for address, zone in wanted.nameservers.items():
        _name(space, address, zone, journal)


def _name(space: str, address: str, zone: Mapping[str, object], journal: Journal) -> None:
    """Start a nameserver at an address, which the namespace is given where it has it not."""
    if address not in run("ip", "-n", space, "-oneline", "address", "show"):
        run("ip", "-n", space, "address", "add", address, "dev", "lo", *(("nodad",) if ":" in address else ()))
    child = _Child(
        [*_inside(space, journal.folder), *_NAMESERVER, address], journal, {}, msgspec.json.encode(zone) + b"\n"
    )
    child.wait(lambda: "ready" in child.log)


def _serve(place: str, wanted: Place, server: Server, journal: Journal) -> None:
    """Start a server and wait until it listens, or until it has ended where that is expected."""
    space = journal.spaces[place]
    host, _, port = server.at.rpartition(":")
    config = f"{journal.folder}/{server.name}.yaml"
    if server.config:
        with open(config, "w", encoding="utf-8") as file:
            file.write(server.config.replace("{dir}", journal.folder))
    binary = collector.program(server.version) if server.run == "otelcol" else ""
    values = {"at": server.at, "host": host.strip("[]"), "port": port, "network": server.network}
    further = [x.replace("{dir}", journal.folder) for x in server.words]
    argv = programs.words(server.run, {**values, "config": config, "otelcol": binary}, further)
    wrapper = _WITHOUT_IPV6 if wanted.kernel_without_ipv6 else ()
    child = _Child([*_inside(space, journal.folder), *wrapper, *argv], journal, server.env)
    ready = programs.PROGRAMS[server.run].ready
    if not server.starts:
        child.wait_for_end()
    elif ready:
        child.wait(lambda: ready in child.log)
    elif port:
        child.wait(lambda: child.pid in _holders(space, int(port)))
    if server.stopped:
        os.kill(child.pid, signal.SIGSTOP)


def _inside(space: str, folder: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", space, "env", f"--chdir={folder}")


def _holders(space: str, port: int) -> set[int]:
    """The processes that listen on a port of a namespace."""
    found = listeners_of(f"{NETNS}/{space}", (port,))
    return {x.pid for item in found.items for x in item.processes}


def _commands(place: str, lines: Sequence[str], journal: Journal) -> None:
    for line in lines:
        run(*_inside(journal.spaces[place], journal.folder), *shlex.split(line.replace("{dir}", journal.folder)))


class _Child:
    """A process of a world, in a session of its own, that outlives this program; its input never ends."""

    def __init__(self, argv: Sequence[str], journal: Journal, env: Mapping[str, str], said: bytes = b"") -> None:
        name = f"{journal.folder}/{len(journal.processes)}"
        self._said = " ".join(argv[6:])
        self._log = f"{name}.log"
        self._ended = False
        os.mkfifo(f"{name}.in")
        given = os.open(f"{name}.in", os.O_RDWR)
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(given, said)
        streams = [(os.POSIX_SPAWN_DUP2, x, i) for i, x in enumerate((given, log, log))]
        try:
            with uninterrupted():  # no process may start that the journal does not know
                self.pid = os.posix_spawnp(
                    argv[0], tuple(argv), programs.environ(env), file_actions=streams, setsid=True, setsigmask=()
                )
                journal.processes.append((self.pid, started_at(self.pid) or 0))
                journal.save()
        except OSError as error:
            raise CannotBuild(f"`{argv[0]}` cannot be run: {error.strerror}") from error
        finally:
            os.close(given)
            os.close(log)

    @property
    def log(self) -> str:
        """What it has written so far."""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait(self, ready: Callable[[], bool]) -> None:
        """Return when it is ready. Raises CannotBuild with the end of its log where it ends before, or never is."""
        until = time.monotonic() + _READY_SECONDS
        while not ready():
            if self._has_ended() or time.monotonic() > until:
                raise CannotBuild(f"`{self._said}` does not start: {' '.join(self.log.split())[-500:]}")
            time.sleep(0.02)

    def wait_for_end(self) -> None:
        """Return when it has ended. Raises CannotBuild where it does not."""
        until = time.monotonic() + _READY_SECONDS
        while not self._has_ended():
            if time.monotonic() > until:
                raise CannotBuild(f"`{self._said}` runs, and should not")
            time.sleep(0.02)

    def _has_ended(self) -> bool:
        self._ended = self._ended or os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        return self._ended

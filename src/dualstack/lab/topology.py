"""Two network namespaces joined by a cable, and what is broken in them; all of it is gone when the block ends.

Nothing outside the machine is touched: the addresses are of private ranges (RFC 1918, RFC 4193) and no route leads on.
"""

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

IPV4, IPV6 = "10.231.7.{}", "fd00:e7::{}"
"""The addresses of the client, number 1, and of the server, number 2. No other number is held by anybody."""

FOLDER, ETC = "/run/netns", "/etc/netns"  # ip-netns(8)
_UP_SECONDS = 5.0


class CannotBuild(Exception):
    """The machine does not let this user make the topology; the text says why."""


class Pair(NamedTuple):
    """The names of the two namespaces."""

    client: str
    server: str


def needs(*tools: str) -> str:
    """What is missing for a topology with these tools, as a sentence part; empty where nothing is."""
    if os.geteuid() != 0:
        return "needs root to make network namespaces"
    missing = [x for x in ("ip", *tools) if not shutil.which(x)]
    return f"needs the command `{missing[0]}`" if missing else ""


@contextmanager
def pair(name: str) -> Iterator[Pair]:
    """Two namespaces joined by `eth0`, each with one address of both families. Raises CannotBuild."""
    made: list[str] = []
    try:
        client, server = (_added(f"{name}-{end}", made) for end in ("client", "server"))
        run("ip", "-n", client, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", server)
        for number, each in enumerate((client, server), 1):
            run("ip", "-n", each, "-batch", "-", lines=_settings(number))
        for each in (client, server):
            _wait_until_up(each)
        yield Pair(client, server)
    finally:
        for each in made:
            with suppress(CannotBuild):
                run("ip", "netns", "del", each)


def _added(wanted: str, made: list[str]) -> str:
    """A new namespace of that name, with a number after it where another has the name; noted in `made` first."""
    taken = os.listdir(FOLDER) if os.path.isdir(FOLDER) else ()
    names = itertools.chain((wanted,), (f"{wanted}-{n}" for n in itertools.count(2)))
    name = next(x for x in names if x not in taken)
    made.append(name)
    try:
        run("ip", "netns", "add", name)
    except CannotBuild:
        made.remove(name)  # it may be somebody else's
        raise
    return name


def _settings(number: int) -> list[str]:
    return [
        "link set lo up",
        f"address add {IPV4.format(number)}/24 dev eth0",
        f"address add {IPV6.format(number)}/64 dev eth0 nodad",  # a fresh address is of no use before DAD ends
        "link set eth0 up",
    ]


def _wait_until_up(name: str) -> None:
    until = time.monotonic() + _UP_SECONDS
    while "state UP" not in run("ip", "-n", name, "-oneline", "link", "show", "dev", "eth0"):
        if time.monotonic() > until:
            raise CannotBuild("the link between two network namespaces does not come up")
        time.sleep(0.01)


@contextmanager
def hosts(name: str, lines: Sequence[str]) -> Iterator[None]:
    """Give a namespace its own hosts file, in /etc/netns/NAME. Raises CannotBuild."""
    folder = f"{ETC}/{name}"
    try:
        try:
            os.makedirs(folder)
            with open(f"{folder}/hosts", "w", encoding="ascii") as file:
                file.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            raise CannotBuild(f"{folder} cannot be written: {error.strerror}") from error
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            os.rmdir(ETC)  # empty only where it was not there before


def drop_ipv6(name: str, port: int) -> None:
    """Let the packet filter of a namespace drop IPv6 to a port. Raises CannotBuild."""
    rule = f"meta nfproto ipv6 tcp dport {port} drop"
    chain = f"chain input {{ type filter hook input priority filter; {rule}; }}"
    run("ip", "netns", "exec", name, "nft", "-f", "-", lines=[f"table inet demo {{ {chain}; }}"])


def run(*argv: str, lines: Sequence[str] = ()) -> str:
    """The output of a command that is given these lines. Raises CannotBuild with what it said where it fails.

    It has a session of its own, so that Ctrl-C does not reach it halfway.
    """
    text = "".join(f"{x}\n" for x in lines)
    done = subprocess.run(argv, check=False, capture_output=True, text=True, input=text, start_new_session=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise CannotBuild(f"`{' '.join(argv[:3])}` said: {said[0]}")
    return done.stdout

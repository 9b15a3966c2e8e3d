"""Network namespaces and the cables between them, as tables, and the commands that make them.

Nothing outside the machine is touched: the addresses are of private ranges (RFC 1918, RFC 4193) and no route leads on.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_UP_SECONDS = 5.0


class CannotBuild(Exception):
    """The machine does not let this user make the world; the text says why."""


class Layout(NamedTuple):
    """Namespaces: their addresses by interface, and their routes; cables: an interface at either end."""

    places: Mapping[str, Mapping[str, tuple[str, ...]]]
    cables: tuple[tuple[str, str], ...] = ()
    routes: Mapping[str, tuple[str, ...]] = {}
    forwarding: tuple[str, ...] = ()


LAYOUTS = {
    "alone": Layout({"host": {}}),
    "pair": Layout(
        {
            "client": {"eth0": ("10.231.7.1/24", "fd00:e7::1/64", "fe80::1/64")},
            "server": {"eth0": ("10.231.7.2/24", "fd00:e7::2/64", "fe80::2/64")},
        },
        (("client eth0", "server eth0"),),
    ),
    "routed": Layout(
        {
            "client": {"eth0": ("10.231.7.1/24", "fd00:e7::1/64", "fe80::1/64")},
            "router": {  # without a link-local address it could solicit no neighbour for what it forwards
                "client0": ("10.231.7.254/24", "fd00:e7::fe/64", "fe80::fe/64"),
                "server0": ("10.231.8.254/24", "fd00:e8::fe/64", "fe80::fe/64"),
            },
            "server": {"eth0": ("10.231.8.2/24", "fd00:e8::2/64", "fe80::2/64")},
        },
        (("client eth0", "router client0"), ("router server0", "server eth0")),
        {
            "client": ("route add default via 10.231.7.254", "-6 route add default via fd00:e7::fe"),
            "server": ("route add default via 10.231.8.254", "-6 route add default via fd00:e8::fe"),
        },
        ("router",),
    ),
    "square": Layout(
        {
            "client": {
                "left0": ("10.231.7.1/24", "fd00:e7::1/64", "fe80::1/64"),
                "right0": ("10.231.9.1/24", "fd00:e9::1/64", "fe80::1/64"),
            },
            "left": {
                "client0": ("10.231.7.254/24", "fd00:e7::fe/64", "fe80::fe/64"),
                "server0": ("10.231.8.254/24", "fd00:e8::fe/64", "fe80::fe/64"),
            },
            "right": {
                "client0": ("10.231.9.254/24", "fd00:e9::fe/64", "fe80::fe/64"),
                "server0": ("10.231.10.254/24", "fd00:ea::fe/64", "fe80::fe/64"),
            },
            "server": {
                "left0": ("10.231.8.2/24", "fd00:e8::2/64", "fe80::2/64"),
                "right0": ("10.231.10.2/24", "fd00:ea::2/64", "fe80::2/64"),
            },
        },
        (
            ("client left0", "left client0"),
            ("client right0", "right client0"),
            ("left server0", "server left0"),
            ("right server0", "server right0"),
        ),
        {
            "client": ("route add default via 10.231.7.254", "-6 route add default via fd00:e7::fe"),
            "server": ("route add default via 10.231.8.254", "-6 route add default via fd00:e8::fe"),
        },
        ("left", "right"),
    ),
}


def needs(*tools: str) -> str:
    """What is missing for a world with these tools, as a sentence part; empty where nothing is."""
    if os.geteuid() != 0:
        return "needs root to make network namespaces"
    missing = [x for x in ("ip", *tools) if not shutil.which(x)]
    return f"needs the command `{missing[0]}`" if missing else ""


def connect(layout: Layout, spaces: Mapping[str, str], changed: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
    """Lay the cables between the namespaces named in `spaces`, then give each its addresses and routes.

    `changed` has addresses instead of those of the layout, by place and interface. Raises CannotBuild.
    """
    for left, right in layout.cables:
        (place, name), (other, its) = left.split(), right.split()
        run("ip", "-n", spaces[place], "link", "add", name, "type", "veth", "peer", "name", its, "netns", spaces[other])
    held = {x: {**layout.places[x], **changed.get(x, {})} for x in spaces}
    for place, space in spaces.items():
        run("ip", "-n", space, "-batch", "-", lines=_settings(held[place]))
    for place, space in spaces.items():
        for interface in layout.places[place]:
            _wait_until_up(space, interface)
    for place in layout.forwarding:
        keys = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
        run("ip", "netns", "exec", spaces[place], "sysctl", "-qw", *(f"{x}=1" for x in keys))
    for place, routes in layout.routes.items():
        for route in routes:
            if _possible(route, held[place]):
                run("ip", "-n", spaces[place], *route.split())


def _possible(route: str, held: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the namespace has an address of the route's family."""
    return any((":" in x) is (":" in route) for addresses in held.values() for x in addresses)


def _settings(held: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    yield "link set lo up"
    for interface, addresses in held.items():
        yield f"link set {interface} addrgenmode none"
        for address in addresses:  # a fresh IPv6 address is of no use before the detection of duplicates ends
            yield f"address add {address} dev {interface}{' nodad' if ':' in address and ' ' not in address else ''}"
        yield f"link set {interface} up"


def _wait_until_up(space: str, interface: str) -> None:
    until = time.monotonic() + _UP_SECONDS
    while "state UP" not in run("ip", "-n", space, "-oneline", "link", "show", "dev", interface):
        if time.monotonic() > until:
            raise CannotBuild("the link between two network namespaces does not come up")
        time.sleep(0.01)


def run(*argv: str, lines: Sequence[str] | Iterator[str] = (), cwd: str | None = None) -> str:
    """The output of a command that is given these lines. Raises CannotBuild with what it said where it fails.

    It has a session of its own, so that Ctrl-C does not reach it halfway.
    """
    text = "".join(f"{x}\n" for x in lines)
    try:
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, input=text, start_new_session=True, cwd=cwd
        )
    except OSError as error:
        raise CannotBuild(f"`{argv[0]}` cannot be run: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise CannotBuild(f"`{' '.join(argv)}` said: {said[0]}")
    return done.stdout

"""The other end, where it is another network namespace of this machine.

An address is followed from namespace to namespace as packets go: the kernel's route names the next hop, the neighbour
table its link-layer address, and the namespace whose interface has both is the next place. That an address is the
same is no proof: many namespaces have 10.0.0.5.
"""

import ipaddress
import socket
import struct
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.gather import filters
from dualstack.gather.env import Env, real
from dualstack.gather.errors import legible
from dualstack.gather.namespaces import namespace
from dualstack.gather.netlink import ROUTE, address, attributes, exchange, request
from dualstack.gather.netns import BadNamespace, Netns, inside, named
from dualstack.gather.routes import route
from dualstack.gather.sockets import listeners, with_owners
from dualstack.model.address import without_zone
from dualstack.model.evidence import Missing
from dualstack.model.filters import Ruleset
from dualstack.model.host import Namespace, Route, Routes
from dualstack.model.sockets import Listeners

MOST = 256
"""Namespaces that are looked into; a node has one for each pod, and 110 pods by default."""
HOPS = 4
"""Namespaces on the way to the last one."""

_GETNEIGH = 30
_NDMSG = struct.Struct("=BxxxiHBB")  # family, index, state, flags, type: linux/neighbour.h
_DST, _LLADDR = 1, 2  # NDA_*
_SILENT = 0x01 | 0x20  # NUD_INCOMPLETE, NUD_FAILED


class Place(NamedTuple):
    """What is known of another namespace: its settings, its sockets, and its packet filter or why that is missing."""

    space: Namespace
    listeners: Listeners
    ruleset: Ruleset | Missing


def peers(env: Env, space: Namespace, destinations: Collection[str], ports: Collection[int]) -> list[Place]:
    """The places that hold `destinations`, other than `space` itself."""
    foreign = [x for x in destinations if space.owner(x) is None]
    places = dict(_places(env)) if foreign else {}
    reached = dict.fromkeys(last for x in foreign for last in _follow(env, space, x, places, HOPS))
    found = []
    for last in reached:
        try:
            found.append(inside(places[last], lambda at=last: _look(at, ports)))  # type: ignore[misc]
        except (BadNamespace, OSError):  # it ended meanwhile
            continue
    return found


def _look(space: Namespace, ports: Collection[int]) -> Place:
    here = real(space.place)
    return Place(space, with_owners(listeners(here), here, ports), filters.ruleset(here))


def _places(env: Env) -> Iterator[tuple[Namespace, Netns]]:
    for place in named(env)[:MOST]:
        try:
            yield inside(place, lambda at=place: namespace(real(at.place))), place  # type: ignore[misc]
        except (BadNamespace, OSError):
            continue


def _follow(
    env: Env, space: Namespace, destination: str, places: dict[Namespace, Netns], left: int
) -> Iterator[Namespace]:
    """The place that holds the destination, at most one; nothing where the way leads out of sight."""
    answer = route(env, destination)
    hop = answer.gateway or without_zone(destination)
    known = _neighbours(env)
    interface = next((x for x in space.interfaces if x.name == answer.interface), None)
    if answer.error or interface is None:
        return
    entry = known.get((interface.index, hop))
    following = [x for x in places if entry and entry.mac and _holds(x, hop, entry.mac)]
    if len(following) != 1:
        return
    if following[0].owner(without_zone(destination)):
        yield following[0]
    elif left:
        place = places[following[0]]
        yield from inside(place, lambda: tuple(_follow(real(place.place), following[0], destination, places, left - 1)))


def _holds(space: Namespace, held: str, mac: str) -> bool:
    return any(x.mac == mac and any(a.address == held for a in x.addresses) for x in space.interfaces)


class _Neighbour(NamedTuple):
    mac: str
    silent: bool


@legible("rtnetlink")
def _neighbours(env: Env) -> dict[tuple[int, str], _Neighbour]:
    """The entries that RTM_GETNEIGH lists, by interface and address."""
    found = {}
    for message in exchange(env, ROUTE, request(_GETNEIGH, _NDMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0), dump=True)):
        _, index, state, _, _ = _NDMSG.unpack_from(message.payload)
        held = attributes(message.payload, _NDMSG.size)
        raw = held.get(_DST, b"")
        if len(raw) in (ipaddress.IPV4LENGTH // 8, ipaddress.IPV6LENGTH // 8):
            found[index, address(raw)] = _Neighbour(held.get(_LLADDR, b"").hex(":"), bool(state & _SILENT))
    return found


def confirmed(env: Env, space: Namespace, answers: Routes) -> Routes:
    """The routes as probes have proved them: EHOSTUNREACH where the next hop does not answer for its address.

    connect(2) says so only after 3 seconds (ARP and neighbour solicitation are sent three times, a second apart).
    """
    known = _neighbours(env)
    index = {x.name: x.index for x in space.interfaces}
    return Routes(tuple(_confirmed(x, known, index) for x in answers.items))


def _confirmed(answer: Route, known: Mapping[tuple[int, str], _Neighbour], index: Mapping[str, int]) -> Route:
    hop = answer.gateway or without_zone(answer.destination)
    entry = known.get((index.get(answer.interface, 0), hop))
    return replace(answer, error="EHOSTUNREACH") if entry and entry.silent and not answer.error else answer

"""The other end and the routers before it, where they are other network namespaces of this machine.

An address is followed from namespace to namespace as packets go: the kernel's route names the next hop, the neighbour
table its link-layer address, and the namespace whose interface has both is the next place. That an address is the
same is no proof: many namespaces have 10.0.0.5.
"""

import ipaddress
import socket
import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from msgspec.structs import replace

from dualstack.gather import filters
from dualstack.gather.env import Env, real
from dualstack.gather.errors import legible
from dualstack.gather.namespaces import namespace, sysctl
from dualstack.gather.netlink import ROUTE, address, attributes, exchange, request
from dualstack.gather.netns import BadNamespace, Netns, inside, named
from dualstack.gather.routes import route
from dualstack.gather.sockets import listeners, with_owners
from dualstack.model.address import Family, family, without_zone, zone
from dualstack.model.evidence import Missing
from dualstack.model.filters import Ruleset
from dualstack.model.host import Interface, Namespace, Return, Route, Routes, Transit, Transits
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
    """What is known of the namespace that holds an address: its settings and its sockets."""

    space: Namespace
    listeners: Listeners


class Sight(NamedTuple):
    """The other ends, the routers on the ways there, and of all of them the packet filter, or why that is missing."""

    places: tuple[Place, ...]
    transits: Transits
    rulesets: dict[str, Ruleset | Missing]


class _Way(NamedTuple):
    """The routers to a destination, the place that holds it, and its way back; None where that is out of sight."""

    transits: tuple[Transit, ...] = ()
    last: Namespace | None = None
    back: Return | None = None


def peers(env: Env, space: Namespace, destinations: Collection[str], ports: Collection[int]) -> Sight:
    """What this machine holds of the ways to `destinations` beyond `space` itself."""
    foreign = [x for x in destinations if space.owner(x) is None]
    places = dict(_places(env)) if foreign else {}
    ways = [_follow(env, space, _Flow(x, route(env, x).source), places, HOPS) for x in foreign]
    reached = dict.fromkeys(x.last for x in ways if x.last)
    passed = {transit.place for way in ways for transit in way.transits}
    found, rulesets = [], {}
    for each, netns in places.items():
        with suppress(BadNamespace, OSError):  # it ended meanwhile
            if each in reached:
                found.append(inside(netns, lambda at=each: _look(at, ports)))  # type: ignore[misc]
            if each in reached or each.place in passed:
                rulesets[each.place] = inside(netns, lambda at=each: filters.ruleset(real(at.place)))  # type: ignore[misc]
    passed_by = tuple(x for way in ways for x in way.transits)
    return Sight(tuple(found), Transits(passed_by, tuple(x.back for x in ways if x.back)), rulesets)


def _look(space: Namespace, ports: Collection[int]) -> Place:
    here = real(space.place)
    return Place(space, with_owners(listeners(here), here, ports))


def _places(env: Env) -> Iterator[tuple[Namespace, Netns]]:
    for place in named(env)[:MOST]:
        try:
            yield inside(place, lambda at=place: namespace(real(at.place))), place  # type: ignore[misc]
        except (BadNamespace, OSError):
            continue


def _back(env: Env, flow: "_Flow") -> Return | None:
    """How the place of the calling thread answers the client; None where it is not known from where that one sends."""
    if not flow.source or zone(flow.destination):
        return None
    return Return(env.place, flow.destination, flow.source, route(env, flow.source, flow.destination).error)


class _Flow(NamedTuple):
    destination: str
    source: str


def _follow(env: Env, space: Namespace, flow: _Flow, places: dict[Namespace, Netns], left: int) -> _Way:
    """The way as far as it is in sight."""
    answer = route(env, flow.destination)
    hop = answer.gateway or without_zone(flow.destination)
    interface = next((x for x in space.interfaces if x.name == answer.interface), None)
    if answer.error or interface is None:
        return _Way()
    entry = _neighbours(env).get((interface.index, hop))
    held = [(x, _holder(x, hop, entry.mac)) for x in places] if entry and entry.mac else []
    following = [(x, link) for x, link in held if link]
    if len(following) != 1:
        return _Way()
    ((place, entering),) = following
    if place.owner(without_zone(flow.destination)):
        return _Way(last=place, back=inside(places[place], lambda: _back(real(place.place), flow)))
    if not left:
        return _Way()
    return inside(places[place], lambda: _passed(real(place.place), place, entering, flow, places, left))


def _passed(
    env: Env, space: Namespace, entering: Interface, flow: _Flow, places: dict[Namespace, Netns], left: int
) -> _Way:
    """The way from a router on."""
    answer = route(env, flow.destination)
    transit = Transit(
        place=space.place,
        destination=flow.destination,
        entering=entering.name,
        leaving=answer.interface,
        back=route(env, flow.source).interface if flow.source else "",
        error=answer.error,
        forwards=_forwards(env, family(without_zone(flow.destination)), entering.name),
    )
    way = _follow(env, space, flow, places, left - 1)
    return way._replace(transits=(transit, *way.transits))


def _forwards(env: Env, kind: Family, entering: str) -> bool | None:
    """Whether the kernel forwards what comes in there (net/ipv4/route.c, IN_DEV_FORWARD; net/ipv6/ip6_output.c)."""
    switches = {
        Family.IPV4: (f"ipv4/conf/{entering}/forwarding",),
        Family.IPV6: ("ipv6/conf/all/forwarding", f"ipv6/conf/{entering}/force_forwarding"),
    }
    said = [x for x in (sysctl(env, switch) for switch in switches[kind]) if x is not None]
    return any(said) if said else None


def _holder(space: Namespace, held: str, mac: str) -> Interface | None:
    mine = (x for x in space.interfaces if x.mac == mac)
    return next((x for x in mine if any(a.address == held for a in x.addresses)), None)


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

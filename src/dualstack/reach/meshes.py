"""Proxies of service meshes beside the Collector, and which families they take and lead to."""

import re
from collections.abc import Iterator

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import Family, family
from dualstack.model.cluster import Pod
from dualstack.model.trace import Hop, Trace, Traces
from dualstack.reach.bind import accepts
from dualstack.reach.pods import Place, Places, together

_STOPPED = (Hop.LISTEN, Hop.HANDSHAKE)
"""Where a proxy stops what its own listeners do not take."""


class Sidecar(msgspec.Struct, frozen=True):
    """The proxy of a mesh in a pod: the families that it takes, what says so, and that to which it leads clients."""

    mesh: str
    takes: tuple[Family, ...]
    said: str
    forwards: Family | None = None


def sidecar(pod: Pod) -> Sidecar | None:
    """The proxy in a pod; None where there is none, or nobody says which families it takes."""
    rows = {x["container"]: x for x in table("meshes") if x["switch"]}
    for each in together(pod):
        row = rows.get(each.name)
        if row is None or not pod.families:
            continue
        held = next((x for x in each.env or () if x.name == row["switch"]), None)
        if held and held.value_from:
            return None
        value = (held.value if held else None) or ""
        said = f"{row['switch']}={value}" if held else f"{row['switch']} is not set"
        if re.fullmatch(row["on"], value):
            return Sidecar(row["mesh"], pod.families, said, Family(row["forwards"]) if row["forwards"] else None)
        first = Family(row["off"]) if row["off"] != "first" else pod.families[0]
        return Sidecar(row["mesh"], (first,), said)
    return None


class Meshed(msgspec.Struct, frozen=True):
    """A pod with the proxy in it, a family, the flows that end there over it, and those of them that fail there."""

    place: Place
    sidecar: Sidecar
    family: Family
    flows: tuple[Trace, ...]
    failed: tuple[Trace, ...] = ()


def one_family(places: Places, traces: Traces) -> Iterator[Meshed]:
    """The pods with a proxy that leaves out a family over which flows come to them; the first one of each mesh.

    Those flows have failed for it that were refused although a listener behind the proxy takes them.
    """
    for place, proxy in _sidecars(places):
        for left_out in (x for x in place.pod.families if x not in proxy.takes):
            flows = tuple(x for x in traces.items if place.name in x.servers and x.family is left_out)
            failed = tuple(x for x in flows if _is_stopped(x) and _listens(place, x.port, left_out))
            if flows:
                yield Meshed(place, proxy, left_out, flows, failed)


def led_astray(places: Places, traces: Traces) -> Iterator[Meshed]:
    """The pods whose mesh leads all clients in it to a family that no listener behind a port takes, by their flows."""
    for place, proxy in _sidecars(places):
        mine = [x for x in traces.items if place.name in x.servers]
        for port in dict.fromkeys(x.port for x in mine):
            flows = tuple(x for x in mine if x.port == port)
            took, there = proxy.forwards, {x.family for x in flows}
            if took in there and len(there) > 1 and _listens(place, port, took.other) and _is_deaf(place, port, took):
                yield Meshed(place, proxy, took, flows)


def _sidecars(places: Places) -> Iterator[tuple[Place, Sidecar]]:
    for place in places.items.values():
        found = sidecar(place.pod)
        if found:
            yield place, found


def _is_stopped(trace: Trace) -> bool:
    return trace.failing is not None and trace.failing.hop in _STOPPED


def _taken(place: Place, port: int, wanted: Family) -> list[bool | None]:
    """What each socket of a port makes of the address of its pod in a family."""
    held = [x for x in place.pod.addresses if family(x) is wanted]
    return [accepts(x, y, place.space) for x in place.sockets if x.port == port for y in held]


def _listens(place: Place, port: int, wanted: Family) -> bool:
    return True in _taken(place, port, wanted)


def _is_deaf(place: Place, port: int, wanted: Family) -> bool:
    """Whether no socket of a port takes a family; that the proxy is there as well says nothing of that port."""
    return set(_taken(place, port, wanted)) == {False} and not any(x.bound.unknown for x in place.on(port))

"""Proxies of service meshes beside the Collector: which families they leave out, and where they lead clients."""

from collections.abc import Iterable, Iterator

import msgspec

from dualstack.model.address import Family, family
from dualstack.model.trace import Hop, Status, Trace, Traces
from dualstack.reach.arrival import OUTSIDE, UNMET
from dualstack.reach.bind import accepts
from dualstack.reach.pods import Place, Places
from dualstack.reach.sidecars import Sidecar
from dualstack.reach.states import status_of

_STOPPED = (Hop.LISTEN, Hop.HANDSHAKE)
"""Where a proxy stops what its own listeners do not take."""


class Meshed(msgspec.Struct, frozen=True):
    """A pod with the proxy in it, a family, the flows that end there over it, and those of them that fail there.

    `unasked` says that the kubelet asks the proxy over that family whether it is ready, and never learns it.
    """

    place: Place
    sidecar: Sidecar
    family: Family
    flows: tuple[Trace, ...]
    failed: tuple[Trace, ...] = ()
    unasked: bool = False


def one_family(places: Places, traces: Traces) -> Iterator[Meshed]:
    """The pods with a proxy that leaves out a family over which flows come to them.

    Those flows have failed for it that were refused although a listener behind the proxy takes them, unless they went
    round it; and all where the kubelet cannot ask it.
    """
    for place, proxy in _sidecars(places):
        mine = tuple(x for x in traces.items if place.name in x.servers and proxy.leads(x.port))
        for each in place.pod.families:
            flows = tuple(x for x in mine if x.family is each)
            taken = any(x.family is not each and x.at(Hop.LISTEN).status is Status.PASS for x in mine)
            wanted = each not in proxy.takes or taken
            failed = tuple(x for x in flows if wanted and _is_for_it(x, place, proxy))
            if flows and each not in proxy.takes and _is_unasked(place, proxy, each):
                waiting = tuple(x for x in mine if x.failing and x.failing.hop is Hop.ENDPOINTS)
                yield Meshed(place, proxy, each, flows, waiting, unasked=bool(waiting))
            elif failed or (flows and each not in proxy.takes and not _is_beside(proxy, each, flows)):
                yield Meshed(place, proxy, each, flows, failed)


AMBIENT = "Istio"
"""The mesh that takes part on the nodes of pods without a proxy in them."""


def turned_away(places: Places, traces: Traces) -> Iterator[tuple[Place, str, tuple[Trace, ...]]]:
    """The pods whose proxy ended exports from outside of its mesh, the mesh, and the flows that are of such clients.

    Of a pod without one it is that of its node.
    """
    for place in places.items.values():
        mine = [x for x in traces.items if place.name in x.servers and x.at(Hop.HANDSHAKE).mark == OUTSIDE]
        failed = tuple(x for x in mine if x.failed and x.required)
        if mine:
            yield place, place.sidecar.mesh if place.sidecar else AMBIENT, failed or tuple(mine)


def led_astray(places: Places, traces: Traces) -> Iterator[Meshed]:
    """The pods whose mesh leads all clients in it to a family that no listener behind a port takes, by their flows."""
    for place, proxy in _sidecars(places):
        mine = [x for x in traces.items if place.name in x.servers and proxy.leads(x.port)]
        for port in dict.fromkeys(x.port for x in mine):
            flows = tuple(x for x in mine if x.port == port)
            took, there = proxy.forwards, {x.family for x in flows}
            if took in there and len(there) > 1 and _listens(place, port, took.other) and _is_deaf(place, port, took):
                yield Meshed(place, proxy, took, flows)


def _sidecars(places: Places) -> Iterator[tuple[Place, Sidecar]]:
    """The proxies that say which families they take."""
    for place in places.items.values():
        if place.sidecar and place.sidecar.said:
            yield place, place.sidecar


def _is_for_it(trace: Trace, place: Place, proxy: Sidecar) -> bool:
    """Whether a flow fails for the proxy: what goes round it does not, nor what no listener behind it takes."""
    if trace.failing is None or trace.failing.hop not in _STOPPED:
        return False
    if trace.failing.mark == UNMET:
        return True
    refused = trace.failing.hop is Hop.LISTEN
    if proxy.alone:
        return refused and trace.family not in proxy.takes
    passes = proxy.passes and trace.family not in proxy.led
    return not passes and (refused or trace.family not in proxy.takes) and _listens(place, trace.port, trace.family)


def _is_beside(proxy: Sidecar, wanted: Family, flows: Iterable[Trace]) -> bool:
    """Whether flows that go round a proxy fail for something else, so that it has no part in that."""
    return proxy.passes and not proxy.alone and wanted not in proxy.led and any(x.failed for x in flows)


def _is_unasked(place: Place, proxy: Sidecar, wanted: Family) -> bool:
    asked = proxy.health and wanted is place.pod.families[0]
    status = status_of(proxy.container, place.pod)
    return bool(asked and status.name and not status.ready)


def _taken(place: Place, port: int, wanted: Family) -> list[bool | None]:
    """What each socket of a port makes of the address of its pod in a family."""
    held = [x for x in place.pod.addresses if family(x) is wanted]
    return [accepts(x, y, place.space) for x in place.sockets if x.port == port for y in held]


def _listens(place: Place, port: int, wanted: Family) -> bool:
    return True in _taken(place, port, wanted)


def _is_deaf(place: Place, port: int, wanted: Family) -> bool:
    """Whether no socket of a port takes a family; that the proxy is there as well says nothing of that port."""
    return set(_taken(place, port, wanted)) == {False} and not any(x.bound.unknown for x in place.on(port))

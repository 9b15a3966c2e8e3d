"""What rules ask of flows that never met a listener: links that are down, and hosts that find no way."""

import ipaddress
from collections.abc import Iterator

from dualstack.model.address import Family, Scope, parse, scope, unmapped, without_zone, zone
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces, Route
from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition, Hop, Status, Trace, Traces
from dualstack.reach.blame import is_loopback
from dualstack.reach.client import connects
from dualstack.reach.dial import ACCEPTED

_NO_WAY = (Disposition.NO_ROUTE, Disposition.TIMED_OUT)
LACKING = "no-source"
"""Mark of the hop `route`: the nodes that a flow of a cluster comes from have no address of the family."""


def unreached(traces: Traces) -> Iterator[Trace]:
    """The required flows that met no listener: no way, no answer, or an address that the host does not hold.

    Not those of nodes that lack the family: nothing is wrong with their routes.
    """
    for trace in traces.broken:
        known = connects(trace) == ACCEPTED or trace.at(Hop.ROUTE).mark == LACKING
        stranded = trace.disposition in _NO_WAY and not known
        lost = stranded or trace.at(Hop.HOST).status is Status.FAIL
        if lost and trace.addresses:
            yield trace


def idle_loopback(trace: Trace, spaces: Namespaces | None) -> Interface | None:
    """The loopback interface that is down although the flow stays on its host: all such flows pass it.

    Measured on Linux 6.18: connections to the host's own addresses of any interface time out, those to loopback
    addresses find no route.
    """
    space = spaces.at(trace.vantage) if spaces else None
    if space is None or not (is_loopback(trace.addresses[0]) or trace.server == trace.vantage):
        return None
    return next((x for x in space.interfaces if x.loopback and not x.up), None)


def stays_unheard(trace: Trace, spaces: Namespaces | None) -> bool:
    """Whether a flow of a host to itself is lost on its loopback, which is down or has none of the flow's IPv6."""
    space = spaces.at(trace.vantage) if spaces else None
    own = trace.server == trace.vantage and trace.family is Family.IPV6
    lame = space is not None and own and loopback_alone_lacks_ipv6(space)
    return lame or idle_loopback(trace, spaces) is not None


def idle_link(trace: Trace, spaces: Namespaces | None) -> tuple[Namespace, Interface] | None:
    """The interface, with its place, that would carry a flow and is down or without carrier, at either end.

    None for a flow that stays on its host: the kernel takes such packets whether that interface is up or not.
    """
    address = trace.addresses[0]
    if spaces is None or is_loopback(address) or trace.server == trace.vantage:
        return None
    server, client = spaces.at(trace.server), spaces.at(trace.vantage)
    ends = ((server, server.owner(address) if server else None), (client, _carrier(client, address)))
    return next(((space, link) for space, link in ends if space and link and not link.up), None)


def _carrier(space: Namespace | None, address: str) -> Interface | None:
    """The interface that the zone names, or whose prefix holds the address; any where all of them are down."""
    links = [x for x in space.interfaces if not x.loopback] if space else []
    if zone(address):
        return next((x for x in links if zone(address) in (x.name, str(x.index))), None)
    near = [(y.prefix, x.up, -x.index, x) for x in links for y in x.addresses if _covers(y, address)]
    if near:
        return max(near, key=lambda x: x[:3])[3]
    return None if any(x.up for x in links) else max(links, key=lambda x: len(x.addresses), default=None)


def _covers(held: InterfaceAddress, address: str) -> bool:
    return parse(unmapped(address)) in ipaddress.ip_interface(f"{held.address}/{held.prefix}").network


def spent(trace: Trace, route: Route | None, space: Namespace | None) -> bool:
    """Whether connect(2) has an address to send from and no port with it (ip(7), ip_local_port_range)."""
    owner = space.owner(route.source) if space and route and route.source else None
    held = [x for x in owner.addresses if route and x.address == route.source] if owner else []
    usable = any(not {"tentative", "dadfailed"}.intersection(x.flags) for x in held)
    return usable and trace.at(Hop.ROUTE).mark == Outcome.NO_SOURCE


def sourceless(trace: Trace, route: Route | None, space: Namespace | None) -> bool:
    """Whether the kernel has a way out for a flow and no source address for it, or one that stays on this host."""
    out = route is not None and route.interface not in ("", "lo")
    if spent(trace, route, space):
        return False
    hopeless = out and route is not None and (not route.source or is_loopback(route.source))
    return trace.at(Hop.ROUTE).mark == Outcome.NO_SOURCE or hopeless


def loopback_alone_lacks_ipv6(space: Namespace) -> bool:
    """Whether the sysctl takes IPv6 from the loopback while another interface holds an IPv6 address."""
    off = any(x.loopback and x.disable_ipv6 for x in space.interfaces)
    return off and bool(space.addresses(Family.IPV6))


def reaches_out(trace: Trace, namespaces: Namespaces | None) -> bool:
    """Whether the place holds an address of the family beyond its links; one out of sight is taken to."""
    space = namespaces.at(trace.vantage) if namespaces else None
    near = (Scope.LOOPBACK, Scope.LINK_LOCAL)
    held = space.addresses(trace.family) if space else ()
    return space is None or any(scope(without_zone(x)) not in near for x in held)

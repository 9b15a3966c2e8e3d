"""The first packets of the connections in question, at both ends and at the routers, as a packet filter sees them."""

from collections.abc import Collection, Iterator, Mapping

from dualstack.model.address import Target
from dualstack.model.filters import Owner, Packet
from dualstack.model.host import Namespaces, Routes, Transits
from dualstack.model.snapshot import Snapshot

LOOPBACK = "lo"


def packets(
    vantage: str,
    addresses: Mapping[Target, tuple[str, ...]],
    snapshot: Snapshot,
    owner: Owner | None = None,
    masking: Collection[str] = (),
) -> tuple[tuple[str, Packet], ...]:
    """Each place with a packet to judge there, in the order of the way.

    `output` where the client is, `forward` at a router and `input` where the address is, as far as these are in sight.
    `owner` is the user that the client runs as; `masking` are the places that may change the source of what they pass.
    """
    every = dict.fromkeys((address, target.port) for target, found in addresses.items() for address in found)
    return tuple(x for address, port in every for x in _way(vantage, address, port, snapshot, owner, masking))


def _way(
    vantage: str, address: str, port: int, snapshot: Snapshot, owner: Owner | None, masking: Collection[str]
) -> Iterator[tuple[str, Packet]]:
    routes, spaces = snapshot.having(Routes), snapshot.having(Namespaces)
    transits = (snapshot.having(Transits) or Transits()).to(address)
    answer = routes.to(vantage, address) if routes else None
    owned = spaces.owner(address) if spaces else None
    source = answer.source if answer else ""
    here = owned is not None and owned[0].place == vantage
    leaving = LOOPBACK if here else answer.interface if answer else ""
    yield vantage, Packet("output", address, port, source, leaving, leaving, owner)
    for x in transits:
        yield x.place, Packet("forward", address, port, source, x.entering, x.back, leaving=x.leaving)
        source = "" if x.place in masking else source
    if owned:
        space, interface = owned
        entering = LOOPBACK if here else interface.name
        yield space.place, Packet("input", address, port, source, entering, entering, owner if here else None)

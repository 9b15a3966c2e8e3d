"""The first packets of the connections in question, at both ends, as a packet filter sees them."""

from collections.abc import Iterator, Mapping

from dualstack.model.address import Target
from dualstack.model.filters import Owner, Packet
from dualstack.model.host import Namespaces, Routes

LOOPBACK = "lo"


def packets(
    vantage: str,
    addresses: Mapping[Target, tuple[str, ...]],
    spaces: Namespaces | None,
    routes: Routes | None,
    owner: Owner | None = None,
) -> tuple[tuple[str, Packet], ...]:
    """Each place with a packet to judge there: `output` where the client is, `input` where the address is in sight.

    `owner` is the user that the client runs as.
    """
    every = dict.fromkeys((address, target.port) for target, found in addresses.items() for address in found)
    return tuple(x for address, port in every for x in _both_ends(vantage, address, port, spaces, routes, owner))


def _both_ends(
    vantage: str,
    address: str,
    port: int,
    spaces: Namespaces | None,
    routes: Routes | None,
    owner: Owner | None,
) -> Iterator[tuple[str, Packet]]:
    answer = routes.to(vantage, address) if routes else None
    owned = spaces.owner(address) if spaces else None
    source = answer.source if answer else ""
    here = owned is not None and owned[0].place == vantage
    leaving = LOOPBACK if here else answer.interface if answer else ""
    yield vantage, Packet("output", address, port, source, leaving, leaving, owner)
    if owned:
        space, interface = owned
        entering = LOOPBACK if here else interface.name
        yield space.place, Packet("input", address, port, source, entering, entering, owner if here else None)

"""What was seen of a pod from outside of the cluster, through its API server."""

import enum

import msgspec

from dualstack.model.address import Protocol
from dualstack.model.probe import Outcome


class Way(enum.StrEnum):
    """How the API server reaches into a pod: its proxy dials the pod's first address, a forwarded port `localhost`."""

    ADDRESS = "pod address"
    LOOPBACK = "localhost in the pod"


class Glimpse(msgspec.Struct, frozen=True):
    """One export, or attempt at one. `place` is the pod as a place of sockets; `detail` is what was said."""

    place: str
    port: int
    protocol: Protocol
    way: Way
    outcome: Outcome
    detail: str = ""

    @property
    def source(self) -> str:
        """How it was seen."""
        through = "the API server's proxy" if self.way is Way.ADDRESS else "a forwarded port"
        return f"{self.protocol} export through {through} to port {self.port} of the {self.place}"


class Glimpses(msgspec.Struct, frozen=True):
    """Every look from outside."""

    items: tuple[Glimpse, ...] = ()

    def of(self, place: str, port: int, protocol: Protocol, way: Way) -> Glimpse | None:
        """What one look showed."""
        wanted = (place, port, protocol, way)
        return next((x for x in self.items if (x.place, x.port, x.protocol, x.way) == wanted), None)

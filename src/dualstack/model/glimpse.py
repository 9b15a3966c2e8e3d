"""What was seen from outside of the cluster: of a pod through its API server, and of what stands in front."""

import enum
from collections.abc import Mapping

import msgspec

from dualstack.model.address import Family, Protocol, join
from dualstack.model.probe import Certificate, Outcome, ProbeResult


class Way(enum.StrEnum):
    """How a pod is reached: the API server's proxy dials its first address, a forwarded port `localhost`.

    `INSIDE` is a container in the pod that dials one of its addresses.
    """

    INSIDE = "inside the pod"
    ADDRESS = "pod address"
    LOOPBACK = "localhost in the pod"


class Glimpse(msgspec.Struct, frozen=True):
    """One export, or attempt at one. `place` is the pod as a place of sockets.

    `address` is what a container inside dialled. `status`, `detail` and `signals` are what a `ProbeResult` has.
    `tls` says that it was made over TLS, whatever the `certificate`.
    """

    place: str
    port: int
    protocol: Protocol
    way: Way
    outcome: Outcome
    detail: str = ""
    address: str = ""
    status: str = ""
    signals: tuple[str, ...] = ()
    tls: bool = False
    certificate: Certificate | None = None

    @property
    def source(self) -> str:
        """How it was seen."""
        export = f"{self.protocol} export over TLS" if self.tls else f"{self.protocol} export"
        if self.way is Way.INSIDE:
            return f"{export} to {join(self.address, self.port)} from inside the {self.place}"
        through = "the API server's proxy" if self.way is Way.ADDRESS else "a forwarded port"
        return f"{export} through {through} to port {self.port} of the {self.place}"

    @property
    def hangs(self) -> bool:
        """Whether nothing came through a forwarded port: that is open before anybody has accepted a connection."""
        return self.way is Way.LOOPBACK and self.outcome is Outcome.SILENT


End = tuple[str, int, Protocol, Family]
"""A pod as a place of sockets, a port of it, and what is spoken there over which family."""


class Glimpses(msgspec.Struct, frozen=True):
    """Every look from outside; `entrances` are the exports that this host made to what stands in front of Services.

    `unreached` says how exports to pods ended that no node reaches which reaches others, and `nameless` are names of
    entrances that give no address where that was run.
    """

    items: tuple[Glimpse, ...] = ()
    entrances: tuple[ProbeResult, ...] = ()
    unreached: Mapping[End, Outcome] = {}
    nameless: tuple[str, ...] = ()

    def of(self, place: str, port: int, protocol: Protocol, way: Way, address: str = "") -> Glimpse | None:
        """What one look showed; of one from inside at this address."""
        wanted = (place, port, protocol, way, address if way is Way.INSIDE else "")
        found = (x for x in self.items if (x.place, x.port, x.protocol, x.way, x.address) == wanted)
        return next(found, None)


def glimpsed(place: str, port: int, way: Way, result: ProbeResult, address: str = "") -> Glimpse:
    """What an export to a port of a pod showed."""
    said = result.outcome, result.detail, address, result.status, result.signals, result.task.tls, result.certificate
    return Glimpse(place, port, result.task.protocol, way, *said)

"""The endpoints that a Collector configuration declares."""

import msgspec

from dualstack.model.address import Protocol
from dualstack.model.sockets import Transport
from dualstack.model.source import Location, Written


class DeclaredEndpoint(msgspec.Struct, frozen=True):
    """One address that a component of a configuration listens on.

    `component` is the path of the component (`receivers/otlp`), `field` that of the value inside the configuration
    (`receivers.otlp.protocols.grpc.endpoint`). `text` is the value as written, `value` with variables expanded;
    both are empty where the field is left out and `default` holds what the component uses then. `problem` says why the
    value cannot be taken as it stands, and `cause` is the rule that speaks of it, where one does. `network` is the
    network string that the component hands to Go (`tcp`, `tcp4`, `udp`, …), `call` how (`listen` for net.Listen and
    ListenPacket, `resolve` for ResolveUDPAddr with ListenUDP). `protocol` is what clients speak there.
    """

    component: str
    field: str
    text: str
    value: str
    default: str
    network: str
    call: str
    transport: Transport
    protocol: Protocol
    tls: bool = False
    location: Location | None = None
    problem: str = ""
    cause: str = ""
    written: Written | None = None
    pinned: Written | None = None

    @property
    def effective(self) -> str:
        """The address string that the component binds."""
        return self.value or self.default


class Declared(msgspec.Struct, frozen=True):
    """Every listening endpoint of one configuration, and the Collector version it is read for."""

    endpoints: tuple[DeclaredEndpoint, ...] = ()
    version: str = ""
    file: str = ""

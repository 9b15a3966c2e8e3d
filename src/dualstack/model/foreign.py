"""Programs other than the Collector that listen for telemetry."""

import msgspec

from dualstack.model.source import Written


class ForeignListener(msgspec.Struct, frozen=True):
    """An address that a program listens on by a file, such as Fluent Bit or OpenObserve.

    `product` is the name of the program, `field` where the address is said, `written` that text. `address` is the
    `host:port` that it binds, and `runtime` how: a word of the column `runtime` in `knowledge/bind.table`. `wildcard`
    is how this program spells the wildcard of both families.
    """

    product: str
    field: str
    written: Written
    address: str
    runtime: str
    network: str = "tcp"
    wildcard: str = "[::]"


class ForeignListeners(msgspec.Struct, frozen=True):
    """Every such listener in the files."""

    items: tuple[ForeignListener, ...] = ()

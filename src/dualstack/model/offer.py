"""A port of a Service, and where it leads."""

import msgspec

from dualstack.model.address import Protocol


class Offer(msgspec.Struct, frozen=True):
    """A port of a Service by one of its names, and the pods that it leads to, each with the port there.

    `means` is the protocol of OTLP that its number or its name says, None where neither does. Clients of a Service that
    is `direct` connect to its pods.
    """

    host: str
    port: int
    node_port: int = 0
    means: Protocol | None = None
    ends: tuple[tuple[str, int], ...] = ()
    direct: bool = False

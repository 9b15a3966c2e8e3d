"""What the user asked."""

import msgspec

from dualstack.model.address import Family, Target


class Client(msgspec.Struct, frozen=True):
    """A client runtime and, where the user named one, its version (`node@18` gives `node`, (18,))."""

    runtime: str
    version: tuple[int, ...] = ()


class Question(msgspec.Struct, frozen=True):
    """The targets, seen from a place, and what is expected of them.

    `place` names the network namespace of the client: `host`, or `netns NAME`. `expect` are the families that the user
    insists on; empty where the families that clients are handed decide. `listing` is true where the user named no
    target and the targets are the OTLP listeners found here.
    """

    place: str = "host"
    targets: tuple[Target, ...] = ()
    expect: tuple[Family, ...] = ()
    client: Client | None = None
    server: Client | None = None
    listing: bool = False
    probing: bool = True

"""What the user asked."""

import msgspec

from dualstack.model.address import Family, Target
from dualstack.model.sockets import Runtime

FILES, CLUSTER = "files", "cluster"
"""The place of a question about files, where there is no system to look at."""


class Client(msgspec.Struct, frozen=True):
    """A client runtime and, where the user named one, its version (`node@18` gives `node`, (18,))."""

    runtime: str
    version: tuple[int, ...] = ()


class Question(msgspec.Struct, frozen=True):
    """The targets, seen from a place, and what is expected of them.

    `place` names the network namespace of the client: `host`, or `netns NAME`; `files` where files are under review.
    `expect` are the families that the user insists on; empty where the families that clients are handed decide.
    `cluster` are the families of the cluster's pods and Services, that of a pod's first address first; empty where
    nobody said. `first` are the families of the first addresses of pods and of their nodes, as their status shows them;
    empty where none is at hand, and `nodes` those of the nodes alone. `server` is the runtime of the receiver as the
    user knows it. `listing` is true where the user named no target and the targets are the OTLP listeners found here.
    """

    place: str = "host"
    targets: tuple[Target, ...] = ()
    expect: tuple[Family, ...] = ()
    client: Client | None = None
    server: Runtime | None = None
    listing: bool = False
    probing: bool = True
    cluster: tuple[Family, ...] = ()
    first: tuple[Family, ...] = ()
    nodes: tuple[Family, ...] = ()

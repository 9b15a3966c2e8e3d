"""What a review has understood of the files, for a reader who wonders why it says something, or nothing."""

import msgspec

from dualstack.model.address import Protocol
from dualstack.model.evidence import Missing
from dualstack.model.source import Location

SCHEMA = "dualstack.understood/1"


class Part(msgspec.Struct, frozen=True):
    """One thing that a file declares: a Service, a configuration."""

    line: int
    what: str


class File(msgspec.Struct, frozen=True):
    """A file that was read, and what it declares; nothing where nothing in it is known here."""

    file: str
    parts: tuple[Part, ...] = ()


class Endpoint(msgspec.Struct, frozen=True):
    """An address that a configuration listens on. `binds` are all that may become of it, as sentences.

    `address` is what is bound, `written` what the file says, empty where it is left out.
    """

    component: str
    field: str
    written: str
    address: str
    network: str
    protocol: Protocol
    binds: tuple[str, ...]
    location: Location | None = None


class Leads(msgspec.Struct, frozen=True):
    """An address that something sends to, and what it stands for."""

    owner: str
    field: str
    written: str
    value: str
    protocol: Protocol
    leads: str
    location: Location


class Configuration(msgspec.Struct, frozen=True):
    """A configuration, who runs it, and the version of the Collector that it is read for and why."""

    file: str
    line: int
    held: str
    run: str
    version: str
    why: str
    endpoints: tuple[Endpoint, ...] = ()


class Exposed(msgspec.Struct, frozen=True):
    """A Service: its families as far as they are said, its ports, and the workloads or the slices that it leads to."""

    name: str
    families: str
    ports: tuple[str, ...]
    selects: tuple[str, ...]
    location: Location


class Routed(msgspec.Struct, frozen=True):
    """A way through an Ingress or a route: the host and path it is for, the port that it names, and where that ends.

    `speaks` is what the proxy speaks to that port, empty where the files do not tell. `leads` are the receivers, or why
    there are none.
    """

    name: str
    place: str
    backend: str
    speaks: str
    leads: tuple[str, ...]
    location: Location


class Understood(msgspec.Struct, frozen=True):
    """All of it. `passed_over` says what was not understood, or not read, and why."""

    files: tuple[File, ...]
    configurations: tuple[Configuration, ...]
    destinations: tuple[Leads, ...]
    services: tuple[Exposed, ...]
    routes: tuple[Routed, ...]
    passed_over: tuple[Missing, ...]
    schema: str = SCHEMA

"""What a review has understood of the files, for a reader who wonders why it says something, or nothing."""

import msgspec

from dualstack.model.address import Family, Protocol
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


class State(msgspec.Struct, frozen=True):
    """States of a network namespace, each a word of `knowledge/bind.table`; any of them where a field is empty.

    `ipv6` is `on`, `lo-off`, `off` or `absent`, `ipv4` is `on` or `off`, `bindv6only` is `0` or `1`, and `local` says
    of the address that is bound whether the namespace has it: `yes`, `no`, `off` or `lo-off`. `localhost` is the
    address that the name stands for, where it is that name that is bound.
    """

    ipv6: tuple[str, ...] = ()
    ipv4: tuple[str, ...] = ()
    bindv6only: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    localhost: str = ""


class Case(msgspec.Struct, frozen=True):
    """What an endpoint becomes in some states of the network: sockets, or an error, or nobody knows.

    `when` says the states in words, and is empty where none decides. `binds` are the sockets as a trace spells them.
    `clients` are the families over which clients connect, and `at` is where: `loopback`, one address, or empty for
    every address. No error and nobody who connects is a listener that starts and hears nothing.
    """

    when: str
    state: State
    binds: tuple[str, ...] = ()
    error: str = ""
    unknown: str = ""
    clients: tuple[Family, ...] = ()
    at: str = ""


class Endpoint(msgspec.Struct, frozen=True):
    """An address that something listens on, and what it becomes, state by state of the network.

    `component` is the path of a component of the Collector, or the name of another program. `address` is what is bound,
    `written` what the file says, empty where it is left out. `runtime` is what binds, a word of `knowledge/bind.table`.
    """

    component: str
    field: str
    written: str
    address: str
    network: str
    runtime: str
    cases: tuple[Case, ...]
    protocol: Protocol | None = None
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
    """All of it. `others` are the endpoints of programs that are no Collector.

    `passed_over` says what was not understood, or not read, and why.
    """

    files: tuple[File, ...]
    configurations: tuple[Configuration, ...]
    others: tuple[Endpoint, ...]
    destinations: tuple[Leads, ...]
    services: tuple[Exposed, ...]
    routes: tuple[Routed, ...]
    passed_over: tuple[Missing, ...]
    schema: str = SCHEMA

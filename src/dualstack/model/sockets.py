"""Listening sockets and the processes that own them."""

import enum

import msgspec

from dualstack.model.address import Family, join


class Transport(enum.StrEnum):
    """The L4 protocol of a socket."""

    TCP = "tcp"
    UDP = "udp"


class Runtime(enum.StrEnum):
    """What a process is written in, as far as it decides how an address string becomes a socket.

    `POSIX` is a native program that leaves the socket options to the kernel's defaults (C, Rust, and others
    that carry no mark of their own). `UNKNOWN` is a process that could not be read.
    """

    GO = "go"
    JVM = "jvm"
    NODE = "node"
    PYTHON = "python"
    DOTNET = "dotnet"
    RUST = "rust"
    POSIX = "posix"
    UNKNOWN = "unknown"


SERVERS = {
    **{x.value: x for x in Runtime if x is not Runtime.UNKNOWN},
    "otelcol": Runtime.GO,
    "collector": Runtime.GO,
    "java": Runtime.JVM,
    "c": Runtime.POSIX,
    ".net": Runtime.DOTNET,
}
"""Runtimes by the names that users give them."""


class Process(msgspec.Struct, frozen=True):
    """A process that holds a socket.

    `command` is the argument vector; `options` are runtime settings found outside it that change how it binds
    (the words of `JAVA_TOOL_OPTIONS`, for one). `stopped` says that a signal or a debugger halted it.
    """

    pid: int
    name: str
    command: tuple[str, ...] = ()
    runtime: Runtime = Runtime.UNKNOWN
    options: tuple[str, ...] = ()
    stopped: bool = False


class Listener(msgspec.Struct, frozen=True):
    """One bound socket that waits for peers, as the kernel describes it.

    `address` is the bound local address; `socket_family` the family the socket was created with, which differs
    from that of the address for IPv4-mapped ones. `v6only` is IPV6_V6ONLY, None where nobody could read it and
    for IPv4 sockets. `interface` is the device the socket is bound to, if any. `queued` connections wait to be
    accepted, and `backlog` is the room for them, None where nobody says. `holder` are words for who holds it where no
    process was read.
    """

    place: str
    transport: Transport
    address: str
    port: int
    socket_family: Family
    v6only: bool | None = None
    interface: str = ""
    inode: int = 0
    uid: int = 0
    processes: tuple[Process, ...] = ()
    source: str = ""
    queued: int = 0
    backlog: int | None = None
    holder: str = ""

    @property
    def is_full(self) -> bool:
        """Whether the kernel drops new connections (sk_acceptq_is_full() in include/net/sock.h)."""
        return self.backlog is not None and self.queued > self.backlog

    @property
    def endpoint(self) -> str:
        """The bound address and port."""
        return join(self.address, self.port)

    @property
    def runtime(self) -> Runtime:
        """The runtime of the owner, where one is known."""
        return self.processes[0].runtime if self.processes else Runtime.UNKNOWN


class Listeners(msgspec.Struct, frozen=True):
    """All listening sockets of the places that were read, by place, port and address.

    `places` are the network namespaces whose sockets were listed completely: a port that is absent there has no
    listener. `owners_known` is false where processes of other users could not be read.
    """

    items: tuple[Listener, ...] = ()
    places: tuple[str, ...] = ()
    owners_known: bool = True

    def on(self, place: str, port: int, transport: Transport = Transport.TCP) -> tuple[Listener, ...]:
        """The listeners of a place on a port."""
        return tuple(x for x in self.items if x.port == port and x.place == place and x.transport is transport)

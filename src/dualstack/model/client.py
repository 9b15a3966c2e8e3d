"""Clients: how one dials the addresses of a target, and those that were found at work."""

import msgspec

from dualstack.model.address import Target
from dualstack.model.question import Client
from dualstack.model.sockets import Process


class Attempt(msgspec.Struct, frozen=True):
    """One connection attempt, `at` milliseconds after the first."""

    address: str
    at: int
    outcome: str


class Dialled(msgspec.Struct, frozen=True):
    """How dialling a name ends.

    `connected` is the address that the client uses, empty where it gets none; `waited` the milliseconds until then,
    None where it never gets there. `attempts` are those made until then. `not_tried` are the addresses that this client
    never dials, whatever the others answer.
    """

    connected: str
    waited: int | None
    attempts: tuple[Attempt, ...]
    not_tried: tuple[str, ...] = ()


class Proxies(msgspec.Struct, frozen=True):
    """The proxy variables that an environment sets, in lower case, and the entries of its NO_PROXY.

    The values of the others are not kept: they may hold passwords.
    """

    variables: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()


class Caller(msgspec.Struct, frozen=True):
    """A process that has, or tries to get, a connection to a target right now, and the client that it is.

    `state` is that of one of its sockets (`SYN-SENT` or `ESTABLISHED`) and `address` where that one leads; `more`
    counts the other processes of the same kind. `proxies` is None where its environment could not be read.
    """

    target: Target
    client: Client
    process: Process
    address: str
    state: str
    more: int = 0
    proxies: Proxies | None = None


class Callers(msgspec.Struct, frozen=True):
    """The clients of the targets that run on this host, one of each kind."""

    items: tuple[Caller, ...] = ()


class Outlook(msgspec.Struct, frozen=True):
    """What one client makes of one target.

    `title` is its name in a sentence; `order` are the addresses as it tries them, `answering` those that accept and
    `deaf` those that accept connections and take no export; `dialled` is None where it is not known what they answer.
    `verified` says that a run has shown how it dials. `caller` is the process that was found. `proxy` is the variable
    that sends the client to a proxy instead.
    """

    target: Target
    client: Client
    title: str
    strategy: str
    order: tuple[str, ...]
    answering: tuple[str, ...] = ()
    dialled: Dialled | None = None
    verified: bool = True
    caller: Caller | None = None
    proxy: str = ""
    deaf: tuple[str, ...] = ()

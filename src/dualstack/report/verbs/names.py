"""What a name yields, by source, and the order in which clients try it."""

import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from dualstack.model.host import Route, Routes
from dualstack.model.names import DnsAnswer, HostsEntry, Names
from dualstack.model.question import Client
from dualstack.model.text import printable
from dualstack.reach.dial import describe
from dualstack.reach.select import behaviour, behaviours, order

SHOWN = 16
"""How many addresses, and how many lines of a kind, the text shows; JSON shows all."""


class Order(msgspec.Struct, frozen=True):
    """The addresses as one client tries them, how it dials, in sentences, and whether a run has shown it."""

    client: str
    addresses: tuple[str, ...]
    dialling: str
    verified: bool


class Answer(msgspec.Struct, frozen=True):
    """Everything that was learned about a name. `error` is the C library's, such as EAI_NONAME."""

    schema: str
    name: str
    addresses: tuple[str, ...]
    error: str
    hosts_file: str
    hosts: tuple[HostsEntry, ...]
    dns: tuple[DnsAnswer, ...]
    routes: tuple[Route, ...]
    orders: tuple[Order, ...]


def answer(name: str, found: Names, routes: Routes, wanted: Sequence[Client]) -> Answer:
    """The answer for a name; the orders of `wanted` clients, or of every runtime in its newest version."""
    lookup = found.lookup(name)
    addresses = lookup.addresses if lookup else ()
    clients = wanted or [Client(x) for x in dict.fromkeys(x.runtime for x in behaviours())]
    files, hosts = found.files, found.files.addresses_of(name)
    tried = {x: order(addresses, x.runtime, x.version, routes.sources, files.policy, hosts) for x in clients}
    shown = {x: behaviour(x.runtime, x.version).verified for x in clients}
    orders = tuple(Order(_spelled(x), mine, describe(x), shown[x]) for x, mine in tried.items())
    return Answer(
        schema="dualstack.names/1",
        name=name,
        addresses=addresses,
        error=lookup.error if lookup else "",
        hosts_file=found.files.hosts_path,
        hosts=found.files.hosts_of(name),
        dns=found.answers,
        routes=routes.items,
        orders=orders if addresses else (),
    )


def _spelled(client: Client) -> str:
    return client.runtime + ("@" + ".".join(map(str, client.version)) if client.version else "")


def as_json(said: Answer) -> str:
    """The answer as one JSON object."""
    return msgspec.json.format(msgspec.json.encode(said), indent=2).decode() + "\n"


def as_text(said: Answer) -> str:
    """The answer by source, then the orders, clients alike on one line."""
    return "".join(f"{x}\n" for x in _lines(said))


def _lines(said: Answer) -> Iterator[str]:
    yield f"C library   {_some(said.addresses) or printable(said.error)}"
    yield from _few([f"{x.address} ({printable(said.hosts_file)} line {x.line})" for x in said.hosts], "hosts file  ")
    yield from map(_answered, said.dns)
    yield from _few([f"{x.destination}: {_way(x)}" for x in said.routes], "route       ")
    yield from _orders(said.orders)


def _way(route: Route) -> str:
    return route.error or f"by {route.interface} from {route.source or 'no address'}"


def _some(addresses: Sequence[str], between: str = ", ") -> str:
    """The first addresses, and how many more there are."""
    more = f" and {len(addresses) - SHOWN} more" if len(addresses) > SHOWN else ""
    return between.join(addresses[:SHOWN]) + more


def _few(lines: Sequence[str], head: str) -> Iterator[str]:
    """The first lines, each after its head, and where all of them can be seen."""
    yield from (head + x for x in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"{head}and {len(lines) - SHOWN} more (`--format json` shows them)"


def _answered(one: DnsAnswer) -> str:
    chain = f" by way of {' > '.join(map(printable, one.cnames))}" if one.cnames else ""
    said = f"{one.rcode}, {_some(one.addresses) or 'no address'}{chain}"
    return f"{one.server}  {one.record} {printable(one.name)}: {said} ({one.milliseconds:.0f} ms)"


def _orders(orders: Sequence[Order]) -> Iterator[str]:
    alike: dict[tuple[str, ...], list[Order]] = {}
    for item in orders:
        alike.setdefault(item.addresses, []).append(item)
    for addresses, items in alike.items():
        yield ""
        yield _some(addresses, " > ") or "no address of these"
        yield from _wrapped(f"is the order of {', '.join(x.client for x in items)}.")
    if len(orders) == 1:
        yield from _wrapped(orders[0].dialling)
        return
    unshown = [x.client for x in orders if not x.verified]
    if unshown:
        yield ""
        yield from _wrapped(f"No run has shown the order of {', '.join(unshown)}.")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 80, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)

"""Which clients send to a proxy instead of a target, and the IPv6 literals that NO_PROXY was meant to spare."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache

import msgspec

from dualstack.knowledge import table
from dualstack.model.address import Family, Protocol, Target, family, is_address, network, parse, without_zone
from dualstack.model.client import Callers, Proxies
from dualstack.model.host import Namespaces
from dualstack.model.question import Client, Question
from dualstack.model.trace import Trace

_EXCEPTIONS = ("no_proxy", "NO_PROXY")
_NAMES = ("localhost",)


class Habit(msgspec.Struct, frozen=True):
    """How a client heeds proxy variables: one row of `knowledge/proxies.table`."""

    clients: tuple[str, ...]
    protocol: Protocol
    variables: tuple[str, ...]
    tls: tuple[str, ...]
    loopback: bool
    plain: bool
    brackets: bool
    prefix: bool
    source: str


@cache
def habits() -> tuple[Habit, ...]:
    """The rows of the table."""
    return tuple(
        Habit(
            clients=tuple(row["clients"].split()),
            protocol=Protocol(row["protocol"]),
            variables=tuple(row["variables"].split()),
            tls=tuple(row["tls"].split()),
            loopback=row["loopback"] == "yes",
            plain=row["plain"] == "yes",
            brackets=row["brackets"] == "yes",
            prefix=row["prefix"] == "yes",
            source=row["source"],
        )
        for row in table("proxies")
    )


def proxies(environ: Mapping[str, str]) -> Proxies:
    """The proxy variables of an environment."""
    known = dict.fromkeys(name for x in habits() for name in (*x.variables, *x.tls))
    said = next((environ[x] for x in _EXCEPTIONS if environ.get(x)), "")
    return Proxies(
        tuple(x for x in known if environ.get(x)), tuple(x for x in (y.strip() for y in said.split(",")) if x)
    )


def diverted(target: Target, said: Proxies, client: Client | None) -> tuple[Habit, ...]:
    """The habits, of the client or of all that speak the protocol, that send what is for a target to a proxy."""
    mine = (x for x in habits() if (client.runtime in x.clients if client else x.protocol is target.protocol))
    return tuple(x for x in mine if _variable(target, said, x) and not _spares(x, target.host, said.exceptions))


def variable(target: Target, said: Proxies, found: Collection[Habit]) -> str:
    """The first variable that counts for one of these clients."""
    return next(name for x in found if (name := _variable(target, said, x)))


def unseen(question: Question, said: Proxies) -> Iterator[str]:
    """For each protocol, which clients of this environment would send to its proxy, where no client is named.

    Probes pass every proxy by, and nobody knows whose environment it is: this is no fault, and no silence either.
    """
    named = [] if question.client or not question.probing else [x for x in question.targets if not x.addresses]
    for target in named:
        found = diverted(target, said, None)
        if found:
            clients = ", ".join(x.clients[0] for x in found)
            set_here = f"{variable(target, said, found)} is set in this environment"
            yield f"{set_here}: {clients} send what is for `{target.endpoint}` there, and the probes do not"


def _variable(target: Target, said: Proxies, habit: Habit) -> str:
    return next((x for x in (habit.tls if target.tls else habit.variables) if x in said.variables), "")


def _spares(habit: Habit, host: str, exceptions: Sequence[str]) -> bool:
    if "*" in exceptions:
        return True
    if is_address(host):
        return _spares_literal(habit, host, exceptions)
    return (habit.loopback and host in _NAMES) or any(_is_of(host.lower(), x.lower()) for x in exceptions)


def _is_of(name: str, entry: str) -> bool:
    """Whether an entry, with or without a port, a dot or an asterisk before it, is a name or a domain of it."""
    bare = entry.partition(":")[0].removeprefix("*").removeprefix(".")
    return bool(bare) and f".{name}".endswith(f".{bare}")


def _spares_literal(habit: Habit, literal: str, exceptions: Sequence[str]) -> bool:
    if habit.loopback and parse(literal).is_loopback:
        return True
    prefix = habit.prefix or family(literal) is Family.IPV4
    if prefix and any(_is_same(x, literal) or _holds(x, literal) for x in exceptions):
        return True
    return (habit.plain and literal in exceptions) or (habit.brackets and f"[{literal}]" in exceptions)


def meant(literal: str, exceptions: Sequence[str], beside: Collection[str]) -> str:
    """The entry that shows that this literal should be spared; empty where none does.

    It is another spelling or a prefix of it, or one for an address `beside` it on the same host; for a loopback one
    also `localhost`.
    """
    return next(_meanings(literal, exceptions, beside), "")


def _meanings(literal: str, exceptions: Sequence[str], beside: Collection[str]) -> Iterator[str]:
    kin = [literal, *beside]
    for entry in exceptions:
        bare = entry.removeprefix("[").partition("]")[0]
        named = entry in _NAMES and parse(literal).is_loopback
        if named or any(_is_same(bare, x) or _holds(bare, x) for x in kin):
            yield entry


def _is_same(entry: str, one: str) -> bool:
    return is_address(entry) and parse(without_zone(entry)) == parse(without_zone(one))


def _holds(entry: str, one: str) -> bool:
    block = network(entry) if "/" in entry else None
    return block is not None and parse(without_zone(one)) in block


def ipv4_of(addresses: Collection[str]) -> tuple[str, ...]:
    """The IPv4 addresses among these."""
    return tuple(x for x in addresses if family(x) is Family.IPV4)


def environments(
    trace: Trace, question: Question, own: Proxies, callers: Callers | None
) -> Iterator[tuple[Client | None, Proxies, str]]:
    """The clients of a flow with what their environment says; whoever asks stands for one that is not in sight."""
    here = callers.items if callers else ()
    seen = [(x.client, x.proxies, x.process.pid) for x in here if x.target == trace.target and x.proxies]
    yield from ((client, said, f"environment of pid {pid}") for client, said, pid in seen)
    if not seen:
        yield question.client, own, "environment of this command"


def siblings(trace: Trace, namespaces: Namespaces | None) -> tuple[str, ...]:
    """The IPv4 addresses beside the literal on its host, where that is in sight: those of the loopback stay apart."""
    owner = namespaces.owner(trace.target.host) if namespaces and trace.target.literal else None
    if owner is None:
        return ()
    space, interface = owner
    alike = (x for x in space.interfaces if x.loopback is interface.loopback)
    return ipv4_of([y.address for x in alike for y in x.addresses])

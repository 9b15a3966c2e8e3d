"""Which clients a dead address of a name costs time, and how much."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from dualstack.model.host import Routes
from dualstack.model.question import Client
from dualstack.model.trace import Trace
from dualstack.reach.client import QUICK, connects
from dualstack.reach.dial import dial
from dualstack.reach.select import behaviours, order


class Stall(msgspec.Struct, frozen=True):
    """A client, and the milliseconds that it waits before it uses another address; None where it never does."""

    title: str
    milliseconds: int | None


def stalls(known: Sequence[str], traces: Sequence[Trace], routes: Routes | None, client: Client | None) -> list[Stall]:
    """The clients that wait, the slowest first: the named one, or every runtime in its newest version.

    `known` are the addresses of the name in the resolver's order, `traces` those of one target. Empty where the fate of
    an address is not known. Programs with a setting of their own are left out unless named.
    """
    answers = {address: connects(x) for x in traces for address in x.addresses}
    fates = {k: v for k, v in answers.items() if v}
    if set(known) - set(fates):
        return []
    sources = {x.destination: x.source for x in routes.items if not x.error} if routes else {}
    found = [x for name in _names(client) for x in _stall(known, fates, sources, name)]
    return sorted(found, key=lambda x: (x.milliseconds is not None, -(x.milliseconds or 0)))


def _names(client: Client | None) -> list[Client]:
    newest = (x for x in behaviours() if not x.until and " with `" not in x.title)
    return [client] if client else [Client(x.runtime) for x in newest]


def _stall(
    known: Sequence[str], fates: Mapping[str, str], sources: Mapping[str, str], client: Client
) -> Iterator[Stall]:
    waited = dial(order(known, client.runtime, client.version, sources), fates, client).waited
    if waited is None or waited > QUICK:
        title = next(x.title for x in behaviours() if x.runtime == client.runtime)
        yield Stall(title, waited)


def sentence(found: Sequence[Stall]) -> str:
    """` C programs wait 131 s. …` for a detail; empty where nobody waits."""
    parts = []
    for milliseconds in dict.fromkeys(x.milliseconds for x in found):
        mine = dict.fromkeys(x.title for x in found if x.milliseconds == milliseconds)
        wait = "never get there" if milliseconds is None else f"wait {milliseconds // 1000} s before the next address"
        parts.append(f" These {wait}: {', '.join(mine)}.")
    return "".join(parts)

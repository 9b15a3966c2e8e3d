"""Which clients a dead address of a name costs time, and how much."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from dualstack.model.address import Family, family
from dualstack.model.host import Routes
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Client
from dualstack.model.trace import Trace
from dualstack.reach.client import QUICK, connects, delays
from dualstack.reach.dial import dial
from dualstack.reach.required import addresses_of
from dualstack.reach.select import behaviours, order


class Stall(msgspec.Struct, frozen=True):
    """A client, and the milliseconds that it waits before it uses another address; None where it never does."""

    title: str
    milliseconds: int | None


def stalls(
    traces: Sequence[Trace], names: Names, routes: Routes | None, probes: Probes | None, client: Client | None
) -> list[Stall]:
    """The clients that wait, the slowest first: the named one, or every runtime in its newest version.

    `traces` are those of one target. Empty where the fate of an address is not known. Programs with a setting of their
    own are left out unless named.
    """
    known = addresses_of(traces[0].target, names)
    answers = {address: connects(x) for x in traces for address in x.addresses}
    fates = {k: v for k, v in answers.items() if v}
    if set(known) - set(fates):
        return []
    tried = [(x, _order(known, traces[0].target.host, names, routes, x)) for x in ([client] if client else usual())]
    took = delays(traces, routes, probes)
    found = [y for x, mine in tried for y in _stall(mine, fates, took, x)]
    return sorted(found, key=lambda x: (x.milliseconds is not None, -(x.milliseconds or 0)))


def beginners(traces: Sequence[Trace], names: Names, routes: Routes | None) -> dict[Family, tuple[str, ...]]:
    """The runtimes by the family that they try first, of the target of some traces."""
    known = addresses_of(traces[0].target, names)
    found: dict[Family, dict[str, None]] = {}
    for client in usual():
        for address in _order(known, traces[0].target.host, names, routes, client)[:1]:
            found.setdefault(family(address), {})[_title(client)] = None
    return {k: tuple(v) for k, v in found.items()}


def usual() -> list[Client]:
    """Every runtime in its newest version, without those that have a setting of their own."""
    return [Client(x.runtime) for x in behaviours() if not x.until and " with `" not in x.title]


def _order(known: Sequence[str], name: str, names: Names, routes: Routes | None, client: Client) -> tuple[str, ...]:
    sources = routes.sources if routes else {}
    return order(known, client.runtime, client.version, sources, names.files.policy, names.files.addresses_of(name))


def _title(client: Client) -> str:
    return next(x.title for x in behaviours() if x.runtime == client.runtime)


def _stall(
    tried: tuple[str, ...], fates: Mapping[str, str], took: Mapping[str, int], client: Client
) -> Iterator[Stall]:
    waited = dial(tried, fates, client, took=took).waited
    if waited is None or waited > QUICK:
        yield Stall(_title(client), waited)


def sentence(found: Sequence[Stall]) -> str:
    """` C programs wait 131 s. …` for a detail; empty where nobody waits."""
    parts = []
    for milliseconds in dict.fromkeys(x.milliseconds for x in found):
        mine = dict.fromkeys(x.title for x in found if x.milliseconds == milliseconds)
        wait = "never get there" if milliseconds is None else f"wait {milliseconds // 1000} s before the next address"
        parts.append(f" These {wait}: {', '.join(mine)}.")
    return "".join(parts)

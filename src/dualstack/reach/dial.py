"""What a client does with the addresses of a name: which it dials, when, and which one it ends up with.

How each client dials is `knowledge/runtimes.table`. A connection that is accepted is taken to be so at once, and one
that fails after what it was seen to take; one that is dropped takes the client's own timeout, or the kernel's.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from types import MappingProxyType

from dualstack.model.address import family
from dualstack.model.client import Attempt, Dialled
from dualstack.model.question import Client
from dualstack.reach import select
from dualstack.reach.select import Behaviour, behaviour

ACCEPTED, REFUSED, TIMED_OUT, NO_ROUTE = OUTCOMES = ("accepted", "refused", "timed_out", "no_route")

_Fates = Mapping[str, tuple[str, int]]
"""The outcome of each address and the milliseconds after which it is known."""

SYN_TIMEOUT = 131_000
"""Milliseconds until connect(2) gives up: tcp_syn_retries 6, tcp_syn_linear_timeouts 4 (Linux 6.5, ip-sysctl.rst)."""


def dial(
    order: tuple[str, ...],
    outcomes: Mapping[str, str],
    client: Client,
    syn_timeout: int = SYN_TIMEOUT,
    took: Mapping[str, int] = MappingProxyType({}),
) -> Dialled:
    """What becomes of the addresses in `order` (from `select.order`), given what each of them answers.

    `took` are the milliseconds after which a refusal or an error came, nothing where it came at once. `syn_timeout` is
    the kernel's, in milliseconds; no client waits longer for one address. Each outcome is accepted,
    refused, timed_out or no_route. Raises ValueError for another one, or where an address of `order` has none: what is
    not known is not guessed. Addresses that only `outcomes` holds are not tried.
    """
    for address in order:
        if outcomes.get(address) not in OUTCOMES:
            msg = f"no outcome is known for {address}: {outcomes.get(address)!r}"
            raise ValueError(msg)
    row = behaviour(client.runtime, client.version)
    fates = {x: (outcomes[x], syn_timeout if outcomes[x] == TIMED_OUT else took.get(x, 0)) for x in order}
    plan = tuple(_plan(order, fates, row, syn_timeout))
    first = min((x for x in plan if x.outcome == ACCEPTED), key=lambda x: x.at, default=None)
    queued = order[:1] if row.strategy == "first" else order
    return Dialled(
        connected=first.address if first else "",
        waited=first.at if first else None,
        attempts=tuple(sorted((x for x in plan if first is None or x.at <= first.at), key=lambda x: x.at)),
        not_tried=tuple(x for x in dict.fromkeys((*order, *outcomes)) if x not in queued),
    )


def too_slow(order: tuple[str, ...], took: Mapping[str, float], row: Behaviour) -> tuple[str, ...]:
    """The addresses that a client gives up before they accept; the last of those that take turns has all the time."""
    if row.strategy != "alternating" or row.timeout is None:
        return ()
    limit = row.timeout
    return tuple(x for x in _by_turns(order)[:-1] if took.get(x, 0) > limit)


def clients() -> tuple[str, ...]:
    """The names that `parse_client` knows, aliases included."""
    return select.clients()


def parse_client(text: str) -> Client:
    """`node@18.1` as a value, an alias as its runtime. Raises ValueError, which lists the known ones."""
    name, at, version = text.strip().lower().partition("@")
    runtime = behaviour(name).runtime
    parts = version.removeprefix("v").split(".") if at else []
    if not all(x.isascii() and x.isdigit() and len(x) < 9 for x in parts):
        msg = f"`{version}` is no version. Write `{name}@1.2.3`."
        raise ValueError(msg)
    return Client(runtime, tuple(map(int, parts)))


def describe(client: Client) -> str:
    """How the client orders and dials addresses, in sentences; the last says so where no run has shown it."""
    row = behaviour(client.runtime, client.version)
    title = re.sub("^(the|a) ", lambda x: x[0].capitalize(), row.title)
    how = _DIALS[row.strategy].format(title=title, wait=_wait(row), delay=row.delay)
    shown = () if row.verified else (f"This is from its source ({row.source}), not from a run.",)
    return " ".join((how, _ORDERS.get(row.families) or _SORTS[row.sort], *shown))


_DIALS = {
    "first": "{title} tries the first address alone and waits {wait} for it; no other address is tried.",
    "sequential": "{title} tries one address after the other and waits {wait} for each that does not answer.",
    "alternating": "{title} tries one address after the other, the families by turns, "
    "and gives each but the last {wait}.",
    "families": "{title} tries the family of the first address; the other family follows {delay} ms later, "
    "or at once when the first is refused.",
    "staggered": "{title} starts with the next address every {delay} ms, the families by turns, "
    "and keeps the first that answers.",
    "shared": "{title} tries one address after the other within {wait} in all, then again from the first: "
    "it never leaves a first address that does not answer.",
    "every": "{title} connects to every address at once and uses those that answer.",
}

_ORDERS = {
    "ipv4-first": "IPv4 addresses come first.",
    "ipv6-first": "IPv6 addresses come first.",
    "ipv4-only": "It never uses IPv6.",
}

_SORTS = {
    "glibc": "The order is that of the C library: glibc puts IPv6 first, unique local addresses too.",
    "musl": "The order is that of musl: IPv4 comes before unique local IPv6, after global IPv6.",
    "go": "The order is that of Go's resolver: IPv4 comes before unique local IPv6, after global IPv6.",
    "grpc": "The order is that of gRPC's resolver: IPv4 comes before unique local IPv6, after global IPv6.",
}


def _wait(row: Behaviour) -> str:
    if row.timeout is None:
        return "the kernel's SYN timeout (about 130 s)"
    return f"{row.timeout} ms" if row.timeout < 1000 else f"{row.timeout // 1000} s"


def _plan(order: tuple[str, ...], fates: _Fates, row: Behaviour, syn_timeout: int) -> Iterator[Attempt]:
    """The attempts of a client up to the first that is accepted in each line of them."""
    limit = syn_timeout if row.timeout is None else min(row.timeout, syn_timeout)
    if row.strategy == "families":
        return _families(order, fates, limit, row.delay or 0)
    if row.strategy == "shared":
        return (x for x in _chain(order, fates, syn_timeout, row.delay) if x.at < (row.timeout or syn_timeout))
    queues = {"first": order[:1], "alternating": _by_turns(order), "staggered": _by_turns(order)}
    return _chain(queues.get(row.strategy, order), fates, limit, row.delay)


def _chain(
    queue: tuple[str, ...], fates: _Fates, limit: int, delay: int | None = None, start: int = 0
) -> Iterator[Attempt]:
    """Attempts of which each starts when the one before has failed, or `delay` after it, whatever is first."""
    at = start
    for address in queue:
        outcome, took = fates[address]
        yield Attempt(address, at, outcome)
        if outcome == ACCEPTED and delay != 0:
            return
        takes = min(took, limit)
        at += takes if delay is None else min(takes, delay)


def _families(order: tuple[str, ...], fates: _Fates, limit: int, delay: int) -> Iterator[Attempt]:
    """Both families side by side, the one of the first address `delay` ahead (RFC 6555 section 4.1)."""
    primary, fallback = _split(order)
    ahead = tuple(_chain(primary, fates, limit))
    yield from ahead
    waits = any(x.outcome == ACCEPTED or fates[x.address][1] for x in ahead)  # not all refused at once
    yield from _chain(fallback, fates, limit, start=delay if waits else 0)


def _split(order: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The addresses of the first one's family, and the rest."""
    first = {family(x) for x in order[:1]}
    return tuple(x for x in order if family(x) in first), tuple(x for x in order if family(x) not in first)


def _by_turns(order: tuple[str, ...]) -> tuple[str, ...]:
    """The families alternating, each in its own order (RFC 8305 section 4, First Address Family Count 1)."""
    return tuple(x for x in chain.from_iterable(zip_longest(*_split(order))) if x)

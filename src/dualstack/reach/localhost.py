"""What clients make of `localhost`: those that know it themselves, and which of its two addresses they need."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.address import Family
from dualstack.model.names import Lookup, Names
from dualstack.model.question import Client
from dualstack.model.trace import Trace

LOCALHOST = "localhost"


def as_known(names: Names, client: Client | None) -> Names:
    """The names, `localhost` with the addresses that a client has for it (knowledge/localhost.table)."""
    row = _row(client) if client else None
    if client is None or row is None:
        return names
    known = Lookup("", tuple(row["addresses"].split()), source=f"{client.runtime} itself")
    return replace(names, own=tuple(replace(known, name=x.name) for x in names.lookups if _takes(row, x)))


def _row(client: Client) -> dict[str, str] | None:
    """The row for a client; one of an unknown version is taken to be new."""
    rows = (x for x in table("localhost") if client.runtime in x["runtime"].split(","))
    return next((x for x in rows if not client.version or client.version >= _version(x["since"])), None)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(x) for x in text.split(".")) if text != "-" else ()


def _takes(row: dict[str, str], found: Lookup) -> bool:
    """Whether the client has its own answer for a name that the resolver was asked for."""
    return found.name.lower() == LOCALHOST and (row["when"] == "always" or not found.addresses)


def settled(traces: Sequence[Trace], expect: Sequence[Family], *, alone: bool) -> Iterator[Trace]:
    """The traces; a refusal of a loopback sends every client to the other one at once, so one of them is enough.

    One that dials the first address `alone` needs `::1`, which getaddrinfo puts first where pods have IPv6 (RFC 6724).
    """
    own = traces and traces[0].target.host == LOCALHOST and not expect
    if own and alone and any(x.family is Family.IPV6 for x in traces):
        yield from (replace(x, required=x.family is Family.IPV6) for x in traces)
        return
    enough = own and any(not x.failed for x in traces)
    yield from (replace(x, required=False) if enough and x.failed else x for x in traces)

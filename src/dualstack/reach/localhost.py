"""The clients that know `localhost` themselves: what they make of the name, whatever the resolver says."""

from msgspec.structs import replace

from dualstack.knowledge import table
from dualstack.model.names import Lookup, Names
from dualstack.model.question import Client

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

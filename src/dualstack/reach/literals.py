"""The clients that cannot use an IPv6 literal, however it is written (knowledge/literals.table)."""

from collections.abc import Mapping

from dualstack.knowledge import table
from dualstack.model.address import Family, Target, family
from dualstack.model.question import Client


def suspected(client: Client, target: Target) -> Mapping[str, str] | None:
    """The row that says what a client does with a target; None where it can use it.

    A client of an unknown version may be an old one.
    """
    if not target.literal or family(target.host) is not Family.IPV6 or ":" not in target.host:
        return None
    row = next((x for x in table("literals") if x["client"] == client.runtime), None)
    return row if row and client.version < tuple(int(x) for x in row["until"].split(".")) else None


def mishandled(client: Client, target: Target) -> bool:
    """Whether a run has shown that a client of this version cannot use the target."""
    row = suspected(client, target)
    return row is not None and client.version != () and row["status"] == "verified"

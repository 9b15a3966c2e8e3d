"""Listening sockets as a table, in words instead of `*` and `[::]`."""

import msgspec

from dualstack.model.sockets import Listener, Listeners
from dualstack.model.text import printable
from dualstack.reach.bind import accepts_phrase, families


class SocketDocument(msgspec.Struct):
    """One socket; `accepts` are the families, null where nobody can tell."""

    transport: str
    address: str
    port: int
    interface: str
    accepts: list[str] | None
    phrase: str
    v6only: bool | None
    runtime: str
    owner: str
    pids: list[int]
    source: str


class SocketsDocument(msgspec.Struct):
    """All of them, and whether owners of other users' sockets could be read."""

    schema: str
    sockets: list[SocketDocument]
    owners_known: bool


def as_json(found: Listeners) -> str:
    """The sockets as one JSON object."""
    document = SocketsDocument("dualstack.sockets/1", list(map(_document, found.items)), found.owners_known)
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _document(listener: Listener) -> SocketDocument:
    kinds = families(listener)
    return SocketDocument(
        transport=listener.transport,
        address=listener.address,
        port=listener.port,
        interface=listener.interface,
        accepts=None if kinds is None else sorted(kinds),
        phrase=accepts_phrase(listener),
        v6only=listener.v6only,
        runtime=listener.runtime,
        owner=listener.processes[0].name if listener.processes else "",
        pids=[x.pid for x in listener.processes],
        source=listener.source,
    )


def as_text(found: Listeners) -> str:
    """The sockets as an aligned table, at most 80 columns but for long owner names."""
    if not found.items:
        return "No such listening socket here.\n"
    rows = [(x.transport.value, x.endpoint, accepts_phrase(x), _owner(x)) for x in found.items]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join((*(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=True)), row[3])).rstrip() for row in rows
    ]
    if not found.owners_known:
        lines.append("Some owners are not in sight: root sees all users, and the host all containers.")
    return "\n".join(lines) + "\n"


def _owner(listener: Listener) -> str:
    if not listener.processes:
        return ""
    first = listener.processes[0]
    more = f" and {len(listener.processes) - 1} more" if len(listener.processes) > 1 else ""
    return f"{printable(first.name)} ({first.runtime}, pid {first.pid}){more}"

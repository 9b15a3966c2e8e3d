"""Changes to a text in a file that leave its quotes as they are."""

from dualstack.model.finding import Applicability, Edit, Fix
from dualstack.model.patterns import pattern
from dualstack.model.source import Room, Written

_PLAIN = pattern(r"(?!-\Z)[A-Za-z0-9/.$(_^-](?:[^:#?\[\]{},\"'&*!|>%@`\s]|:(?=\S))*")
"""Texts that mean themselves without quotes, in a list or a mapping of one line as well (YAML 1.1 section 9.1.3)."""

_BARE = pattern(r"[A-Za-z0-9:/.,\[\]@%_=+^${}-]*")
"""Texts that mean themselves in a shell, a `.env` file, a unit, and inside a text of YAML, with and without quotes."""


_HOST = pattern(r"(?P<host>\[?\$\{[^{}]*\}\]?|\[[^\]]*\]|[^:\[\]]*|.*::.*)(?P<port>:(?:\d+|\$\{[^{}]*\}))?")


def widened(address: str) -> str:
    """An address with Go's wildcard of both families in the place of its host; empty where it cannot be told apart."""
    found = _HOST.fullmatch(address)
    return f"0.0.0.0{found['port'] or ''}" if found else ""


def replaced(written: Written, text: str) -> tuple[Edit, ...]:
    """The edit that puts a text in the place of another; none where the file spells it in a way that cannot be kept."""
    if not written.raw or (written.bare and not _BARE.fullmatch(text)):
        return ()
    if written.bare:
        return (Edit(written.at.file, written.raw, text, written.at),)
    return (Edit(written.at.file, written.raw, spelled(text, written.raw), written.at),)


def spelled(text: str, like: str) -> str:
    """A text in the quotes that another has, or in double ones where it needs some."""
    if like.startswith("'"):
        return "'" + text.replace("'", "''") + "'"
    if like.startswith('"') or not _PLAIN.fullmatch(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


def quoted(written: Written, text: str) -> str:
    """A text as it is told to a reader, who puts it in the place of another: in the quotes that it lacks there."""
    return text if written.bare or written.raw[:1] in ("'", '"') else spelled(text, written.raw)


def fix(title: str, applicability: Applicability, written: Written | None, text: str) -> Fix:
    """A fix that writes a text in the place of another, by hand where that cannot be done in place."""
    edits = replaced(written, text) if written and text else ()
    return Fix(title, applicability if edits else Applicability.MANUAL, edits)


def added(room: Room | None, **fields: str) -> tuple[Edit, ...]:
    """The edit that writes fields before those that a mapping begins with."""
    if room is None:
        return ()
    each = (f"{room.quote}{key}{room.quote}: {room.quote}{text}{room.quote}" for key, text in fields.items())
    new = "".join(f"{x}{room.between}" for x in each)
    return (Edit(room.at.file, "", f" {{{new}}}" if room.missing else new, room.at),)


def added_item(room: Room | None, **fields: str) -> tuple[Edit, ...]:
    """The edit that writes an item, a mapping of plain texts, before those that a list begins with."""
    if room is None or room.quote:
        return ()
    each = [f"{key}: {text}" for key, text in fields.items()]
    flow = room.between == ", "
    item = f"{{{', '.join(each)}}}" if flow else room.between.replace("-", " ").join(each)
    return (Edit(room.at.file, "", item + room.between, room.at),)


def filled(title: str, applicability: Applicability, room: Room | None, **field: str) -> Fix:
    """A fix that writes a field where it is left out, by hand where that cannot be done in place."""
    edits = added(room, **field)
    return Fix(title, applicability, edits) if edits else Fix(title)

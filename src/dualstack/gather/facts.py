"""The evidence of a host as JSON, so that it can be gathered in one place and judged in another."""

from collections.abc import Mapping
from typing import Any

import msgspec

from dualstack.gather.errors import BadFile
from dualstack.gather.regular import read
from dualstack.model.client import Callers, Proxies
from dualstack.model.evidence import Missing
from dualstack.model.host import Filters, Namespaces, Routes, Transits
from dualstack.model.names import Names
from dualstack.model.otel import Declared
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listeners

SCHEMA = "dualstack.facts/1"
_HEAD = b'{"schema":"dualstack.facts/'
_KINDS: dict[str, type[Any]] = {
    x.__name__: x
    for x in (Question, Namespaces, Listeners, Names, Routes, Transits, Filters, Probes, Proxies, Callers, Declared)
}


class Facts(msgspec.Struct, frozen=True):
    """A snapshot by the names of its kinds; `missing` are those that could not be had."""

    schema: str
    facts: dict[str, Any]
    missing: dict[str, Missing] = {}
    gaps: tuple[Missing, ...] = ()


def encoded(snapshot: Snapshot) -> bytes:
    """A snapshot as one line of JSON."""
    known = {k.__name__: v for k, v in snapshot.facts.items() if k.__name__ in _KINDS}
    missing = {k: v for k, v in known.items() if isinstance(v, Missing)}
    facts = {k: v for k, v in known.items() if k not in missing}
    return msgspec.json.encode(Facts(SCHEMA, facts, missing, snapshot.gaps)) + b"\n"


def plainly(snapshot: Snapshot) -> Mapping[str, Any]:
    """A snapshot as the data of its JSON."""
    found: Mapping[str, Any] = msgspec.json.decode(encoded(snapshot))
    return found


def decoded(source: str, raw: bytes) -> Snapshot:
    """The snapshot in a text of JSON. Raises BadFile for one that is broken or of another schema."""
    try:
        return snapshot_of(msgspec.json.decode(raw))
    except msgspec.MsgspecError as error:
        raise BadFile(source, f"holds no evidence of a host: {error}.") from error


def snapshot_of(said: object) -> Snapshot:
    """The snapshot in the data of its JSON. Raises msgspec.ValidationError for any other."""
    found = msgspec.convert(said, Facts)
    if found.schema != SCHEMA:
        raise msgspec.ValidationError(f"it is of the schema `{found.schema[:40]}`, not `{SCHEMA}`")
    facts = {_KINDS[k]: msgspec.convert(v, _KINDS[k]) for k, v in found.facts.items() if k in _KINDS}
    missing = {_KINDS[k]: v for k, v in found.missing.items() if k in _KINDS}
    return Snapshot({**facts, **missing}, found.gaps)


def is_facts(path: str) -> bool:
    """Whether a file begins as the evidence of a host does."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_HEAD)) == _HEAD
    except OSError:
        return False


def stored(path: str) -> Snapshot:
    """The snapshot in a file. Raises BadFile."""
    try:
        return decoded(path, read(path))
    except OSError as error:
        raise BadFile(path, f"cannot be read: {error.strerror}.") from error

"""Decoders of JSON, made by one thread at a time.

msgspec keeps what it learns of a struct in the struct before it has learned all of it, and another thread that decodes
one then reads nothing (msgspec 0.22, `StructInfo_Convert`; measured: 1 start in 25 ended with SIGSEGV).
"""

import threading
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_MAKING = threading.Lock()
_MADE: dict[Any, Any] = {}


def decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """What reads JSON as a type, with numbers and words that are written as one another."""
    with _MAKING:
        if kind not in _MADE:
            _MADE[kind] = msgspec.json.Decoder(kind, strict=False)
        found: msgspec.json.Decoder[T] = _MADE[kind]
    return found


def converted(item: Any, kind: type[T]) -> T:  # noqa: ANN401 -- what JSON holds
    """Data of JSON as a type; a field that is null is one that is not there. Raises msgspec.ValidationError.

    Most objects have no null where a type does not take it, and to look for it takes ten times as long as to convert.
    """
    decoder(kind)
    try:
        return msgspec.convert(item, kind, strict=False)
    except msgspec.ValidationError:
        return msgspec.convert(_without_null(item), kind, strict=False)


def _without_null(item: Any) -> Any:  # noqa: ANN401 -- what JSON holds
    if isinstance(item, Mapping):
        return {k: _without_null(v) for k, v in item.items() if v is not None}
    return [_without_null(x) for x in item if x is not None] if isinstance(item, list) else item

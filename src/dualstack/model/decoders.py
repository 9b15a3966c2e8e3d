"""Decoders of JSON, made by one thread at a time.

msgspec keeps what it learns of a struct in the struct before it has learned all of it, and another thread that decodes
one then reads nothing (msgspec 0.22, `StructInfo_Convert`; measured: 1 start in 25 ended with SIGSEGV).
"""

import threading
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
    """Data of JSON as a type. Raises msgspec.ValidationError."""
    decoder(kind)
    return msgspec.convert(item, kind, strict=False)

"""Answers that are almost right: real ones with a few bytes changed, cut, doubled or moved; the same for a seed."""

import os
import random
from collections.abc import Iterator, Sequence

WIDE = os.environ.get("DUALSTACK_ORACLE") == "all"
MANY = 100_000 if WIDE else 10_000
"""Mutants of each kind; a hundred thousand on demand."""

_EDGES = (0x00, 0x01, 0x0A, 0x0D, 0x20, 0x7F, 0x80, 0xC0, 0xFF)


def mutants(originals: Sequence[bytes], count: int, seed: int = 0) -> Iterator[bytes]:
    """`count` mutants of some originals, each original in turn."""
    rng = random.Random(seed)
    for number in range(count):
        yield mutant(originals[number % len(originals)], rng)


def mutant(original: bytes, rng: random.Random) -> bytes:
    """One mutant, of one to four changes."""
    data = bytearray(original)
    for _ in range(rng.randint(1, 4)):
        rng.choice(_CHANGES)(data, rng)
    return bytes(data)


def chunks(data: bytes, rng: random.Random) -> list[bytes]:
    """The bytes as a network may cut them, in at most four parts, none of them empty."""
    cuts = sorted(rng.randint(0, len(data)) for _ in range(rng.randint(0, 3)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]


def _flip(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _edge(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice(_EDGES)


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randint(0, len(data))
    data[at:at] = rng.choice((rng.randbytes(rng.randint(1, 9)), bytes([rng.choice(_EDGES)]) * rng.randint(1, 300)))


def _span(data: bytearray, rng: random.Random) -> slice:
    start = rng.randint(0, len(data))
    return slice(start, start + rng.randint(1, 40))


def _delete(data: bytearray, rng: random.Random) -> None:
    del data[_span(data, rng)]


def _double(data: bytearray, rng: random.Random) -> None:
    part = _span(data, rng)
    data[part] = data[part] * 2


def _move(data: bytearray, rng: random.Random) -> None:
    part = _span(data, rng)
    moved = data[part]
    del data[part]
    at = rng.randint(0, len(data))
    data[at:at] = moved


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randint(0, len(data)) :]


_CHANGES = (_flip, _flip, _edge, _edge, _insert, _delete, _double, _move, _cut)

"""How a fact is known: its layer, its source, or why it is not there."""

import enum

import msgspec


class Layer(enum.StrEnum):
    """Where a fact comes from. Probed beats observed beats declared."""

    DECLARED = "declared"
    OBSERVED = "observed"
    PROBED = "probed"


class Evidence(msgspec.Struct, frozen=True):
    """One fact for a reader: a short sentence part, the layer, and the file, call or probe that showed it."""

    fact: str
    source: str
    layer: Layer = Layer.OBSERVED


class Missing(msgspec.Struct, frozen=True):
    """A kind of evidence that could not be had: what it needs, and why it is not there, in words for the user."""

    needs: str
    why: str

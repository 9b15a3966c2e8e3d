"""All the evidence for one question."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from dualstack.model.evidence import Missing

T = TypeVar("T")

NOT_GATHERED = "not gathered"
"""Why a kind is missing that nobody looked for."""


class Snapshot(msgspec.Struct, frozen=True):
    """A map from kind to evidence. A kind is the class of the value (`Listeners`, …); what is not there is `Missing`.

    `gaps` are parts of a kind that could not be seen although the kind is there.
    """

    facts: Mapping[type, object]
    gaps: tuple[Missing, ...] = ()

    def get(self, kind: type[T]) -> T | Missing:
        """The evidence of a kind, or why there is none."""
        found = self.facts.get(kind, Missing(needs=kind.__name__, why=NOT_GATHERED))
        return found if isinstance(found, (kind, Missing)) else Missing(needs=kind.__name__, why=NOT_GATHERED)

    def having(self, kind: type[T]) -> T | None:
        """The evidence of a kind, None where there is none."""
        found = self.get(kind)
        return None if isinstance(found, Missing) else found

    def adding(self, *values: object) -> "Snapshot":
        """A copy that holds these too."""
        return Snapshot({**self.facts, **{type(x): x for x in values}}, self.gaps)

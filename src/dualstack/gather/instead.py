"""What there is instead of an object that is asked about and is not there."""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dualstack.gather import kinds
from dualstack.gather.kube_objects import Kind, Refused, text
from dualstack.gather.stored import Stored
from dualstack.model.world import is_served
from dualstack.reach.operator import OPERATED, resource_for

if TYPE_CHECKING:
    from dualstack.gather.cluster import Asker

_SHOWN = 10


def instead(ask: "Asker", kind: Kind[Any], name: str) -> str:
    """What there is in the place of an object that is not there, as far as it may be listed."""
    made_of = resource_for(name) if kind is kinds.SERVICES else ""
    made = ask.quietly(kinds.COLLECTORS, made_of, ask.namespace) if made_of else None
    if made and is_served(made):
        return f": the Operator has not made it of {OPERATED} {made_of}. Ask about `collector/{made_of}`."
    with contextlib.suppress(Refused):
        if elsewhere := ask.api.places(kind, name):
            return f"; there is one in {_quoted(elsewhere)}. Use `-n`."
    others = [name for x in ask.peek(kind, ask.namespace) if (name := text(x, "metadata", "name"))]
    if others:
        return f". There are: {_quoted(others)}. Use `-n` for another namespace."
    none = "" if kind.kind in ask.world.unseen else ", nor any other one"
    if isinstance(ask.api, Stored) and ask.namespace not in ask.api.namespaces:
        none = ", of which nothing was stored"
    return f"{none}. Use `-n` for another namespace."


def _quoted(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join(f"`{x}`" for x in names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN))

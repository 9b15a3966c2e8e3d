"""Documents that mean something only because another one names them: which of those that wait are read."""

from collections.abc import Callable, Iterable

from dualstack.gather import glance
from dualstack.gather.glance import LENDERS
from dualstack.gather.recognise import Found, document
from dualstack.gather.yaml_tree import Origin


def settle(found: Found, wanted: frozenset[str] | None) -> None:
    """Read the waiting Services in which a wanted word stands: a name that something sends to, a label of a pod.

    Their namesakes are read as well: of several the nearest one is meant. None wants them all.
    """
    left = _settled(found.waiting, lambda x: wanted is None or glance.has(x, wanted), found)
    names = frozenset(x.meta.name for x in found.services) - (wanted or frozenset())
    _settled(left if names else (), lambda x: glance.has(x, names), found)
    found.waiting = []


def settle_lending(found: Found) -> None:
    """Read the pods that name a list of variables of interest, then the lists that pods name."""
    lenders = frozenset(x.meta.name for x in found.workloads if x.meta.kind in LENDERS)
    left = _settled(found.lending, lambda x: bool(lenders) and glance.names(x, lenders), found)
    containers = [y for x in found.workloads for y in x.containers]
    given = (y.name for x in containers for y in x.given)
    named = frozenset((*given, *(y.held.name for x in containers for y in x.variables if y.held)))
    _settled(left if named else (), lambda x: glance.names(x, named), found)
    found.lending = []


def _settled(waiting: Iterable[Origin], wanted: Callable[[str], bool], found: Found) -> list[Origin]:
    """Read those whose text is wanted, and give the others."""
    left = []
    for origin in waiting:
        if wanted(origin.text):
            document(origin, found)
        else:
            left.append(origin)
    return left

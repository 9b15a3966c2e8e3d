"""What files say where some of them are alternatives: one set of things that exist together after the other."""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.gather.recognise import Found

_JOINED = ("configs", "parts", "workloads", "services", "policies", "agents", "foreign", "gates", "families")


def worlds(seen: Found) -> Iterator[Found]:
    """Everything that was found, with one alternative of each group; every alternative is in one of them at least.

    What is noted, and what could not be read, is shared by all.
    """
    if not seen.builds:
        yield seen
    for number in range(max(map(len, seen.builds), default=0)):
        there = [x[min(number, len(x) - 1)] for x in seen.builds]
        held = {x: [*getattr(seen, x), *(z for y in there for z in getattr(y, x))] for x in _JOINED}
        yield replace(seen, **held, waiting=list(seen.waiting), builds=[])

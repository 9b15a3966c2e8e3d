"""What files say where some of them are alternatives: one set of things that exist together after the other."""

from collections.abc import Iterator

from msgspec.structs import replace

from dualstack.gather.recognise import Found

_SHARED = ("slips", "suppressions", "notes", "errors", "waiting", "compositions", "builds")


def worlds(seen: Found) -> Iterator[Found]:
    """Everything that was found, with one alternative of each group; every alternative is in one of them at least.

    What is noted, and what could not be read, is shared by all.
    """
    if not seen.builds:
        yield seen
    joined = [x for x in Found.__struct_fields__ if isinstance(getattr(seen, x), list) and x not in _SHARED]
    for number in range(max(map(len, seen.builds), default=0)):
        there = [x[min(number, len(x) - 1)] for x in seen.builds]
        held = {x: [*getattr(seen, x), *(z for y in there for z in getattr(y, x))] for x in joined}
        yield replace(seen, **held, waiting=list(seen.waiting), builds=[])

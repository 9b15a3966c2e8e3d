"""The feature gates of a Collector that its command line switches, by `knowledge/feature_gates.table`."""

from collections.abc import Iterator, Mapping, Sequence

from dualstack.knowledge import table
from dualstack.reach.start import flags
from dualstack.reach.versions import before

_FLAGS = ("--feature-gates", "-feature-gates")


def switched(words: Sequence[str]) -> Mapping[str, bool]:
    """The gates that a command line names, and whether it switches them on; the last word on a gate counts.

    As featuregate/flag.go reads them: ids with commas between, `-` before one switches it off.
    """
    said = (y.strip() for x in flags(words, _FLAGS) for y in x.split(","))
    return {x.lstrip("+-"): not x.startswith("-") for x in said if x}


def is_on(gate: str, version: str, said: Mapping[str, bool]) -> bool | None:
    """Whether a gate is on in a Collector; None where its version decides that and is not known.

    A Collector that runs knows the gate it was told of, so there the word of the command line settles an open version.
    """
    row = next(x for x in table("feature_gates") if x["gate"] == gate)
    heard = not version or (not before(version, row["since"]) and before(version, row["fixed"]))
    if gate in said and heard:
        return said[gate]
    return not before(version, row["on"]) if version else None


def refused(version: str, said: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    """The gates of a command line with which a Collector of a version does not start, each with its words."""
    for row in table("feature_gates") if version else ():
        gate = row["gate"]
        if gate in said and (before(version, row["since"]) or not before(version, row["removed"])):
            yield gate, f'no such feature gate "{gate}"'
        elif said.get(gate) is False and not before(version, row["fixed"]):
            yield gate, f'feature gate "{gate}" is stable, can not be disabled'

"""Variables that a script in the command of a container sets itself, whatever its environment says."""

from collections.abc import Iterable

from dualstack.model.patterns import pattern

ASSIGNED = pattern(r"""(?:^|[\s;&|({])(?P<name>OTEL_[A-Z0-9_]+)=(?P<value>"[^"]*"|'[^']*'|[^\s;&|)]*)""")
"""An assignment in a script, or before a command that `env` runs (POSIX.1-2017, Shell Command Language, 2.9.1)."""
UNSET = pattern(r"\bunset\s+(?P<name>OTEL_[A-Z0-9_]+)")


def overruled(words: Iterable[str]) -> frozenset[str]:
    """The variables of the SDK that a command sets or takes away."""
    every = [x for x in words if "OTEL_" in x]
    return frozenset(x["name"] for y in every for by in (ASSIGNED, UNSET) for x in by.finditer(y))

"""Variables in a Collector configuration, expanded as the Collector does."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from dualstack.model.patterns import pattern

INNERMOST = pattern(r"(?<!\$)((?:\$\$)*)\$\{([^$}]*)\}")
"""confmap/expand.go findURI: the innermost ${…}; one that an odd number of $ stands before is escaped."""

# confmap/provider/envprovider: the scheme env is the default one, and :- begins what an unset variable stands for.
_VARIABLE = pattern(r"(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_HELD = pattern("\0([0-9]+)\0")
Environ = Mapping[str, str | None]
"""Variables by their names; None for one that is there and whose value is not known."""
ROUNDS = 100  # the Collector gives up after 1,000


class Expanded(NamedTuple):
    """A text with its variables filled in, and the references that stay because nothing here gives them a value."""

    value: str
    unset: tuple[str, ...] = ()


def expand(text: str, environ: Environ) -> Expanded:
    """Fill in `${env:X}`, `${X}` and `${env:X:-default}`, also inside each other, and turn `$$` into `$`.

    The Collector puts nothing in the place of an unset variable; here its reference stays, because the environment at
    hand is seldom that of the Collector. A reference to a file or a secret (`${file:x}`) stays as well.
    """
    if "$" not in text:
        return Expanded(text)
    unset: list[str] = []

    def fill(found: re.Match[str]) -> str:
        value = variable(found[2], environ)
        if value is None:
            unset.append(f"${{{found[2]}}}")
            value = f"\0{len(unset) - 1}\0"
        return found[1] + value

    for _ in range(ROUNDS):
        text, count = INNERMOST.subn(fill, text)
        if not count:
            break
    text = text.replace("$$", "$")
    return Expanded(_restored(text, unset), tuple(_restored(x, unset) for x in unset))


def variable(reference: str, environ: Environ) -> str | None:
    """What `env:X`, `X` or `X:-default` stands for; None where nothing here gives it a value."""
    found = _VARIABLE.fullmatch(reference)
    return environ.get(found["name"], found["default"]) if found else None


def _restored(text: str, unset: list[str]) -> str:
    while _HELD.search(text):
        text = _HELD.sub(lambda found: unset[int(found[1])], text)
    return text

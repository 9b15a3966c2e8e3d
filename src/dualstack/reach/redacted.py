"""Values that somebody took out of what is stored, and put a mark in their place: nobody knows what they were."""

import re
from functools import cache

from dualstack.knowledge import table
from dualstack.model.patterns import pattern

HIDDEN = "a mark that hides it"
"""What holds such a value, in words."""
_BEFORE = pattern(r"(?:[a-z]+://)?(?:[^/?#@]*@)?", re.IGNORECASE)
"""What stands before the host of a URL: who somebody is to a server may well be hidden."""
_AFTER = pattern(r"[/?#]")


def is_redacted(text: str) -> bool:
    """Whether a value holds such a mark."""
    return any(x.search(text) for x in _marks())


def hides_host(endpoint: str) -> bool:
    """Whether an endpoint holds one in its host or its port."""
    return is_redacted(_AFTER.split(_BEFORE.sub("", endpoint.strip(), count=1), maxsplit=1)[0])


@cache
def _marks() -> tuple[re.Pattern[str], ...]:
    flags = {"any": re.IGNORECASE, "as written": re.NOFLAG}
    return tuple(pattern(x["mark"], flags[x["letters"]]) for x in table("redactions"))

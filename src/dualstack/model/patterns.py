"""Regular expressions that are compiled when they are first used: a start has many, and uses few of them."""

import re
from typing import Any, cast


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """What `re.compile` makes of a text, made when it is first asked for anything. Raises `re.error` then."""
    return cast("re.Pattern[str]", _Late(text, flags))


class _Late:
    def __init__(self, text: str, flags: int) -> None:
        self._said = (text, flags)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever a compiled one has
        found = getattr(re.compile(*self._said), name)
        setattr(self, name, found)
        return found

"""A diagnosis as text: one file a format, which is called as `--format` spells it. `verbs` is for all other answers."""

import pkgutil


def formats() -> tuple[str, ...]:
    """The formats that there is a file for, that for a person first."""
    found = (x.name for x in pkgutil.iter_modules(__path__) if not x.ispkg)
    return tuple(sorted(found, key=lambda x: (x != "text", x)))

"""Where a value that is left out would be written, so that every other character stays."""

import re

from dualstack.gather.yaml_tree import MappingNode, Node, Origin, is_null
from dualstack.model.source import Location, Vacancy

_NOTHING = re.compile(r"[ \t]*:(?=[ \t]*(?:#[^\r\n]*)?(?:\r?\n|\Z)|[ \t]*[,}])")


def vacancy(key: Node, body: Node, name: str, origin: Origin) -> Vacancy | None:
    """The place of a field `name` in a mapping that lacks it; None where nothing can be put in place."""
    there = origin.at(key)
    if there.whole or origin.at(body) != there:
        return None
    origin = there
    quote = '"' if origin.text[key.start_mark.index] == '"' else ""
    entry = f"{quote}{name}{quote}: {quote}{{}}{quote}"
    if is_null(body):
        found = _NOTHING.match(origin.text, key.end_mark.index)
        length = found.end() - key.end_mark.index if found else 0
        return (
            Vacancy(_at(key.end_mark.line, key.end_mark.column + length, origin), f" {{{{{entry}}}}}")
            if length
            else None
        )
    if not isinstance(body, MappingNode) or body.start_mark.index < key.end_mark.index:
        return None  # an alias: what is written there is written elsewhere, too
    start = body.start_mark
    if body.flow_style:
        return Vacancy(_at(start.line, start.column + 1, origin), entry + (", " if body.value else ""))
    indent = " " * (origin.column + start.column)
    return Vacancy(_at(start.line, start.column, origin), f"{entry}\n{indent}")


def _at(line: int, column: int, origin: Origin) -> Location:
    """The place of no length at a line and a column of a text, from 0."""
    line, column = origin.line + line + 1, origin.column + column + 1
    return Location(origin.file, line, column, line, column)

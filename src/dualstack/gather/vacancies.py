"""Where a value that is left out would be written, so that every other character stays."""

from dualstack.gather.yaml_tree import MappingNode, Node, Origin, is_null
from dualstack.model.patterns import pattern
from dualstack.model.source import Location, Room

_NOTHING = pattern(r"[ \t]*:(?=[ \t]*(?:#[^\r\n]*)?(?:\r?\n|\Z)|[ \t]*[,}])")


def vacancy(key: Node, body: Node, origin: Origin) -> Room | None:
    """The room for a field of the mapping below a key, be it empty or not there; None where that is not plain."""
    there = origin.at(key)
    if there.whole or origin.at(body) != there:
        return None
    quote = '"' if there.text[key.start_mark.index] == '"' else ""
    if is_null(body):
        found, end = _NOTHING.match(there.text, key.end_mark.index), key.end_mark
        length = found.end() - end.index if found else 0
        return Room(_at(end.line, end.column + length, there), "", quote, missing=True) if found else None
    if not isinstance(body, MappingNode) or body.start_mark.index < key.end_mark.index:
        return None  # an alias: what is written there is written elsewhere, too
    if body.value:
        return there.room(body)
    return Room(_at(body.end_mark.line, body.end_mark.column - 1, there), "", quote)


def _at(line: int, column: int, origin: Origin) -> Location:
    """The place of no length at a line and a column of a text, from 0."""
    line, column = origin.line + line + 1, origin.column + column + 1
    return Location(origin.file, line, column, line, column)

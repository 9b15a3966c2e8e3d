"""Facts as data: tables with a source column, and the one function that reads them.

A table is a text file of columns separated by ` | `, the first line naming them; lines that start with `#` are
remarks. Cells are stripped; an empty cell is an empty string.
"""

import pkgutil
from functools import cache


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of `knowledge/NAME.table`, each a map from column to cell. Raises ValueError for a ragged row."""
    raw = pkgutil.get_data(__name__, f"{name}.table") or b""
    lines = [x for x in raw.decode().splitlines() if x.strip() and not x.startswith("#")]
    columns = [x.strip() for x in lines[0].split(" | ")]
    return tuple(_row(name, columns, line) for line in lines[1:])


def _row(name: str, columns: list[str], line: str) -> dict[str, str]:
    cells = [x.strip() for x in (line + " ").split(" | ")]
    if len(cells) != len(columns):
        msg = f"{name}.table: {len(cells)} cells where {len(columns)} are named: {line!r}"
        raise ValueError(msg)
    return dict(zip(columns, cells, strict=True))

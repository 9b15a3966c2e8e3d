"""Reports for a terminal are made of plain lines, each with one style; rich adds the colour."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dualstack.model.text import printable

WIDTH = 80
LONGEST = 4000
"""Characters of a line that is not wrapped: a flow, or a command."""
_ITEM = "-\N{NO-BREAK SPACE}"


class Line(NamedTuple):
    """One line of the report and how it looks."""

    text: str = ""
    style: str = ""


def styled(lines: Iterable[Line], *, color: bool) -> str:
    """Lines as text for a terminal, with nothing in them that could steer it."""
    shown = [Line(printable(x.text.rstrip(), LONGEST), x.style) for x in lines]
    return _colored(shown) if color else "".join(f"{x.text}\n" for x in shown)


def _colored(lines: Iterable[Line]) -> str:
    import io

    from rich.console import Console
    from rich.text import Text

    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=200, highlight=False)
    for item in lines:
        console.print(Text(item.text, style=item.style), soft_wrap=True)
    return out.getvalue()


def wrapped(text: str, indent: str, style: str = "", hang: str = "") -> Iterator[Line]:
    """A paragraph within `WIDTH` columns; lines but the first begin with `indent` and `hang`.

    The dash of an item stays with its first word, however long that is.
    """
    held = f"{_ITEM}{text.removeprefix('- ')}" if text.startswith("- ") else text
    found = textwrap.wrap(
        held,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + hang,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return (Line(x.replace(_ITEM, "- ", 1) if held is not text else x, style) for x in found)

"""Files that set the environment of a program: systemd units and `.env` files."""

import re
import shlex
from collections.abc import Iterator

from dualstack.model.kube import Container, Meta, Variable, Workload
from dualstack.model.source import Location, Written
from dualstack.model.text import LINE_BREAK

_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*?)\s*$")
_UNIT = re.compile(r"^Environment=(?P<value>.*)$")
_WANTED = re.compile(r"(?i)^(?:OTEL_|.*_proxy$|JAVA_TOOL_OPTIONS$|NODE_OPTIONS$)")


def workloads(path: str, text: str) -> list[Workload]:
    """The one program that a file sets variables of; none where it sets none of interest."""
    unit = path.endswith(".service")
    found = tuple(
        y for number, line in enumerate(LINE_BREAK.split(text), 1) for y in _line(path, number, line, unit=unit)
    )
    wanted = tuple(x for x in found if _WANTED.match(x.name))
    if not wanted:
        return []
    at = Location(path, 1)
    kind = "unit" if unit else "file"
    name = path.rpartition("/")[2]
    return [Workload(Meta(kind, name, path, at), containers=(Container(name, at, variables=wanted),), pod=False)]


def _line(path: str, number: int, line: str, *, unit: bool) -> Iterator[Variable]:
    if not unit:
        found = _ASSIGNMENT.match(line)
        if found:
            yield _variable(path, number, found["name"], found["value"], found.start("value"))
        return
    held = _UNIT.match(line)
    for word in _split(held["value"]) if held else ():
        name, equals, said = word.partition("=")
        start = line.find(f"{name}=") + len(name) + 1
        if equals:
            yield _variable(path, number, name, said, start)


def _split(text: str) -> list[str]:
    """The assignments of one line of a unit (systemd.exec(5)); nothing where its quotes do not match."""
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _variable(path: str, number: int, name: str, said: str, start: int) -> Variable:
    bare = said.strip("\"'")
    offset = start + said.find(bare)
    at = Location(path, number, offset + 1, number, offset + 1 + len(bare))
    return Variable(name, at, Written(bare, at, bare))

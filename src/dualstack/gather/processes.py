"""A process that holds a socket, and the runtime it is written in.

The runtime decides how an address string becomes a socket, so each mark of one is a row of
`knowledge/process_marks.table`, with its source. An executable is read in parts: the ELF header, the section table, and
bounded pieces of sections.
"""

import re
import struct
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from dualstack.gather.env import Env
from dualstack.knowledge import table
from dualstack.model.sockets import Process, Runtime

_OPTION_VARIABLES = {
    Runtime.JVM: ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"),  # JDK 17 tool guide, java(1)
    Runtime.NODE: ("NODE_OPTIONS",),  # Node.js command line options
}
_STOPPED = ("T", "t")  # by a signal, by a tracer: proc(5), /proc/PID/stat
_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")
_QUOTED = re.compile(r"""(["'])(.*?)\1""")
_MAX_TEXT = 4 << 20  # bytes searched of a section
_MAX_SECTIONS = 4096


def process(env: Env, pid: int) -> Process:
    """What can be read of a process; a process that cannot be read, or has ended, is of `Runtime.UNKNOWN`."""
    runtime = _runtime(env, pid)
    return Process(
        pid=pid,
        name=_text(env, f"/proc/{pid}/comm").rstrip("\n"),
        command=tuple(_text(env, f"/proc/{pid}/cmdline").split("\0")[:-1]),
        runtime=runtime,
        options=_options(env, pid, _OPTION_VARIABLES.get(runtime, ())),
        stopped=_text(env, f"/proc/{pid}/stat").rpartition(") ")[2][:1] in _STOPPED,
    )


def _text(env: Env, path: str) -> str:
    try:
        return env.read(path).decode(errors="replace")
    except OSError:
        return ""


def _options(env: Env, pid: int, variables: Collection[str]) -> tuple[str, ...]:
    """The words of the variables that a runtime takes options from; nothing else of the environment is kept."""
    held = environ(env, pid) if variables else {}
    return tuple(word for name in variables for word in _words(held.get(name, "")))


def environ(env: Env, pid: int) -> dict[str, str]:
    """The environment that a process was started with; empty where it cannot be read."""
    entries = (x.partition("=") for x in _text(env, f"/proc/{pid}/environ").split("\0"))
    return {name: value for name, equals, value in entries if equals}


def mapped(env: Env, pid: int) -> frozenset[str]:
    """The names of the files that a process has mapped; none where they cannot be read."""
    return frozenset(_base(x) for x in _text(env, f"/proc/{pid}/maps").split("\n"))


def build(env: Env, pid: int) -> str:
    """What a Go program says of its own build, the versions of its modules among it (Go debug/buildinfo)."""
    path = f"/proc/{pid}/exe"
    try:
        held = _sections(lambda offset, size: env.part(path, offset, size)).get(".go.buildinfo", _Section(0, 0))
        return env.part(path, held.offset, min(held.size, _MAX_TEXT)).decode(errors="replace")
    except OSError:
        return ""


def _words(value: str) -> list[str]:
    """Words as the JVM takes them: split at space, quotes kept together and removed, no escapes.

    OpenJDK src/hotspot/share/runtime/arguments.cpp, parse_options_buffer; measured with OpenJDK 17.
    """
    return [_QUOTED.sub(r"\2", x) for x in _WORD.findall(value)]


class _Section(NamedTuple):
    offset: int
    size: int


class _Program(NamedTuple):
    """What the marks are looked for in."""

    exe: str
    maps: frozenset[str]
    sections: Mapping[str, _Section]
    part: Callable[[int, int], bytes]


def _runtime(env: Env, pid: int) -> Runtime:
    """The first mark of the table that holds; without one and without a section table (packed), unknown."""
    path = f"/proc/{pid}/exe"
    try:
        exe = _base(env.link(path).removesuffix(" (deleted)"))
        maps = mapped(env, pid)
        sections = _sections(lambda offset, size: env.part(path, offset, size))
        program = _Program(exe, maps, sections, lambda offset, size: env.part(path, offset, size))
        found = next((x["runtime"] for x in table("process_marks") if _holds(program, x["mark"], x["pattern"])), "")
    except OSError:
        return Runtime.UNKNOWN
    return Runtime(found) if found else Runtime.POSIX if sections else Runtime.UNKNOWN


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _holds(program: _Program, mark: str, pattern: str) -> bool:
    if mark == "section":
        return pattern in program.sections
    if mark == "exe":
        return re.fullmatch(pattern, program.exe) is not None
    if mark == "map":
        return any(re.fullmatch(pattern, x) for x in program.maps)
    name, _, text = pattern.partition(":")
    section = program.sections.get(name, _Section(0, 0))
    return text.encode() in program.part(section.offset, min(section.size, _MAX_TEXT))


_LAYOUT = {1: ("HHIIIIIHHHHHH", "IIIIIIIIII"), 2: ("HHIQQQIHHHHHH", "IIQQQQIIQQ")}
"""ELF header after e_ident, and section header, by class: 32 and 64 bits (System V gABI, chapter 4)."""


def _sections(part: Callable[[int, int], bytes]) -> dict[str, _Section]:
    """The sections of an ELF file by name; none where it has no section table or is no ELF file. Raises OSError."""
    head = part(0, 64)
    if head[:4] != b"\x7fELF" or len(head) < 64 or head[4] not in _LAYOUT:
        return {}
    order = "<" if head[5] == 1 else ">"
    header, entry = (struct.Struct(order + x) for x in _LAYOUT[head[4]])
    try:
        fields = header.unpack_from(head, 16)
        start, count, names = fields[5], min(fields[11], _MAX_SECTIONS), fields[12]
        rows = list(entry.iter_unpack(part(start, count * entry.size)))
        strings = part(rows[names][4], min(rows[names][5], _MAX_TEXT))
    except (struct.error, IndexError):  # cut short
        return {}
    return {_name(strings, x[0]): _Section(x[4], x[5]) for x in rows}


def _name(strings: bytes, offset: int) -> str:
    return strings[offset : strings.find(b"\0", offset)].decode(errors="replace")

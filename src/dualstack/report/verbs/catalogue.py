"""Rules as a list, and one rule or error line explained."""

import json
import re
import textwrap
from collections.abc import Iterable, Sequence

import msgspec

from dualstack.knowledge import table
from dualstack.model.text import printable
from dualstack.reach.bind import Bound, accepts_phrase, listen_mark
from dualstack.reach.explain import Explanation
from dualstack.reach.hosts import Meaning
from dualstack.rules.registry import Rule, codes, rules

_BLOCK = re.compile(r"```\w+ (fires|quiet)\n(.*?)```", re.DOTALL)
_WORLD = re.compile(r"^(?:target|listeners):", re.MULTILINE)
"""What an example has that describes a running system, and not a file."""
_CLUSTER = "# dualstack diagnose "
_SAID = {"fires": "This {} fires it:", "quiet": "This {} does not:"}

LINES = 3
"""Error lines that are shown for a rule."""


class Entry(msgspec.Struct, frozen=True):
    """One code of the catalogue; `documentation` is empty where this version does not check it.

    `evidence` is what the fault can be told from, `checked_from` what this version tells it from: `static` stands for
    files, `live` for a running system.
    """

    code: str
    name: str
    severity: str
    hop: str
    evidence: str
    fix: str
    remark: str
    documentation: str = ""
    checked_from: str = ""


def entries(select: str = "") -> tuple[Entry, ...]:
    """The catalogue, or the selected part of it. Raises UnknownCode."""
    known = {x.code: {"documentation": x.documentation, "checked_from": _checked(x)} for x in rules()}
    wanted = codes(select) if select else None
    rows = (row for row in table("catalogue") if wanted is None or row["code"] in wanted)
    told = ({k: v for k, v in row.items() if k in Entry.__struct_fields__} for row in rows)
    return tuple(Entry(**row, **known.get(row["code"], {})) for row in told)


def _checked(rule: Rule) -> str:
    return "+".join(word for word, judge in (("static", rule.lint), ("live", rule.check)) if judge)


def as_json(found: Sequence[Entry]) -> str:
    """The entries as one JSON object."""
    listed = [{**msgspec.structs.asdict(x), "checked": bool(x.documentation)} for x in found]
    return json.dumps({"schema": "dualstack.rules/1", "rules": listed}, indent=2, ensure_ascii=False) + "\n"


def as_text(found: Sequence[Entry]) -> str:
    """One line a rule: its code, its name, its severity, and from what it is checked."""
    lines = [f"{x.code}  {x.name:<43} {x.severity:<13}  {x.checked_from or 'not yet'}" for x in found]
    return "\n".join(lines) + "\n"


def explained_rule(entry: Entry) -> str:
    """A rule's documentation for a terminal, and error lines that lead to it."""
    head = f"{entry.code} {entry.name} ({entry.severity}; hop {entry.hop}; fix: {entry.fix})"
    if entry.documentation:
        body = _BLOCK.sub(_example, entry.documentation)
    else:
        about = f"It is about {entry.remark}.\n\n" if entry.remark else ""
        body = f"{about}This version keeps the code and does not check it yet.\n"
    paragraphs = re.split(r"\n{2,}", re.sub(r"(?m)^(## .*)\n\n", r"\1\n", body).strip())
    return "\n\n".join((head, *map(_filled, paragraphs), *_lines_of(entry.code))) + "\n"


def _example(block: re.Match[str]) -> str:
    kind = "cluster" if block[2].startswith(_CLUSTER) else "world" if _WORLD.search(block[2]) else "file"
    return f"{_SAID[block[1]].format(kind)}\n\n{textwrap.indent(block[2].rstrip(), '    ')}\n"


def _filled(paragraph: str) -> str:
    """A paragraph within 80 columns; lists keep their lines, and examples stay as they are."""
    heading, newline, rest = paragraph.partition("\n")
    if heading.startswith("## "):
        below = f"\n{_filled(rest)}" if newline and rest else ""
        return heading.removeprefix("## ").upper() + below
    if paragraph.startswith(("    ", "- ")):
        return paragraph
    return textwrap.fill(" ".join(paragraph.split()), 80, break_on_hyphens=False)


def _lines_of(code: str) -> tuple[str, ...]:
    """The first error lines of the table whose likeliest rule this is."""
    found = [x["example"] for x in table("errors") if x["codes"].replace(",", " ").split()[0] == code and x["example"]]
    lines = (f"    {printable(x, 74)}" for x in found[:LINES])
    return ("ERROR LINES THAT LEAD HERE\n" + "\n".join(lines),) if found else ()


def looks_like_code(text: str) -> bool:
    """Whether somebody meant a code: `DS999` is no error line."""
    return re.fullmatch(r"(?i:ds)\d{1,4}", text.strip()) is not None


def line_as_json(found: Iterable[Explanation]) -> str:
    """The explanations of an error line as one JSON object."""
    said = [{"codes": x.codes, "meaning": x.meaning, "look": x.look, "groups": dict(x.groups)} for x in found]
    return json.dumps({"schema": "dualstack.explanation/1", "explanations": said}, indent=2, ensure_ascii=False) + "\n"


RUNTIMES = {
    "go": "Go",
    "jvm": "Java",
    "jvm-ipv4": "Java, IPv4 stack",
    "node": "Node",
    "rust": "Rust",
    "posix": "C",
    "python": "Python",
    "asyncio": "asyncio",
    "grpc-core": "gRPC C core",
    "dotnet": ".NET",
}
"""The runtimes of `knowledge/bind.table` as people call them."""


def explained_host(text: str, found: Iterable[Meaning]) -> str:
    """What a host means to each runtime, one line each."""
    head = (
        f"{printable(text.strip(), 80)}, bound over TCP on a host with IPv4 and IPv6 and the sysctls that Linux sets:"
    )
    lines = (f"  {RUNTIMES[x.runtime]:<16}  {_made(x.bound)}{_doubt(x)}" for x in found)
    return "\n".join((head, "", *lines)) + "\n"


def _made(bound: Bound) -> str:
    if bound.unknown:
        return "not known"
    if bound.error:
        return f"does not start: {printable(bound.error, 200)} ({bound.cause})"
    if len(bound.sockets) == 1:
        return f"{listen_mark(bound.sockets[0])}, {accepts_phrase(bound.sockets[0])}"
    return " and ".join(map(listen_mark, bound.sockets))


def _doubt(item: Meaning) -> str:
    return f"; unverified: {item.source}" if item.status == "unverified" else ""


def host_as_json(text: str, found: Iterable[Meaning]) -> str:
    """The meanings of a host as one JSON object."""
    said = [
        {
            "runtime": x.runtime,
            "sockets": [listen_mark(y) for y in x.bound.sockets],
            "error": x.bound.error,
            "cause": x.bound.cause,
            "status": x.status or "unknown",
            "source": x.source,
        }
        for x in found
    ]
    named = {"schema": "dualstack.explanation/1", "explanations": [], "host": text.strip(), "runtimes": said}
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"


def explained_line(found: Iterable[Explanation]) -> str:
    """What an error line means: the meaning, where to look, and the rules that detect it."""
    names = {row["code"]: row["name"] for row in table("catalogue")}
    return "\n\n".join(_paragraph(x, names) for x in found) + "\n"


def _paragraph(item: Explanation, names: dict[str, str]) -> str:
    said = (item.meaning, f"Look: {item.look}", f"Rules: {', '.join(f'{x} {names[x]}' for x in item.codes)}")
    return "\n".join(
        textwrap.fill(printable(x, 2000), 80, subsequent_indent="  " if i else "") for i, x in enumerate(said)
    )

"""`dualstack explain`: a code, a name, a pasted error line, or a host that a server listens on."""

import sys
from typing import Any

import click

from dualstack.cli import options


@click.command(name="explain", context_settings={"ignore_unknown_options": True})
@click.argument("words", metavar="CODE|NAME|LINE|HOST", nargs=-1)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@options.output
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """Say what a rule code (DS205), a rule name, a log's error line or a host means.

    For a line: which rules detect it and what to look at. Quote it, or pipe it in. For a host, such as 0.0.0.0,
    "[::]" or localhost:4317: what it becomes when a server of each runtime listens on it.

    Exit status: 0, or 3 where the line is not known.
    """
    from dualstack.reach import hosts
    from dualstack.report.verbs import catalogue

    text = " ".join(given["words"]) or _piped()
    if not text.strip():
        options.refuse("Nothing to explain. Give a code, a rule name, or an error line in quotes.")
    wanted = [x for x in catalogue.entries() if text.strip().upper() == x.code or text.strip().lower() == x.name]
    if wanted:
        said = catalogue.as_json(wanted) if given["form"] == "json" else catalogue.explained_rule(wanted[0])
        options.write(said, given["path"])
        return 0
    if catalogue.looks_like_code(text):
        options.refuse(f"`{text.strip()[:40]}` is no rule. `dualstack rules` lists them all.")
    meanings = hosts.meanings(text)
    if meanings:
        shown = catalogue.host_as_json if given["form"] == "json" else catalogue.explained_host
        options.write(shown(text, meanings), given["path"])
        return 0
    return _explain_line(text, given)


def _piped() -> str:
    """What comes in on stdin, whatever its bytes; nothing from a terminal, or where stdin is closed."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read(1 << 20).decode(errors="replace")


def _explain_line(text: str, given: dict[str, Any]) -> int:
    from dualstack.reach.explain import explain_line
    from dualstack.report.verbs import catalogue

    found = explain_line(text)
    if given["form"] == "json":
        options.write(catalogue.line_as_json(found), given["path"])
    elif found:
        options.write(catalogue.explained_line(found), given["path"])
    else:
        options.write("This line is not known. Paste the whole line, as the program wrote it.\n", given["path"])
    return 0 if found else 3

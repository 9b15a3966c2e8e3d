"""Builds the site with Sphinx. The page of a rule is its own docstring, written into `docs/rules/` at each build."""

import inspect
import re
from pathlib import Path

from dualstack import __version__
from dualstack.rules.registry import Rule, rules

project = "dualstack"
author = "the dualstack authors"
version = release = __version__
extensions = ["myst_parser"]
html_theme = "alabaster"
html_theme_options = {"description": "OTLP over IPv4 and IPv6", "page_width": "72rem", "fixed_sidebar": True}
html_show_copyright = False  # LICENSE says it
myst_heading_anchors = 2
suppress_warnings = ["misc.highlighting_failure"]  # an example may hold YAML that is wrong on purpose

EXAMPLE = re.compile(r"```(\w+) (fires|quiet)$", re.MULTILINE)
LEXERS = {"env": "ini"}
"""What Pygments calls the languages of examples that it knows by another name."""


def summary(rule: Rule) -> str:
    """The first line of a rule's documentation."""
    return inspect.cleandoc(rule.documentation).splitlines()[0]


def page(rule: Rule) -> str:
    """A rule's documentation as one Markdown page."""
    facts = f"Severity: {rule.severity}. Hop: {rule.hop}."
    text = inspect.cleandoc(rule.documentation)
    text = EXAMPLE.sub(lambda x: f"{x[2].title()}:\n\n```{LEXERS.get(x[1], x[1])}", text)
    return f"# {rule.code} {rule.name}\n\n{facts}\n\n{text}\n"


def index(found: tuple[Rule, ...]) -> str:
    """The list of all rules, with the summary line of each."""
    rows = [f"| [{x.code}]({x.code}.md) | {x.name} | {x.severity} | {summary(x)} |" for x in found]
    tree = ["```{toctree}", ":hidden:", *(x.code for x in found), "```"]
    return "\n".join(["# Rules", "", "| code | name | severity | |", "|---|---|---|---|", *rows, "", *tree, ""])


folder = Path(__file__).with_name("rules")
folder.mkdir(exist_ok=True)
pages = {"index.md": index(rules()), **{f"{x.code}.md": page(x) for x in rules()}}
for stale in {x.name for x in folder.iterdir()} - pages.keys():
    (folder / stale).unlink()
for name, text in pages.items():
    (folder / name).write_text(text, encoding="utf-8")

"""`dualstack demo`: receivers broken on purpose, and what the tool says of each."""

from typing import TYPE_CHECKING

import click

from dualstack.cli import options

if TYPE_CHECKING:
    from dualstack.lab.demo import Shown

_NEXT = """
Now your own:
  dualstack diagnose                     every OTLP receiver on this host
  dualstack diagnose http://HOST:4318    one that a client cannot reach
  dualstack explain DS205                what a code means, and how to mend it
"""


@click.command(name="demo")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def command(color: str) -> int:
    """Break real OTLP receivers on purpose and diagnose each.

    They run on loopback ports of this machine and end with the demonstration.
    As root, two more run in network namespaces of their own. Nothing outside
    the machine is touched, nothing stays.

    Exit status: 0 every fault was found, 1 one was not, 3 nothing could be
    shown, 130 interrupted.
    """
    from dualstack.lab.demo import shown

    colored = options.color_wanted(color, None)
    done: list[Shown] = []
    for each in shown():
        done.append(each)
        options.write(_text(len(done), each, colored=colored), None)
    options.write(f"{_summary(done)}\n{_NEXT}", None)
    if all(x.skipped for x in done):
        return 3
    return 0 if all(x.found or x.skipped for x in done) else 1


def _text(number: int, shown: "Shown", *, colored: bool) -> str:
    from dualstack.report.text import render

    head = f"{number}. {shown.fault.broken}"
    head = click.style(head, bold=True) if colored else head
    if shown.diagnosis is None:
        return f"{head}\nSkipped: {shown.skipped}.\n\n"
    said = render(shown.diagnosis, color=colored, depth="brief")
    missed = "" if shown.found else "This is not what was broken: a defect of dualstack, please report it.\n"
    return f"{head}\n{said}{missed}\n"


def _summary(done: "list[Shown]") -> str:
    seen = [x for x in done if not x.skipped]
    skipped = f", {len(done) - len(seen)} skipped" if len(seen) < len(done) else ""
    return f"{sum(x.found for x in seen)} of {len(seen)} diagnoses found what was broken{skipped}."

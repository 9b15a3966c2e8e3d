"""`dualstack rules`: the catalogue."""

from typing import Any

import click

from dualstack.cli import options


@click.command(name="rules")
@options.text("--select", default="", metavar="CODES", help="Only these, such as DS201,DS3.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@options.output
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """List every rule code with its name, its severity, and what it is checked from.

    `static` is from files (`dualstack lint`), `live` from a running system
    (`dualstack diagnose`). `dualstack explain CODE` tells more.
    """
    from dualstack.report.verbs.catalogue import as_json, as_text, entries
    from dualstack.rules.registry import UnknownCode

    try:
        found = entries(given["select"])
    except UnknownCode as error:
        options.refuse(error)
    options.write(as_json(found) if given["form"] == "json" else as_text(found), given["path"])
    return 0

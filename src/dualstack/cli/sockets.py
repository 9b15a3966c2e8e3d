"""`dualstack sockets`: what listens here, and for which families."""

from typing import Any

import click

from dualstack.cli import options


@click.command(name="sockets")
@click.argument("ports", metavar="[PORT]...", nargs=-1, type=options.Port(1, 65535))
@options.vantage
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@options.output
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """List listening TCP and bound UDP sockets and the families that each accepts.

    Owner and runtime stand beside. Name ports to see only those.

    Exit status: 0, or 2 where the sockets cannot be read.
    """
    from dualstack.gather.errors import BadInput
    from dualstack.pipeline import listeners_of

    try:
        found = listeners_of(given["netns"], given["ports"])
    except BadInput as error:
        options.refuse(error)
    except OSError as error:
        options.refuse(f"The sockets cannot be read: {error.strerror or error}.")
    if given["form"] == "json":
        from dualstack.report.verbs.sockets import as_json

        text = as_json(found)
    else:
        from dualstack.report.verbs.sockets import as_text

        text = as_text(found)
    options.write(text, given["path"])
    return 0

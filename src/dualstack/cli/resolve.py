"""`dualstack resolve`: what a name yields, by source and by client."""

from typing import Any

import click

from dualstack.cli import options


@click.command(name="resolve")
@click.argument("name", metavar="NAME")
@options.vantage
@click.option("--client", "clients", multiple=True, metavar="RUNTIME[@VERSION]", help="Only this client's order.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@options.output
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """Show what NAME yields: the C library, the hosts file, each nameserver.

    Then the order in which each kind of client tries the addresses.

    Exit status: 0 it has an address, 1 it has none, 2 bad usage.
    """
    from dualstack.gather.errors import BadInput
    from dualstack.model.target import BadTarget, parse_target
    from dualstack.pipeline import names_of
    from dualstack.reach.dial import parse_client
    from dualstack.report.verbs import names

    try:
        host = parse_target(given["name"])[0].host
        wanted = tuple(map(parse_client, given["clients"]))
        found, routes = names_of(given["netns"], host)
    except (BadInput, BadTarget, ValueError) as error:
        options.refuse(error)
    answer = names.answer(host, found, routes, wanted)
    options.write(names.as_json(answer) if given["form"] == "json" else names.as_text(answer), given["path"])
    return 0 if answer.addresses else 1

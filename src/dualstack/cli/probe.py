"""`dualstack probe`: the probes alone."""

from typing import Any

import click

from dualstack.cli import options


@click.command(name="probe")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@options.vantage
@options.probing
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@options.output
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """Export to every address of TARGET and print one line for each probe.

    Exit status: 0 every probe was accepted, 1 one was not, 2 bad usage, 3 nothing
    to probe, 130 interrupted.
    """
    from dualstack.cli.request import announcer, request_of
    from dualstack.gather.errors import BadInput
    from dualstack.pipeline import probe
    from dualstack.probe.run import BadProbe
    from dualstack.report.verbs import probes

    request = request_of(given)
    try:
        found = probe(request, announcer(given))
    except (BadInput, BadProbe) as error:
        options.refuse(error)
    options.write(probes.as_json(found) if given["form"] == "json" else probes.as_text(found), given["path"])
    return probes.status(found)

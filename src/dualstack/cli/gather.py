"""`dualstack gather`: the evidence of a cluster in one file, for somebody else or for later."""

import os
import sys
from typing import Any

import click

from dualstack.cli import options
from dualstack.cli.cluster_request import cluster_request, teller


@click.command(name="gather")
@click.argument("targets", metavar="TARGET", nargs=-1)
@options.cluster
@options.text("-o", "--output", "path", default="", metavar="FILE", help="Where to; default: world.tar.zst.")
@click.option("--no-probe", is_flag=True, help="Make no export; store what the API server says.")
@click.option("--timeout", type=click.FloatRange(0.05, 60), default=10.0, show_default=True, help="Seconds an answer.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr.")
@click.option("-v", "--verbose", is_flag=True, help="Say on stderr what is being asked.")
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """Store what a diagnosis of TARGET needs, with what was not allowed and why.

    TARGET is svc/NAME, pod/NAME, deploy/NAME, ds/NAME, sts/NAME or
    collector/NAME. Secrets are never read. `dualstack diagnose --from FILE`
    gives the same answer on another machine.
    """
    from dualstack import __version__
    from dualstack.cluster import gather
    from dualstack.gather.archive import packed
    from dualstack.gather.errors import BadInput

    request = cluster_request(given)
    path = given["path"] or "world.tar.zst"
    if path == "-" and sys.stdout.isatty():
        options.refuse("The archive is no text. Name a file with `-o FILE`, or send it on with a pipe.")
    try:
        world = gather(request, teller(given))
    except BadInput as error:
        options.refuse(error)
    _write(path, packed(world, __version__))
    if not given["quiet"]:
        counts = ", ".join(f"{len(v)} {k}" for k, v in world.objects.items() if v)
        click.echo(f"{path}: {counts}; {len(world.gaps)} kinds of evidence could not be had.", err=True)
    return 0


def _write(path: str, body: bytes) -> None:
    if path == "-":
        sys.stdout.buffer.write(body)
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it tells much of a cluster
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
    except OSError as error:
        options.refuse(f"`-o {path}` cannot be written: {error.strerror}.")

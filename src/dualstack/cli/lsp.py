"""`dualstack lsp`: the review of files as a language server, for editors."""

import os
from typing import Any

import click

from dualstack.cli import options
from dualstack.model.question import Question


@click.command(name="lsp")
@options.text("--collector-version", default="", metavar="X.Y.Z", help="Judge for this Collector.")
@click.option("--expect", type=click.Choice(list(options.EXPECTED)), help="Insist on these families.")
@options.text(
    "--cluster-families", default="", metavar="IPv4,IPv6", help="Families of the cluster, that of pods first."
)
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """Answer an editor on standard input and output.

    It shows the findings of `dualstack lint` while a file is written, says
    what an address binds and leads to, and offers the fixes. An editor starts
    it by itself; it needs pygls: pip install 'dualstack[lsp]'.

    Exit status: 0 when the editor is done, 2 bad usage, 130 interrupted.
    """
    from dualstack.cli.request import version_of
    from dualstack.review import Review

    try:
        from dualstack.editor.server import serve
    except ModuleNotFoundError as error:
        options.refuse(f"{error.name} is not installed, and a language server needs it: pip install 'dualstack[lsp]'.")
    question = Question(
        expect=options.EXPECTED.get(given["expect"] or "", ()), cluster=options.families(given["cluster_families"])
    )
    serve(Review(question=question, environ=dict(os.environ), collector_version=version_of(given["collector_version"])))
    return 0

"""`dualstack lint`: files under review, without a system to look at."""

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from dualstack.cli import options
from dualstack.cli.app import INTERRUPTED
from dualstack.model.text import printable
from dualstack.report import formats

if TYPE_CHECKING:
    from dualstack.review import Mended, Review, Reviewed

_SEVERITIES = ("info", "warning", "error", "never")
_LONGEST = 1000


@click.command(name="lint")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@options.text("--collector-version", default="", metavar="X.Y.Z", help="Judge for this Collector.")
@click.option("--expect", type=click.Choice(list(options.EXPECTED)), help="Insist on these families.")
@options.text(
    "--cluster-families", default="", metavar="IPv4,IPv6", help="Families of the cluster, that of pods first."
)
@options.text("--select", default="", metavar="CODES", help="Only these rules, such as DS101,DS5.")
@options.text("--ignore", default="", metavar="CODES", help="Not these rules.")
@click.option(
    "--fail-on", type=click.Choice(_SEVERITIES), default="error", show_default=True, help="Exit 1 from here on."
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever is found.")
@click.option("--statistics", is_flag=True, help="Count the findings by rule instead of telling them.")
@click.option("--fix", is_flag=True, help="Change the files where that is safe.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also where it changes who can connect.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--helm", is_flag=True, help="Render charts with helm, and judge what they make.")
@options.text("--stdin-filename", default="", metavar="NAME", help="What `-` is called in the report.")
@click.option("--format", "form", type=click.Choice(formats()), default="text", show_default=True)
@options.output
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """Find endpoints in files that will not work, or not over each family.

    PATH is a file, a folder, or `-`; without any, this folder. Collector
    configurations, Kubernetes manifests, values of charts, Compose files, units
    and .env files are known by what stands in them.

    Exit status: 0 nothing wrong, 1 findings, 2 bad usage or input, 3 nothing
    was understood, 130 interrupted.
    """
    from dualstack.cli.progress import progress
    from dualstack.gather.errors import BadInput
    from dualstack.patch.files import Unwritable
    from dualstack.review import mend, review

    if given["statistics"] and given["form"] not in ("text", "json"):
        options.refuse(f"`--statistics` is text or JSON, not {given['form']}.")
    request = _request(given)
    try:
        with progress(wanted=not given["quiet"]) as tell:
            found = review(request, tell)
        if given["fix"] or given["diff"]:
            mended = mend(request, found, unsafe=given["unsafe_fixes"])
            return _mended(mended, given)
    except (BadInput, Unwritable) as error:
        options.refuse(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    options.write(_rendered(found, given), given["path"])
    return _status(found, given)


def _request(given: dict[str, Any]) -> "Review":
    from dualstack.cli.request import version_of
    from dualstack.model.question import Question
    from dualstack.review import STDIN, Review
    from dualstack.rules.registry import UnknownCode, choose, static_rules

    try:
        chosen = (
            choose(given["select"], given["ignore"], static_rules()) if given["select"] or given["ignore"] else None
        )
    except UnknownCode as error:
        options.refuse(error)
    paths = given["paths"] or (".",)
    return Review(
        paths,
        stdin=sys.stdin.buffer.read() if STDIN in paths else b"",
        stdin_name=given["stdin_filename"] or STDIN,
        question=Question(
            expect=options.EXPECTED.get(given["expect"] or "", ()), cluster=options.families(given["cluster_families"])
        ),
        environ=dict(os.environ),
        collector_version=version_of(given["collector_version"]),
        chosen=chosen,
        helm=given["helm"],
    )


def _rendered(found: "Reviewed", given: dict[str, Any]) -> str:
    from dualstack.report.verbs import review as report

    if given["statistics"]:
        counted = report.statistics_as_json if given["form"] == "json" else report.statistics
        return counted(found.diagnosis.findings)
    if given["form"] != "text":
        return str(importlib.import_module(f"dualstack.report.{given['form']}").render(found.diagnosis))
    color = options.color_wanted(given["color"], given["path"])
    return report.render(found.diagnosis, quiet=given["quiet"], verbose=given["verbose"], color=color)


def _mended(mended: "Mended", given: dict[str, Any]) -> int:
    """Show the changes, or make them and tell what is left."""
    from dualstack.patch.files import rewrite
    from dualstack.report.verbs.review import unified

    if given["diff"]:
        options.write(unified({k: v.text for k, v in mended.before.items()}, mended.after), given["path"])
        changes = mended.done and not given["exit_zero"]
        return 1 if changes and not mended.reviewed.errors else _status(mended.reviewed, {**given, "fail_on": "never"})
    for path, text in mended.before.items():
        rewrite(path, text.mark + text.text.encode(text.encoding), text.mark + mended.after[path].encode(text.encoding))
    options.write(_rendered(mended.reviewed, given), given["path"])
    click.echo(f"Mended {mended.done} in {len(mended.before)} file{'s' * (len(mended.before) != 1)}.", err=True)
    return _status(mended.reviewed, given)


def _status(found: "Reviewed", given: dict[str, Any]) -> int:
    for error in found.errors:
        click.echo(f"dualstack: {printable(str(error), _LONGEST)}.", err=True)
    if found.errors:
        return 2
    if found.diagnosis.verdict == "unknown":
        return 0 if given["exit_zero"] else 3
    counted = _SEVERITIES[_SEVERITIES.index(given["fail_on"]) :]
    return int(not given["exit_zero"] and any(x.severity in counted for x in found.diagnosis.findings))

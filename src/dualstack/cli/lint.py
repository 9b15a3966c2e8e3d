"""`dualstack lint`: files under review, without a system to look at."""

import importlib
import sys
from typing import TYPE_CHECKING, Any

import click

from dualstack.cli import options
from dualstack.cli.app import INTERRUPTED
from dualstack.model.text import printable
from dualstack.report import formats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dualstack.gather.errors import BadFile
    from dualstack.gather.files import Text
    from dualstack.review import Mended, Review, Reviewed

_LONGEST, _UNKNOWN = 1000, 3
_SEVERITIES = ("info", "warning", "error", "never")


@click.command(name="lint")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@options.text("--collector-version", default="", metavar="X.Y.Z", help="Judge for this Collector.")
@click.option("--expect", type=click.Choice(list(options.EXPECTED)), help="Insist on these families.")
@options.text(
    "--cluster-families", default="", metavar="IPv4,IPv6", help="Families of the cluster, that of pods first."
)
@click.option("--config", "configs", multiple=True, metavar="FILE", help="Merge these, as the Collector does.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="With --config: what the Collector is told."
)
@options.text("--select", default="", metavar="CODES", help="Only these rules, such as DS101,DS5.")
@options.text("--ignore", default="", metavar="CODES", help="Not these rules.")
@options.text("--changed-since", default="", metavar="REV", help="Only findings in lines changed since this revision.")
@options.text("--baseline", default="", metavar="FILE", help="Only findings that this file does not have.")
@options.text("--write-baseline", default="", metavar="FILE", help="Keep the findings in this file, and exit 0.")
@click.option("--fail-on", type=click.Choice(_SEVERITIES), help="Exit 1 from here on.  [default: error]")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever is found.")
@click.option("--statistics", is_flag=True, help="Count the findings by rule instead of telling them.")
@click.option("--explain-file", is_flag=True, help="Tell what was understood instead of what is wrong.")
@click.option("--fix", is_flag=True, help="Change the files where that is safe.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also where it changes who can connect.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Processes that read; the answer is the same.")
@click.option("--helm", is_flag=True, help="Render charts with helm, and judge what they make.")
@options.text("--stdin-filename", default="", metavar="NAME", help="What `-` is called in the report.")
@click.option("--format", "form", type=click.Choice(formats()), default="text", show_default=True)
@options.output
def command(**given: Any) -> int:  # noqa: ANN401 -- click hands over what it parsed
    """Find endpoints in files that will not work, or not over each family.

    PATH is a file, a folder, or `-`; without any, this folder. Collector
    configurations, Kubernetes manifests, values of charts, Compose files, units
    and .env files are known by what stands in them.

    `[tool.dualstack]` in pyproject.toml, or dualstack.toml, can say the same as
    the options, and `exclude` and `per-file-ignores`.

    Exit status: 0 nothing wrong, 1 findings, 2 bad usage or input, 3 nothing
    was understood, 130 interrupted.
    """
    from dualstack.cli.lint_request import review_of, settings_of
    from dualstack.gather.errors import BadInput
    from dualstack.rules.registry import UnknownCode

    if given["statistics"] and given["form"] not in ("text", "json"):
        options.refuse(f"`--statistics` is text or JSON, not {given['form']}.")
    try:
        settings = settings_of(given)
        given["fail_on"] = given["fail_on"] or settings.settings.fail_on or "error"
        return _done(review_of(given, settings), given)
    except (BadInput, UnknownCode) as error:
        options.refuse(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def _done(request: "Review", given: dict[str, Any]) -> int:
    """What is asked for: an explanation, a baseline, changes, or a report."""
    from dualstack.cli.progress import progress
    from dualstack.review import lint, mend

    if given["explain_file"]:
        return _explained(request, given)
    with progress(wanted=not given["quiet"]) as tell:
        found = lint(request, tell)
    if given["write_baseline"]:
        return _kept(found, given)
    if given["fix"] or given["diff"]:
        return _mended(request, mend(request, found, unsafe=given["unsafe_fixes"]), given)
    options.write(_rendered(found, given), given["path"])
    _tell_gone(request, found)
    return _status(found, given)


def _explained(request: "Review", given: dict[str, Any]) -> int:
    from dualstack.report.verbs import understood as report
    from dualstack.review import explained

    understood, errors = explained(request)
    color = options.color_wanted(given["color"], given["path"])
    said = report.render_json(understood) if given["form"] == "json" else report.render(understood, color=color)
    options.write(said, given["path"])
    return _unreadable(errors)


def _kept(found: "Reviewed", given: dict[str, Any]) -> int:
    from dualstack.gather.baseline import entries, rendered

    path = given["write_baseline"]
    options.write(rendered(entries(found.every, path)), path)
    click.echo(f"Kept {len(found.every)} finding{'s' * (len(found.every) != 1)} in {path}.", err=True)
    return _unreadable(found.errors)


def _tell_gone(request: "Review", found: "Reviewed") -> None:
    """Say how much of a baseline is of no use any more."""
    from dualstack.rules.registry import static_rules

    if request.baseline is None:
        return
    ran = {x.code for x in (static_rules() if request.chosen is None else request.chosen)}
    gone = request.baseline.gone(found.every, found.read, ran)
    if gone:
        path = request.baseline.path
        said = "1 finding of it is" if gone == 1 else f"{gone} findings of it are"
        click.echo(f"note: {path}: {said} gone; `--write-baseline {path}` takes them away", err=True)


def _rendered(found: "Reviewed", given: dict[str, Any]) -> str:
    if given["form"] != "text" and not given["statistics"]:
        return str(importlib.import_module(f"dualstack.report.{given['form']}").render(found.diagnosis))
    from dualstack.report.verbs import review as report

    if given["statistics"]:
        counted = report.statistics_as_json if given["form"] == "json" else report.statistics
        return counted(found.diagnosis.findings)
    color = options.color_wanted(given["color"], given["path"])
    return report.render(found.diagnosis, quiet=given["quiet"], verbose=given["verbose"], color=color)


def _mended(request: "Review", mended: "Mended", given: dict[str, Any]) -> int:
    """Show the changes, or make them and tell what is left."""
    from dualstack.report.verbs.review import unified
    from dualstack.review import STDIN, lint

    if given["diff"]:
        before = {k: _marked(v, v.text) for k, v in mended.before.items()}
        options.write(
            unified(before, {k: _marked(mended.before[k], v) for k, v in mended.after.items()}), given["path"]
        )
        changes = bool(mended.done) and not given["exit_zero"]
        return 1 if changes and not mended.reviewed.errors else _status(mended.reviewed, {**given, "fail_on": "never"})
    piped = STDIN in request.paths
    refused = [
        x for x in mended.before.items() if not (piped and x[0] == request.stdin_name) and not _wrote(*x, mended)
    ]
    left = lint(request) if refused else mended.reviewed
    if piped:
        _pass_on(request, mended)
        click.echo(_rendered(left, given), err=True, nl=False)
    else:
        options.write(_rendered(left, given), given["path"])
    files = len(mended.before) - len(refused)
    done = sum(n for path, n in mended.done_in.items() if path not in dict(refused))
    click.echo(f"Mended {done} in {files} file{'s' * (files != 1)}.", err=True)
    return 2 if refused else _status(left, given)


def _marked(text: "Text", said: str) -> str:
    """A text with the byte order mark that its file begins with."""
    return ("\ufeff" if text.mark else "") + said


def _wrote(path: str, text: "Text", mended: "Mended") -> bool:
    from dualstack.patch.files import Unwritable, rewrite

    try:
        rewrite(path, text.raw(text.text), text.raw(mended.after[path]))
    except Unwritable as error:
        click.echo(f"dualstack: {error}", err=True)
        return False
    return True


def _pass_on(request: "Review", mended: "Mended") -> None:
    """What stdin held, mended, to stdout."""
    name = request.stdin_name
    text = mended.before.get(name)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.raw(mended.after[name]) if text else request.stdin)


def _status(found: "Reviewed", given: dict[str, Any]) -> int:
    counted = _SEVERITIES[_SEVERITIES.index(given["fail_on"]) :]
    wrong = any(x.severity in counted for x in found.diagnosis.findings)
    return _unreadable(found.errors) or (0 if given["exit_zero"] else _UNKNOWN if _nothing(found) else int(wrong))


def _nothing(found: "Reviewed") -> bool:
    """Whether nothing in the files was understood, so that nothing is known of them."""
    return found.diagnosis.verdict == "unknown"


def _unreadable(errors: "Iterable[BadFile]") -> int:
    """Tell what could not be read; 2 where there is any."""
    told = list(dict.fromkeys(map(str, errors)))
    for error in told:
        click.echo(f"dualstack: {printable(error, _LONGEST)}.", err=True)
    return 2 if told else 0

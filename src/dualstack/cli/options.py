"""The options that mean the same everywhere, and what becomes of them."""

import contextlib
import functools
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from dualstack.cli import complete
from dualstack.model.address import BOTH, Family
from dualstack.model.patterns import pattern
from dualstack.model.text import printable

_QUOTED = pattern(r"([`'])((?:(?!\1).){200,})\1", re.DOTALL)
"""What somebody typed, where it is so long that it would push the way out beyond the end of the message."""

F = TypeVar("F", bound=Callable[..., Any])
_LONGEST = 1000
_LARGEST = 10_000_000
"""Bytes of a PEM file; the authorities that Mozilla trusts take 200,000."""

EXPECTED = {"ipv4": (Family.IPV4,), "ipv6": (Family.IPV6,), "dual": BOTH}


_FAMILIES = {x.title.lower(): x for x in BOTH}


class Refusal(click.ClickException):
    """Bad usage or unreadable input: one message on stderr, exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """The message, with the name of the tool before it as is the custom."""
        said = _QUOTED.sub(lambda x: f"{x[1]}{printable(x[2])}{x[1]}", self.format_message())
        with contextlib.suppress(OSError):  # the exit status still says it where stderr is a full disk
            click.echo(f"dualstack: {printable(said, _LONGEST)}", file=file or sys.stderr)


def refuse(error: object) -> NoReturn:
    """End the verb with exit status 2 and this message."""
    raise Refusal(str(error))


def _not_empty(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """An option that is there and says nothing is a variable of a script that was never set."""
    source = context.get_parameter_source(parameter.name or "")
    if source is ParameterSource.COMMANDLINE and not (value or "").strip(" ,"):
        raise click.BadParameter("it is empty. Give it a value, or leave it out.")
    return value


def _file(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The file of `-o`, which says a format to kubectl."""
    if value in ("json", "yaml", "name"):
        form = "Write `--format json` for JSON, " if value == "json" else "Write "
        raise click.BadParameter(f"it names a file. {form}`./{value}` for a file of that name.")
    return _not_empty(context, parameter, value)


text = functools.partial(click.option, callback=_not_empty)
"""An option whose value is a text; one that is given and empty is refused."""


def families(spelled: str) -> tuple[Family, ...]:
    """`IPv4,IPv6` as families, the first one first; refuses anything else."""
    words = [x.strip().lower() for x in spelled.split(",") if x.strip()]
    if any(x not in _FAMILIES for x in words) or len(set(words)) < len(words):
        refuse(f"`--cluster-families {spelled}` is none of IPv4, IPv6, `IPv4,IPv6` and `IPv6,IPv4`.")
    return tuple(_FAMILIES[x] for x in words)


class _Seconds(click.FloatRange):
    name = "number of seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 -- click's signature
        """The number; not-a-number lies in every range, for it compares with nothing."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return number


class Port(click.IntRange):
    """The number of a port."""

    name = "port"


def output(command: F) -> F:
    """`-o`, `-q`, `-v` and `--color`."""
    options = (
        click.option(
            "-o", "--output", "path", metavar="FILE", callback=_file, help="Write the report here instead of stdout."
        ),
        click.option("-q", "--quiet", is_flag=True, help="Only the verdict."),
        click.option("-v", "--verbose", is_flag=True, help="Every flow, every finding, progress on stderr."),
        click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True),
    )
    return _all(options, command)


def vantage(command: F) -> F:
    """`--netns`."""
    purpose = "Look from inside this network namespace (NAME, PATH or PID)."
    option = text("--netns", default="", metavar="NAME|PATH|PID", help=purpose)
    return _all((option,), command)


def cluster(command: F) -> F:
    """`-n`, `--context`, `--kubeconfig` and `--all`."""
    options = (
        text(
            "-n",
            "--namespace",
            default="",
            metavar="NAME",
            help="Namespace of the object; default: the context's.",
            shell_complete=complete.namespace,
        ),
        click.option("-A", "--all", "everything", is_flag=True, help="Every OTLP Service and Collector there."),
        text(
            "--context",
            default="",
            metavar="NAME",
            help="Context of the kubeconfig; default: the current one.",
            shell_complete=complete.context,
        ),
        text("--kubeconfig", default="", metavar="FILE", help="Default: KUBECONFIG, then ~/.kube/config."),
    )
    return _all(options, command)


def inside(command: F) -> F:
    """`--inspect`, `--matrix`, and what they use."""
    options = (
        click.option("--inspect", is_flag=True, help="Look into the target's pods, by an ephemeral container."),
        click.option("--matrix", is_flag=True, help="Export from every node, by a short-lived Job on each."),
        text("--node", "hosts", default="", metavar="A,B", help="Inspect the network of these nodes, and no pod."),
        text("--image", default="", metavar="IMAGE", help="Image of these containers, where yours is elsewhere."),
        text("--nodes", default="", metavar="A,B", help="Export from these nodes."),
        click.option("--max-nodes", type=click.IntRange(1, 5000), default=20, show_default=True, help="At most."),
    )
    return _all(options, command)


def privacy(command: F) -> F:
    """`--pseudonymise`, `--key-file` and `--reveal`."""
    options = (
        click.option("--pseudonymise", is_flag=True, help="Replace names and addresses; the diagnosis stays the same."),
        text("--key-file", default="dualstack.key", show_default=True, metavar="FILE", help="Key of the pseudonyms."),
        text("--reveal", default="", metavar="TEXT|-", help="Say what stands behind the pseudonyms in a text."),
    )
    return _all(options, command)


def probing(command: F) -> F:
    """Timeout, TLS and headers of the probes."""
    options = (
        click.option(
            "--timeout",
            type=_Seconds(0.05, 60),
            default=3.0,
            show_default=True,
            help="Seconds for each probe; who took an export has up to 10 to answer it.",
        ),
        text("--ca-file", default="", metavar="FILE", help="Trust the authorities in this PEM file."),
        text("--cert", default="", metavar="FILE", help="Client certificate (PEM), with its key or beside --key."),
        text("--key", default="", metavar="FILE", help="Key of the client certificate (PEM)."),
        click.option("--insecure", is_flag=True, help="Do not verify the server's certificate."),
        click.option("--header", "headers", multiple=True, metavar="K=V", help="Send this header with every export."),
    )
    return _all(options, command)


def _all(options: Sequence[Callable[[F], F]], command: F) -> F:
    return functools.reduce(lambda inner, option: option(inner), reversed(options), command)


def header_pairs(headers: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`K=V` as pairs; refuses anything else."""
    pairs = []
    for text in headers:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            refuse(f"`--header {text}` is not of the form K=V.")
        pairs.append((name.strip(), value))
    return tuple(pairs)


def readable(path: str, option: str) -> str:
    """A file that an option names; refuses one that cannot be read to its end."""
    if path:
        from dualstack.gather.regular import read

        try:
            read(path, _LARGEST)
        except OSError as error:
            refuse(f"`{option} {path}` cannot be read: {error.strerror}.")
    return path


def color_wanted(color: str, path: str | None) -> bool:
    """Whether the report is for a terminal that shows colour (https://no-color.org)."""
    if color != "auto":
        return color == "always"
    return path is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def write(text: str, path: str | None) -> None:
    """The report, to stdout or whole into a file."""
    if path is None or path == "-":
        _print(text)
        return
    try:
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        refuse(f"`-o {path}` cannot be written: {error.strerror}.")


def _print(text: str) -> None:
    """The report on stdout, as its encoding can show it."""
    encoding = sys.stdout.encoding
    shown = text if "…".encode(encoding, "ignore") else text.replace("…", "~")
    click.echo(shown.encode(encoding, "replace").decode(encoding), nl=False, color=True)

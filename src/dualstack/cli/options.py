"""The options that mean the same everywhere, and what becomes of them."""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any, NoReturn, TypeVar

import click

from dualstack.model.address import BOTH, Family
from dualstack.model.text import printable

F = TypeVar("F", bound=Callable[..., Any])
_LONGEST = 1000
EXPECTED = {"ipv4": (Family.IPV4,), "ipv6": (Family.IPV6,), "dual": BOTH}


class Refusal(click.ClickException):
    """Bad usage or unreadable input: one message on stderr, exit status 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """The message, with the name of the tool before it as is the custom."""
        click.echo(f"dualstack: {printable(self.format_message(), _LONGEST)}", file=file or sys.stderr)


def refuse(error: object) -> NoReturn:
    """End the verb with exit status 2 and this message."""
    raise Refusal(str(error))


def output(command: F) -> F:
    """`-o`, `-q`, `-v` and `--color`."""
    options = (
        click.option("-o", "--output", "path", metavar="FILE", help="Write the report here instead of stdout."),
        click.option("-q", "--quiet", is_flag=True, help="Only the verdict."),
        click.option("-v", "--verbose", is_flag=True, help="Every flow, every finding, progress on stderr."),
        click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True),
    )
    return _all(options, command)


def vantage(command: F) -> F:
    """`--netns`."""
    text = "Look from inside this network namespace (NAME, PATH or PID)."
    option = click.option("--netns", default="", metavar="NAME|PATH|PID", help=text)
    return _all((option,), command)


def probing(command: F) -> F:
    """Timeout, TLS and headers of the probes."""
    options = (
        click.option(
            "--timeout", type=click.FloatRange(0.05, 60), default=3.0, show_default=True, help="Seconds for each probe."
        ),
        click.option("--ca-file", default="", metavar="FILE", help="Trust the authorities in this PEM file."),
        click.option("--cert", default="", metavar="FILE", help="Client certificate (PEM)."),
        click.option("--key", default="", metavar="FILE", help="Key of the client certificate (PEM)."),
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
            refuse(f"`--header {text[:40]}` is not of the form K=V.")
        pairs.append((name.strip(), value))
    return tuple(pairs)


def readable(path: str, option: str) -> str:
    """A file that an option names; refuses one that cannot be read."""
    if path:
        try:
            with open(path, "rb"):
                pass
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
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        refuse(f"`-o {path}` cannot be written: {error.strerror}.")


def _print(text: str) -> None:
    """The report on stdout, as its encoding can show it."""
    encoding = sys.stdout.encoding
    shown = text if "…".encode(encoding, "ignore") else text.replace("…", "~")
    click.echo(shown.encode(encoding, "replace").decode(encoding), nl=False, color=True)

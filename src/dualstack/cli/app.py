"""The group of verbs; a verb's module is imported when it is called."""

import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from dualstack import __version__

VERBS = {
    "diagnose": "Find why a client cannot send telemetry here, and prove it.",
    "lint": "Find endpoints in files that will not work over each family.",
    "lsp": "Show the findings of lint in an editor, while a file is written.",
    "gather": "Store the evidence of a cluster in a file, for somebody else.",
    "probe": "Make the probes alone, one line each.",
    "sockets": "List listening sockets and the families they accept.",
    "resolve": "Show what a name yields, by source and by client.",
    "explain": "Say what a code, a rule name or an error line means.",
    "rules": "List the rules.",
    "demo": "Break receivers on this machine on purpose and diagnose each.",
    "lab": "Build broken worlds on this machine and keep the score.",
}
INTERRUPTED = 130


class Verbs(click.Group):
    """A group whose commands are loaded one at a time, for a quick start."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """The verbs in the order in which a user needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """The command of a verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"dualstack.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """The verbs with their purposes, without loading them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, prog_name="dualstack", message="%(prog)s %(version)s")
def command() -> None:
    """Find why telemetry does not reach an OpenTelemetry Collector over IPv4 or IPv6.

    The answer is proved with a real export over each family.

    Start with `dualstack diagnose http://localhost:4318`, or with no target at all.
    """


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit status; nothing that the world does ends in a traceback."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 -- None where it is closed
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        status = command.main(args=argv, prog_name="dualstack", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _show(error)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        _discard_stdout()
        return INTERRUPTED
    except OSError as error:  # what is left: stdout is a full disk
        if error.errno == errno.ENOMEM:
            raise MemoryError(error.strerror) from error
        _discard_stdout()
        _show(click.ClickException(f"{error.strerror or error}."))
        return 2
    return status if isinstance(status, int) else 0


def _show(error: click.ClickException) -> None:
    """One line on stderr; where the command line itself is wrong, with the place that lists what it may be."""
    from dualstack.cli.options import Refusal

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    said, place = error.format_message(), getattr(error, "ctx", None)
    Refusal(f"{said} `{place.command_path} --help` says what can be given." if place else said).show()


def _discard_stdout() -> None:
    """Send what is still to be written nowhere: the interpreter would try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

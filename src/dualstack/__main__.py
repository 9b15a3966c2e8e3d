"""`python -m dualstack` and the `dualstack` command."""

import contextlib
import sys


def main() -> None:
    """Run the command line; exit statuses are those of the contract (0, 1, 2, 3, 130)."""
    if sys.argv[1:] == ["--version"]:
        _print_version()
    from dualstack.cli.app import run

    sys.exit(run())


def _print_version() -> None:
    """Print the version and exit, without the parser of the command line, which takes most of a start.

    Where stdout refuses it, the command line tries once more and says why.
    """
    from dualstack import __version__

    with contextlib.suppress(OSError):
        print(f"dualstack {__version__}", flush=True)  # noqa: T201 -- nothing else is loaded that prints
        sys.exit()


if __name__ == "__main__":
    main()

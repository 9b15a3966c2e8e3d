"""`python -m dualstack` and the `dualstack` command."""

import sys


def main() -> None:
    """Run the command line; exit statuses are those of the contract (0, 1, 2, 3, 130)."""
    from dualstack.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()

"""Help and shell completion."""

import subprocess

import pytest

from dualstack.cli.app import VERBS
from tests.cli.command import ARGV, dualstack, environ


@pytest.mark.parametrize("verb", ["", *VERBS, *(f"lab {x}" for x in ("list", "run", "up", "down", "score"))])
def test_help(verb: str) -> None:
    """Each verb has help within 80 columns that says its exit statuses."""
    done = dualstack(*verb.split(), "--help")

    assert done.returncode == 0
    assert [x for x in done.stdout.splitlines() if len(x) > 80] == []
    assert not verb or "Exit status: 0" in " ".join(done.stdout.split()) or verb in ("rules", "lab", "lab list")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    """The script for a shell is printed, with nothing on stderr."""
    done = dualstack(_DUALSTACK_COMPLETE=f"{shell}_source")

    assert done.stderr == ""
    assert "_dualstack_completion" in done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("dualstack di", {"diagnose"}),
        ("dualstack diagnose --no-", {"--no-probe"}),
        ("dualstack diagnose --expect ", {"ipv4", "ipv6", "dual"}),
        ("dualstack ", set(VERBS)),
    ],
)
def test_completion(typed: str, offered: set[str]) -> None:
    """Verbs, options and the values of options are completed."""
    changes = {
        "_DUALSTACK_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split(" ")) - 1),
    }
    done = subprocess.run(ARGV, check=True, capture_output=True, text=True, env=environ(**changes))

    assert {x.partition(",")[2] for x in done.stdout.splitlines()} == offered

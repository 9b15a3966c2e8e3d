"""Machines that lack what others have: each run gives a whole report, or one sentence; never a traceback."""

import os
import subprocess
from collections.abc import Sequence

import pytest

from dualstack.lab.demo import receiver
from tests.cli.command import ARGV, REFUSED, dualstack, environ, on_terminal
from tests.netns import require

VERBS = (("diagnose", REFUSED), ("resolve", "localhost"))
STATUSES = (1, 0)


def shell(script: str, *argv: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """The command run by a line of shell, in which it is `"$@"`."""
    command = ["sh", "-c", script, "sh", *ARGV, *argv]
    env = environ(**changes)
    return subprocess.run(command, check=False, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL)


def without_mounts(script: str) -> str:
    """A line of shell in which the file system is another one for the command alone."""
    require()
    return f'exec unshare --mount sh -c \'{script} && exec "$@"\' sh "$@"'


@pytest.fixture(scope="module")
def rich() -> list[str]:
    """What this machine says as it is."""
    return [dualstack(*argv).stdout for argv in VERBS]


POOR = {
    "256 descriptors": 'ulimit -n 256; exec "$@"',
    "12 descriptors": 'ulimit -n 12; exec "$@"',
    "no home": 'unset HOME; exec env -u HOME -u USER -u LOGNAME -u PATH -- "$@"',
    "home that is not there": 'HOME=/nonexistent exec "$@"',
    "other hashes": 'PYTHONHASHSEED=7 exec "$@"',
    "no assertions": 'PYTHONOPTIMIZE=1 exec "$@"',
    "no docstrings": 'PYTHONOPTIMIZE=2 exec "$@"',
}


@pytest.mark.parametrize("script", POOR.values(), ids=POOR)
def test_what_is_not_needed_changes_nothing(script: str, rich: list[str]) -> None:
    """The report is the same to the letter, but for the times that it took."""
    for argv, status, expected in zip(VERBS, STATUSES, rich, strict=True):
        done = shell(script, *argv)

        assert (done.returncode, done.stderr) == (status, "")
        assert _timeless(done.stdout) == _timeless(expected)


def _timeless(text: str) -> list[str]:
    return [x.partition(" (connect")[0] for x in text.splitlines()]


MOUNTS = {
    "read-only": "mount -o remount,bind,ro / && mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp",
    "no /proc": "mount -t tmpfs none /proc",
    "hidden processes": "mount -t proc -o hidepid=2 none /proc",
    "empty /etc": "mount -t tmpfs none /etc",
    "no /sys": "mount -t tmpfs none /sys",
    "no /run": "mount -t tmpfs none /run",
}


@pytest.mark.parametrize("script", MOUNTS.values(), ids=MOUNTS)
def test_file_systems_that_lack_something(script: str) -> None:
    """The probe proves the same, and its cause is the same."""
    done = shell(without_mounts(script), "diagnose", REFUSED)

    assert (done.returncode, done.stderr) == (1, "")
    assert "DS211 nothing-listening" in done.stdout
    for argv in (("sockets",), ("resolve", "localhost")):
        other = shell(without_mounts(script), *argv)
        assert "Traceback" not in other.stderr
        assert other.returncode in (0, 1)


def test_without_proc_a_healthy_receiver_is_healthy_all_the_same() -> None:
    with receiver("http", "127.0.0.1", 0) as port:
        done = shell(without_mounts("mount -t tmpfs none /proc"), "diagnose", f"http://127.0.0.1:{port}")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("HEALTHY")


def test_without_proc_no_process_can_be_named_and_none_is_invented() -> None:
    with receiver("http", "127.0.0.1", 0) as port:
        done = shell(without_mounts("mount -t tmpfs none /proc"), "sockets", str(port))

    assert done.stdout.splitlines()[0] == f"tcp  127.0.0.1:{port}  accepts IPv4 on the loopback only"
    assert "not in sight" in done.stdout


@pytest.mark.parametrize("kilobytes", [*range(25_600, 28_400, 200), 24_000, 22_000])
def test_memory_that_runs_out_is_one_sentence(kilobytes: int) -> None:
    done = shell(f'ulimit -v {kilobytes}; exec "$@"', "diagnose", REFUSED)

    assert "Traceback" not in done.stderr
    assert done.returncode == 1 or (done.returncode == 2 and done.stderr.count("\n") == 1)


@pytest.mark.parametrize("name", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_locales(name: str) -> None:
    """What cannot be shown is replaced; what cannot be asked is refused in one sentence."""
    changes = {"LC_ALL": name, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    long = f"http://{'a' * 50}.invalid:4318"

    assert "aaa" in dualstack("diagnose", long, **changes).stdout
    refused = dualstack("resolve", "é.example", **changes)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("columns", ["0", "1", "1000", "many"])
def test_widths_of_a_terminal(columns: str, rich: list[str]) -> None:
    """The report has its own width, and help is there in any."""
    changes = {"COLUMNS": columns}

    assert dualstack("diagnose", REFUSED, **changes).stdout == rich[0]
    assert dualstack("diagnose", "--help", **changes).returncode == 0


@pytest.mark.parametrize("name", ["dumb", "", "no-such-terminal"])
def test_terminals(name: str) -> None:
    status, shown = on_terminal("diagnose", REFUSED, changes={"TERM": name})

    assert status == 1
    assert "DS211 nothing-listening" in shown
    assert name != "dumb" or "\x1b" not in shown


def test_a_user_who_may_start_no_thread() -> None:
    """One sentence with the reason."""
    require()
    uid = str(60000 + os.getpid() % 5000)
    done = dualstack(
        "diagnose", REFUSED, before=("prlimit", "--nproc=1", "setpriv", f"--reuid={uid}", "--clear-groups")
    )

    assert done.returncode == 2
    assert done.stderr == "dualstack: no thread can be started; a limit on processes or memory is reached.\n"


def test_nothing_is_written_anywhere(tmp_path: object) -> None:
    """Not even a cache: the folders that a program may think of stay as they are."""
    before = _listed(str(tmp_path))
    folder = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    shell('cd "$TMPDIR" && exec "$@"', "diagnose", REFUSED, **folder, PYTHONDONTWRITEBYTECODE="1")

    assert _listed(str(tmp_path)) == before


def _listed(folder: str) -> Sequence[str]:
    return sorted(os.listdir(folder))

"""What scripts rely on: exit statuses, what goes to which stream, colour, encodings, interruption."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dualstack.lab.demo import receiver
from tests.cli.command import ARGV, REFUSED, dualstack, environ, on_terminal

COLOR = "\x1b["
LONG_NAME = f"http://{'a' * 50}.invalid:4318"


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """The port of a peer on the loopback that says this to its first client."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        speaker = threading.Thread(target=_answer, args=(server, answer), daemon=True)
        speaker.start()
        yield server.getsockname()[1]
        speaker.join(30)


def _answer(server: socket.socket, answer: bytes) -> None:
    with server.accept()[0] as client:
        client.recv(65536)
        client.sendall(answer)
        while client.recv(65536):
            pass


def test_status_0() -> None:
    """Nothing is wrong."""
    with receiver("grpc", "127.0.0.1", 0) as port:
        assert dualstack("diagnose", f"grpc://127.0.0.1:{port}").returncode == 0
        assert dualstack("probe", f"grpc://127.0.0.1:{port}").returncode == 0
        assert dualstack("sockets", str(port)).returncode == 0


def test_status_1() -> None:
    """Something is wrong, and `--fail-on never` does not count it."""
    assert dualstack("diagnose", REFUSED).returncode == 1
    assert dualstack("probe", REFUSED).returncode == 1
    assert dualstack("diagnose", "--fail-on", "never", REFUSED).returncode == 0


def test_status_3() -> None:
    """There is not enough evidence."""
    assert dualstack("diagnose", "--no-probe", "http://192.0.2.200:4318").returncode == 3
    assert dualstack("explain", "no program ever said this").returncode == 3


def test_name_that_does_not_resolve() -> None:
    """It is the cause, and status 1."""
    done = dualstack("diagnose", "no-such-host.invalid:4317")

    assert "DS408 unresolvable-name" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("argv", "part"),
    [(["diagnose"], "UNKNOWN"), (["diagnose", "--format", "json"], '"interrupted": true'), (["probe"], "cancelled")],
    ids=["text", "json", "probe"],
)
def test_interrupted(argv: list[str], part: str) -> None:
    """Ctrl-C while a peer is silent prints what is known, at once, with status 130."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            ["env", "--default-signal=INT", *ARGV, *argv, "-v", "--timeout", "50", target],  # a job of sh ignores it
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ(),
        )
        assert process.stderr
        assert "probing" in process.stderr.readline()
        with silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)  # the probe itself would take 50 seconds

    assert part in out
    assert "Traceback" not in err
    assert process.returncode == 130


def test_progress_is_for_people() -> None:
    """It is on stderr, with `-v` or on a terminal; a pipe gets the report alone."""
    assert dualstack("diagnose", REFUSED).stderr == ""
    assert dualstack("diagnose", "-v", REFUSED).stderr == "probing 127.0.0.1:1 (http, exports without telemetry)\n"
    assert "probing 127.0.0.1:1" in on_terminal("diagnose", REFUSED)[1]
    assert "probing" not in on_terminal("diagnose", "-q", REFUSED)[1]


@pytest.mark.parametrize(
    ("argv", "changes", "colored"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--color", "never"], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
    ],
)
def test_colour_on_a_terminal(argv: list[str], changes: dict[str, str], colored: bool) -> None:
    """A terminal gets colour, unless the user says otherwise."""
    shown = on_terminal("diagnose", REFUSED, *argv, changes=changes)[1]

    assert (COLOR in shown) is colored


def test_colour_in_a_pipe() -> None:
    """A pipe gets colour only where it is asked for."""
    assert COLOR not in dualstack("diagnose", REFUSED).stdout
    assert COLOR in dualstack("diagnose", "--color", "always", REFUSED).stdout


@pytest.mark.parametrize(
    "argv",
    [("diagnose", REFUSED), ("sockets", "1"), ("resolve", "localhost"), ("rules",), ("explain", "DS205")],
    ids=lambda x: x[0],
)
def test_output_file(tmp_path: Path, argv: tuple[str, ...]) -> None:
    """`-o` takes the very report, and stdout stays empty."""
    file = tmp_path / "report"
    done = dualstack(*argv, "-o", str(file), "--color", "never")

    assert done.stdout == ""
    assert file.read_text() == dualstack(*argv).stdout


@pytest.mark.parametrize("argv", [["rules"], ["diagnose", REFUSED], ["sockets"], ["--help"]], ids=lambda x: x[0])
def test_reader_that_leaves(argv: list[str]) -> None:
    """`| head -1` leaves no traceback."""
    process = subprocess.Popen([*ARGV, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ())
    assert process.stdout
    process.stdout.close()
    assert process.stderr

    assert process.stderr.read() == b""
    process.wait(30)
    process.stderr.close()


def test_no_stdout_at_all() -> None:
    """`>&-` loses the report and keeps the exit status."""
    script = '"$@" >&-'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *ARGV, "diagnose", REFUSED], check=False, capture_output=True, env=environ()
    )

    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("argv", [["diagnose", REFUSED], ["--version"], ["diagnose", "--help"]], ids=" ".join)
def test_full_disk(argv: list[str]) -> None:
    """A report that cannot be written is one message and status 2."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*ARGV, *argv], check=False, stdout=full, stderr=subprocess.PIPE, env=environ())

    assert (done.returncode, done.stderr) == (2, b"dualstack: No space left on device.\n")


CLOSED = ("<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full", "</dev/zero")


@pytest.mark.parametrize(
    ("argv", "status"),
    [(("probe", "-v", REFUSED), 1), (("diagnose", "-v", REFUSED), 1), (("explain", "DS205"), 0), (("frobnicate",), 2)],
    ids=lambda x: str(x[0]) if isinstance(x, tuple) else "",
)
def test_streams_that_are_not_there(argv: tuple[str, ...], status: int) -> None:
    """The exit status is the same with a stream that is closed or full, and what is left of them holds no traceback."""
    for streams in CLOSED:
        command = ["sh", "-c", f'"$@" {streams}', "sh", *ARGV, *argv]
        done = subprocess.run(command, check=False, capture_output=True, env=environ(), stdin=subprocess.DEVNULL)

        assert (streams, done.returncode) == (streams, status)
        assert b"Traceback" not in done.stdout + done.stderr
        assert status != 2 or done.stdout == b""


def test_probes_are_made_though_nobody_can_be_told() -> None:
    """A progress line that cannot be written costs no evidence."""
    command = ["sh", "-c", '"$@" 2>/dev/full', "sh", *ARGV, "diagnose", "-v", REFUSED]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ())

    assert done.stdout == dualstack("diagnose", "-v", REFUSED).stdout


def test_what_is_piped_in_may_be_any_bytes() -> None:
    """A log is not always text; a closed stdin is no line."""
    line = b"\xff\xfe\0 listen tcp: address fd00::5:4317: too many colons in address\n"
    piped = subprocess.run([*ARGV, "explain"], check=False, capture_output=True, input=line, env=environ())
    closed = ["sh", "-c", '"$@" <&-', "sh", *ARGV, "explain"]
    absent = subprocess.run(closed, check=False, capture_output=True, text=True, env=environ())

    assert piped.returncode == 0
    assert b"DS101" in piped.stdout
    assert (absent.returncode, absent.stderr.partition(".")[0]) == (2, "dualstack: Nothing to explain")


def test_ascii() -> None:
    """Where a terminal knows no `…`, another sign stands for it."""
    changes = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}

    assert "aaa…" in dualstack("diagnose", LONG_NAME, LC_ALL="C").stdout
    assert "aaa~" in dualstack("diagnose", LONG_NAME, **changes).stdout
    assert dualstack("diagnose", "http://straße.example:4318", **changes).returncode == 2


@pytest.mark.parametrize("argv", [["diagnose", "-v"], ["probe"], ["diagnose", "--color", "never"]], ids=" ".join)
def test_peer_that_sends_control_characters(argv: list[str]) -> None:
    """What a peer says reaches the terminal escaped."""
    with answering(b"HTTP/1.1 418 \x1b[31mred\x1b]0;title\x07\r\nserver: \x1b[2J\r\ncontent-length: 0\r\n\r\n") as port:
        shown = on_terminal(*argv, f"http://127.0.0.1:{port}", changes={"NO_COLOR": "1"})[1]

    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_width() -> None:
    """No line is wider than 80 columns, but for the lines that are one value: a flow, a path, an endpoint."""
    for argv in (["diagnose", "-v", REFUSED], ["diagnose", "-v", "no-such-host.invalid:4317"]):
        lines = dualstack(*argv).stdout.splitlines()
        assert [x for x in lines if len(x) > 80 and not x.startswith(("flow: ", "  The way of"))] == []

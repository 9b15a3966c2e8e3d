"""Bad input gives one clear message on stderr, exit status 2, and nothing else."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.cli.command import REFUSED, dualstack, on_terminal

LONG = "a" * 300

TEXTS = (
    "--config",
    "--netns",
    "--client",
    "--server",
    "--collector-version",
    "--select",
    "--ignore",
    "--ca-file",
    "--cert",
    "--key",
    "--output",
)

# The command line, and parts of the message.
REFUSALS = [
    (["diagnose", "fd00::1:4317"], ["`[fd00::1:4317]:4317`", "`[fd00::1]:4317`", "ambiguous"]),
    (["diagnose", "http://fd00::1:4317"], ["`http://[fd00::1]:4317`"]),
    (["diagnose", "host:0"], ["`0`", "from 1 to 65535"]),
    (["diagnose", "host:65536"], ["`65536`", "from 1 to 65535"]),
    (["diagnose", "http://host:99999999999"], ["from 1 to 65535"]),
    (["diagnose", "host:-1"], ["`-1`"]),
    (["diagnose", "ftp://host:21"], ["unknown scheme `ftp`", "`grpc://`"]),
    (["diagnose", "http://"], ["has no host"]),
    (["diagnose", "[::1:4317"], ["unbalanced brackets"]),
    (["diagnose", "http://[10.0.0.5]:4318"], ["not an IPv6 address"]),
    (["diagnose", "http://user:secret@host:4318"], ["`--header`"]),
    (["diagnose", "*:4317"], ["`*` is no host"]),
    (["diagnose", ""], ["The target is empty"]),
    (["probe", " "], ["The target is empty"]),
    (["diagnose", LONG], ["neither a host name nor an address"]),
    (["diagnose", f"http://{LONG}:4318"], ["neither a host name nor an address"]),
    (["diagnose", "svc/x", "--kubeconfig", "/no/such"], ["/no/such: cannot be read", "--kubeconfig FILE"]),
    (["diagnose", "--all", "--inspect"], ["`--inspect` and `--matrix` look at one object"]),
    (["diagnose", "svc/a", "--node", "n1"], ["`--node` says what `--inspect` looks at"]),
    (["gather", "-n", "shop", "--matrix"], ["`--inspect` and `--matrix` look at one object"]),
    (["diagnose", "svc/otel:4317"], ["`svc/otel:4317` names no object", "such as `svc/otel`, without a port"]),
    (["diagnose", "svc/otel.obs.svc"], ["no Service has a dot in its name", "`svc/otel -n obs`"]),
    (["diagnose", "svc", "otel", "-n", "obs"], ["`svc otel` is written with a slash: `svc/otel`"]),
    (["diagnose", "rs/x", "-n", "obs"], ["`rs/x` is no object of a cluster", "kinds are svc, pod"]),
    (["diagnose", "svc/a", "svc/b"], ["Name one object of the cluster"]),
    (["diagnose", "svc/a", "-o", "json"], ["it names a file", "`--format json`", "`./json`"]),
    (["rules", "-o", "yaml"], ["it names a file", "`./yaml`"]),
    (["diagnose", "svc/X!"], ["`svc/X!` names no object"]),
    (["diagnose", "--from", "/no/such"], ["/no/such", "cannot be read"]),
    (["diagnose", "--netns", "no-such-place", REFUSED], ["no network namespace", "no-such-place"]),
    (["sockets", "--netns", "no-such-place"], ["no network namespace", "no-such-place"]),
    (["probe", "--netns", "/etc/hosts", REFUSED], ["/etc/hosts is no namespace file"]),
    (["diagnose", "--config", "/no/such.yaml"], ["/no/such.yaml", "No such file"]),
    (["diagnose", "--config", "/tmp"], ["/tmp", "Is a directory"]),
    (["diagnose", "--select", "DS999", REFUSED], ["`DS999` is no rule"]),
    (["diagnose", "--ignore", "nonsense", REFUSED], ["`nonsense` is no rule"]),
    (["rules", "--select", "X"], ["`X` is no rule"]),
    (["explain", "DS999"], ["`DS999` is no rule"]),
    (["explain", ""], ["Nothing to explain"]),
    (["diagnose", "--client", "cobol", REFUSED], ["`cobol` is no known client"]),
    (["diagnose", "--header", "x", REFUSED], ["`--header x`", "K=V"]),
    (["diagnose", "--ca-file", "/no/such.pem", REFUSED], ["/no/such.pem", "No such file"]),
    (["diagnose", "--ca-file", "/etc/hosts", "https://127.0.0.1:1"], ["/etc/hosts"]),
    (["probe", "--cert", "/etc/hosts", "https://127.0.0.1:1"], ["/etc/hosts"]),
    (["diagnose", "--header", "host=x", REFUSED], ["host"]),
    (["probe", "--header", "x=\x1b", REFUSED], ["`x` is not printable ASCII"]),
    (["probe", "--header", "content-length=0", REFUSED], ["`content-length` is set by"]),
    (["diagnose", "--no-probe", "--header", "a b=c", REFUSED], ["`a b` is no name of a header"]),
    (["diagnose", "-o", "/no/such/folder/x", REFUSED], ["/no/such/folder/x", "No such file"]),
    (["diagnose", "-o", "/tmp", REFUSED], ["/tmp", "Is a directory"]),
    (["sockets", "99999"], ["99999"]),
    *((["probe", "--timeout", x, REFUSED], ["'--timeout'", "0.05<=x<=60"]) for x in ("0", "-1", "61", "inf", "1e999")),
    *((["diagnose", "--timeout", x, REFUSED], ["is not a valid number of seconds"]) for x in ("nan", "-NaN", "", "3s")),
    (["sockets", "x"], ["'x' is not a valid port"]),
    *((["diagnose", x, "", REFUSED], [f"'{x}'", "it is empty", "leave it out"]) for x in TEXTS),
    (["diagnose", "--select", " , ", REFUSED], ["'--select'", "it is empty"]),
    (["rules", "--select", ""], ["'--select'", "it is empty"]),
    (["rules", "-o", ""], ["'--output'", "it is empty"]),
    (["diagnose", "--server", "@1", REFUSED], ["`--server @1` is no runtime", "known are"]),
    (["diagnose", "--server", "go@", REFUSED], ["no version", "`go@1.2.3`"]),
    (["diagnose", "--server", "go@x", REFUSED], ["no version", "`go@1.2.3`"]),
    (["diagnose", "--config", "/dev/zero", REFUSED], ["/dev/zero", "not a regular file"]),
    (["diagnose", "--ca-file", "/dev/zero", REFUSED], ["`--ca-file /dev/zero`", "not a regular file"]),
    (["probe", "--cert", "/dev/random", REFUSED], ["`--cert /dev/random`", "not a regular file"]),
    (["diagnose", "--no-probe", "--ca-file", "/no/such.pem", REFUSED], ["/no/such.pem", "No such file"]),
    (["diagnose", "--no-probe", "--ca-file", "/etc/hosts", REFUSED], ["`/etc/hosts` holds no certificate"]),
    (["probe", "--cert", "/etc/hosts", REFUSED], ["`/etc/hosts` holds no certificate"]),
    (["probe", "--key", "/etc/hosts", REFUSED], ["`--key` is given without a certificate", "`--cert FILE`"]),
    (["probe", "//x"], ["`http://x`"]),
    (["diagnose", ":" * 50000], ["Write `host:4317`"]),
    (["diagnose", "--bogus"], ["--bogus"]),
    (["frobnicate"], ["frobnicate"]),
    (["probe"], ["TARGET"]),
]


@pytest.mark.parametrize(("argv", "parts"), REFUSALS, ids=lambda x: " ".join(x)[:50])
def test_refused(argv: list[str], parts: list[str]) -> None:
    """It says what is wrong, exits with 2 and writes no report."""
    done = dualstack(*argv)

    assert (done.returncode, done.stdout) == (2, "")
    assert [x for x in parts if x not in done.stderr] == []
    assert done.stderr.startswith("dualstack: ")
    assert done.stderr.count("\n") == 1


def test_what_has_no_end_and_what_never_begins(tmp_path: Path) -> None:
    """A FIFO that nobody writes to is not waited for, and a file larger than all memory is not read."""
    fifo, large = tmp_path / "fifo", tmp_path / "large"
    os.mkfifo(fifo)
    large.touch()
    os.truncate(large, 1 << 40)
    for option in ("--config", "--ca-file", "--cert"):
        for file, said in ((fifo, "not a regular file"), (large, "larger than")):
            done = dualstack("diagnose", option, str(file), REFUSED, before=("prlimit", "--as=2000000000"))

            assert done.returncode == 2
            assert f"{file}" in done.stderr
            assert said in done.stderr


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """It is named, with the reason."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    file = folder / "secret"
    file.touch(0o600)
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    for option in ("--config", "--ca-file", "--cert"):
        done = dualstack("diagnose", option, str(file), REFUSED, before=nobody)

        assert done.returncode == 2
        assert "cannot be read: Permission denied" in done.stderr
    shutil.rmtree(folder)


CONFIGS = [
    ("receivers:\n  otlp: [\n a: }\n", [":3:5:", "is not YAML"]),
    ("receivers:\n\totlp:\n", [":2:1:", "is not YAML"]),
    ("hello\n", [":1:1:", "no Collector configuration"]),
    ("", ["configuration"]),
    (b"\x7fELF\x02\x00\xff\xfe", ["UTF-8"]),
    (b"receivers:\n  otlp: \x00\n", ["zero byte"]),
]


@pytest.mark.parametrize(("content", "parts"), CONFIGS, ids=lambda x: repr(x)[:40])
def test_configuration(tmp_path: Path, content: str | bytes, parts: list[str]) -> None:
    """An unreadable configuration is named with file, and with line and column where it has any."""
    file = tmp_path / "collector.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    done = dualstack("diagnose", "--config", str(file))

    assert (done.returncode, done.stdout) == (2, "")
    assert [x for x in (str(file), *parts) if x not in done.stderr] == []
    assert "Traceback" not in done.stderr


ESCAPED = [
    ["diagnose", "a\x1b[31mb"],
    ["diagnose", "http://a\x1b]0;title\x07b:4318"],
    ["diagnose", "--select", "\x1b[31m"],
    ["diagnose", "--netns", "\x1b[31m"],
    ["diagnose", "--config", "/tmp/\x1b[31m"],
    ["diagnose", "--client", "\x1b[31m"],
    ["diagnose", "-o", "/no/\x1b[31m", REFUSED],
    ["diagnose", "--\x1b[31m"],
    ["\x1b[31m"],
]


@pytest.mark.parametrize("argv", ESCAPED, ids=lambda x: repr(x)[:50])
def test_control_characters(argv: list[str]) -> None:
    """No control character of the command line reaches the terminal as such."""
    status, shown = on_terminal(*argv)

    assert status == 2
    assert "\x1b" not in shown
    assert "\\x1b" in shown

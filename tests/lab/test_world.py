"""Worlds on this machine: built, asked in, and gone without a trace, whatever happens."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dualstack.cli.lab import command
from dualstack.lab.incident import parse
from dualstack.lab.journal import FOLDER, Journal, started_at
from dualstack.lab.topology import CannotBuild, run
from dualstack.lab.world import standing
from tests import netns
from tests.cli.command import ARGV, dualstack, environ
from tests.lab import MINIMAL

NAME = f"lab-test-{os.getpid()}"
"""Of the worlds that this process makes; tests of two processes at a time do not meet."""

SERVED = """
title: A receiver and a nameserver
client:
  nameservers: {10.231.7.53: {collector.test.: {A: [10.231.7.2], AAAA: ["fd00:e7::2"]}}}
server:
  sysctls: {net.ipv6.bindv6only: 1}
  servers: [{run: python, at: "[::]:4318"}]
ask: {targets: ["http://collector.test:4318"], options: [--timeout, "1"]}
expect:
  verdict: healthy
"""


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every test here makes namespaces, and none stays; nor does a process or a folder."""
    netns.require()
    before = left()
    yield
    assert left() == before


def left() -> set[str]:
    """The worlds of this test, their namespaces and the processes in them."""
    folders = (Path("/run/netns"), Path("/etc/netns"), Path(FOLDER))
    found = {str(x) for folder in folders if folder.exists() for x in folder.glob(f"*{NAME}*")}
    return found | {x for x in commands() if NAME in x}


def commands() -> list[str]:
    """The command line of every process, and the folder it works in."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found.append(f"{(entry / 'cmdline').read_text()} {os.readlink(entry / 'cwd')}")
        except OSError:
            continue
    return found


def incident_file(folder: Path, text: str = SERVED) -> str:
    """A file of an incident whose name is told from all others."""
    file = folder / f"{NAME}.yaml"
    file.write_text(text)
    return str(file)


def test_up_and_down(tmp_path: Path) -> None:
    """What stands can be asked as the tour says; two of one name do not meet; all of it is taken down by name."""
    first, second = (dualstack("lab", "up", incident_file(tmp_path)) for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert f"ds-{NAME}-client" in first.stdout
    assert f"ds-{NAME}-2-client" in second.stdout
    words = next(x for x in first.stdout.splitlines() if x.startswith("Ask: ")).split()[2:]
    found = json.loads(dualstack(*words, "--format", "json").stdout)
    assert {x["family"]: x["disposition"] for x in found["traces"]} == {"ipv4": "accepted", "ipv6": "accepted"}

    done = dualstack("lab", "down", NAME, f"{NAME}-2")
    assert done.stdout == f"{NAME} is down.\n{NAME}-2 is down.\n"
    again = dualstack("lab", "down", NAME)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)


def test_the_right_answer(tmp_path: Path) -> None:
    """Status 0, and it is said."""
    done = dualstack("lab", "run", incident_file(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "This is the right answer." in done.stdout


def test_a_wrong_answer(tmp_path: Path) -> None:
    """An expectation that cannot be met is status 1, with what is wrong; the score counts it."""
    text = SERVED.replace("verdict: healthy", "verdict: broken\n  causes: [DS702]")
    file = incident_file(tmp_path, text)
    done = dualstack("lab", "run", file)

    assert done.returncode == 1
    assert "DS702 should stand first, not nothing" in done.stdout
    counted = dualstack("lab", "score", file, "--format", "json")
    document = json.loads(counted.stdout)
    assert counted.returncode == 1
    assert (document["reached"], document["score"]["incidents"], document["score"]["root_first"]) == (False, 1, 0)


def test_three_ways(tmp_path: Path) -> None:
    """The score asks as root, as nobody and without probes."""
    document = json.loads(dualstack("lab", "score", incident_file(tmp_path), "--format", "json").stdout)

    assert set(document["incidents"][0]["judgements"]) == {"full", "unprivileged", "unprobed"}
    assert document["reached"]
    assert document["score"]["withheld"] == 2


@pytest.mark.parametrize(
    "line",
    [
        'servers: [{run: command, words: ["false"], at: "0.0.0.0:1"}]',
        'servers: [{run: command, words: ["no-such-program-anywhere"]}]',
        'servers: [{run: command, words: ["sleep", "60"], starts: false}]',
        'filters: "no rule set"',
        'before: ["false"]',
        "sysctls: {net.no.such: 1}",
        'addresses: {eth0: ["300.1.1.1/24"]}',
    ],
)
def test_what_cannot_be_built(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """It is said why, and what was built by then is gone."""
    monkeypatch.setattr("dualstack.lab.world._READY_SECONDS", 1.0)
    document = yaml.safe_load(MINIMAL + f"server:\n  {line}\n")
    with pytest.raises(CannotBuild, match=r"\w"), standing(parse(document, NAME, "here")):
        pytest.fail("it was built")


def test_another_process_with_the_same_id_is_spared() -> None:
    """A journal older than a process that has the id now does not end it."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        started = started_at(process.pid)
        assert started is not None
        Journal(NAME, processes=[(process.pid, started - 1)]).down()
        assert process.poll() is None
        Journal(NAME, processes=[(process.pid, started)]).down()
        process.wait(10)


def test_without_privileges() -> None:
    """Nobody is told what is needed: status 3."""
    before = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")
    done = dualstack("lab", "run", "wildcard4-rust", before=before)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "wildcard4-rust cannot be built: needs root to make network namespaces.\n"


@pytest.mark.parametrize(
    ("number", "verb", "moment"),
    [
        *((signal.SIGINT, verb, moment) for verb in ("run", "up", "score") for moment in (0, 5, 9)),
        *((number, "run", 5) for number in (signal.SIGTERM, signal.SIGHUP)),
    ],
)
def test_interrupted(tmp_path: Path, number: signal.Signals, verb: str, moment: int) -> None:
    """At any moment: nothing stays, status 130."""
    argv = ["env", "--default-signal=INT,TERM,HUP", *ARGV, "lab", verb, incident_file(tmp_path)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ())
    while not Path(FOLDER, NAME).exists():
        assert process.poll() is None, process.communicate()
    time.sleep(moment / 30)
    os.kill(process.pid, number)
    said = process.communicate(timeout=60)

    assert process.returncode in (130, 0, -signal.SIGINT), said  # 0: it had ended; SIGINT: in the midst of an import
    assert "Traceback" not in said[1]
    if process.returncode == 0 and verb == "up":
        dualstack("lab", "down", NAME)


def test_a_world_of_a_killed_program_can_be_taken_down(tmp_path: Path) -> None:
    """SIGKILL leaves a world; its journal knows what it is made of."""
    process = subprocess.Popen([*ARGV, "lab", "up", incident_file(tmp_path)], env=environ(), stdout=subprocess.DEVNULL)
    while not Path(f"/run/netns/ds-{NAME}-server").exists():
        assert process.poll() is None
    process.kill()
    process.wait()

    assert dualstack("lab", "down", NAME).stdout == f"{NAME} is down.\n"


def test_built_here_and_asked_here() -> None:
    """The namespaces of a world are gone when its block ends in an error."""
    incident = parse(yaml.safe_load(MINIMAL), NAME, "here")
    with pytest.raises(CannotBuild), standing(incident):
        run("ip", "netns", "exec", f"ds-{NAME}-client", "false")
    assert not Path(f"/run/netns/ds-{NAME}-client").exists()
    with standing(incident, stays=True) as journal:
        pass
    assert Path(f"/run/netns/ds-{NAME}-client").exists()
    journal.down()


def test_what_the_user_set_for_his_own_programs_reaches_no_world(tmp_path: Path) -> None:
    """A proxy of the user's is none of the world's."""
    text = SERVED.replace("http://collector.test:4318", "http://[fd00:e7::2]:4318")
    variables = {"http_proxy": "http://192.0.2.1:3128", "NO_PROXY": "10.231.7.2"}
    done = dualstack("lab", "run", incident_file(tmp_path, text), **variables)

    assert (done.returncode, "DS806" in done.stdout) == (0, False), done.stdout


def test_worlds_that_somebody_is_at_work_in_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a name `lab down` takes what was left standing, and a name takes what it names."""
    monkeypatch.setattr("dualstack.lab.journal.FOLDER", str(tmp_path / "lab"))  # not what other tests have standing
    with standing(parse(yaml.safe_load(MINIMAL), NAME, "here")) as journal:
        command.main(["down"], standalone_mode=False)
        assert capsys.readouterr().out == ""
        assert Path(f"/run/netns/ds-{NAME}-client").exists()
        journal.owner = (0, 0)
        journal.save()
        command.main(["down"], standalone_mode=False)
        assert capsys.readouterr().out == f"{NAME} is down.\n"

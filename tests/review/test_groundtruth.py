"""1,132 runs of the real Collector: each configuration is written as a file and reviewed.

An error is found where the Collector refused to start, and none where it started. A run whose outcome no file tells is
listed with the reason, and there nothing may be called an error.
"""

from collections import Counter
from pathlib import Path

import pytest

from dualstack.model.address import BOTH, Family
from dualstack.model.finding import Finding, Severity
from dualstack.model.question import Question
from dualstack.review import Review, lint
from tests.oracle.recorded import RUNS, Run, cause, configuration, label

FAMILIES = {"on": BOTH, "off": (Family.IPV4,)}
# The rule that speaks of what kept a Collector from starting, where it is another one in a file.
SPEAKS = {"DS302": "DS212"}
UNREACHABLE = {"DS217"}
"""What is said of a Collector that started and that nobody can reach."""


def found(run: Run, folder: Path) -> tuple[Finding, ...]:
    """The errors in the configuration of a run, under the families that its network namespace had."""
    path = folder / "collector.yaml"
    path.write_text(configuration(run), encoding="utf-8")
    question = Question(cluster=FAMILIES[run["ipv6"]])
    request = Review((str(path),), question=question, environ=run["env"], collector_version=run["version"])
    reviewed = lint(request)
    assert not reviewed.errors
    return tuple(x for x in reviewed.diagnosis.findings if x.severity is Severity.ERROR)


def untold(run: Run) -> str:
    """The fact that decided a run and that no file tells; empty where the file and the families decide."""
    if run["started"]:
        return ""
    if cause(run) == "DS212":
        return "which addresses the host has"
    if cause(run) == "DS107" and run["endpoint"].startswith("localhost"):
        return "what localhost resolves to"
    return ""


def is_deaf(run: Run) -> bool:
    """Whether the Collector started with sockets for IPv6 alone where there is none; `ss` shows them as `[::]:PORT`."""
    return bool(run["ipv6"] == "off" and run["listen"] and all(x.startswith("[") for x in run["listen"]))


def spoken(run: Run) -> str:
    """The rule that has to speak of a Collector that did not start."""
    if run["env"] and cause(run) == "DS101":
        return "DS102"
    return SPEAKS.get(cause(run), cause(run))


DECIDED = [x for x in RUNS if not untold(x)]
UNTOLD = [x for x in RUNS if untold(x)]


def test_every_run_is_judged_or_listed() -> None:
    assert len(RUNS) == 1132
    assert len(DECIDED) == 1096
    assert Counter(map(untold, UNTOLD)) == {"which addresses the host has": 24, "what localhost resolves to": 12}


@pytest.mark.parametrize("run", DECIDED, ids=label)
def test_an_error_is_found_exactly_where_the_collector_did_not_start(run: Run, tmp_path: Path) -> None:
    codes = {x.code for x in found(run, tmp_path)}

    if is_deaf(run):
        assert codes == UNREACHABLE
    else:
        assert codes == (set() if run["started"] else {spoken(run)})


@pytest.mark.parametrize("run", UNTOLD, ids=label)
def test_what_no_file_tells_is_no_error(run: Run, tmp_path: Path) -> None:
    assert not found(run, tmp_path)


@pytest.mark.parametrize("run", [x for x in DECIDED if not x["started"]], ids=label)
def test_an_error_stands_at_the_value_that_the_collector_refused(run: Run, tmp_path: Path) -> None:
    lines = configuration(run).splitlines()

    for finding in found(run, tmp_path):
        at = finding.location
        assert at
        marked = lines[at.line - 1][at.column - 1 : at.end_column - 1].strip('"')
        assert marked == (run["transport"] if finding.code == "DS108" else run["endpoint"])

"""Asks in the worlds of incidents as a user would, by the command line, with all evidence and without some of it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

import dualstack
from dualstack.lab import programs
from dualstack.lab.incident import Incident
from dualstack.lab.journal import Journal
from dualstack.lab.judge import Judgement, judge, judge_withheld
from dualstack.lab.topology import CannotBuild
from dualstack.lab.world import standing

GOAL = 0.98
"""The share of incidents whose cause has to stand first."""

FULL, UNPRIVILEGED, UNPROBED = "full", "unprivileged", "unprobed"
WAYS = (FULL, UNPRIVILEGED, UNPROBED)
_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
_SECONDS = 120
_PACKAGE = os.path.dirname(os.path.dirname(dualstack.__file__))
_ROOTS = tuple(dict.fromkeys((_PACKAGE, sys.prefix)))


class Scored(msgspec.Struct, frozen=True):
    """One incident: the judgement by way of asking, or why there is none."""

    name: str
    healthy: bool
    judgements: dict[str, Judgement] = {}
    skipped: str = ""

    @property
    def right(self) -> bool:
        """Whether every answer was."""
        return all(x.right for x in self.judgements.values())


class Score(msgspec.Struct, frozen=True):
    """Counts of incidents, of healthy worlds and of answers with evidence withheld; what was skipped, and why."""

    incidents: int
    root_first: int
    all_causes: int
    healthy: int
    false_alarms: int
    withheld: int
    named_withheld: int
    wrong_withheld: int
    right: int
    skipped: dict[str, str]

    @property
    def reached(self) -> bool:
        """Whether the goal is met: causes first, no false alarm, no wrong cause without evidence."""
        measured = self.incidents + self.healthy > 0
        first = self.root_first >= GOAL * self.incidents
        return measured and first and not self.false_alarms and not self.wrong_withheld


def score(results: Sequence[Scored]) -> Score:
    """The figures of these results."""
    ran = [x for x in results if not x.skipped]
    broken = [x.judgements[FULL] for x in ran if not x.healthy]
    fine = [x.judgements[FULL] for x in ran if x.healthy]
    withheld = [y for x in ran for way, y in x.judgements.items() if way != FULL]
    return Score(
        incidents=len(broken),
        root_first=sum(x.root_first for x in broken),
        all_causes=sum(x.all_found for x in broken),
        healthy=len(fine),
        false_alarms=sum(bool(x.alarms) for x in (*fine, *withheld)),
        withheld=len(withheld),
        named_withheld=sum(x.named for x in withheld),
        wrong_withheld=sum(bool(x.wrong) for x in withheld),
        right=sum(x.right for x in ran),
        skipped={x.name: x.skipped for x in results if x.skipped},
    )


def scored(incidents: Sequence[Incident], jobs: int, announce: Callable[[Scored], None]) -> list[Scored]:
    """Every incident in a world of its own, `jobs` at a time; `announce` is called as each ends."""

    def one(incident: Incident) -> Scored:
        result = _scored(incident)
        announce(result)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(one, incidents))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)  # those that run take their worlds down
            raise


def _scored(incident: Incident) -> Scored:
    try:
        with standing(incident) as journal:
            judgements = {way: judged(incident, journal, way) for way in WAYS}
    except CannotBuild as error:
        return Scored(incident.name, incident.healthy, skipped=str(error))
    return Scored(incident.name, incident.healthy, judgements)


def judged(incident: Incident, journal: Journal, way: str = FULL) -> Judgement:
    """The judgement of one answer."""
    status, said, complaint = asked(incident, journal, way, "--format", "json")
    try:
        document = msgspec.json.decode(said)
    except msgspec.DecodeError:
        last = complaint.strip().rpartition("\n")[2]
        nothing = ("no diagnosis",)  # which is worse than a false one, and counts as that
        said = f"no diagnosis, exit status {status}: {last}"
        return Judgement((said,), root_first=False, all_found=False, alarms=nothing, wrong=nothing)
    return (judge if way == FULL else judge_withheld)(incident.expect, document)


def asked(incident: Incident, journal: Journal, way: str, *report: str) -> tuple[int, str, str]:
    """Exit status, report and complaint of `dualstack diagnose` in the namespace that asks, with options of report."""
    prefix = ["ip", "netns", "exec", journal.spaces[incident.ask.by]]
    if incident.places[incident.ask.by].kernel_without_ipv6:
        prefix += [sys.executable, "-P", "-m", "dualstack.lab.without_ipv6"]
    argv = [sys.executable, "-P", "-m", "dualstack", *command(incident, journal, way), *report]
    environ = programs.environ({**incident.ask.env, "PYTHONPATH": _PACKAGE})
    if way == UNPRIVILEGED:
        argv, environ["PYTHONPATH"] = _as_nobody(argv, journal.folder)
    done = subprocess.run(
        [*prefix, *argv], check=False, capture_output=True, text=True, env=environ, timeout=_SECONDS, cwd=journal.folder
    )
    return done.returncode, done.stdout, done.stderr


def command(incident: Incident, journal: Journal, way: str = FULL) -> list[str]:
    """The words after `dualstack`."""
    options = [x.replace("{dir}", journal.folder) for x in incident.ask.options]
    unprobed = ["--no-probe"] if way == UNPROBED and "--no-probe" not in options else []
    return ["diagnose", *incident.ask.targets, *options, *unprobed]


def _as_nobody(argv: Sequence[str], folder: str) -> tuple[list[str], str]:
    """The command for a user without privileges, and where he finds the package.

    What is in a private folder, such as a clone below `/root`, is shown to him in the folder of the world: a mount that
    is gone with the mount namespace that ip-netns(8) makes for the command.
    """
    moved = {x: f"{folder}/seen{i}" for i, x in enumerate(_ROOTS) if not _open_to_all(x)}
    for each in moved.values():
        os.makedirs(each, exist_ok=True)
    mounts = "".join(f"mount --bind {shlex.quote(k)} {shlex.quote(v)}; " for k, v in moved.items())
    words = [_moved(x, moved) for x in argv]
    return ["sh", "-ec", f'{mounts}exec "$@"', "sh", *_NOBODY, *words], _moved(_PACKAGE, moved)


def _moved(path: str, moved: Mapping[str, str]) -> str:
    for old, new in moved.items():
        if path == old or path.startswith(f"{old}/"):
            return new + path.removeprefix(old)
    return path


def _open_to_all(path: str) -> bool:
    """Whether every user may look into a folder, and into all above it."""
    while os.stat(path).st_mode & 0o005 == 0o005:
        if path == "/":
            return True
        path = os.path.dirname(path)
    return False

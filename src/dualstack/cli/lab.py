"""`dualstack lab`: broken worlds on this machine, to look around in, and to measure how often the cause is found."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from dualstack.cli import options

if TYPE_CHECKING:
    from dualstack.lab.incident import Incident
    from dualstack.lab.journal import Journal
    from dualstack.lab.score import Score, Scored

_NAME = click.argument("name", metavar="NAME|FILE.yaml")
_COLOR = click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)


@click.group(name="lab")
def command() -> None:
    """Build broken worlds on this machine, ask in them, and keep the score.

    A world is a few network namespaces with real servers and one fault, or
    none. Nothing outside the machine is touched. Needs root and the `ip`
    command; what else an incident needs is said where it is missing.
    """


@command.command(name="list")
def list_() -> int:
    """List the incidents: name, the causes to be found, and what is broken."""
    from dualstack.lab.incident import load, names

    options.write("".join(f"{_row(load(x))}\n" for x in names()), None)
    return 0


def _row(incident: "Incident") -> str:
    causes = " ".join("/".join(x) for x in incident.expect.roots) or "healthy"
    return f"{incident.name}\n    {causes}: {incident.title}"


@command.command(name="run")
@_NAME
@_COLOR
def run(name: str, color: str) -> int:
    """Build one world, diagnose in it, compare, and take it down.

    Exit status: 0 the answer is right, 1 it is wrong, 3 the world cannot be
    built on this machine.
    """
    from dualstack.lab.score import FULL, asked, command, judged
    from dualstack.lab.world import standing

    incident = _loaded(name)
    colored = "always" if options.color_wanted(color, None) else "never"
    with _built(incident), standing(incident) as journal:
        options.write(f"{incident.title}\n$ {_env(incident)}dualstack {shlex.join(command(incident, journal))}\n", None)
        _, report, complaint = asked(incident, journal, FULL, "--color", colored)
        options.write(report + complaint, None)
        judgement = judged(incident, journal)
    options.write(_answer(judgement.complaints), None)
    return 0 if judgement.right else 1


def _env(incident: "Incident") -> str:
    return "".join(f"{k}={shlex.quote(v)} " for k, v in incident.ask.env.items())


def _answer(complaints: Sequence[str]) -> str:
    if not complaints:
        return "\nThis is the right answer.\n"
    return "".join(["\nThis is a wrong answer, a defect of dualstack:\n", *(f"  - {x}\n" for x in complaints)])


@command.command(name="up")
@_NAME
def up(name: str) -> int:
    """Build one world and leave it standing, to look around in.

    Exit status: 0 it stands, 3 it cannot be built on this machine.
    """
    from dualstack.gather.interrupts import hold_interrupts
    from dualstack.lab.world import standing

    incident = _loaded(name)
    with _built(incident), standing(incident, stays=True) as journal:
        options.write("".join(f"{x}\n" for x in _tour(incident, journal)), None)
        hold_interrupts()  # the user has been told that it stands
    return 0


def _tour(incident: "Incident", journal: "Journal") -> Iterator[str]:
    """Where to look, and how to ask."""
    from dualstack.lab.score import command

    yield incident.title
    for place, space in journal.spaces.items():
        servers = [f"{x.run} {x.at}".strip() for x in incident.places[place].servers]
        yield f"  {place}: network namespace {space}" + (f", with {', '.join(servers)}" if servers else "")
    asker = journal.spaces[incident.ask.by]
    verb, *words = command(incident, journal)
    yield f"Ask:  {_env(incident)}dualstack {verb} --netns {asker} {shlex.join(words)}".rstrip()
    yield f"Look: ip netns exec {asker} bash"
    yield f"End:  dualstack lab down {journal.name}"


@command.command(name="down")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def down(names: tuple[str, ...]) -> int:
    """Take down the worlds of these names, or all that were left standing.

    Exit status: 0 they are down, 2 no world of that name stands.
    """
    from dualstack.lab.journal import opened, standing
    from dualstack.lab.topology import CannotBuild

    for name in names or [x for x in standing() if not opened(x).busy]:
        try:
            opened(name).down()
        except CannotBuild as error:
            options.refuse(f"{error}.")
        options.write(f"{name} is down.\n", None)
    return 0


@command.command(name="score")
@click.argument("names", nargs=-1, metavar="[NAME|FILE.yaml]...")
@click.option("--jobs", type=click.IntRange(1), default=3, show_default=True, help="Worlds at a time.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def score(names: tuple[str, ...], jobs: int, form: str) -> int:
    """Diagnose in every world, or in those named, and count.

    Each world is asked three times: as root, as a user without privileges, and
    without probes.

    Exit status: 0 the goal is reached, 1 it is not, 3 no world could be built.
    """
    from dualstack.lab.incident import names as all_names
    from dualstack.lab.score import score as count
    from dualstack.lab.score import scored

    incidents = [_loaded(x) for x in names or all_names()]
    results = scored(incidents, jobs, _announce)
    figures = count(results)
    options.write(_json(results, figures) if form == "json" else _summary(figures), None)
    if len(figures.skipped) == len(results):
        return 3
    return 0 if figures.reached else 1


def _announce(result: "Scored") -> None:
    """One line on stderr as a world ends, with what was wrong."""
    word = f"skipped: {result.skipped}" if result.skipped else "right" if result.right else "wrong"
    click.echo(f"{result.name}: {word}", err=True)
    for way, judgement in result.judgements.items():
        for complaint in judgement.complaints:
            click.echo(f"  {way}: {complaint}", err=True)


def _json(results: "Sequence[Scored]", figures: "Score") -> str:
    import msgspec

    document = {"schema": "dualstack.score/1", "score": figures, "reached": figures.reached, "incidents": results}
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def _summary(figures: "Score") -> str:
    lines = [
        f"{figures.root_first} of {figures.incidents} incidents: the cause stands first",
        f"{figures.all_causes} of {figures.incidents} incidents: every cause is found",
        f"{figures.false_alarms} false alarms, in {figures.healthy} healthy worlds",
        f"{figures.wrong_withheld} wrong causes in {figures.withheld} answers with evidence withheld",
        f"{figures.named_withheld} of these name the cause all the same",
        f"{len(figures.skipped)} worlds skipped",
        *(f"  {name}: {why}" for name, why in figures.skipped.items()),
        "The goal is reached." if figures.reached else "The goal is missed.",
    ]
    return "".join(f"{x}\n" for x in lines)


def _loaded(name: str) -> "Incident":
    from dualstack.gather.errors import BadInput
    from dualstack.lab.incident import load

    try:
        return load(name)
    except BadInput as error:
        options.refuse(error)


@contextmanager
def _built(incident: "Incident") -> Iterator[None]:
    """A block in which a world that cannot be built ends the program with status 3."""
    from dualstack.lab.topology import CannotBuild

    try:
        yield
    except CannotBuild as error:
        click.echo(f"{incident.name} cannot be built: {error}.", err=True)
        raise click.exceptions.Exit(3) from error

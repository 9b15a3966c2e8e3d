"""Files of incidents: what comes with the program is well formed, and what is not is refused by name and place."""

from pathlib import Path

import pytest

from dualstack.gather.errors import BadInput
from dualstack.lab.incident import load, names
from dualstack.lab.programs import PROGRAMS
from dualstack.model.cluster import Cluster
from dualstack.reach.pods import Places
from dualstack.rules.registry import rules
from tests.lab import MINIMAL


@pytest.mark.parametrize("name", names())
def test_every_incident_can_be_read(name: str) -> None:
    """Its causes are rules, its title is no sentence, and a healthy one says so by its name."""
    incident = load(name)

    assert {x for root in incident.expect.roots for x in root} <= {x.code for x in rules()}
    assert not incident.title.endswith(".")
    assert incident.healthy is name.startswith("healthy-")


def test_every_rule_has_two_disguises() -> None:
    """Every rule that speaks of a host is the expected cause of two incidents at least."""
    expected = [x for name in names() for root in load(name).expect.roots for x in root]
    hosts = [x for x in rules() if x.check and not {Cluster, Places} & {*x.check.takes}]
    lacking = {x.code for x in hosts if expected.count(x.code) < 2} - ON_CLUSTERS

    assert lacking - SYMPTOMS == set()


ON_CLUSTERS = {"DS102", "DS604", "DS701"}
"""What these find on a running system is found on a cluster alone."""

SYMPTOMS = {
    "DS201": "what remains where the receiver's side cannot be seen",
    "DS404": "what remains where the broken path cannot be seen",
    "DS407": "an explanation, no cause",
}.keys()


def test_there_are_enough() -> None:
    """Sixty incidents and twenty-five healthy worlds are the least that a score can rest on."""
    healthy = [load(x).healthy for x in names()]

    assert healthy.count(False) >= 60
    assert healthy.count(True) >= 25


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (MINIMAL, "[1]", "it is not a mapping"),
        (MINIMAL, "a: b: c", "cannot be read: mapping values are not allowed here"),
        (MINIMAL, "\0", "cannot be read"),
        ("title: A world", "layout: star\ntitle: A world", "`layout` is one of alone, pair, routed"),
        ("title: A world", "title: 3", "Expected `str`, got `int` - at `$.title`"),
        ("title: A world", "titel: A world", "titel"),
        ("{verdict: healthy}", "{verdict: fine}", "Invalid enum value 'fine'"),
        ("{verdict: healthy}", "{verdict: healthy, causes: [DS20]}", "$.expect.causes"),
        ("ask: {}", "ask: {by: nobody}", "`ask.by` is one of client, server"),
        ("ask: {}", "ask: {}\nserver: {servers: [{run: cobol}]}", "`cobol` is no program; there are otelcol"),
        ("ask: {}", "ask: {}\nserver: {sysctls: {a: b}}", "in `server`: Expected `int`, got `str`"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    """In one line, with the file and the place in it."""
    file = tmp_path / "world.yaml"
    file.write_text(MINIMAL.replace(old, new))

    with pytest.raises(BadInput) as caught:
        load(str(file))
    assert str(file) in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_leads_to_the_list() -> None:
    """A name that is none is refused with the way out."""
    with pytest.raises(BadInput, match="`dualstack lab list` lists them"):
        load("no-such-thing")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """Its name is that of the file."""
    file = tmp_path / "my-world.yaml"
    file.write_text(MINIMAL)

    assert load(str(file)).name == "my-world"
    assert load(str(file)).healthy


def test_programs_have_their_sources() -> None:
    """What is compiled or run from a file of this package is there."""
    from dualstack.lab.programs import SOURCES

    assert [x for x, y in PROGRAMS.items() if y.source and not Path(SOURCES, y.source).exists()] == []

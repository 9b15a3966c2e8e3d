"""Workflow commands, as the runner of GitHub Actions reads them."""

import re

import pytest
from msgspec.structs import replace

from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.source import Location
from dualstack.report.github import render
from tests.report.reviews import CLEAN, EVIL, SAMPLE, UNBRACKETED, UNKNOWN, hostile
from tests.report.worlds import diagnoses

WHOLE = """\
::error file=deploy/collector.yaml,line=5,endLine=5,col=19,endColumn=31,title=DS101 unbracketed-ipv6-endpoint::\
IPv6 address without brackets.%0AIn `fd00::5:4317` the colons of the address and that of the port cannot be told \
apart.%0AWrite `[fd00::5]:4317`.
::warning file=deploy/a b.yaml,line=2,endLine=2,col=14,endColumn=18,title=DS208 transport-pins-family::\
Transport takes one family.%0A`tcp4` takes IPv4 alone.%0ALeave `transport` out.
::notice file=deploy/a b.yaml,line=9,col=3,title=DS511 external-name-families-elsewhere::\
Name of another cluster.%0ANobody here knows its families.
::notice title=Not seen::chart/service.yaml:4: is a template; lint what it is rendered to
::error file=broken.yaml,line=3,col=7,title=Not readable::broken.yaml:3: is not YAML: a key was expected
"""


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """What the runner makes of lines: level, properties, message (actions/runner, ActionCommand.cs)."""
    found = []
    for line in text.split("\n")[:-1]:
        match = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
        assert match, line
        given = dict(x.split("=", 1) for x in match[2].split(","))
        found.append((match[1], {k: _unescaped(v, (":%3A", ",%2C")) for k, v in given.items()}, _unescaped(match[3])))
    return found


def _unescaped(text: str, more: tuple[str, ...] = ()) -> str:
    for pair in ("\r%0D", "\n%0A", *more, "%%25"):
        text = text.replace(pair[1:], pair[0])
    return text


def test_a_report_from_top_to_bottom() -> None:
    assert render(SAMPLE) == WHOLE


def test_nothing_is_said_of_files_without_findings() -> None:
    assert render(CLEAN) == ""
    assert render(UNKNOWN) == "::warning title=UNKNOWN::nothing was understood, so nothing is known.\n"
    unreadable = replace(UNKNOWN, skipped=SAMPLE.skipped[-1:])
    assert [x for x, _, _ in commands(render(unreadable))] == ["error"]


def test_a_place_of_several_lines_has_no_columns() -> None:
    ((_, given, _),) = commands(
        render(replace(CLEAN, findings=(replace(UNBRACKETED, location=Location("x", 2, 9, 4, 3)),)))
    )

    assert given == {"file": "x", "line": "2", "endLine": "4", "title": "DS101 unbracketed-ipv6-endpoint"}


@pytest.mark.parametrize("diagnosis", diagnoses().values(), ids=diagnoses())
def test_a_system_that_is_not_healthy_is_told_in_one_sentence_first(diagnosis: Diagnosis) -> None:
    found = commands(render(diagnosis))

    healthy = diagnosis.verdict is Verdict.HEALTHY
    assert len(found) == len(diagnosis.findings) + len(diagnosis.skipped) + (not healthy)
    if not healthy:
        assert found[0][1] == {"title": diagnosis.verdict.upper()}


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_hostile_text_gives_no_other_commands(evil: str) -> None:
    given, found = commands(render(SAMPLE)), commands(render(hostile(SAMPLE, evil)))

    assert [x[0] for x in found] == [x[0] for x in given]
    assert [x[1].keys() for x in found] == [x[1].keys() for x in given]
    assert all(x[1].get("line") == y[1].get("line") for x, y in zip(found, given, strict=True))
    assert all(y.isprintable() for x in found for y in (*x[2].split("\n"), *x[1]["title"].split("\n")))
    if evil.isprintable():
        assert found[0][1]["file"] == f"deploy/collector.yaml{evil}"

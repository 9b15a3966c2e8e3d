"""The report for a person, over every documented world and incident."""

import re
from enum import Enum
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import fields, replace

from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.evidence import Evidence
from dualstack.model.finding import Finding, Fix, Severity, Skipped
from dualstack.model.question import Question
from dualstack.model.source import Location
from dualstack.pipeline import conclude
from dualstack.report.text import EVIDENCE, render
from dualstack.report.verbs.lines import WIDTH, wrapped
from dualstack.testing.incident import snapshot
from tests.report.worlds import diagnoses

DEPTHS = ("quiet", "brief", "normal", "verbose")
EACH = pytest.mark.parametrize("diagnosis", diagnoses().values(), ids=diagnoses())
SGR = re.compile(r"\x1b\[[0-9;]*m")  # select graphic rendition, ECMA-48 section 8.3.117
EVIL = "\x1b[2J\x9b31m\u202e\x07\n"

DEGRADED = """
target: http://localhost:4318
names: {localhost: ["::1", 127.0.0.1]}
listeners: ["0.0.0.0:4318 rust rotel"]
probes: ["[::1]:4318 http refused", "127.0.0.1:4318 http accepted"]
"""


def lines(world: str, depth: str = "normal") -> list[str]:
    return render(conclude(snapshot(world)), depth=depth).splitlines()


@EACH
@pytest.mark.parametrize("depth", DEPTHS)
def test_no_line_is_wider_than_a_terminal_but_those_of_flows(diagnosis: Diagnosis, depth: str) -> None:
    wide = [x for x in render(diagnosis, depth=depth).splitlines() if len(x) > WIDTH and not x.startswith("flow: ")]

    assert wide == []


@EACH
def test_the_first_line_is_the_answer(diagnosis: Diagnosis) -> None:
    quiet = render(diagnosis, depth="quiet")

    assert quiet.startswith(f"{diagnosis.verdict.upper()}: exports to ")
    assert render(diagnosis).startswith(quiet)
    assert render(diagnosis, depth="brief").startswith(quiet)


@EACH
def test_every_cause_is_shown_and_symptoms_when_asked_for(diagnosis: Diagnosis) -> None:
    normal, verbose = render(diagnosis), render(diagnosis, depth="verbose")

    every = [f"  {x.code} {x.name} ({x.severity}" for x in diagnosis.findings]
    causes = [f"  {x.code} {x.name} ({x.severity}" for x in diagnosis.findings if not x.because]
    assert sum(normal.count(f"\n{x}") for x in set(every)) == len(causes)
    assert sum(verbose.count(f"\n{x}") for x in set(every)) == len(every)
    assert verbose.count("\nflow: ") == len(diagnosis.traces)


@EACH
def test_there_is_colour_only_when_asked_and_it_changes_no_text(diagnosis: Diagnosis) -> None:
    plain, colored = render(diagnosis), render(diagnosis, color=True)

    assert "\x1b" not in plain
    assert SGR.search(colored)
    assert SGR.sub("", colored) == plain


def hostile(value: Any) -> Any:
    """The value with control characters at the end of every text that it holds."""
    if isinstance(value, Struct):
        return replace(value, **{x.name: hostile(getattr(value, x.name)) for x in fields(value)})
    if isinstance(value, tuple):
        return tuple(map(hostile, value))
    return value + EVIL if isinstance(value, str) and not isinstance(value, Enum) else value


@pytest.mark.parametrize("depth", [*DEPTHS, "wide"])
def test_nothing_that_was_found_steers_a_terminal(depth: str) -> None:
    for name, diagnosis in diagnoses().items():
        found = (diagnosis.traces, diagnosis.findings, diagnosis.skipped)
        traces, findings, skipped = map(hostile, found)
        shown = render(replace(diagnosis, traces=traces, findings=findings, skipped=skipped), depth=depth)
        assert all(x.isprintable() for x in shown.split("\n")), name


def test_a_report_from_top_to_bottom() -> None:
    shown = lines(DEGRADED)

    assert shown[:9] == [
        "DEGRADED: exports to http://localhost:4318 work over IPv4; fail over IPv6.",
        "",
        "  target           protocol   IPv4    IPv6",
        "  localhost:4318   http       works   refused",
        "",
        "  The way of http over IPv6 to [::1]:4318:",
        "    resolve ok > route ok > policy ok > host ok > listen FAILS",
        "    listen: no socket on port 4318 accepts ::1",
        "",
    ]
    assert shown[9].startswith("Cause: ")
    assert shown[10].startswith("  DS205 ipv4-wildcard-in-posix-runtime (warning, ")
    assert [x[:7] for x in shown[11:] if x.startswith("  Fix: ")] == ["  Fix: "]


def finding(**changes: Any) -> Finding:
    given = {"code": "DS201", "name": "family-not-accepted", **changes}
    return Finding("It fails", "It fails.", **given)


def of(*findings: Finding, **changes: Any) -> list[str]:
    return render(Diagnosis(Question(), Verdict.BROKEN, findings=findings, **changes)).splitlines()


def test_facts_beyond_the_first_are_counted() -> None:
    facts = tuple(Evidence(f"fact {x}", "probe") for x in range(EVIDENCE + 2))

    shown = of(finding(evidence=facts))

    assert "    - fact 3 (observed: probe)" in shown
    assert "    - fact 4 (observed: probe)" not in shown
    assert "    - and 2 more facts (-v shows them)" in shown


def test_a_finding_in_a_file_says_where() -> None:
    place = Location("collector.yaml", 7, 15)

    assert "  collector.yaml:7:15" in of(finding(location=place))


def test_a_fix_is_told_with_its_commands() -> None:
    shown = of(finding(hint="Bind `[::]`.", fix=Fix("Bind it", commands=("sysctl -w net.ipv6.bindv6only=0",))))

    assert shown[-2:] == ["  Fix: Bind `[::]`.", "    sysctl -w net.ipv6.bindv6only=0"]


def test_several_causes_are_numbered_and_a_warning_that_explains_nothing_is_a_note() -> None:
    shown = of(finding(), finding(code="DS405", severity=Severity.WARNING))

    assert [x for x in shown if x.endswith("It fails")] == ["Cause 1: It fails", "Note 2: It fails"]


def test_what_was_not_seen_is_said_with_the_rules_that_are_silent() -> None:
    shown = of(skipped=(Skipped("Names", "Permission denied", ("DS401", "DS402")), Skipped("nft", "not installed")))

    assert shown[-3:] == [
        "  Not seen:",
        "    - Names: Permission denied (2 rules skipped)",
        "    - nft: not installed",
    ]


def test_an_interrupted_report_says_so() -> None:
    assert "(interrupted: this is what was known by then)" in " ".join(of(interrupted=True))


MIXED = """
names: {collector: [192.0.2.1, 192.0.2.2, "2001:db8::1"]}
expect: [ipv4]
probes: ["192.0.2.1:4318 http accepted", "192.0.2.2:4318 http refused", "[2001:db8::1]:4318 http refused"]
"""
CELLS = {
    "http://127.0.0.1:4318": ("works", "-", 'probes: ["127.0.0.1:4318 http accepted"]'),
    "http://[::1]:4318": ("-", "not known", 'listeners: ["[::]:4318 go"]'),
    "http://10.9.0.5:4318": ("no answer", "-", 'probes: ["10.9.0.5:4318 http timed_out"]'),
    "http://collector:4318": (
        "works/refused",
        "(refused)",
        MIXED,
    ),
}


@pytest.mark.parametrize(("target", "row"), CELLS.items(), ids=CELLS)
def test_the_table_says_what_became_of_each_family(target: str, row: tuple[str, str, str]) -> None:
    ipv4, ipv6, world = row
    shown = lines(f'target: "{target}"\n{world}\n')

    (told,) = (x for x in shown if x.startswith(f"  {target.removeprefix('http://')} "))
    assert re.split(r" {3,}", told.strip())[2:] == [ipv4, ipv6]


def test_a_place_is_named_where_it_is_not_this_host() -> None:
    diagnosis = conclude(snapshot(DEGRADED))
    there = replace(diagnosis, question=replace(diagnosis.question, place="netns red"))

    assert render(there).startswith("DEGRADED: exports to http://localhost:4318 from netns red work")


def test_without_any_flow_nothing_was_tried() -> None:
    assert of()[0] == "BROKEN: whether exports arrive cannot be told."


def test_a_very_long_name_is_cut_in_the_table() -> None:
    shown = lines(f"target: http://{'a' * 60}.example:4318\n")

    assert f"  {'a' * 32}…:4318   http       not known   not known" in shown


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("opentelemetry.observability.example", "opentelemetry.obs.example", ["….observability.…", "….obs.example"]),
        (f"opentelemetry.{'b' * 40}1", f"opentelemetry.{'b' * 40}2", ["…1", "…2"]),
        (f"b{'a' * 40}", f"c{'a' * 40}", [f"b{'a' * 31}…", f"c{'a' * 31}…"]),
    ],
)
def test_long_names_that_would_look_alike_are_cut_where_they_are(one: str, other: str, shown: list[str]) -> None:
    hosts = [f"otel-collector-opentelemetry-collector-{x}" if x.startswith("open") else x for x in (one, other)]
    rows = [x.split()[0] for x in lines(f"target: {[f'http://{x}:4318' for x in hosts]}\n") if " http  " in x]

    assert [x.startswith("otel-collector-o…") for x in rows] == [one.startswith("open")] * 2
    assert all(x.endswith(f"{y}:4318") for x, y in zip(rows, shown, strict=True)), rows
    assert {len(x) <= 38 for x in rows} == {True}


def test_the_wide_table_cuts_nothing_off() -> None:
    host = f"{'a' * 60}.example"

    shown = lines(f"target: http://{host}:4318\nnames: {{{host}: [10.9.0.5, 'fd00:9::5']}}\n", "wide")

    assert [x.split() for x in shown if x.startswith(("  target", "  aaa"))] == [
        ["target", "protocol", "for", "IPv4", "IPv6", "addresses", "nodes"],
        [f"{host}:4318", "http", "host", "refused", "refused", "10.9.0.5,fd00:9::5", "-"],
    ]


def test_many_endpoints_are_counted_and_not_named() -> None:
    targets = [f"http://10.9.0.5:{4000 + x}" for x in range(5)]
    probes = [f"10.9.0.5:{4000 + x} http {'accepted' if x else 'refused'}" for x in range(5)]

    shown = lines(f"target: {targets}\nprobes: {probes}\n")

    assert shown[0] == "DEGRADED: of 5 endpoints 4 work, 1 fails."


def test_the_dash_of_an_item_stays_with_a_word_that_is_too_long() -> None:
    long = "x" * WIDTH

    assert [x.text for x in wrapped(f"- {long} and more", "    ", hang="  ")] == [f"    - {long}", "      and more"]
    assert [x.text for x in wrapped("- a b", "    ", hang="  ")] == ["    - a b"]

"""The answer in one sentence; most of that of flows is read in the report for a person."""

import pytest
from msgspec.structs import replace

from dualstack.model.address import Family, Protocol, Target
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Finding, Severity, Skipped
from dualstack.model.question import CLUSTER, FILES, Question
from dualstack.model.source import Location
from dualstack.model.trace import Disposition, Trace
from dualstack.reach.answer import answer
from dualstack.reach.tally import counted

ERROR = Finding("It fails", "It fails.")
WARNING, NOTE = replace(ERROR, severity=Severity.WARNING), replace(ERROR, severity=Severity.INFO)
UNREAD = Skipped("a:1", "no YAML", unreadable=True, location=Location("a", 1))
NAMELESS = Skipped("b", "no YAML", unreadable=True)


@pytest.mark.parametrize(
    ("verdict", "findings", "skipped", "said"),
    [
        (Verdict.HEALTHY, (), (), "no findings."),
        (Verdict.HEALTHY, (), (Skipped("t", "is a template"),), "no findings."),
        (Verdict.UNKNOWN, (), (), "nothing was understood, so nothing is known."),
        (Verdict.UNKNOWN, (), (UNREAD, UNREAD), "no findings; 1 file could not be read."),
        (Verdict.BROKEN, (WARNING, ERROR, ERROR), (), "2 errors, 1 warning."),
        (Verdict.DEGRADED, (NOTE, WARNING), (UNREAD, NAMELESS), "1 warning, 1 note; 2 files could not be read."),
    ],
)
def test_of_files(verdict: Verdict, findings: tuple[Finding, ...], skipped: tuple[Skipped, ...], said: str) -> None:
    assert answer(Diagnosis(Question(place=FILES), verdict, findings=findings, skipped=skipped)) == said


def test_numbers_are_told_with_their_nouns() -> None:
    assert [counted(x, "file") for x in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


def flow(nodes: tuple[str, ...], family: Family, became: Disposition) -> Trace:
    target = Target("otel.obs.svc", "otel.obs.svc", 4317, Protocol.GRPC)
    vantage = f"pods on {' and '.join(nodes)}"
    return Trace(vantage, target, Protocol.GRPC, family, (), (), became, nodes=nodes)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (("n1", "n2"), ("n3",), "work over IPv4 for the pods on n1, n2 and n3; fail over IPv4 for the pods on n4."),
        (("n1",), ("n2",), "work over IPv4 for the pods on n1 and n2; fail over IPv4 for the pods on n4."),
    ],
)
def test_those_that_fare_alike_are_told_together(one: tuple[str, ...], other: tuple[str, ...], said: str) -> None:
    works = [flow(x, Family.IPV4, Disposition.ACCEPTED) for x in (one, other)]
    fails = flow(("n4",), Family.IPV4, Disposition.TIMED_OUT)
    question = Question(place=CLUSTER, targets=(fails.target,))

    told = answer(Diagnosis(question, Verdict.DEGRADED, traces=(*works, fails)))

    assert told == f"exports to otel.obs.svc {said}"


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ((ERROR,), "; 1 error was found."),
        ((ERROR, replace(ERROR, summary="It fails, too")), "; 2 errors were found."),
        ((ERROR, replace(ERROR, because=("DS501",))), "; 1 error was found."),
    ],
)
def test_errors_that_no_flow_is_known_to_meet_are_told_in_the_answer(findings: tuple[Finding, ...], said: str) -> None:
    open_ = flow(("n1",), Family.IPV4, Disposition.INSUFFICIENT_INFO)
    others = [replace(open_, target=replace(open_.target, port=x, text=f"otel.obs.svc:{x}")) for x in (1, 2, 3)]

    for flows, start in (
        ([open_], "exports to otel.obs.svc are not known over IPv4"),
        ([open_, *others], "whether any of 4 endpoints"),
    ):
        question = Question(place=CLUSTER, targets=tuple(x.target for x in flows))
        told = answer(Diagnosis(question, Verdict.DEGRADED, traces=tuple(flows), findings=findings))

        assert told.startswith(start)
        assert told.endswith(said)


def test_of_many_it_is_counted_how_they_fare() -> None:
    open_ = flow(("n1",), Family.IPV4, Disposition.INSUFFICIENT_INFO)
    fares = {1: Disposition.ACCEPTED, 2: Disposition.TIMED_OUT, 3: Disposition.INSUFFICIENT_INFO, 4: open_.disposition}
    flows = [
        replace(open_, target=replace(open_.target, port=x, text=f"otel.obs.svc:{x}"), disposition=y)
        for x, y in fares.items()
    ]
    question = Question(place=CLUSTER, targets=tuple(x.target for x in flows))

    told = answer(Diagnosis(question, Verdict.DEGRADED, traces=tuple(flows)))
    assert told == "of 4 endpoints 1 works, 1 fails; of 2 it is not known."
    told = answer(Diagnosis(question, Verdict.UNKNOWN, traces=tuple(flows[2:])))
    assert told == "whether any of 2 endpoints works is not known."

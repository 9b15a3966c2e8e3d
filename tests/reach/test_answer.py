"""The answer in one sentence, of files; that of flows is read in the report for a person."""

import pytest
from msgspec.structs import replace

from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Finding, Severity, Skipped
from dualstack.model.question import FILES, Question
from dualstack.model.source import Location
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

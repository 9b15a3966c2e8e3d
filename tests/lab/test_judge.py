"""The judgement of a diagnosis, by small documents."""

from typing import Any

import msgspec
import pytest

from dualstack.lab.incident import Expect
from dualstack.lab.judge import Judgement, judge, judge_withheld
from dualstack.lab.score import FULL, UNPRIVILEGED, Score, Scored, score

BROKEN = msgspec.convert({"verdict": "degraded", "causes": [["DS205", "DS206"]], "flows": {"ipv6": "refused"}}, Expect)
TWO = msgspec.convert({"verdict": "broken", "causes": ["DS205", "DS702"]}, Expect)
FINE = msgspec.convert({"verdict": "healthy", "flows": {"ipv4": "accepted"}, "also": ["DS303"]}, Expect)


def document(verdict: str, *codes: str, ipv4: str = "accepted", ipv6: str = "refused") -> dict[str, Any]:
    """A diagnosis with these findings: a code, or `code because code`, or `code severity`."""
    findings = []
    for text in codes:
        code, *rest = text.split()
        because = rest[1:] if rest[:1] == ["because"] else []
        severity = rest[0] if rest and not because else "error"
        findings.append({"code": code, "because": because, "severity": severity})
    flows = [
        {"family": k, "protocol": "http", "disposition": v, "target": "t"} for k, v in (("ipv4", ipv4), ("ipv6", ipv6))
    ]
    return {"verdict": verdict, "findings": findings, "traces": flows}


@pytest.mark.parametrize(
    ("expect", "found", "complaints"),
    [
        (BROKEN, document("degraded", "DS205", "DS201 because DS205"), []),
        (BROKEN, document("degraded", "DS206"), []),
        (BROKEN, document("degraded", "DS201"), ["DS205 or DS206 should stand first, not DS201", "is not found"]),
        (BROKEN, document("degraded"), ["not nothing", "is not found"]),
        (BROKEN, document("degraded", "DS205", "DS702"), ["DS702 is no cause here"]),
        (BROKEN, document("broken", "DS205"), ["the verdict is broken, not degraded"]),
        (BROKEN, document("degraded", "DS205", ipv6="denied"), ["ipv6 of t is denied, not refused"]),
        (TWO, document("broken", "DS205", "DS702"), []),
        (TWO, document("broken", "DS205"), ["DS702 is not found"]),
        (TWO, document("broken", "DS702", "DS205"), []),
        (TWO, document("broken", "DS201", "DS702", "DS205"), ["DS205 or DS702 should stand first, not DS201"]),
        (FINE, document("healthy"), []),
        (FINE, document("healthy", "DS407 info", "DS303 warning"), []),
        (FINE, document("degraded", "DS205"), ["DS205 is a false alarm", "the verdict is degraded"]),
        (FINE, document("healthy", "DS205 warning"), ["DS205 is no cause here"]),
        (FINE, {**document("healthy"), "traces": []}, ["ipv4 has no trace"]),
    ],
)
def test_with_all_evidence(expect: Expect, found: dict[str, Any], complaints: list[str]) -> None:
    """Cause first, all causes, no alarm, no other cause, the verdict, the flows."""
    said = judge(expect, found).complaints

    assert len(said) == len(complaints)
    assert all(want in got for want, got in zip(complaints, said, strict=True))


@pytest.mark.parametrize(
    ("expect", "found", "complaints"),
    [
        (BROKEN, document("degraded", "DS201"), []),  # DS205 explains it
        (BROKEN, document("unknown"), []),
        (BROKEN, document("unknown", ipv4="insufficient_info", ipv6="insufficient_info"), []),
        (BROKEN, document("degraded", "DS702"), ["DS702 is no cause here"]),
        (BROKEN, document("healthy"), ["the verdict is healthy, and it is not"]),
        (BROKEN, document("degraded", ipv6="timed_out"), []),
        (BROKEN, document("degraded", ipv6="accepted"), ["ipv6 of t is accepted, not refused"]),
        (FINE, document("unknown"), []),
        (FINE, document("degraded", "DS201"), ["DS201 is no cause here", "the verdict is degraded, and nothing fails"]),
        (FINE, document("unknown", ipv4="refused"), ["ipv4 of t is refused, not accepted"]),
    ],
)
def test_with_evidence_withheld(expect: Expect, found: dict[str, Any], complaints: list[str]) -> None:
    """Less may be known, a symptom may stand for its cause, and nothing may be wrong."""
    assert list(judge_withheld(expect, found).complaints) == complaints


def test_the_figures() -> None:
    """Each judgement counts where it belongs, and what was skipped counts nowhere."""
    wrong = Judgement(("DS702 is no cause here",), wrong=("DS702",), named=True)
    results = [
        Scored("a", healthy=False, judgements={FULL: Judgement(named=True), UNPRIVILEGED: wrong}),
        Scored("b", healthy=False, judgements={FULL: Judgement(("x",), root_first=False)}),
        Scored("c", healthy=True, judgements={FULL: Judgement(("y",), alarms=("DS205",))}),
        Scored("d", healthy=True, skipped="needs go"),
    ]

    figures = score(results)
    assert figures == Score(
        incidents=2,
        root_first=1,
        all_causes=2,
        healthy=1,
        false_alarms=1,
        withheld=1,
        named_withheld=1,
        wrong_withheld=1,
        right=0,
        skipped={"d": "needs go"},
    )
    assert not figures.reached
    assert score([Scored("a", healthy=False, judgements={FULL: Judgement()})]).reached
    assert not score(results[3:]).reached

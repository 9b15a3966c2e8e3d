"""Which undecided rules can be why a probe ended as it did."""

import pytest

from dualstack.model.address import Family
from dualstack.model.host import FilterVerdict
from dualstack.model.probe import Outcome
from dualstack.reach.doubt import suspect

REJECT, DROP, LOST = ("accept", "reject"), ("accept", "drop"), ("accept", "unknown")


@pytest.mark.parametrize(
    ("outcome", "may", "error", "said"),
    [
        (Outcome.REFUSED, REJECT, "ECONNREFUSED", True),
        (Outcome.REFUSED, REJECT, "", True),
        (Outcome.REFUSED, REJECT, "EHOSTUNREACH", False),
        (Outcome.REFUSED, DROP, "", False),
        (Outcome.REFUSED, LOST, "", True),
        (Outcome.DENIED, REJECT, "EACCES", True),
        (Outcome.DENIED, REJECT, "ECONNREFUSED", True),
        (Outcome.UNREACHABLE, REJECT, "EHOSTUNREACH", False),
        (Outcome.TIMED_OUT, DROP, "", True),
        (Outcome.TIMED_OUT, REJECT, "ECONNREFUSED", True),
        (Outcome.TIMED_OUT, (), "", False),
        (Outcome.NO_ROUTE, LOST, "", False),
        (Outcome.ACCEPTED, DROP, "", False),
    ],
)
def test_an_outcome_needs_a_verdict_that_gives_it(
    outcome: Outcome, may: tuple[str, ...], error: str, said: bool
) -> None:
    verdict = FilterVerdict("host", "output", Family.IPV4, "192.0.2.1", 4317, "unknown", "r", error=error, may=may)

    assert suspect((verdict,), outcome) == (verdict if said else None)


def test_a_decided_verdict_is_no_suspect() -> None:
    verdict = FilterVerdict("host", "output", Family.IPV4, "192.0.2.1", 4317, "drop", "r")

    assert suspect((verdict,), Outcome.TIMED_OUT) is None

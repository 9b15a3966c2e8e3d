"""Every end of a probe has a meaning."""

import pytest

from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition, Hop
from dualstack.reach.outcomes import MEANINGS

GOOD = {Outcome.ACCEPTED, Outcome.CONNECTED}


def test_no_end_of_a_probe_is_without_a_meaning() -> None:
    assert set(MEANINGS) == set(Outcome)


@pytest.mark.parametrize("outcome", Outcome)
def test_only_an_accepted_export_or_connection_is_a_success(outcome: Outcome) -> None:
    assert (MEANINGS[outcome].disposition is Disposition.ACCEPTED) is (outcome in GOOD)


@pytest.mark.parametrize("outcome", [x for x in Outcome if x not in {*GOOD, Outcome.CANCELLED}])
def test_a_failure_has_its_hop_and_a_reason_that_fits_into_a_sentence(outcome: Outcome) -> None:
    meaning = MEANINGS[outcome]

    assert meaning.hop in {Hop.ROUTE, Hop.POLICY, Hop.LISTEN, Hop.HANDSHAKE, Hop.EXPORT}
    assert meaning.why[0].islower()
    assert not meaning.why.endswith(".")

"""Evidence by kind; what is not there is missing, with the reason."""

from dualstack.model.evidence import Missing
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.snapshot import Snapshot

DENIED = Missing("Names", "Permission denied")
SNAPSHOT = Snapshot({Names: DENIED, Probes: Probes()}, (Missing("nft", "not installed"),))


def test_what_is_there_is_given() -> None:
    assert SNAPSHOT.get(Probes) == SNAPSHOT.having(Probes) == Probes()


def test_what_could_not_be_had_says_why() -> None:
    assert SNAPSHOT.get(Names) is DENIED
    assert SNAPSHOT.having(Names) is None


def test_what_nobody_gathered_is_missing_too() -> None:
    assert Snapshot({}).get(Names) == Missing("Names", "not gathered")


def test_evidence_of_another_kind_is_not_taken_for_it() -> None:
    assert Snapshot({Names: Probes()}).get(Names) == Missing("Names", "not gathered")


def test_adding_replaces_a_kind_and_keeps_the_rest() -> None:
    more = SNAPSHOT.adding(Names())

    assert more.get(Names) == Names()
    assert more.get(Probes) == Probes()
    assert more.gaps == SNAPSHOT.gaps
    assert SNAPSHOT.get(Names) is DENIED

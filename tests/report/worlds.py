"""The diagnoses of every documented world and of the incidents, for the tests of reports."""

from functools import cache

from dualstack.model.diagnosis import Diagnosis
from dualstack.pipeline import conclude
from dualstack.testing.incident import snapshot
from tests.rules.test_examples import WORLDS
from tests.rules.test_incidents import COMPOUND, FAULTS, HEALTHY, WITHHELD


@cache
def diagnoses() -> dict[str, Diagnosis]:
    """One for each world, by a name that says which."""
    worlds = {f"{rule.code} {i}": text for i, (rule, _, text) in enumerate(WORLDS)}
    worlds |= {name: world for name, (world, _, _) in (FAULTS | COMPOUND | WITHHELD).items()} | HEALTHY
    return {name: conclude(snapshot(world)) for name, world in worlds.items()}

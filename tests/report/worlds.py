"""The diagnoses of every documented world and of the incidents, for the tests of reports."""

import re
from functools import cache

from dualstack.model.diagnosis import Diagnosis
from dualstack.pipeline import conclude
from dualstack.rules.registry import rules
from dualstack.testing.incident import snapshot
from tests.rules.test_incidents import COMPOUND, FAULTS, HEALTHY, WITHHELD

_BLOCK = re.compile(r"```yaml (?:fires|quiet)\n(.*?)```", re.DOTALL)


@cache
def diagnoses() -> dict[str, Diagnosis]:
    """One for each world, by a name that says which."""
    worlds = {f"{x.code} {i}": text for x in rules() for i, text in enumerate(_BLOCK.findall(x.documentation))}
    worlds |= {name: world for name, (world, _, _) in (FAULTS | COMPOUND | WITHHELD).items()} | HEALTHY
    return {name: conclude(snapshot(world)) for name, world in worlds.items()}

"""Every rule's documentation is run: its `fires` worlds must fire it, its `quiet` worlds must not."""

import re

import pytest

from dualstack.model.finding import Severity
from dualstack.reach.predict import predict
from dualstack.rules.registry import Rule, evaluate, rules
from dualstack.testing.incident import snapshot

_BLOCK = re.compile(r"```yaml (?P<kind>fires|quiet)\n(?P<world>.*?)```", re.DOTALL)


def _examples() -> list[tuple[Rule, str, str]]:
    return [(rule, m["kind"], m["world"]) for rule in rules() for m in _BLOCK.finditer(rule.documentation)]


@pytest.mark.parametrize(
    ("rule", "kind", "world"), _examples(), ids=[f"{r.code}-{k}-{i}" for i, (r, k, _) in enumerate(_examples())]
)
def test_an_example_does_what_it_says(rule: Rule, kind: str, world: str) -> None:
    evidence = snapshot(world)
    traces = predict(evidence)

    findings, skipped = evaluate(evidence.adding(traces), rules())

    fired = {x.code: x for x in findings}
    assert not [x for x in skipped if rule.code in x.codes], "an example must hold the evidence that its rule needs"
    assert (rule.code in fired) == (kind == "fires"), [x.code for x in findings]
    if kind == "fires":
        because = fired[rule.code].because
        assert not because or rule.severity is Severity.INFO, f"another rule explains it: {because}"

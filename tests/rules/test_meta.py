"""What every rule must look like; a rule that a user cannot act on is not one."""

import pytest

from dualstack.knowledge import table
from dualstack.model.evidence import Missing
from dualstack.model.finding import Finding
from dualstack.reach.predict import predict
from dualstack.rules.registry import Rule, evaluate, rules
from dualstack.testing.incident import snapshot
from tests.rules.test_examples import _BLOCK

HEADINGS = ("What it detects", "Why it breaks", "Fix", "Fix safety", "Example", "References")
OPTIONAL = {"Fix safety"}
EACH = pytest.mark.parametrize("rule", rules(), ids=lambda x: x.code)


def _fired(rule: Rule) -> list[Finding]:
    worlds = [m["world"] for m in _BLOCK.finditer(rule.documentation) if m["kind"] == "fires"]
    found = []
    for world in worlds:
        evidence = snapshot(world)
        found += evaluate(evidence.adding(predict(evidence)), rules())[0]
    return [x for x in found if x.code == rule.code]


@EACH
def test_the_documentation_has_the_headings_in_order(rule: Rule) -> None:
    present = [x.removeprefix("## ") for x in rule.documentation.splitlines() if x.startswith("## ")]

    assert present == [x for x in HEADINGS if x in present or x not in OPTIONAL]


@EACH
def test_the_documentation_has_both_examples(rule: Rule) -> None:
    kinds = {m["kind"] for m in _BLOCK.finditer(rule.documentation)}

    assert kinds == {"fires", "quiet"}


@EACH
def test_the_catalogue_knows_the_rule(rule: Rule) -> None:
    row = next(x for x in table("catalogue") if x["code"] == rule.code)

    assert row["name"] == rule.name
    assert rule.severity in row["severity"].split("/")


@EACH
def test_causes_are_other_codes_of_the_catalogue(rule: Rule) -> None:
    known = {x["code"] for x in table("catalogue")}

    assert set(rule.because) <= known - {rule.code}


@EACH
def test_messages_are_short_and_can_be_acted_on(rule: Rule) -> None:
    found = _fired(rule)

    assert found
    for finding in found:
        assert len(finding.summary.split()) <= 8, finding.summary
        assert finding.summary[0].isupper() or finding.summary[0] == "`"
        assert not finding.summary.endswith(".")
        assert finding.detail.endswith(".")
        assert finding.hint.endswith(".")
        assert finding.hint[0].isupper()
        assert finding.evidence, "a finding shows what it rests on"


def test_codes_and_names_are_unique() -> None:
    assert len({x.code for x in rules()}) == len({x.name for x in rules()}) == len(rules())


@EACH
def test_missing_evidence_is_skipped_and_never_guessed(rule: Rule) -> None:
    if not rule.needs:
        pytest.fail("a rule without inputs cannot be silenced by missing evidence")
    evidence = snapshot(_fires(rule))
    blind = evidence.adding(predict(evidence))
    facts = {**blind.facts, rule.needs[-1]: Missing(rule.needs[-1].__name__, "withheld")}

    findings, skipped = evaluate(type(blind)(facts), rules())

    assert rule.code not in {x.code for x in findings}
    assert rule.code in {code for x in skipped for code in x.codes}


def _fires(rule: Rule) -> str:
    return next(m["world"] for m in _BLOCK.finditer(rule.documentation) if m["kind"] == "fires")

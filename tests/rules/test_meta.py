"""What every rule must look like; a rule that a user cannot act on is not one."""

import pytest

from dualstack.knowledge import table
from dualstack.model.evidence import Missing
from dualstack.model.finding import Finding
from dualstack.model.snapshot import Snapshot
from dualstack.reach.predict import predict
from dualstack.rules.registry import Rule, evaluate, rules
from dualstack.testing.incident import snapshot
from tests.rules.test_examples import BLOCK, fired, is_cluster, is_world

HEADINGS = ("What it detects", "Why it breaks", "Fix", "Fix safety", "Example", "References")
OPTIONAL = {"Fix safety"}
BESIDE = {"DS110", "DS508", "DS604", "DS701"}
"""Rules whose example is one of files; tests/cluster has those of a cluster."""
EACH = pytest.mark.parametrize("rule", rules(), ids=lambda x: x.code)


def _fired(rule: Rule) -> list[Finding]:
    texts = [m["text"] for m in BLOCK.finditer(rule.documentation) if m["kind"] == "fires"]
    return [x for text in texts for x in fired(rule, text)]


@EACH
def test_the_documentation_has_the_headings_in_order(rule: Rule) -> None:
    present = [x.removeprefix("## ") for x in rule.documentation.splitlines() if x.startswith("## ")]

    assert present == [x for x in HEADINGS if x in present or x not in OPTIONAL]


@EACH
def test_the_documentation_has_both_examples(rule: Rule) -> None:
    kinds = {m["kind"] for m in BLOCK.finditer(rule.documentation)}

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
def test_the_catalogue_says_what_a_rule_can_judge(rule: Rule) -> None:
    row = next(x for x in table("catalogue") if x["code"] == rule.code)

    assert ("static" in row["evidence"]) or rule.lint is None
    assert ("live" in row["evidence"]) or rule.check is None
    assert rule.check or rule.lint


@EACH
def test_a_rule_shows_each_kind_of_evidence_that_it_judges(rule: Rule) -> None:
    kinds = {
        is_world(m["text"]) or is_cluster(m["text"]) for m in BLOCK.finditer(rule.documentation) if m["kind"] == "fires"
    }

    assert kinds <= {x for x, judge in ((True, rule.check), (False, rule.lint)) if judge}
    assert kinds == {x for x, judge in ((True, rule.check), (False, rule.lint)) if judge} or rule.code in BESIDE


@pytest.mark.parametrize("rule", [x for x in rules() if x.check], ids=lambda x: x.code)
def test_missing_evidence_is_skipped_and_never_guessed(rule: Rule) -> None:
    assert rule.check
    if not rule.check.needs:
        pytest.fail("a rule without inputs cannot be silenced by missing evidence")
    text = _fires(rule)
    evidence = snapshot(text) if text else Snapshot({})
    blind = evidence.adding(predict(evidence)) if text else evidence
    withheld = rule.check.needs[-1]
    gone = (withheld,) if text else rule.check.needs
    facts = {**blind.facts, **{x: Missing(x.__name__, "withheld") for x in gone}}

    findings, skipped = evaluate(Snapshot(facts), rules() if text else [rule])

    assert rule.code not in {x.code for x in findings}
    assert rule.code in {code for x in skipped for code in x.codes}


def _fires(rule: Rule) -> str:
    """An example of a host; none for rules of clusters."""
    texts = (m["text"] for m in BLOCK.finditer(rule.documentation) if m["kind"] == "fires")
    return next((x for x in texts if is_world(x)), "")

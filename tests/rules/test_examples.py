"""Every rule's documentation is run: `fires` examples fire it, `quiet` ones do not, and what it fixes is mended."""

import difflib
import re
from collections.abc import Callable

import pytest

from dualstack.model.finding import Applicability, Finding, Severity
from dualstack.reach.predict import predict
from dualstack.review import lint, mend
from dualstack.rules.registry import Rule, evaluate, rules
from dualstack.testing.cluster import CALL, diagnosis
from dualstack.testing.files import file
from dualstack.testing.incident import snapshot

BLOCK = re.compile(r"```(?P<language>yaml|ini|toml|env|text) (?P<kind>fires|quiet)\n(?P<text>.*?)```", re.DOTALL)
_WORLD = re.compile(r"^(?:target|listeners):", re.MULTILINE)


def is_world(text: str) -> bool:
    """Whether an example describes a running system, and not a file."""
    return bool(_WORLD.search(text))


def is_cluster(text: str) -> bool:
    """Whether an example is what `kubectl get` shows of a cluster."""
    return text.startswith(CALL)


def examples(kind: Callable[[str], bool]) -> list[tuple[Rule, str, str]]:
    every = [(rule, m["kind"], m["text"]) for rule in rules() for m in BLOCK.finditer(rule.documentation)]
    return [x for x in every if kind(x[2])]


def fired(rule: Rule, text: str) -> list[Finding]:
    """The findings of a rule on one of its examples."""
    if is_cluster(text):
        return [x for x in diagnosis(text).findings if x.code == rule.code]
    if not is_world(text):
        return [x for x in lint(file(text)).diagnosis.findings if x.code == rule.code]
    evidence = snapshot(text)
    return [x for x in evaluate(evidence.adding(predict(evidence)), rules())[0] if x.code == rule.code]


def named(found: list[tuple[Rule, str, str]]) -> list[str]:
    return [f"{r.code}-{k}-{i}" for i, (r, k, _) in enumerate(found)]


WORLDS, CLUSTERS = examples(is_world), examples(is_cluster)
BESIDE_A_CAUSE = ("DS605",)
"""Rules that say why nobody saw a fault, which has a finding of its own."""
FILES = examples(lambda x: not is_world(x) and not is_cluster(x))


@pytest.mark.parametrize(("rule", "kind", "text"), CLUSTERS, ids=named(CLUSTERS))
def test_an_example_cluster_does_what_it_says(rule: Rule, kind: str, text: str) -> None:
    found = {x.code: x for x in diagnosis(text).findings}

    assert (rule.code in found) == (kind == "fires"), list(found)
    if kind == "fires":
        because = found[rule.code].because
        assert not because or rule.code in BESIDE_A_CAUSE, f"another rule explains it: {because}"


@pytest.mark.parametrize(("rule", "kind", "world"), WORLDS, ids=named(WORLDS))
def test_an_example_does_what_it_says(rule: Rule, kind: str, world: str) -> None:
    evidence = snapshot(world)
    traces = predict(evidence)

    findings, skipped = evaluate(evidence.adding(traces), rules())

    found = {x.code: x for x in findings}
    assert not [x for x in skipped if rule.code in x.codes], "an example must hold the evidence that its rule needs"
    assert (rule.code in found) == (kind == "fires"), [x.code for x in findings]
    if kind == "fires":
        because = found[rule.code].because
        assert not because or rule.severity is Severity.INFO, f"another rule explains it: {because}"


@pytest.mark.parametrize(("rule", "kind", "text"), FILES, ids=named(FILES))
def test_an_example_file_does_what_it_says(rule: Rule, kind: str, text: str) -> None:
    found = lint(file(text))

    codes = [x.code for x in found.diagnosis.findings]
    assert not found.errors
    assert (rule.code in codes) == (kind == "fires"), codes
    for finding in found.diagnosis.findings:
        assert finding.location, finding
        assert finding.excerpt == text.splitlines()[finding.location.line - 1]


MENDED = [x for x in FILES if x[1] == "fires"]


@pytest.mark.parametrize(("rule", "kind", "text"), MENDED, ids=named(MENDED))
def test_what_is_fixed_is_quiet_and_the_rest_is_as_it_was(rule: Rule, kind: str, text: str) -> None:
    request = file(text)
    found = lint(request)
    mine = [x for x in found.diagnosis.findings if x.code == rule.code and x.fix and x.fix.edits]
    automatic = [x for x in mine if x.fix and x.fix.applicability is not Applicability.MANUAL]

    mended = mend(request, found, unsafe=True)

    if automatic and len(automatic) == len(mine):
        assert rule.code not in {x.code for x in mended.reviewed.diagnosis.findings}
    places = [x.location for y in found.diagnosis.findings if y.fix for x in y.fix.edits if x.location]
    edited = {y for x in places for y in range(x.line, max(x.line, x.end_line - (x.end_column == 1)) + 1)}
    after = mended.after.get(request.stdin_name, text)
    matcher = difflib.SequenceMatcher(None, text.splitlines(), after.splitlines(), autojunk=False)
    changed = {
        i + 1
        for tag, start, end, _, _ in matcher.get_opcodes()
        if tag in ("replace", "delete")
        for i in range(start, end)
    }
    assert changed <= edited

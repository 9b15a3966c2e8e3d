"""How rules are chosen, run, and put into the order in which a reader should meet their findings."""

from collections.abc import Iterator

import msgspec
import pytest

from dualstack.knowledge import table
from dualstack.model.address import BOTH, Family
from dualstack.model.evidence import Evidence, Missing
from dualstack.model.finding import Confidence, Finding, Severity, Skipped
from dualstack.model.names import Names
from dualstack.model.probe import Probes
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listeners
from dualstack.model.trace import Hop
from dualstack.review import lint
from dualstack.rules.registry import Judge, Rule, UnknownCode, choose, codes, evaluate, rules, static_rules
from dualstack.testing.files import file
from tests.rules.test_examples import FILES, named


def rule(
    code: str,
    *found: Finding,
    because: tuple[str, ...] = (),
    needs: tuple[type, ...] = (),
    severity: Severity = Severity.ERROR,
    hop: Hop = Hop.LISTEN,
) -> Rule:
    """A rule that always finds the same."""

    def check(*given: object) -> Iterator[Finding]:
        yield from found

    return Rule(code, f"rule-{code}", hop, severity, "", because, Judge(needs, needs, check), None)


def finding(summary: str = "It fails", flows: tuple[str, ...] = (), **more: object) -> Finding:
    return Finding(summary, "It fails.", flows=flows, **more)  # type: ignore[arg-type]


def judged(*chosen: Rule) -> list[tuple[str, tuple[str, ...]]]:
    return [(x.code, x.because) for x in evaluate(Snapshot({}), chosen)[0]]


def test_every_rule_is_found_once_and_in_order() -> None:
    found = [x.code for x in rules()]

    assert found == sorted(set(found))
    assert {"DS201", "DS302"} <= set(found) <= {x["code"] for x in table("catalogue")}


def test_a_rule_takes_what_its_check_is_annotated_with() -> None:
    known = next(x for x in rules() if x.code == "DS210")

    assert known.check
    assert set(known.check.needs) < set(known.check.takes)
    assert all(isinstance(x, type) for x in known.check.takes)
    assert (known.name, known.hop) == ("port-held-by-other-process", Hop.LISTEN)


EVERY = [x.code for x in rules()]


@pytest.mark.parametrize(
    ("select", "ignore", "chosen"),
    [
        ("", "", EVERY),
        (" , ", "", EVERY),
        ("DS201", "", ["DS201"]),
        ("ds201, nothing-listening", "", ["DS201", "DS211"]),
        ("ds3", "", [x for x in EVERY if x.startswith("DS3")]),
        ("DS", "DS2,ds3", [x for x in EVERY if x[:3] not in {"DS2", "DS3"}]),
        ("DS201", "family-not-accepted", []),
    ],
)
def test_rules_are_chosen_by_code_prefix_or_name(select: str, ignore: str, chosen: list[str]) -> None:
    assert [x.code for x in choose(select, ignore)] == chosen


def test_a_code_of_the_catalogue_is_known_though_nothing_checks_it() -> None:
    unchecked = [x["code"] for x in table("catalogue") if x["code"] not in EVERY]

    assert all(codes(x) == {x} for x in unchecked)


@pytest.mark.parametrize("word", ["DS999", "D", "S201", "DS2011", "family", "201", "DS2*"])
@pytest.mark.parametrize("option", ["select", "ignore"])
def test_an_unknown_code_is_refused(word: str, option: str) -> None:
    with pytest.raises(UnknownCode, match=r"is no rule\. `dualstack rules` lists them all\."):
        choose(**{"select": "DS201", "ignore": "", option: f"DS201,{word}"})


def test_a_finding_bears_what_its_rule_says_of_itself() -> None:
    chosen = rule("DS201", finding(), severity=Severity.WARNING, hop=Hop.HOST)

    ((found,), skipped) = evaluate(Snapshot({}), (chosen,))

    assert (found.code, found.name, found.hop, found.severity) == ("DS201", "rule-DS201", Hop.HOST, Severity.WARNING)
    assert skipped == ()


def test_a_finding_may_be_milder_than_its_rule() -> None:
    ((found,), _) = evaluate(Snapshot({}), (rule("DS401", finding(severity=Severity.INFO)),))

    assert found.severity is Severity.INFO


def test_missing_evidence_skips_a_rule_and_says_which() -> None:
    denied = Missing("Names", "Permission denied")
    chosen = (rule("DS401", finding(), needs=(Names,)), rule("DS402", finding(), needs=(Listeners, Names)))
    snapshot = Snapshot({Names: denied, Listeners: Listeners()}, gaps=(Missing("nft", "not installed"),))

    assert evaluate(snapshot, chosen) == (
        (),
        (Skipped("nft", "not installed"), Skipped("Names", "Permission denied", ("DS401", "DS402"))),
    )


def test_the_check_is_given_its_evidence_and_none_for_what_it_can_do_without() -> None:
    given: list[object] = []

    def check(*evidence: object) -> list[Finding]:
        given.extend(evidence)
        return []

    probes = Probes()
    chosen = Rule("DS201", "x", Hop.LISTEN, Severity.ERROR, "", (), Judge((Names, Probes), (Probes,), check), None)
    evaluate(Snapshot({Probes: probes}), (chosen,))

    assert given == [None, probes]


def test_what_is_said_of_several_flows_is_said_once() -> None:
    first = finding(flows=("a",), families=(Family.IPV6,), evidence=(Evidence("x", "probe"),))
    second = finding(flows=("b", "a"), families=(Family.IPV4,), evidence=(Evidence("x", "probe"), Evidence("y", "ss")))

    ((found,), _) = evaluate(Snapshot({}), (rule("DS201", first, second),))

    assert found.flows == ("a", "b")
    assert found.families == (Family.IPV6, Family.IPV4)
    assert [x.fact for x in found.evidence] == ["x", "y"]


def test_different_things_stay_apart() -> None:
    assert [x for x, _ in judged(rule("DS201", finding("One"), finding("Other")))] == ["DS201", "DS201"]


CAUSE = "DS302"


@pytest.mark.parametrize(
    ("cause", "symptom", "explained"),
    [
        (finding(flows=("a", "b")), finding(flows=("a",)), True),
        (finding(flows=("a",)), finding(flows=("a", "b")), False),
        (finding(flows=("a",)), finding(flows=("b",)), False),
        (finding(), finding(flows=("a",)), True),
        (finding(flows=("a",)), finding(), True),
        (finding(families=(Family.IPV6,)), finding(families=(Family.IPV6,)), True),
        (finding(families=(Family.IPV6,)), finding(families=(Family.IPV4,)), False),
        (finding(families=(Family.IPV6,), flows=("a",)), finding(families=(Family.IPV4,)), False),
    ],
)
def test_a_cause_explains_a_symptom_whose_flows_it_covers(cause: Finding, symptom: Finding, explained: bool) -> None:
    found = dict(judged(rule("DS201", symptom, because=(CAUSE, "DS301")), rule(CAUSE, cause)))

    assert found["DS201"] == ((CAUSE,) if explained else ())


@pytest.mark.parametrize(
    ("causes", "symptom", "explained"),
    [
        ([(4317,)], (4317,), True),
        ([(4317,)], (4319,), False),
        ([(4317,)], (4317, 4319), False),
        ([(4317,), (4319,)], (4317, 4319), True),
        ([(4317,), ()], (4317, 4319), True),
        ([(4317,)], (), True),
        ([()], (4319,), True),
    ],
)
def test_what_is_about_some_ports_explains_no_fault_of_others(
    causes: list[tuple[int, ...]], symptom: tuple[int, ...], *, explained: bool
) -> None:
    why = rule(CAUSE, *(finding(str(x), ports=x) for x in causes))
    found = dict(judged(why, rule("DS201", finding(flows=("a",), ports=symptom), because=(CAUSE,))))

    assert found["DS201"] == ((CAUSE,) if explained else ())


def test_several_causes_may_cover_a_symptom_together() -> None:
    symptom = rule("DS201", finding(flows=("a", "b")), because=("DS301", "DS302"))
    causes = rule("DS302", finding(flows=("b",))), rule("DS301", finding(flows=("a",)))

    assert dict(judged(symptom, *causes))["DS201"] == ("DS301", "DS302")


def test_a_cause_that_was_not_chosen_explains_nothing() -> None:
    assert judged(rule("DS201", finding(flows=("a",)), because=(CAUSE,))) == [("DS201", ())]


def test_causes_come_first_then_severity_confidence_hop_and_code() -> None:
    probed = finding(confidence=Confidence.PROBED)
    chosen = (
        rule("DS201", finding(flows=("a",)), because=("DS901",)),
        rule("DS202", finding("Mild"), severity=Severity.WARNING),
        rule("DS203", finding("Seen")),
        rule("DS204", finding("Seen too")),
        rule("DS901", finding(flows=("a",)), hop=Hop.EXPORT),
        rule("DS904", probed, hop=Hop.EXPORT),
    )

    assert [x for x, _ in judged(*reversed(chosen))] == ["DS904", "DS203", "DS204", "DS901", "DS202", "DS201"]


@pytest.mark.parametrize("families", [(), BOTH], ids=["any", "dual"])
@pytest.mark.parametrize(("rule", "kind", "text"), FILES, ids=named(FILES))
def test_a_rule_that_is_not_loaded_has_nothing_to_say(
    rule: Rule, kind: str, text: str, families: tuple[Family, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = msgspec.structs.replace(file(text), question=Question(cluster=families, expect=families))
    found = lint(request).diagnosis.findings
    monkeypatch.setattr("dualstack.review.static_rules", lambda _: static_rules())

    assert lint(request).diagnosis.findings == found


def test_for_a_healthy_configuration_few_rules_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("dualstack.review.static_rules", lambda x: asked.append(x) or static_rules(x))
    lint(file("receivers: {otlp: {protocols: {grpc: {endpoint: 0.0.0.0:4317}}}}"))

    assert len(asked) == 1
    assert len(static_rules(asked[0])) < len(static_rules()) / 3

"""Whatever a probe meets: a flow that fails has a cause, and one that works has none."""

from itertools import product

import pytest

from dualstack.model.diagnosis import Verdict
from dualstack.model.finding import Finding, Severity
from dualstack.model.probe import Outcome
from dualstack.reach.outcomes import MEANINGS
from dualstack.reach.verdict import verdict
from tests.rules.test_incidents import judged

HERE = ("10.9.0.5", "[fd00:9::5]")
REMOTE = ("10.9.0.7", "[fd00:9::7]")
FAILING = [x for x in Outcome if MEANINGS[x].hop and x not in (Outcome.FAMILY_ABSENT, Outcome.UNPROVED)]
WORKING = [x for x in Outcome if not MEANINGS[x].hop]
EACH = list(product((HERE, REMOTE), (0, 1), ("grpc://", "grpcs://", "http://", "https://")))
IDS = [f"{'here' if a is HERE else 'remote'}-{a[i]}-{s[:-3]}" for a, i, s in EACH]


def roots(findings: tuple[Finding, ...]) -> list[str]:
    return [x.code for x in findings if not x.because]


def probes(*lines: str) -> str:
    return "probes:\n" + "".join(f'- "{x}"\n' for x in lines)


def test_a_success_that_proves_nothing_is_no_fault() -> None:
    traces, findings = judged("target: http://10.9.0.7:4318\n" + probes("10.9.0.7:4318 http unproved HTTP 202"))

    assert (verdict(traces, findings), findings) == (Verdict.UNKNOWN, ())


LISTENING = 'listeners: ["[::]:4317 go otelcol"]\n'


@pytest.mark.parametrize(("addresses", "index", "scheme"), EACH, ids=IDS)
@pytest.mark.parametrize("outcome", FAILING)
def test_a_literal_that_fails_has_one_cause(
    addresses: tuple[str, ...], index: int, scheme: str, outcome: Outcome
) -> None:
    seen = LISTENING if addresses is HERE else ""
    where = f"{addresses[index]}:4317"

    traces, findings = judged(f'target: "{scheme}{where}"\n{seen}' + probes(f"{where} {scheme[:-3]} {outcome}"))

    assert len(roots(findings)) == 1, findings
    assert findings[0].severity is Severity.ERROR
    assert {x.key for x in traces.broken} == {key for x in findings for key in x.flows}


@pytest.mark.parametrize(("addresses", "index", "scheme"), EACH, ids=IDS)
@pytest.mark.parametrize("outcome", FAILING)
def test_a_name_of_which_one_family_fails_has_one_cause(
    addresses: tuple[str, ...], index: int, scheme: str, outcome: Outcome
) -> None:
    seen = LISTENING if addresses is HERE else ""
    bad, good = addresses[index], addresses[1 - index]
    held = ", ".join(f'"{x.strip("[]")}"' for x in (bad, good))
    spoken = scheme[:-3]
    world = f'target: "{scheme}collector:4317"\nnames: {{collector: [{held}]}}\n{seen}'

    traces, findings = judged(world + probes(f"{bad}:4317 {spoken} {outcome}", f"{good}:4317 {spoken} accepted"))

    assert len(roots(findings)) == 1, findings
    assert {x.key for x in traces.broken} == {key for x in findings for key in x.flows}


@pytest.mark.parametrize(("addresses", "index", "scheme"), EACH, ids=IDS)
@pytest.mark.parametrize("outcome", FAILING)
def test_a_name_that_fails_alike_over_both_families_has_one_code_as_cause(
    addresses: tuple[str, ...], index: int, scheme: str, outcome: Outcome
) -> None:
    seen = LISTENING if addresses is HERE else ""
    held = ", ".join(f'"{x.strip("[]")}"' for x in (addresses[index], addresses[1 - index]))
    world = f'target: "{scheme}collector:4317"\nnames: {{collector: [{held}]}}\n{seen}'

    traces, findings = judged(world + probes(*(f"{x}:4317 {scheme[:-3]} {outcome}" for x in addresses)))

    assert len(set(roots(findings))) == 1, findings
    assert {x.key for x in traces.broken} == {key for x in findings for key in x.flows}


@pytest.mark.parametrize(("addresses", "index", "scheme"), EACH, ids=IDS)
@pytest.mark.parametrize("outcome", FAILING)
def test_without_sockets_and_filters_a_failing_flow_has_a_cause_all_the_same(
    addresses: tuple[str, ...], index: int, scheme: str, outcome: Outcome
) -> None:
    where = f"{addresses[index]}:4317"
    withheld = "withheld: [Listeners, Filters, Routes, Namespaces, Declared, Names]\n"

    traces, findings = judged(f'target: "{scheme}{where}"\n{withheld}' + probes(f"{where} {scheme[:-3]} {outcome}"))

    assert len(roots(findings)) == 1, findings
    assert traces.broken


@pytest.mark.parametrize(("addresses", "index", "scheme"), EACH, ids=IDS)
@pytest.mark.parametrize("outcome", WORKING)
def test_a_flow_that_works_or_was_not_judged_has_no_cause(
    addresses: tuple[str, ...], index: int, scheme: str, outcome: Outcome
) -> None:
    where = f"{addresses[index]}:4317"

    seen = LISTENING if addresses is HERE else ""

    traces, findings = judged(f'target: "{scheme}{where}"\n{seen}' + probes(f"{where} {scheme[:-3]} {outcome}"))

    assert not findings
    assert not traces.broken


@pytest.mark.parametrize("address", ["[fd00:9::5]", "[fd00:9::7]", "[::1]"])
@pytest.mark.parametrize("scheme", ["grpc", "https"])
def test_a_kernel_without_ipv6_is_the_cause_whatever_is_asked(address: str, scheme: str) -> None:
    # IPv6 alone: Linux cannot be built with IPv6 and without IPv4 (CONFIG_IPV6 needs CONFIG_INET).
    where = f"{address}:4317"

    traces, findings = judged(f'target: "{scheme}://{where}"\n' + probes(f"{where} {scheme} family_absent"))

    assert roots(findings) == ["DS301"]
    assert traces.broken


def test_an_interrupted_probe_leaves_what_the_sockets_say() -> None:
    traces, findings = judged('target: "grpc://10.9.0.5:4317"\n' + probes("10.9.0.5:4317 grpc cancelled"))

    assert roots(findings) == ["DS211"]
    assert traces.broken

"""The feature gates that a command line switches."""

import pytest

from dualstack.knowledge import table
from dualstack.reach.features import is_on, refused, switched
from dualstack.reach.versions import numbers

HOST = "component.UseLocalHostAsDefaultHost"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--feature-gates=-a,+b,c"], {"a": False, "b": True, "c": True}),
        (["--config=x", "--feature-gates", "-a"], {"a": False}),
        (["-feature-gates=a", "--feature-gates=-a,"], {"a": False}),
        (["--feature-gate=-a", "feature-gates=-a"], {}),
    ],
)
def test_a_command_line_switches_gates(words: list[str], said: dict[str, bool]) -> None:
    assert switched(words) == said


@pytest.mark.parametrize(
    ("version", "said", "state"),
    [
        ("0.93.0", {HOST: True}, False),
        ("0.103.1", {HOST: True}, True),
        ("0.103.1", {}, False),
        ("0.104.0", {}, True),
        ("0.109.0", {HOST: False}, False),
        ("0.110.0", {HOST: False}, True),
        ("", {}, None),
        ("", {HOST: False}, False),
    ],
)
def test_a_gate_is_switched_while_its_stage_lets_it(version: str, said: dict[str, bool], state: bool | None) -> None:
    assert is_on(HOST, version, said) is state


@pytest.mark.parametrize(
    ("version", "said", "words"),
    [
        ("0.93.0", {HOST: True}, [f'no such feature gate "{HOST}"']),
        ("0.109.0", {HOST: False}, []),
        ("0.111.0", {HOST: False}, [f'feature gate "{HOST}" is stable, can not be disabled']),
        ("0.111.0", {HOST: True}, []),
        ("0.112.0", {HOST: True}, [f'no such feature gate "{HOST}"']),
        ("", {HOST: False}, []),
        ("0.139.0", {"a.gate.of.others": False}, []),
    ],
)
def test_a_gate_that_a_version_does_not_take_keeps_it_from_starting(
    version: str, said: dict[str, bool], words: list[str]
) -> None:
    assert [x for _, x in refused(version, said)] == words


def test_every_default_that_changed_names_its_gate() -> None:
    gates = {x["gate"]: x for x in table("feature_gates")}

    for row in table("components"):
        assert bool(row["gate"]) == bool(row["before"]), row
        assert not row["gate"] or gates[row["gate"]]["on"] == row["since"], row
    for row in gates.values():
        stages = [numbers(row[x]) for x in ("since", "on", "fixed", "removed")]
        assert stages == sorted(stages)

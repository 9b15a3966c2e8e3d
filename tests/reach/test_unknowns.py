"""Variables in addresses: the families that they can have."""

import pytest

from dualstack.model.address import BOTH, Family
from dualstack.model.kube import Container, Variable
from dualstack.model.question import Question
from dualstack.model.source import Location, Written
from dualstack.reach.unknowns import families, outcomes

AT = Location("a.yaml", 1)
V4, V6 = Family.IPV4, Family.IPV6


def container(**variables: str) -> Container:
    """Variables with a value, or with a field of the downward API where it begins with `status.`."""
    held = tuple(
        Variable(k, AT, field=v) if v.startswith("status.") else Variable(k, AT, Written(v, AT) if v else None)
        for k, v in variables.items()
    )
    return Container("c", AT, variables=held)


@pytest.mark.parametrize(
    ("reference", "there", "question", "expected"),
    [
        ("${env:MY_POD_IP}", None, Question(), BOTH),
        ("$(HOST_IP)", None, Question(cluster=(V6, V4)), (V6,)),
        ("${K8S_NODE_IP:-10.0.0.1}", None, Question(expect=(V6,)), (V6,)),
        ("${env:NODE_IP}", None, Question(expect=BOTH), BOTH),
        ("${env:OTEL_HOST}", None, Question(), ()),
        ("${env:WHERE}", container(WHERE="status.podIP"), Question(), BOTH),
        ("${env:MY_POD_IP}", container(MY_POD_IP="status.podIPs"), Question(), ()),
        ("${env:MY_POD_IP}", container(MY_POD_IP="10.0.0.5"), Question(), (V4,)),
        ("${env:MY_POD_IP}", container(MY_POD_IP="fd00::5"), Question(cluster=(V4,)), (V6,)),
        ("${env:MY_POD_IP}", container(MY_POD_IP="collector"), Question(), ()),
        ("${env:MY_POD_IP}", container(MY_POD_IP=""), Question(), BOTH),
        ("${env:MY_POD_IP}", container(OTHER="10.0.0.5"), Question(), BOTH),
    ],
)
def test_what_a_variable_holds(
    reference: str, there: Container | None, question: Question, expected: tuple[Family, ...]
) -> None:
    assert families(reference, there, question) == expected


def test_the_families_of_several_variables_go_together() -> None:
    held = container(MY_POD_IP="10.0.0.5")

    def said(text: str) -> dict[Family, str]:
        return dict(outcomes(text, held, Question(), lambda x: x))

    assert said("${env:MY_POD_IP}:${env:PORT}") == {}
    assert said("${env:MY_POD_IP}/${env:NODE_IP}") == {V4: "192.0.2.1/192.0.2.1"}
    assert said("${env:NODE_IP}:1") == {V4: "192.0.2.1:1", V6: "2001:db8::1:1"}
    assert said("fd00::5:1") == {V6: "fd00::5:1"}

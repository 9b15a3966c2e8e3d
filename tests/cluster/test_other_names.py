"""Hosts that other names than those of Services may be."""

from typing import Any

import pytest

from dualstack.model.finding import Severity
from tests.cluster.test_client_ways import cart, errors, told
from tests.cluster.test_singly import asked

THERE, ABROAD = "obs.svc.cluster.local", "corp.example"


def searching(*domains: str) -> dict[str, Any]:
    return {"dnsConfig": {"searches": [*domains]}}


@pytest.mark.parametrize("domains", [(THERE,), (THERE, ABROAD), (ABROAD, THERE)])
def test_a_search_domain_of_the_pods_leads_to_a_service(domains: tuple[str, ...]) -> None:
    pod = cart("http://otel:4317", **searching(*domains))

    assert not errors(told(pod))
    assert not errors(asked(pod))


@pytest.mark.parametrize(
    ("host", "domains", "expected"),
    [
        ("otell", (THERE,), ["DS408"]),
        ("otell.obs.svc", (ABROAD,), ["DS408"]),
        ("otell", (ABROAD,), []),
        ("otell.obs", (ABROAD,), []),
        ("otell.obs", (THERE,), ["DS408"]),
    ],
)
def test_a_name_that_is_nowhere_is_a_fault_where_the_world_cannot_have_it(
    host: str, domains: tuple[str, ...], expected: list[str]
) -> None:
    pod = cart(f"http://{host}:4317", **searching(*domains))

    assert errors(told(pod)) == expected
    assert errors(asked(pod)) == expected
    assert {x.code for x in told(pod).findings if x.severity is not Severity.INFO} == {"DS408"}

"""NetworkPolicies let through what the API's documentation says."""

import ipaddress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.model.address import Family
from dualstack.model.cluster import Pod
from dualstack.model.netpol import LabelSelector, Policy
from dualstack.reach.netpol import Let, ingress, isolating, selects

POD = msgspec.convert(
    {
        "metadata": {"name": "c", "namespace": "obs", "labels": {"app": "otel", "tier": "gateway"}},
        "spec": {"containers": [{"name": "c", "ports": [{"name": "otlp", "containerPort": 4317}]}]},
    },
    Pod,
)
V4, V6 = ("10.244.1.0/24",), ("fd00:244:1::/64",)


def policy(*rules: dict[str, Any], selector: dict[str, Any] | None = None, **spec: object) -> Policy:
    body = {"podSelector": selector or {}, "ingress": list(rules), **spec}
    return msgspec.convert({"metadata": {"name": "p", "namespace": "obs"}, "spec": body}, Policy)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"app": "otel"}}, True),
        ({"matchLabels": {"app": "otel", "x": "y"}}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["gateway", "agent"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["gateway"]}]}, False),
        ({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["gateway"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "Near"}]}, False),
    ],
)
def test_a_selector_matches_labels(selector: dict[str, Any], matches: bool) -> None:
    assert selects(msgspec.convert(selector, LabelSelector), POD.metadata.labels or {}) is matches


@pytest.mark.parametrize(
    ("given_policy", "isolates"),
    [
        (policy(), True),
        (policy(policyTypes=["Ingress"]), True),
        (policy(policyTypes=["Egress"]), False),
        (policy(selector={"matchLabels": {"app": "other"}}), False),
    ],
)
def test_a_policy_isolates_the_pods_that_it_selects(given_policy: Policy, isolates: bool) -> None:
    assert bool(isolating([given_policy], POD)) is isolates


def test_a_policy_of_another_namespace_is_none_of_its_business() -> None:
    other = msgspec.structs.replace(POD, metadata=msgspec.structs.replace(POD.metadata, namespace="shop"))

    assert not isolating([policy()], other)


ANY4, ANY6 = {"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}
RULES: list[tuple[list[dict[str, Any]], Let, Let]] = [
    ([], Let.NONE, Let.NONE),
    ([{}], Let.ALL, Let.ALL),
    ([{"from": [ANY4]}], Let.ALL, Let.NONE),
    ([{"from": [ANY4, ANY6]}], Let.ALL, Let.ALL),
    ([{"from": [ANY4]}, {"from": [ANY6]}], Let.ALL, Let.ALL),
    ([{"from": [{"ipBlock": {"cidr": "10.244.0.0/16"}}]}], Let.ALL, Let.NONE),
    ([{"from": [{"ipBlock": {"cidr": "10.244.1.0/28"}}]}], Let.SOME, Let.NONE),
    ([{"from": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]}], Let.NONE, Let.NONE),
    ([{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16"]}}]}], Let.NONE, Let.NONE),
    ([{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.1.8/32"]}}]}], Let.SOME, Let.NONE),
    ([{"from": [{"ipBlock": {"cidr": "nonsense"}}]}], Let.NONE, Let.NONE),
    ([{"from": [{"podSelector": {"matchLabels": {"role": "client"}}}]}], Let.SOME, Let.SOME),
    ([{"from": [{"podSelector": {}}]}], Let.SOME, Let.SOME),
    ([{"from": [{"namespaceSelector": {}}]}], Let.ALL, Let.ALL),
    ([{"from": [{"namespaceSelector": {}, "podSelector": {}}]}], Let.ALL, Let.ALL),
    ([{"from": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]}], Let.SOME, Let.SOME),
    ([{"ports": [{"port": 4317}]}], Let.ALL, Let.ALL),
    ([{"ports": [{"port": "otlp"}]}], Let.ALL, Let.ALL),
    ([{"ports": [{"port": "4317"}]}], Let.ALL, Let.ALL),
    ([{"ports": [{"port": "http"}]}], Let.NONE, Let.NONE),
    ([{"ports": [{"port": 4000, "endPort": 5000}]}], Let.ALL, Let.ALL),
    ([{"ports": [{"port": 4318}]}], Let.NONE, Let.NONE),
    ([{"ports": [{"port": 4317, "protocol": "UDP"}]}], Let.NONE, Let.NONE),
    ([{"ports": [{"protocol": "TCP"}]}], Let.ALL, Let.ALL),
]


@pytest.mark.parametrize(("rules", "ipv4", "ipv6"), RULES)
def test_what_rules_let_in(rules: list[dict[str, Any]], ipv4: Let, ipv6: Let) -> None:
    found = [policy(*rules)]

    assert ingress(found, POD, 4317, Family.IPV4, V4) is ipv4
    assert ingress(found, POD, 4317, Family.IPV6, V6) is ipv6


@pytest.mark.parametrize(("cidr", "lets"), [("0.0.0.0/0", Let.ALL), ("10.0.0.0/8", Let.SOME), ("::/0", Let.NONE)])
def test_of_clients_with_unknown_addresses_some_may_be_let_in(cidr: str, lets: Let) -> None:
    assert ingress([policy({"from": [{"ipBlock": {"cidr": cidr}}]})], POD, 4317, Family.IPV4, ()) is lets


SMALL = st.builds(
    lambda a, p: str(ipaddress.ip_network((a << 4, p), strict=False)), st.integers(0, 15), st.integers(24, 32)
)


@given(SMALL, st.lists(SMALL, max_size=3), SMALL)
def test_blocks_agree_with_each_single_address(cidr: str, left_out: list[str], clients: str) -> None:
    """All, some or none of the addresses of the clients, counted one by one."""
    block = {"cidr": cidr, "except": left_out}
    outs = [ipaddress.ip_network(x) for x in left_out]
    each = [x in ipaddress.ip_network(cidr) and not any(x in y for y in outs) for x in ipaddress.ip_network(clients)]

    said = ingress([policy({"from": [{"ipBlock": block}]})], POD, 4317, Family.IPV4, (clients,))

    assert said is not Let.ALL or all(each)
    assert said is not Let.NONE or not any(each)

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
from dualstack.reach.netpol import End, Lack, Let, Spot, Way, isolating, lacks, lets, selects

POD = msgspec.convert(
    {
        "metadata": {"name": "c", "namespace": "obs", "labels": {"app": "otel", "tier": "gateway"}},
        "spec": {"containers": [{"name": "c", "ports": [{"name": "otlp", "containerPort": 4317}]}]},
    },
    Pod,
)
V4, V6 = ("10.244.1.0/24",), ("fd00:244:1::/64",)
HELD = {"app": "otel", "tier": "gateway"}


def spot(wanted: Family = Family.IPV4, other: End | None = None) -> Spot:
    return Spot(POD, 4317, wanted, End(V4 if wanted is Family.IPV4 else V6) if other is None else other)


def end(namespace: str, labels: dict[str, str], spaces: dict[str, str] | None = None, **more: Any) -> End:
    name = {"kubernetes.io/metadata.name": namespace}
    return End(V4, namespace, labels, {**(spaces or {}), **name}, False, spaces is None, **more)


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
    assert selects(msgspec.convert(selector, LabelSelector), HELD) is matches


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
    assert bool(isolating([given_policy], "obs", HELD)) is isolates


def test_a_policy_of_another_namespace_is_none_of_its_business() -> None:
    assert not isolating([policy()], "shop", HELD)


@pytest.mark.parametrize(
    ("given_policy", "isolates"),
    [
        (policy(), False),
        (policy(egress=[{}]), True),
        (policy(egress=[]), False),
        (policy(policyTypes=["Egress"]), True),
        (policy(policyTypes=["Ingress"], egress=[{}]), False),
    ],
)
def test_egress_is_isolated_where_it_is_named_or_has_rules(given_policy: Policy, isolates: bool) -> None:
    assert bool(isolating([given_policy], "obs", HELD, Way.OUT)) is isolates


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

    assert lets(found, Way.IN, spot()) is ipv4
    assert lets(found, Way.IN, spot(Family.IPV6)) is ipv6


NAMED, OTHER_NAME = ({"matchLabels": {"kubernetes.io/metadata.name": x}} for x in ("shop", "web"))
TEAM = {"matchLabels": {"team": "blue"}}
CART = {"matchLabels": {"app": "cart"}}
PEERS: list[tuple[dict[str, Any], End, Let]] = [
    ({"podSelector": CART}, end("shop", {"app": "cart"}), Let.NONE),
    ({"podSelector": CART}, end("obs", {"app": "cart"}), Let.ALL),
    ({"podSelector": CART}, end("obs", {"app": "web"}), Let.NONE),
    ({"podSelector": CART}, End(), Let.SOME),
    ({"podSelector": {}}, end("obs", {}), Let.ALL),
    ({"namespaceSelector": NAMED}, end("shop", {}), Let.ALL),
    ({"namespaceSelector": OTHER_NAME}, end("shop", {}), Let.NONE),
    ({"namespaceSelector": NAMED, "podSelector": CART}, end("shop", {"app": "cart"}), Let.ALL),
    ({"namespaceSelector": NAMED, "podSelector": CART}, end("shop", {"app": "web"}), Let.NONE),
    ({"namespaceSelector": TEAM}, end("shop", {}), Let.SOME),
    ({"namespaceSelector": TEAM, "podSelector": CART}, end("shop", {"app": "web"}), Let.NONE),
    ({"namespaceSelector": TEAM}, end("shop", {}, {}), Let.NONE),
    ({"namespaceSelector": TEAM}, end("shop", {}, {"team": "blue"}), Let.ALL),
    ({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}, end("shop", {}), Let.SOME),
    ({"namespaceSelector": {}}, end("shop", {}), Let.ALL),
    ({"namespaceSelector": NAMED}, end("shop", {}, host=True), Let.SOME),
    ({"ipBlock": {"cidr": "0.0.0.0/0"}}, end("shop", {}), Let.ALL),
    ({"ipBlock": {"cidr": "0.0.0.0/0"}}, end("shop", {}, blocks=False), Let.NONE),
    ({"ipBlock": {"cidr": "0.0.0.0/0"}}, end("shop", {}, blocks=False, host=True), Let.SOME),
    ({"ipBlock": {"cidr": "::/0"}}, end("shop", {}, blocks=False, host=True), Let.NONE),
    ({"ipBlock": {"cidr": "10.244.0.0/16"}}, end("shop", {}, host=True), Let.SOME),
]


@pytest.mark.parametrize(("peer", "other", "lets_through"), PEERS)
@pytest.mark.parametrize("way", list(Way))
def test_a_peer_is_known_by_its_labels_and_those_of_its_namespace(
    peer: dict[str, Any], other: End, lets_through: Let, way: Way
) -> None:
    rules: dict[str, Any] = {"ingress": [{"from": [peer]}], "egress": [{"to": [peer]}]}

    assert lets([policy(**{way.value.lower(): rules[way.value.lower()]})], way, spot(other=other)) is lets_through


@pytest.mark.parametrize(
    ("rules", "lack"),
    [
        ([], Lack.RULE),
        ([{"from": [ANY6]}], Lack.FAMILY),
        ([{"from": [ANY6], "ports": [{"port": 4317}]}, {"ports": [{"port": 8888}]}], Lack.FAMILY),
        ([{"ports": [{"port": 4318}]}], Lack.PORT),
        ([{"from": [{"namespaceSelector": NAMED}], "ports": [{"port": 4318}]}], Lack.PORT),
        ([{"from": [{"namespaceSelector": OTHER_NAME}], "ports": [{"port": 4318}]}], Lack.RULE),
        ([{"from": [{"namespaceSelector": OTHER_NAME}]}, {"ports": [{"port": 4318}]}], Lack.PEER),
    ],
)
def test_what_rules_lack_that_let_nobody_in(rules: list[dict[str, Any]], lack: Lack) -> None:
    found, here = [policy(*rules)], spot(other=end("shop", {"app": "cart"}))

    assert lets(found, Way.IN, here) is Let.NONE
    assert lacks(found, Way.IN, here) is lack


def test_the_name_of_a_port_of_an_unknown_pod_may_be_any() -> None:
    rules = [policy(egress=[{"ports": [{"port": "dns", "protocol": "UDP"}]}])]

    assert lets(rules, Way.OUT, Spot(None, 53, Family.IPV4, End(), ("UDP", "TCP"))) is Let.ALL
    assert lets(rules, Way.OUT, Spot(None, 53, Family.IPV4, End())) is Let.NONE


@pytest.mark.parametrize(("cidr", "lets_in"), [("0.0.0.0/0", Let.ALL), ("10.0.0.0/8", Let.SOME), ("::/0", Let.NONE)])
def test_of_clients_with_unknown_addresses_some_may_be_let_in(cidr: str, lets_in: Let) -> None:
    assert lets([policy({"from": [{"ipBlock": {"cidr": cidr}}]})], Way.IN, spot(other=End())) is lets_in


SMALL = st.builds(
    lambda a, p: str(ipaddress.ip_network((a << 4, p), strict=False)), st.integers(0, 15), st.integers(24, 32)
)


@given(SMALL, st.lists(SMALL, max_size=3), SMALL)
def test_blocks_agree_with_each_single_address(cidr: str, left_out: list[str], clients: str) -> None:
    """All, some or none of the addresses of the clients, counted one by one."""
    block = {"cidr": cidr, "except": left_out}
    outs = [ipaddress.ip_network(x) for x in left_out]
    each = [x in ipaddress.ip_network(cidr) and not any(x in y for y in outs) for x in ipaddress.ip_network(clients)]

    said = lets([policy({"from": [{"ipBlock": block}]})], Way.IN, spot(other=End((clients,))))

    assert said is not Let.ALL or all(each)
    assert said is not Let.NONE or not any(each)

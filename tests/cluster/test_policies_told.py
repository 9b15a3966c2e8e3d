"""What is said of NetworkPolicies that shut clients out: by what a rule fails, how much it is, and what mends it."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding
from dualstack.model.trace import Disposition, Hop, Status
from tests.cluster import worlds as w
from tests.cluster.test_policies import (
    ASK,
    CART,
    CLIENT,
    NAME,
    SHOP,
    TEAM,
    WEB,
    asked,
    calico,
    into,
    named,
    out,
    policy,
)
from tests.cluster.test_policies_not_read import of_cilium

Object = dict[str, Any]


def told(found: Diagnosis) -> Finding:
    (one,) = [x for x in found.findings if x.code == "DS701"]
    return one


FAILS: dict[str, tuple[list[Object], str]] = {
    "a label of the pods": (
        [into({**named("shop"), **WEB})],
        "NetworkPolicy obs/of-obs wants `app: web` of the pods, which have `app: cart`.",
    ),
    "a label of the namespace": (
        [into(TEAM), SHOP],
        "NetworkPolicy obs/of-obs wants `team: shop` of the namespace shop, which has no label `team`.",
    ),
    "a label with an empty value": (
        [into({"namespaceSelector": {"matchLabels": {"role/ingress": ""}}}), SHOP],
        'NetworkPolicy obs/of-obs wants `role/ingress: ""` of the namespace shop, which has no label `role/ingress`.',
    ),
    "the namespace of the policy": (
        [into(CART)],
        "has a `podSelector` without a `namespaceSelector`, which means the namespace obs alone.",
    ),
    "a name of a port that is another one": (
        [into(named("shop"), ports=[{"port": "otlp-http"}])],
        "NetworkPolicy obs/of-obs is for the port `otlp-http`, which is port 4318 of the pods.",
    ),
    "a name of no port": (
        [into(named("shop"), ports=[{"port": 1}, {"port": "otlp"}])],
        "NetworkPolicy obs/of-obs is for the port `otlp`, which no container of the pods has.",
    ),
    "labels of the receiver": (
        [out(ASK, {"to": [{**named("obs"), **WEB}]})],
        "NetworkPolicy shop/of-shop wants `app: web` of the pods, which have `app: otel`.",
    ),
    "nothing near": (
        [into(named("web"), WEB, *({"ipBlock": {"cidr": x}} for x in ("192.0.2.0/24", "2001:db8::/32"))), SHOP],
        "and Calico enforces policies.",
    ),
    "nothing near on another port": ([into(named("web"), ports=[{"port": "otlp"}])], "and Calico enforces policies."),
    "no labels to name": (
        [into({"namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "In", "values": ["web"]}]}})],
        "and Calico enforces policies.",
    ),
}


@pytest.mark.parametrize("case", FAILS)
def test_the_rule_that_seems_to_be_meant_says_by_what_it_fails(case: str) -> None:
    more, end = FAILS[case]
    detail = told(asked(*more)).detail

    assert detail.endswith(end), detail


def test_who_gets_out_to_nothing_is_told_of_the_nameserver_and_of_the_receiver() -> None:
    one = told(asked(policy("shop", policyTypes=["Egress"])))

    assert "ask the nameserver of the cluster, or out to port 4317, and" in one.detail
    assert "port 53" in one.hint
    assert "Let them out to port 4317" in one.hint


def test_who_may_not_ask_the_nameserver_may_also_not_be_let_in() -> None:
    one = told(asked(out({"to": [named("obs")]}), into(named("web"))))

    assert "ask the nameserver of the cluster, or in to port 4317, and" in one.detail
    assert "Let them in to port 4317" in one.hint


def on_node(name: str, node: str) -> Object:
    """A Collector in the network of a node."""
    found = w.pod(name, node)
    found["spec"]["hostNetwork"] = True
    number = node[1:]
    found["status"]["podIPs"] = [{"ip": f"10.100.0.{number}"}, {"ip": f"fd00:100::{number}"}]
    return found


TO_OBS = out(ASK, {"to": [named("obs")]})


@pytest.mark.parametrize(
    ("nodes", "engine", "severity"),
    [
        (["n2"], "CalicoIsUp", "error"),
        (["n2"], "RouteCreated", ""),
        (["n1", "n2"], "CalicoIsUp", "warning"),
        (["n1"], "WeaveIsUp", ""),
    ],
)
def test_labels_mean_no_receiver_in_the_network_of_a_node(nodes: list[str], engine: str, severity: str) -> None:
    found = asked(TO_OBS, reason=engine, pods=[on_node(f"otel-{x}", x) for x in nodes])

    said = [x for x in found.findings if x.code == "DS701"]
    assert [x.severity for x in said] == ([severity] if severity else [])
    for one in said:
        assert one.detail.endswith("chooses by labels, which mean no pods in the network of their node.")
        assert ("of pods in the network of other nodes" in one.detail) is (severity == "warning")
        assert "ipBlock" in one.hint


def kube_proxy(mode: str) -> Object:
    about = {"name": "kube-proxy", "namespace": "kube-system"}
    return {"kind": "ConfigMap", "metadata": about, "data": {"config.conf": f"bindAddress: ''\nmode: {mode}\n"}}


HEADLESS = w.service(clusterIP="None", clusterIPs=["None"])
ELSEWHERE = [of_cilium("web", x) for x in ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")]


@pytest.mark.parametrize(
    ("engine", "more", "instead", "severity"),
    [
        ("CalicoIsUp", [], {}, "warning"),
        ("CalicoIsUp", [kube_proxy("ipvs")], {}, "warning"),
        ("CalicoIsUp", [kube_proxy('""')], {}, "error"),
        ("CalicoIsUp", [kube_proxy("nftables")], {}, "error"),
        ("CalicoIsUp", [], {"services": [HEADLESS]}, "error"),
        ("CiliumIsUp", [kube_proxy("ipvs"), *ELSEWHERE], {}, "error"),
    ],
)
def test_a_pod_may_be_kept_from_the_network_of_its_own_node(
    engine: str, more: list[Object], instead: dict[str, Any], severity: str
) -> None:
    found = asked(TO_OBS, *more, reason=engine, pods=[on_node("otel-a", "n1")], **instead)

    assert told(found).severity == severity
    ways = "of pods in the network of their own node" in told(found).detail, "IPVS" in told(found).detail
    assert ways == (severity == "warning",) * 2
    assert found.verdict == ("broken" if severity == "error" else "unknown")


@pytest.mark.parametrize("node", ["n1", "n2"])
def test_policies_of_cilium_that_were_not_stored_may_let_clients_out_to_nodes(node: str) -> None:
    one = told(asked(TO_OBS, reason="CiliumIsUp", pods=[on_node("otel-a", node)]))

    assert (one.severity, "a CiliumNetworkPolicy may, and is not read" in one.detail) == ("warning", True)
    assert told(asked(out(ASK, {"to": [named("web")]}), reason="CiliumIsUp")).severity == "error"


def test_a_namespace_that_is_another_one_is_no_matter_of_nodes() -> None:
    one = told(asked(out(ASK, {"to": [named("web")]}), pods=[on_node("otel-a", "n2")]))

    assert one.detail.endswith("and Calico enforces policies.")


@pytest.mark.parametrize(("engine", "hint"), [("CalicoIsUp", "ipBlock"), ("CiliumIsUp", "fromEntities")])
def test_labels_mean_no_client_in_the_network_of_a_node(engine: str, hint: str) -> None:
    client = deepcopy(CLIENT)
    client["spec"] |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet", "nodeName": "n3"}
    found = asked(into(named("shop")), client=client, reason=engine)

    assert told(found).severity == "error"
    assert hint in told(found).hint


@pytest.mark.parametrize(
    ("other", "unread"), [(of_cilium(), "obs"), (of_cilium("shop"), "shop"), (of_cilium("web"), "")]
)
def test_policies_of_another_kind_leave_open_what_they_do(other: Object, unread: str) -> None:
    found = asked(other, reason="CiliumIsUp")

    hops = {(x.at(Hop.POLICY).status, x.at(Hop.POLICY).why) for x in found.traces}
    said = f"there is a CiliumNetworkPolicy in the namespace {unread}, which is not read"
    assert hops == {(Status.UNKNOWN, said) if unread else (Status.PASS, "")}
    assert Disposition.DENIED not in {x.disposition for x in found.traces}


def test_policies_of_a_receivers_namespace_are_beyond_its_pods_in_the_network_of_a_node() -> None:
    found = asked(of_cilium(), reason="CiliumIsUp", pods=[on_node("otel-a", "n2")])

    assert {x.at(Hop.POLICY).status for x in found.traces} == {Status.PASS}


def test_what_lets_clients_out_over_one_family_lets_them_out_over_the_other() -> None:
    found = told(asked(out(ASK, {"to": [{"ipBlock": {"cidr": "10.96.0.0/16"}}]})))

    assert found.families == ("ipv4", "ipv6")
    assert found.hint.startswith("Let them out to port 4317 with `to: [{namespaceSelector: ")
    assert len(found.evidence) > 1


NOBODY = policy("obs", policyTypes=["Ingress"])


def test_who_comes_by_a_port_of_a_node_is_let_in_by_addresses() -> None:
    pod = w.pod("otel-a", "n1")
    for port in pod["spec"]["containers"][0]["ports"]:
        port["hostPort"] = port["containerPort"]
    found = w.diagnosed([*w.healthy(nodes=[calico("n1")], pods=[pod], services=[], slices=[]), NOBODY])

    one = told(found)
    assert one.detail.startswith("No policy lets clients of the host port of n1 in to ports 4317 and 4318,")
    assert one.hint.endswith("with an `ipBlock` of the addresses that they come from.")

"""Policies where they are not known, are not enforced, or are of a whole cluster."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather import kinds
from dualstack.gather.clients import of as clients_of
from dualstack.gather.cluster import Asker, of
from dualstack.gather.pages import page
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.address import Family
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_inside import on_nodes
from tests.cluster.test_policies import (
    ASK,
    CLIENT,
    DNS,
    NAME,
    asked,
    calico,
    causes,
    into,
    named,
    out,
    policy,
)


def test_where_policies_may_not_be_enforced_another_reason_is_told_alone() -> None:
    local = w.config(grpc="127.0.0.1:4317")
    world = w.world([*w.healthy(nodes=[calico("n1", "RouteCreated")], configs=[local]), policy("obs", ingress=[])])
    found = conclude(world, Question())

    mine = [x for x in found.findings if x.code == "DS701"]
    assert [("4317" in x.detail, "4318" in x.detail) for x in mine] == [(False, True)]


def test_a_loopback_is_beyond_policies() -> None:
    client = deepcopy(CLIENT)
    client["spec"]["containers"][0]["env"][0]["value"] = "http://localhost:4317"
    found = asked(policy("shop", policyTypes=["Ingress", "Egress"]), client=client)

    assert "DS701" not in {x.code for x in found.findings}


def test_policies_that_could_not_be_read_are_not_fine() -> None:
    world = w.world(w.healthy(nodes=[calico("n1")]), unseen=["NetworkPolicy"])
    found = conclude(world, Question())

    assert {x.at(Hop.POLICY).status for x in found.traces if x.vantage == "pods"} == {Status.UNKNOWN}
    assert not found.findings


def surveyed(*more: dict[str, Any], client: dict[str, Any] = CLIENT) -> Diagnosis:
    world = w.world([*w.healthy(nodes=[calico("n1")]), client, DNS, *more])
    found = survey(Asker(Stored(world), ""))
    found.target = str(EVERYTHING)
    return conclude_all(found, Question())


def test_of_a_whole_cluster_the_clients_that_are_shut_out_are_told_of() -> None:
    found = surveyed(into(named("web"), ports=[{"port": 4317}]))

    assert {(x.vantage, x.target.port, x.disposition, x.required) for x in found.traces if x.family == "ipv4"} == {
        ("pods", 4317, Disposition.INSUFFICIENT_INFO, True),
        ("pods of Pod shop/cart-1", 4317, Disposition.DENIED, True),
        ("pods", 4318, Disposition.DENIED, False),
    }
    assert [x[0] for x in causes(found)] == ["DS701"]
    assert found.verdict == "degraded"


def test_of_a_whole_cluster_another_policy_may_let_them_in() -> None:
    other = {"kind": "GlobalNetworkPolicy", "metadata": {"name": "other"}, "spec": {}}

    found = surveyed(into(named("web")), other)

    assert {x.severity for x in found.findings if x.code == "DS701"} == {"warning"}
    assert found.verdict == "unknown"


def test_of_a_whole_cluster_clients_in_the_network_of_their_node_need_a_block_of_addresses() -> None:
    client = deepcopy(CLIENT)
    client["spec"] |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet", "nodeName": "n3"}
    world = w.world([*w.healthy(nodes=[calico("n1")]), client, DNS, into(named("shop"))])
    found = survey(Asker(Stored(world), ""))
    found.target = str(EVERYTHING)

    (one,) = [x for x in conclude_all(found, Question()).findings if x.code == "DS701"]
    assert "in the network of their node" in one.detail
    assert "`from: [{ipBlock: …}]` of the IPv4 and IPv6 addresses of the nodes" in one.hint


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize(
    ("engine", "on", "denied"),
    [
        ("CalicoIsUp", ["n1"], ["{} on other nodes"]),
        ("CiliumIsUp", ["n1"], ["{} on other nodes"]),
        ("CalicoIsUp", ["n1", "n2", "n3"], ["{} on other nodes"]),
        ("CalicoIsUp", ["n3"], ["{}"]),
        ("WeaveIsUp", ["n1"], []),
    ],
)
def test_a_node_gets_to_its_own_pods_and_to_no_others_by_labels(
    engine: str, on: list[str], denied: list[str], *, everything: bool
) -> None:
    made = [{**deepcopy(CLIENT), "metadata": {**CLIENT["metadata"], "name": f"cart-{x}"}} for x, _ in enumerate(on, 1)]
    for client, node in zip(made, on, strict=True):
        client["spec"] |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet", "nodeName": node}
        client["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "cart", "controller": True}]
    nodes = [calico(x, engine) for x in ("n1", "n2", "n3")]
    cart = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {}}}  # fmt: skip
    world = w.world([*w.healthy(nodes=nodes), *made, cart, DNS, into(named("shop"))])
    target = KubeTarget("svc", "otel") if everything else KubeTarget("ds", "cart")
    gathered = of(Asker(Stored(world), "obs" if everything else "shop"), target)
    gathered.clients = gathered.clients or clients_of(page(made, kinds.PODS).items)
    found = conclude(gathered, Question())

    who = "pods of DaemonSet shop/cart"
    mine = [x for x in found.traces if x.target.port == 4317 and x.family is Family.IPV4]
    assert [x.vantage for x in mine if x.disposition is Disposition.DENIED] == [x.format(who) for x in denied]
    assert len(mine) == 1 + (everything or on == ["n1"] or len(on) > 1) * len(denied)
    verdict = Verdict.BROKEN if on == ["n3"] and not everything else Verdict.DEGRADED if denied else Verdict.UNKNOWN
    assert found.verdict is verdict


def test_of_a_whole_cluster_what_leaves_a_client_counts_too() -> None:
    found = surveyed(out(ASK))

    assert {x.vantage for x in found.traces if x.disposition is Disposition.DENIED} == {"pods of Pod shop/cart-1"}


def test_of_a_whole_cluster_who_sends_to_an_address_asks_no_nameserver() -> None:
    client = deepcopy(CLIENT)
    first, second = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    client["spec"]["containers"][0]["env"] = [{"name": first, "value": "http://10.96.0.9:4317"}]
    assert "DS701" not in w.codes(surveyed(out({"to": [named("obs")]}), client=client))
    (one,) = [x for x in surveyed(out(), client=client).traces if x.failed]
    assert (one.family, one.asked) == (Family.IPV4, "10.96.0.9")
    assert not one.at(Hop.POLICY).why.startswith("no policy lets the pods of Pod shop/cart-1 ask")

    client["spec"]["containers"][0]["env"].append({"name": second, "value": "http://[fd00:96::9]:4317"})
    found = surveyed(out(), client=client)
    assert [x.asked for x in found.traces if x.failed] == ["10.96.0.9", "fd00:96::9"]
    assert [(x.code, x.summary) for x in found.findings if x.severity == "error"] == [
        ("DS701", "No policy lets clients out to OTLP")
    ]


@pytest.mark.parametrize(
    ("of_namespace", "of_pods", "told"),
    [
        ({}, {}, True),
        ({"istio.io/dataplane-mode": "ambient"}, {"istio.io/dataplane-mode": "none"}, True),
        ({"istio-injection": "disabled"}, {}, True),
        ({"istio.io/dataplane-mode": "ambient"}, {}, False),
        ({}, {"security.istio.io/tlsMode": "istio"}, False),
        (None, {}, False),
    ],
)
def test_of_a_whole_cluster_who_is_outside_of_the_mesh_is_shut_out_by_policies(
    of_namespace: dict[str, str] | None, of_pods: dict[str, str], *, told: bool
) -> None:
    """Their connections are led to no port of Istio."""
    client, receiver = deepcopy(CLIENT), w.pod("otel-a", "n1")
    client["metadata"]["labels"] |= of_pods
    receiver["metadata"]["annotations"] = {"ambient.istio.io/redirection": "enabled"}
    space = {"kind": "Namespace", "metadata": {"name": "shop", "labels": {NAME: "shop", **(of_namespace or {})}}}
    whole = w.world([*w.healthy(nodes=[calico("n1")], pods=[receiver]), client, DNS, into(named("web"))])
    world = survey(Asker(Stored(whole), ""))
    world.keep("Namespace", *([] if of_namespace is None else [space]))
    world.target = str(EVERYTHING)

    denied = [x.vantage for x in conclude_all(world, Question()).traces if x.disposition is Disposition.DENIED]
    assert ("pods of Pod shop/cart-1" in denied) is told


def test_exports_that_pass_show_that_nothing_enforces_a_policy() -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "obs"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    world = w.world(w.healthy(policies=[policy]))
    world.inspections = on_nodes()

    found = conclude(world, Question())

    assert found.verdict is Verdict.HEALTHY
    (told,) = {x.detail for x in found.findings if x.code == "DS701"}
    assert told.startswith("The policies let none of these clients in to ports 4317 and 4318, and exports from")


@pytest.mark.parametrize("nodes", [["n1", "n2"], ["", ""]])
@pytest.mark.parametrize(("local", "denied"), [("Local", []), ("Cluster", ["pods of DaemonSet shop/cart"])])
def test_a_local_service_leads_nodes_to_their_own_pods_alone(nodes: list[str], local: str, denied: list[str]) -> None:
    made = [{**deepcopy(CLIENT), "metadata": {**CLIENT["metadata"], "name": f"cart-{x}"}} for x in (1, 2)]
    for client, node in zip(made, nodes, strict=True):
        client["spec"] |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet", "nodeName": node}
        client["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "cart", "controller": True}]
    cart = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {}}}  # fmt: skip
    service = w.service()
    service["spec"]["internalTrafficPolicy"] = local
    parts = w.healthy(nodes=[calico("n1"), calico("n2")], services=[service])
    gathered = of(
        Asker(Stored(w.world([*parts, *made, cart, DNS, into(named("web"))])), "shop"), KubeTarget("ds", "cart")
    )
    found = conclude(gathered, Question())

    assert {x.vantage.removesuffix(" on other nodes") for x in found.traces if x.failed} == {*denied}

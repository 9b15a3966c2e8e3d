"""Policies where they are not known, are not enforced, or are of a whole cluster."""

from copy import deepcopy
from typing import Any

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_inside import on_nodes
from tests.cluster.test_policies import (
    ASK,
    CLIENT,
    DNS,
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


def surveyed(*more: dict[str, Any]) -> Diagnosis:
    world = w.world([*w.healthy(nodes=[calico("n1")]), CLIENT, DNS, *more])
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


def test_of_a_whole_cluster_what_leaves_a_client_counts_too() -> None:
    found = surveyed(out(ASK))

    assert {x.vantage for x in found.traces if x.disposition is Disposition.DENIED} == {"pods of Pod shop/cart-1"}


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

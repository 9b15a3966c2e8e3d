"""Policies of other kinds than NetworkPolicies, and those that may not be read: who lets whom in is open there."""

import json
from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.cluster import Asker, of
from dualstack.gather.kube_objects import Kind, Refused
from dualstack.gather.stored import Stored
from dualstack.model.cluster import Node
from dualstack.model.decoders import converted
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop, Status
from dualstack.reach.engines import engine
from tests.cluster import worlds as w
from tests.cluster.test_policies import CLIENT, DNS, asked, calico, causes, into, named, out, to


def of_cilium(namespace: str = "obs", kind: str = "CiliumNetworkPolicy") -> dict[str, Any]:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": kind,
        "metadata": {"name": "other", "namespace": namespace},
        "spec": {},
    }


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ([], "error"),
        ([of_cilium("web")], "error"),
        ([of_cilium()], "warning"),
        ([of_cilium("", "CiliumClusterwideNetworkPolicy")], "warning"),
    ],
)
def test_what_no_policy_of_kubernetes_lets_in_another_one_may(more: list[dict[str, Any]], severity: str) -> None:
    found = asked(into(named("web")), *more, reason="CiliumIsUp")

    ((code, said, _),) = causes(found)
    assert (code, said) == ("DS701", severity)
    assert found.verdict == ("broken" if severity == "error" else "unknown")
    about = next(x.detail for x in found.findings if x.code == code)
    assert ("NetworkPolicy may, and is not read" in about) is (severity == "warning")


@pytest.mark.parametrize("host", [False, True])
def test_a_policy_for_all_namespaces_that_is_not_read_is_named(*, host: bool) -> None:
    about = {"apiVersion": "crd.projectcalico.org/v1", "kind": "GlobalNetworkPolicy", "metadata": {"name": "deny"}}
    client = deepcopy(CLIENT)
    client["spec"]["hostNetwork"] = host
    pods = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]
    for each in pods:
        each["spec"]["hostNetwork"] = host
    found = asked(about, client=client, pods=pods)

    hops = {(x.at(Hop.POLICY).status, x.at(Hop.POLICY).why) for x in found.traces}
    named = (Status.UNKNOWN, "a GlobalNetworkPolicy may be for these pods, and is not read")
    assert (named in hops) is not host
    assert "DS701" not in w.codes(found)


def test_policies_that_may_not_be_read_may_let_clients_in() -> None:
    world = w.world([*w.healthy(nodes=[calico("n1"), calico("n2")]), CLIENT, DNS, into(named("web"))])

    class Denying(Stored):
        def objects(self, kind: Kind[Any], namespace: str = "", labels: str = "", fields: str = "") -> list[Any]:
            if kind.group == "crd.projectcalico.org":
                raise Refused(403, "forbidden")
            return super().objects(kind, namespace, labels, fields)

    found = of(Asker(Denying(world), "shop"), KubeTarget("pod", "cart-1"))

    assert {x for x, _ in found.other_policies} == {"NetworkPolicy.crd.projectcalico.org", "GlobalNetworkPolicy"}
    assert unpacked("world", packed(found, "1")).other_policies == found.other_policies
    assert conclude(found, Question()).verdict == "unknown"


ARGUMENTS = {
    "a server's": ("+k3s1", "k3s.io", ["server", "--disable-network-policy", "--cluster-cidr", "10.42.0.0/16"], ""),
    "a file's": ("+k3s1", "k3s.io", ["server", "--disable-network-policy", "true"], ""),
    "a file's, to leave it on": ("+k3s1", "k3s.io", ["server", "--disable-network-policy", "false"], "K3s"),
    "an agent's": ("+k3s1", "k3s.io", ["agent"], "K3s"),
    "without a plugin": ("+rke2r1", "rke2.io", ["server", "--cni", "none"], ""),
    "with one": ("+rke2r1", "rke2.io", ["server", "--cni", "canal"], "RKE2"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_what_the_arguments_of_a_server_turn_off_enforces_nothing_on_any_node(case: str) -> None:
    build, domain, words, name = ARGUMENTS[case]
    info = {"status": {"nodeInfo": {"kubeletVersion": f"v1.34.1{build}"}}}
    agent = {**info, "metadata": {"name": "n1", "annotations": {f"{domain}/node-args": '["agent"]'}}}
    server = {**info, "metadata": {"name": "n2", "annotations": {f"{domain}/node-args": json.dumps(words)}}}

    assert engine([converted(x, Node) for x in (agent, server)]).name == name


def test_what_another_one_enforces_counts_where_k3s_does_not() -> None:
    words = {"k3s.io/node-args": '["server","--disable-network-policy"]'}
    node = {**calico("n1"), "metadata": {"name": "n1", "annotations": words}}
    node["status"] = {**node["status"], "nodeInfo": {"kubeletVersion": "v1.34.1+k3s1"}}

    assert engine([converted(node, Node)]).name == "Calico"
    assert engine([converted(node, Node)], ["-Calico", "kube-router"]).name == "kube-router"


BLOCKS = to("0.0.0.0/0", "::/0")


@pytest.mark.parametrize(
    ("rules", "verdict", "severity"),
    [
        ([BLOCKS, {"to": [named("obs")]}], "unknown", "warning"),
        ([BLOCKS], "broken", "error"),
        ([to("169.254.20.10/32"), {"to": [named("obs")]}], "unknown", ""),
    ],
)
def test_blocks_mean_no_nameserver_of_the_cluster_to_cilium(
    rules: list[dict[str, Any]], verdict: str, severity: str
) -> None:
    found = asked(out(*rules), reason="CiliumIsUp")

    about = [(x.severity, x.summary) for x in found.findings if x.code == "DS701"]
    assert about == [(severity, "No policy lets clients ask the nameserver")] * bool(severity)
    assert found.verdict == verdict
    assert all("or out to port 4317" in x.detail for x in found.findings if x.severity == "error")


@pytest.mark.parametrize(("port", "severity"), [(53, "error"), (5353, "")])
def test_a_way_to_the_nameserver_is_one_to_the_port_of_its_pods(port: int, severity: str) -> None:
    labels = {"kubernetes.io/service-name": "dns-default"}
    slices = {
        **DNS,
        "metadata": {"name": "dns-default-1", "namespace": "openshift-dns", "labels": labels},
        "ports": [{"name": "metrics", "port": 9154}, {"name": "dns", "port": 5353, "protocol": "UDP"}],
    }
    rule = out({"to": [named("openshift-dns")], "ports": [{"port": port, "protocol": "UDP"}]}, {"to": [named("obs")]})
    world = w.world([*w.healthy(nodes=[calico("n1"), calico("n2")]), CLIENT, slices, rule])
    found = conclude(of(Asker(Stored(world), "shop"), KubeTarget("pod", "cart-1")), Question())

    assert [x.severity for x in found.findings if x.code == "DS701"] == [severity] * bool(severity)
    hints = [x.hint for x in found.findings if x.code == "DS701"]
    assert all("port 5353" in x and "openshift-dns" in x and "not 53" in x for x in hints)

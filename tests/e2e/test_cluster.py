"""The cluster is what it says: families of nodes and Services, names, rights, and a pod that runs this project."""

import json

import pytest

from dualstack.lab.topology import CannotBuild
from tests.e2e.cluster import NODES, PROJECT, Cluster, control_planes
from tests.e2e.control_plane import kubectl
from tests.e2e.programs import lacking

pytestmark = pytest.mark.cluster


def addresses(cluster: Cluster, *what: str) -> list[str]:
    return cluster.kubectl("get", *what).split()


def test_nodes_have_the_families_that_they_should(cluster: Cluster) -> None:
    path = '--output=jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'
    found = {x: tuple(addresses(cluster, "node", x, path)) for x in NODES}

    assert found == NODES


def test_pods_have_the_families_of_their_node(cluster: Cluster, clients: dict[str, str]) -> None:
    path = "--output=jsonpath={.status.podIPs[*].ip}"
    found = {node: addresses(cluster, "pod", "--namespace=clients", pod, path) for node, pod in clients.items()}

    assert {node: [":" in x for x in held] for node, held in found.items()} == {
        "n1": [False, True], "n2": [False, True], "n3": [False]
    }  # fmt: skip


def test_the_api_server_answers_on_both_loopback_addresses(cluster: Cluster) -> None:
    for host in ("127.0.0.1", "::1"):
        assert kubectl(cluster.kubeconfig(host=host), "get", "--raw=/readyz") == "ok"


def test_who_may_view_sees_pods_and_no_nodes(cluster: Cluster) -> None:
    view = cluster.kubeconfig("view")

    assert "coredns" in kubectl(view, "get", "pods", "--all-namespaces")
    with pytest.raises(CannotBuild, match="Forbidden"):
        kubectl(view, "get", "nodes")


def test_this_project_runs_in_a_pod(cluster: Cluster) -> None:
    words = ("run", "look", f"--image={PROJECT}", "--restart=Never")
    try:
        cluster.kubectl(*words, "--", "sockets", "--format", "json")
        cluster.kubectl("wait", "pod/look", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
        said = cluster.kubectl("logs", "look")
    finally:
        cluster.kubectl("delete", "pod", "look", "--ignore-not-found", "--force", "--grace-period=0")

    assert json.loads(said)


def test_control_planes_of_each_form_have_services_of_their_families() -> None:
    if lack := lacking():
        pytest.skip(lack)
    forms = {"ipv4": ["IPv4"], "ipv6": ["IPv6"], "ipv6-first": ["IPv6", "IPv4"]}
    service = json.dumps({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "collector"},
        "spec": {"ipFamilyPolicy": "PreferDualStack", "ports": [{"port": 4317}]},
    })  # fmt: skip
    with control_planes(*forms) as made:
        found = {}
        for form in forms:
            config = made.kubeconfig(form=form)
            kubectl(config, "create", "--filename=-", lines=[service])
            said = kubectl(config, "get", "service", "collector", "--output=jsonpath={.spec.ipFamilies}")
            found[form] = json.loads(said)

    assert found == forms

"""Agents that take OTLP by ports of their nodes, where clients send to no Service, or to a node without one."""

import json
from pathlib import Path

import pytest

from dualstack.cluster import ClusterRequest, diagnose
from dualstack.model.target import KubeTarget
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart
from tests.cluster.test_nowhere import API, CART, folder, held, of, on_node, system, told
from tests.cluster.test_survey import Object


def by_host_port(number: int = 4317, image: str = "otel/opentelemetry-collector:0.161.0") -> Object:
    """A Collector that takes OTLP by a port of its node."""
    pod = held(hostPort=number)
    pod["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "agents", "controller": True}]
    pod["spec"]["containers"][0]["image"] = image
    return pod


def over_udp() -> Object:
    pod = by_host_port()
    for each in pod["spec"]["containers"][0]["ports"]:
        each["protocol"] = "UDP"
    return pod


def beside(pod: Object) -> Object:
    """Its Collector as an init container that is restarted always."""
    spec = pod["spec"]
    spec["initContainers"] = [{**x, "restartPolicy": "Always"} for x in spec["containers"]]
    spec["containers"] = [{"name": "main", "image": "busybox:1"}]
    pod["status"]["initContainerStatuses"] = pod["status"].pop("containerStatuses")
    return pod


@pytest.mark.parametrize(
    ("pod", "told_of"),
    [(by_host_port(), True), (by_host_port(image="web:1"), False), (held(), False), (over_udp(), False)],
)
def test_agents_of_the_nodes_are_named_where_there_is_no_service(pod: Object, told_of: bool, tmp_path: Path) -> None:
    other = {"kind": "Service", "metadata": {"name": "web", "namespace": "obs"}, "spec": {"ports": [{"port": 80}]}}
    path = folder(tmp_path, cart("http://otel-collector.obs.svc:4317"), API, pods=[pod], services=[other], slices=[])
    found = told(path)

    (one,) = of(found, "DS408")
    assert ("DaemonSet agents there takes OTLP by ports of its nodes: 4317." in one.detail) is told_of
    assert one.hint.startswith("Let clients send to their node: `$(HOST_IP)`" if told_of else "Correct the name;")


@pytest.mark.parametrize(
    ("tolerations", "more", "expected"),
    [
        ([], [], "and it has no toleration for the taint gpu=yes:NoSchedule of n1. One that is not known here could."),
        ([], [API, w.pod("web", "n1")], "has no toleration for the taint gpu=yes:NoSchedule of n1. Only a process"),
        ([{"key": "gpu", "operator": "Exists"}], [], ""),
    ],
)
def test_agents_that_a_taint_keeps_from_the_node_are_named(
    tolerations: list[Object], more: list[Object], expected: str, tmp_path: Path
) -> None:
    node, agent = w.node("n1", 1), by_host_port()
    node["spec"]["taints"] = [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]
    agent["spec"] |= {"nodeName": "n2", "tolerations": tolerations}
    web = [x for x in more if x is not API]
    for each in web:
        each["spec"]["containers"][0]["image"] = "web:1"
    held = [
        {"apiVersion": "v1", **x} for x in (*w.healthy(nodes=[node, w.node("n2", 2)], pods=[agent, *web]), on_node())
    ]
    path = tmp_path / "all.json"
    every = [*held, CART, *((system("n1"), system("n2"), API) if more else ())]
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": every}))
    found = of(told(str(tmp_path)), "DS211")

    assert [str(x.severity) for x in found] == (["warning"] if expected else [])
    assert all(expected in x.detail and "DaemonSet obs/agents holds it on n2" in x.detail for x in found)
    assert all(x.hint.startswith("Let DaemonSet obs/agents run on each node") for x in found)


def test_one_that_runs_beside_others_is_asked_about_by_the_port_of_its_node(tmp_path: Path) -> None:
    pod, made = beside(by_host_port()), {"apiVersion": "apps/v1", "kind": "DaemonSet"}
    made |= {"metadata": {"name": "agents", "namespace": "obs"}, "spec": {"selector": {"matchLabels": {"app": "otel"}}}}
    path = folder(tmp_path, made, pods=[pod], services=[], slices=[], workloads=[])
    found = diagnose(ClusterRequest(KubeTarget("ds", "agents"), namespace="obs", stored=path), lambda _: None)

    assert [(x.target.port, x.server) for x in found.traces] == [(4317, "pod otel-agent")]

"""A host port that somebody else has than the Collectors that clients mean."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from dualstack.cluster import ClusterRequest, diagnose
from dualstack.conclusion import conclude
from dualstack.gather.logs import last_lines
from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Finding
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import agent, gathered, on_host
from tests.cluster.test_incidents import pending
from tests.cluster.test_kube_api import Make, api, server

__all__ = ["api"]

Object = dict[str, Any]
WAITS = "0/2 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."


def made_by(pod: Object, kind: str, name: str) -> Object:
    pod["metadata"]["ownerReferences"] = [{"kind": kind, "name": name, "controller": True}]
    return pod


def vendor(image: str = "vendor/agent:7", on: str = "n1") -> Object:
    """A pod that holds the port 4317 of its node."""
    pod = made_by(deepcopy(agent(on=on)), "DaemonSet", "datadog")
    pod["metadata"] |= {"name": "datadog-1", "labels": {"app": "datadog"}}
    container = pod["spec"]["containers"][0]
    container["image"] = image
    if image.startswith("vendor"):
        del container["args"], container["volumeMounts"]
    return pod


def waiting(port: int = 4317) -> Object:
    """A Collector that is on no node, as none has the port free."""
    pod = made_by(pending(WAITS), "DaemonSet", "agent")
    pod["metadata"]["name"] = "agent-1"
    pod["spec"]["containers"][0]["ports"][0]["hostPort"] = port
    return pod


def of(*pods: Object, outcome: Outcome = Outcome.REFUSED) -> Diagnosis:
    """What becomes of a client that sends to the port 4317 of its node."""
    world = gathered(on_host(), pods=list(pods), slices=[])
    ways = (Way.ADDRESS, Way.LOOPBACK)
    world.seen = Glimpses(tuple(Glimpse("pod obs/datadog-1", 4317, Protocol.GRPC, x, outcome) for x in ways))
    return conclude(world, Question())


def root(found: Diagnosis) -> Finding:
    (one,) = [x for x in found.findings if x.severity == "error" and not x.because]
    return one


def test_who_holds_the_port_and_who_waits_for_it_is_the_cause() -> None:
    found = of(vendor(), waiting())

    assert found.verdict is Verdict.BROKEN
    one = root(found)
    assert one.code == "DS607"
    assert "No node with room for obs/agent-1 has its host ports 4317 free" in one.detail
    held = "On n1 the pod obs/datadog-1, of DaemonSet obs/datadog, holds 4317, and is no Collector."
    assert f"{held} What clients send to 10.100.0.1:4317 comes to it." in one.detail
    assert one.hint.startswith("Give one of those who want the port another, let the clients send to that")
    assert one.flows


def test_a_collector_in_the_network_of_the_node_is_not_who_holds_it() -> None:
    other = deepcopy(agent(host_network=True))
    other["metadata"]["name"] = "gw"
    other["spec"]["containers"][0]["ports"] = []

    assert root(of(vendor(), other, waiting())).code == "DS607"


def test_where_nobody_waits_nothing_is_told_of_ports() -> None:
    assert "DS607" not in {x.code for x in of(vendor()).findings}
    assert "DS607" not in {x.code for x in of(vendor(), waiting(4319)).findings}


def test_who_waits_for_the_port_of_a_collector_is_no_affair_of_its_clients() -> None:
    assert "DS607" not in {x.code for x in of(vendor("otel/opentelemetry-collector:0.161.0"), waiting()).findings}


def test_a_holder_that_takes_what_is_sent_is_no_fault() -> None:
    found = of(vendor(), waiting(), outcome=Outcome.ACCEPTED)

    assert found.verdict is Verdict.HEALTHY
    assert "DS607" not in {x.code for x in found.findings}


def test_asked_of_those_who_wait_the_holder_is_named_where_it_is_known() -> None:
    alone, beside = w.diagnosed(w.healthy(pods=[waiting()])), w.diagnosed(w.healthy(pods=[waiting(), vendor()]))

    (one,) = [x for x in alone.findings if x.code == "DS607"]
    (other,) = [x for x in beside.findings if x.code == "DS607"]
    assert one.detail.endswith("requested pod ports.")
    assert other.detail.endswith("On n1 the pod datadog-1, of DaemonSet datadog, holds 4317, and is no Collector.")


def bound(node: str, port: int = 4317) -> Object:
    """A pod of a DaemonSet as its controller makes it for one node, where the port is not free."""
    pod = waiting(port)
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    pod["spec"]["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    return pod


def sister(on: str) -> Object:
    pod = made_by(deepcopy(agent(on=on)), "DaemonSet", "agent")
    pod["metadata"]["name"] = f"agent-{on}"
    return pod


def test_a_pod_of_the_same_daemonset_on_another_node_keeps_nobody_from_a_port() -> None:
    (one,) = [x for x in w.diagnosed(w.healthy(pods=[bound("n1"), sister("n2")])).findings if x.code == "DS607"]
    (other,) = [x for x in w.diagnosed(w.healthy(pods=[bound("n1"), vendor()])).findings if x.code == "DS607"]

    assert one.detail.endswith("requested pod ports.")
    assert "On n1 the pod datadog-1, of DaemonSet datadog, holds 4317" in other.detail


def folder(path: Path, *objects: Object) -> str:
    held = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **x} for x in objects]}
    (path / "all.json").write_text(json.dumps(held))
    return str(path)


def asked(path: str) -> Finding:
    """What is said of the pods of the DaemonSet agent, of whom alone the question is."""
    request = ClusterRequest(KubeTarget("ds", "agent"), namespace="obs", stored=path)
    (one,) = [x for x in diagnose(request, lambda _: None).findings if x.code == "DS607"]
    return one


def test_in_a_dump_who_holds_the_port_is_found_beside_what_is_asked_about(tmp_path: Path) -> None:
    pod = bound("n1")
    made = {**deepcopy(w.deployment()), "kind": "DaemonSet"}
    made["metadata"]["name"] = "agent"
    made["spec"]["selector"] = {"matchLabels": {"app": "otel"}}
    objects = [w.node("n1", 1), w.node("n2", 2), made, pod, sister("n2"), w.config()]

    assert "holds" not in asked(folder(tmp_path, *objects)).detail
    assert asked(folder(tmp_path, *objects, vendor())).detail.endswith(
        "On n1 the pod obs/datadog-1, of DaemonSet datadog, holds 4317, and is no Collector."
    )

    for each in pod["status"]["conditions"]:
        each["holder"] = "the pod edge/agent-1, of DaemonSet agent, holds 4317"
    assert asked(folder(tmp_path, *objects)).detail.endswith(
        "On n1 the pod edge/agent-1, of DaemonSet agent, holds 4317."
    )


def test_the_pods_of_its_only_node_are_asked_for_who_has_the_port(api: Make) -> None:
    listed = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [sister("n1"), vendor()]}
    one, other = bound("n1", 4319), bound("n1")
    one["metadata"]["name"] = "agent-0"
    world = w.world([one, other])
    found = (200, {"Content-Type": "application/json"}, json.dumps(listed).encode())
    with server(found, found) as kept:
        last_lines(api(kept.url), world, lambda _: None)

    assert ["fieldSelector=spec.nodeName%3Dn1" in x[1] for x in kept.asked] == [True, True]
    conditions = [y for x in world.objects["Pod"] for y in x["status"]["conditions"]]
    assert [x["holder"] for x in conditions if x["type"] == "PodScheduled"] == [
        None,
        "the pod obs/agent-n1, of DaemonSet agent, holds 4317",
    ]


def test_who_has_the_port_over_udp_does_not_hold_it() -> None:
    over = deepcopy(vendor())
    for each in over["spec"]["containers"][0]["ports"]:
        each["protocol"] = "UDP"

    assert "holds 4317" not in root(of(over, waiting())).detail


def test_a_sidecar_that_is_restarted_always_holds_it() -> None:
    held = vendor()
    first = held["spec"]["containers"][0]
    held["spec"]["initContainers"] = [{"name": "s", "image": "x", "restartPolicy": "Always", "ports": first["ports"]}]
    first["ports"] = []

    assert "On n1 the pod obs/datadog-1, of DaemonSet obs/datadog, holds 4317" in root(of(held, waiting())).detail


def test_who_waits_for_a_port_over_udp_waits_for_nobody_who_has_it_over_tcp() -> None:
    asks = waiting()
    asks["spec"]["containers"][0]["ports"][0]["protocol"] = "UDP"

    assert not [x for x in of(vendor(), asks).findings if "datadog" in x.detail and x.code == "DS607"]


def for_udp(pod: Object, port: int = 6831) -> Object:
    """The pod with one more host port, for UDP."""
    more = {"name": "jaeger", "containerPort": port, "hostPort": port, "protocol": "UDP"}
    pod["spec"]["containers"][0].setdefault("ports", []).append(more)
    return pod


def test_who_has_a_port_over_udp_keeps_who_wants_it_over_udp_from_it(tmp_path: Path) -> None:
    held = vendor()
    held["spec"]["containers"][0]["ports"] = []
    found = w.diagnosed(w.healthy(pods=[for_udp(waiting()), for_udp(deepcopy(held))]))

    (one,) = [x for x in found.findings if x.code == "DS607"]
    assert "has its host ports 4317, 6831/UDP free" in one.detail
    assert one.detail.endswith("On n1 the pod datadog-1, of DaemonSet datadog, holds 6831/UDP, and is no Collector.")

    made = {**deepcopy(w.deployment()), "kind": "DaemonSet"}
    made["metadata"]["name"] = "agent"
    made["spec"]["selector"] = {"matchLabels": {"app": "otel"}}
    objects = [w.node("n1", 1), made, for_udp(bound("n1")), w.config()]
    assert "holds" not in asked(folder(tmp_path, *objects, held)).detail
    assert "holds 6831/UDP" in asked(folder(tmp_path, *objects, for_udp(held))).detail

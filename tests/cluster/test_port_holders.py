"""Containers that end because somebody else has their port, and who that is."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, diagnose
from dualstack.gather.logs import last_lines
from dualstack.model.target import KubeTarget
from tests.cluster import worlds as w
from tests.cluster.test_crashes import crashed
from tests.cluster.test_kube_api import Make, api, server, status

__all__ = ["api"]

Object = dict[str, Any]


@pytest.mark.parametrize(
    ("shares", "holder"),
    [(True, "a process of the node n1, or of a pod in its network"), (False, "another container of the pod")],
)
def test_a_port_that_somebody_else_has_is_told(shares: bool, holder: str) -> None:
    end = 'Error: cannot start pipelines: failed to start "otlp" receiver: listen tcp 0.0.0.0:34317: bind: '
    pod = crashed(message=f"{end}address already in use")
    pod["spec"]["hostNetwork"] = shares

    (told,) = (x for x in w.diagnosed(w.healthy(pods=[pod])).findings if x.code == "DS507")

    assert told.hint.startswith("Give one of the two another port:")
    assert holder in told.hint
    assert told.fix is not None
    assert any("spec.nodeName=n1" in x for x in told.fix.commands) is shares


@pytest.mark.parametrize(
    ("message", "holder"),
    [
        ("listen tcp 0.0.0.0:34317: bind: address already in use", "another container of the pod (legacy), or another"),
        ("OSError: [Errno 98] Address already in use", "another container of the pod (legacy), or another"),
        ("listen tcp 0.0.0.0:4317: bind: address already in use", "the container otelcol of the pod has"),
    ],
)
def test_in_the_network_of_a_pod_its_other_containers_are_named(message: str, holder: str) -> None:
    pod = crashed(message=message)
    pod["spec"]["containers"].append({"name": "legacy", "image": "legacy:1"})
    said = pod["status"]["containerStatuses"]
    if "otelcol" in holder:
        ended = {**said[0], "name": "legacy"}
        said[:] = [{"name": "otelcol", "ready": True, "state": {"running": {}}}, ended]
    else:
        said.append({"name": "legacy", "ready": True, "state": {"running": {}}})

    (told,) = (x for x in w.diagnosed(w.healthy(pods=[pod])).findings if x.code == "DS507")

    assert holder in told.hint


def _turned_away() -> dict[str, Any]:
    pod = crashed(message="listen tcp 0.0.0.0:34317: bind: address already in use")
    pod["spec"]["hostNetwork"] = True
    return pod


def test_who_has_the_port_of_the_node_is_named() -> None:
    pod = _turned_away()
    pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["holder"] = (
        "the pod edge/agent-1 of DaemonSet agent"
    )

    (told,) = (x for x in w.diagnosed(w.healthy(pods=[pod])).findings if x.code == "DS507")

    assert told.hint == (
        "Give one of the two another port: the pod edge/agent-1 of DaemonSet agent has the one that it wants."
    )


def test_the_pods_of_the_node_are_asked_for_who_has_the_port(api: Make) -> None:
    mine, other, third = _turned_away(), w.pod("agent-1", "n1"), w.pod("agent-2", "n1")
    for each, port in ((other, 34317), (third, 34318)):
        each["spec"] |= {"hostNetwork": True, "containers": [{"name": "a", "ports": [{"containerPort": port}]}]}
    listed = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [mine, third, other]}
    for answer, holder in (
        (
            (200, {"Content-Type": "application/json"}, json.dumps(listed).encode()),
            "the pod obs/agent-1 of ReplicaSet otel-1",
        ),
        (status(403), None),
    ):
        world = w.world([_turned_away()])
        with server(answer) as kept:
            last_lines(api(kept.url), world, lambda _: None)

        assert "fieldSelector=spec.nodeName%3Dn1" in kept.asked[0][1]
        ended = world.objects["Pod"][0]["status"]["containerStatuses"][0]["lastState"]["terminated"]
        assert ended.get("holder") == holder
        assert bool(world.gaps) is (holder is None)


def of(host: str) -> str:
    return f"listen tcp {host}:34317: bind: address already in use"


LAST_WORDS = of("0.0.0.0")
HAS = "Give one of the two another port: the pod obs/agent-1 of ReplicaSet otel-1 has the one that it wants."
PROCESS = "Give one of the two another port: a process of the node n1"
MAY = "See what the container said when it ended: the pod obs/agent-1 of ReplicaSet otel-1 listens on a port that it"


@pytest.mark.parametrize(
    ("end", "grpc", "about", "hint"),
    [
        ({"message": LAST_WORDS}, "127.0.0.1:34317", {}, HAS),
        ({"message": LAST_WORDS}, "127.0.0.1:34318", {}, "Give one of the two another port: a process of the node n1"),
        ({"message": LAST_WORDS}, "127.0.0.1:34317", {"node": "n2"}, "Give one of the two another port: a process"),
        ({"message": LAST_WORDS}, "127.0.0.1:34317", {"down": True}, "Give one of the two another port: a process"),
        ({"exitCode": 1}, "127.0.0.1:4317", {}, MAY),
        ({"exitCode": 1}, "127.0.0.1:34318", {"http": "0.0.0.0:34319"}, "Correct what the container said when it"),
        ({"exitCode": 1}, "127.0.0.1:4317", {"node": "n2"}, "Correct what the container said when it ended."),
        ({"exitCode": 1}, "127.0.0.1:4317", {"down": True}, "Correct what the container said when it ended."),
        ({"exitCode": 2}, "127.0.0.1:4317", {}, "Correct what the container said when it ended."),
        ({"exitCode": 1}, "127.0.0.1:4317", {"mine": "127.0.0.1:4317"}, MAY),
        ({"exitCode": 1}, "[::1]:4317", {"mine": "127.0.0.1:4317"}, "Correct what the container said when it ended."),
        ({"exitCode": 1}, "[::1]:4317", {"mine": "localhost:4317"}, MAY),
        ({"message": LAST_WORDS}, "[::1]:34317", {"mine": "[::1]:34317"}, HAS),
        ({"message": LAST_WORDS}, "[::1]:34317", {"mine": "127.0.0.1:34317"}, PROCESS),
        ({"message": of("10.100.0.1")}, "localhost:34317", {}, PROCESS),
        ({"message": of("10.100.0.1")}, "127.0.0.1:34317", {"named": True}, PROCESS),
        ({"message": of("10.100.0.1")}, "127.0.0.1:34318", {"named": True}, HAS),
        ({"message": of("10.100.0.1")}, "0.0.0.0:34317", {}, HAS),
        ({"message": f"2026/01/01 10:15:03 collector server run finished: {LAST_WORDS}"}, "[::1]:34317", {}, HAS),
        ({"message": of("[::1]")}, "localhost:34317", {}, HAS),
        ({"message": of("127.0.0.1")}, "[::1]:34317", {}, PROCESS),
        ({"message": of("")}, "[::1]:34317", {"mine": "127.0.0.1:34317"}, PROCESS),
        ({"exitCode": 1}, "localhost:4317", {"mine": "localhost:4317"}, MAY),
    ],
)
def test_who_has_the_port_by_its_configuration_is_named(
    end: Object, grpc: str, about: Object, hint: str, tmp_path: Path
) -> None:
    other, made, mine = deepcopy(w.pod("agent-1", about.get("node", "n1"))), deepcopy(w.deployment()), crashed(**end)
    reads = w.config(grpc, about.get("http", "127.0.0.1:4318"), name="agent")
    text = reads["data"]["config.yaml"]
    reads["data"]["config.yaml"] = text.replace("service:", "service:\n  telemetry: {metrics: {level: none}}", 1)
    made["metadata"]["name"], made["spec"]["template"]["metadata"]["labels"] = "agent", {"app": "agent"}
    for each in (other["spec"], made["spec"]["template"]["spec"]):
        each["volumes"][0]["configMap"]["name"] = "agent"
        each["containers"][0]["ports"] = [{"containerPort": 34317}] if "named" in about else []
        each["hostNetwork"] = True
    mine["spec"]["hostNetwork"], other["metadata"]["labels"] = True, {"app": "agent"}
    if about.get("down"):
        other["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    own = w.config(about["mine"], "127.0.0.1:34320") if "mine" in about else w.config()
    more = {"configs": [own, reads], "workloads": [w.deployment(), made], "slices": w.endpoints([mine])}
    assert _hint(tmp_path, *w.healthy(pods=[mine, other], **more)).startswith(hint)


def _hint(path: Path, *objects: Object) -> str:
    """What is to be done by what was stored."""
    items = [{"apiVersion": "v1", **x} for x in objects]
    (path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    found = diagnose(ClusterRequest(KubeTarget("svc", "otel"), namespace="obs", stored=str(path)))
    (told,) = (x for x in found.findings if x.code == "DS507" and x.severity == "error" and not x.because)
    return told.hint


def test_a_pod_of_the_same_name_in_another_namespace_is_another_one(tmp_path: Path) -> None:
    mine, other = _turned_away(), deepcopy(w.pod("otel-a", "n1"))
    other["metadata"] |= {"namespace": "shop", "labels": {"app": "agent"}}
    other["spec"] |= {"hostNetwork": True, "containers": [{"name": "a", "ports": [{"containerPort": 34317}]}]}

    told = _hint(tmp_path, *w.healthy(pods=[mine, other], slices=w.endpoints([mine])))
    assert "the pod shop/otel-a of ReplicaSet otel-1 has the one that it wants" in told


def test_who_was_told_by_the_api_server_to_have_the_port_is_kept(tmp_path: Path) -> None:
    loud, mute = _turned_away(), crashed(name="otel-b", holder="the pod edge/agent-2 of DaemonSet agent")
    mute["spec"]["hostNetwork"] = True
    loud["status"]["containerStatuses"][0]["lastState"]["terminated"]["holder"] = (
        "the pod edge/agent-1 of DaemonSet agent"
    )

    assert "the pod edge/agent-1 of DaemonSet agent has the one" in _hint(tmp_path, *w.healthy(pods=[loud]))
    assert "the pod edge/agent-2 of DaemonSet agent listens on" in _hint(tmp_path, *w.healthy(pods=[mute]))

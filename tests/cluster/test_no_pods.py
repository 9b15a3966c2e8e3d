"""Services without a ready pod: what keeps the pods from being there, where other objects than they say it."""

import json
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding
from dualstack.model.question import Question
from dualstack.model.target import kube_target
from dualstack.overview import conclude_all
from tests.cluster import worlds as w

Object = dict[str, Any]
NOT_READY = {"conditions": [{"type": "Ready", "status": "False"}]}
CREATING = {
    "containerStatuses": [{"name": "otelcol", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}]
}


def cause(found: Diagnosis) -> Finding:
    assert found.verdict == "broken"
    (one,) = [x for x in found.findings if not x.because]
    return one


def of(*pods: Object, **instead: Any) -> Finding:
    return cause(w.diagnosed(w.healthy(pods=list(pods), **instead)))


def test_a_node_that_does_not_report_is_why_its_pods_are_not_ready() -> None:
    silent = w.node("n1", 1)
    silent["status"]["conditions"] = [
        {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}
    ]
    found = of(w.pod("otel-a", "n1", **NOT_READY), nodes=[silent])

    assert (found.code, found.severity) == ("DS507", "error")
    assert "The node n1 of the pod otel-a is not ready: Kubelet stopped posting node status." in found.detail
    assert "kubelet of n1" in found.hint


def test_so_is_it_of_pods_that_were_evicted_from_it() -> None:
    silent = w.node("n1", 1)
    silent["status"]["conditions"] = [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting."}]
    left = w.pod("otel-a", "n1", **NOT_READY)
    left["metadata"]["deletionTimestamp"] = "2026-03-01T11:00:00Z"
    found = of(left, nodes=[silent], slices=w.endpoints([left]))

    assert "is being deleted since 2026-03-01T11:00:00Z" in found.detail
    assert "The node n1 of the pod otel-a is not ready: Kubelet stopped posting." in found.detail


def test_a_node_that_reports_is_not_why() -> None:
    well = w.node("n1", 1)
    well["status"]["conditions"] = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}]

    assert "The node" not in of(w.pod("otel-a", "n1", **NOT_READY), nodes=[well]).detail


def crashed(error: str) -> Object:
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    last = {"terminated": {"exitCode": 1, "reason": "Error", "message": error}}
    return {
        **NOT_READY,
        "containerStatuses": [{"name": "otelcol", "ready": False, "state": state, "lastState": last}],
    }


@pytest.mark.parametrize(("where", "expected"), [(("n1", "n2"), ""), (("n1", "n1"), "kubelet of n1")])
def test_a_node_that_does_not_report_is_not_why_pods_of_others_end(where: tuple[str, str], expected: str) -> None:
    silent = w.node("n1", 1)
    silent["status"]["conditions"] = [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting."}]
    pods = [
        w.pod(f"otel-{x}", on, **crashed("Error: cannot start pipelines")) for x, on in zip("ab", where, strict=True)
    ]
    found = of(*pods, nodes=[silent, w.node("n2", 2)])

    assert (expected or "Correct what the container said") in found.hint
    assert ("The node n1" in found.detail) is bool(expected)


def creating(**volume: Any) -> Object:
    found = w.pod("otel-a", "n1", (), phase="Pending", **NOT_READY, **CREATING)
    found["spec"]["volumes"][0]["configMap"] |= volume
    found["spec"]["volumes"].append(
        {"name": "api", "projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}}
    )
    return found


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        (
            {"items": [{"key": "relay", "path": "config.yaml"}]},
            "waits for the key `relay` of ConfigMap otel, which has `config.yaml`",
        ),
        ({"name": "otel-b2"}, "waits for ConfigMap otel-b2, which was not found"),
        ({"items": [{"key": "config.yaml", "path": "x"}]}, ""),
        ({"name": "otel-b2", "optional": True}, ""),
        ({}, ""),
    ],
)
def test_what_a_pod_mounts_and_is_not_there_is_named(volume: Object, said: str) -> None:
    detail = of(creating(**volume)).detail

    assert said in detail
    assert ("waits for" in detail) is bool(said)


def test_a_configuration_that_could_not_be_read_is_not_called_absent() -> None:
    found = w.diagnosed(w.healthy(pods=[creating(name="otel-b2")]), unseen=["ConfigMap"])

    assert "waits for" not in cause(found).detail


def test_where_a_pod_ends_the_next_one_is_asked() -> None:
    old = w.pod("otel-a", "n1", **NOT_READY)
    old["metadata"]["deletionTimestamp"] = "2026-03-01T11:00:00Z"
    new = w.pod(
        "otel-b",
        "",
        (),
        phase="Pending",
        conditions=[{"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available."}],
    )
    slices = w.endpoints([old])
    found = of(old, new, slices=slices)

    assert (
        "What is to take its place is not ready: the pod otel-b is not scheduled: 0/2 nodes are available."
        in found.detail
    )


SECRET = 'MountVolume.SetUp failed for volume "tls" : secret "otel-tls" not found'
PROBE = "Readiness probe failed: dial tcp 10.244.9.1:4317: connect: connection refused"


def event(reason: str, message: str, name: str = "otel-a", kind: str = "Pod", **more: Any) -> Object:
    return {
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason}", "namespace": "obs", "creationTimestamp": "2026-03-01T10:00:01Z"},
        "involvedObject": {"kind": kind, "name": name, "namespace": "obs"},
        "reason": reason,
        "message": message,
        **more,
    }


def test_the_kubelet_says_why_a_pod_does_not_begin() -> None:
    early = event("NetworkNotReady", "network is not ready: container runtime network not ready.")
    late = event("FailedMount", SECRET, lastTimestamp="2026-03-01T10:02:00Z")
    found = of(creating(), events=[late, early])

    assert f"The kubelet says of the pod otel-a: {SECRET}." in found.detail
    assert found.hint == "Make what the pod mounts, or correct the name of it in the pod."


def test_the_kubelet_says_which_probe_fails() -> None:
    found = of(w.pod("otel-a", "n1", **NOT_READY), events=[event("Unhealthy", PROBE, series={"count": 3})])

    assert f"The kubelet says of the pod otel-a: {PROBE}." in found.detail
    assert "at the first address of the pod" in found.hint


@pytest.mark.parametrize(("grpc", "cured"), [("0.0.0.0:4317", True), ("127.0.0.1:4317", False)])
@pytest.mark.parametrize("events", [[event("Unhealthy", PROBE)], []])
def test_pods_that_are_older_than_what_mends_them_are_to_be_restarted(
    grpc: str,
    cured: bool,
    events: list[Object],
) -> None:
    later = w.config(grpc=grpc, managedFields=[{"time": "2026-03-02T10:00:00Z"}])
    pods = [w.pod("otel-a", "n1", **NOT_READY)]
    found = w.diagnosed(w.healthy(pods=pods, events=events, configs=[later]))
    (one,) = [x for x in found.findings if x.code == "DS507"]

    why = "ConfigMap otel was changed at 2026-03-02T10:00:00Z, after the container started, and"
    assert one.hint.startswith(f"Restart the pods: {why}") is cured
    assert one.fix is not None
    assert one.fix.commands[0].startswith("kubectl rollout restart deployment otel") is cured


def test_of_a_container_that_ended_its_end_says_more_than_a_probe() -> None:
    ended = [{"name": "otelcol", "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
    found = of(w.pod("otel-a", "n1", **NOT_READY, containerStatuses=ended), events=[event("Unhealthy", PROBE)])

    assert "The kubelet says" not in found.detail
    assert "at the first address of the pod" not in found.hint


@pytest.mark.parametrize(
    "said",
    [
        event("FailedMount", SECRET, name="otel-b"),
        event("FailedMount", SECRET, kind="ReplicaSet"),
        event("Unhealthy", PROBE),
        {**event("FailedMount", SECRET), "involvedObject": {"kind": "Pod", "name": "otel-a", "namespace": "shop"}},
        event("FailedMount", SECRET)
        | {"involvedObject": {"kind": "Pod", "name": "otel-a", "namespace": "obs", "uid": "1"}},
    ],
    ids=["another pod", "a workload", "of a pod that ran", "another namespace", "a pod before it"],
)
def test_what_is_said_of_others_says_nothing_of_a_pod(said: Object) -> None:
    new = creating()
    new["metadata"]["uid"] = "2"

    assert "The kubelet says" not in of(new, events=[said]).detail


PAUSED = "Deployment otel is paused, and its template is another one by now than that of its pods."


@pytest.mark.parametrize(
    ("spec", "status", "name", "told"),
    [
        ({"paused": True}, {}, "otel", True),
        ({"paused": True}, {"updatedReplicas": 1}, "otel", False),
        ({}, {}, "otel", False),
        ({"paused": True}, {}, "web", False),
    ],
    ids=["an older template", "the same template", "not paused", "another one"],
)
def test_a_deployment_that_is_paused_makes_no_newer_pods(spec: Object, status: Object, name: str, told: bool) -> None:
    pod = w.pod("otel-a", "n1", **NOT_READY)
    pod["metadata"]["labels"] |= {"pod-template-hash": "1"}
    maker = w.deployment()
    maker["metadata"]["name"] = name
    maker |= {"spec": {**maker["spec"], **spec}, "status": status}
    found = of(pod, workloads=[maker])

    assert found.detail.endswith(PAUSED) is told
    assert found.hint.startswith("Run `kubectl rollout resume deployment/otel -n obs`") is told


AVAILABLE = {"type": "Available", "status": "False", "message": "Deployment does not have minimum availability."}
QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "pods are forbidden: exceeded quota: compute"}
IDLE: dict[str, tuple[Object, str]] = {
    "no replicas": ({"kind": "Deployment", "spec": {"replicas": 0}}, "has `replicas: 0`"),
    "a quota": (
        {"kind": "Deployment", "spec": {"replicas": 1}, "status": {"conditions": [AVAILABLE, QUOTA]}},
        "exceeded quota: compute",
    ),
    "a quota of a set": ({"kind": "StatefulSet", "status": {"conditions": [QUOTA]}}, "exceeded quota: compute"),
    "no node": ({"kind": "DaemonSet", "status": {"desiredNumberScheduled": 0}}, "is for none of the nodes"),
    "paused": (
        {"kind": "Deployment", "spec": {"replicas": 1, "paused": True}},
        "Deployment otel, whose pods Service otel selects, is paused, and makes no pods of the template that it has",
    ),
    "other pods": (
        {"kind": "Deployment", "spec": {"replicas": 0}, "labels": {"app": "web"}},
        "No pod of the namespace",
    ),
    "a quota of nodes": (
        {
            "kind": "DaemonSet",
            "said": event(
                "FailedCreate",
                "(combined from similar events): Error creating: exceeded quota: pods",
                "otel",
                "DaemonSet",
            ),
        },
        "DaemonSet otel, whose pods Service otel selects, cannot make pods: Error creating: exceeded quota: pods",
    ),
    "nothing to say": ({"kind": "Deployment", "spec": {"replicas": 1}}, "No pod of the namespace"),
}


@pytest.mark.parametrize("case", IDLE)
@pytest.mark.parametrize("target", ["svc/otel", ""])
def test_a_workload_without_pods_says_why(case: str, target: str, tmp_path: Path) -> None:
    given, said = IDLE[case]
    maker = {**w.deployment(), "kind": given["kind"], "status": given.get("status", {})}
    labels = given.get("labels", {"app": "otel"})
    maker["spec"] = {
        **maker["spec"],
        **given.get("spec", {}),
        "template": {"metadata": {"labels": labels}, "spec": w.TEMPLATE},
    }
    told = [given["said"]] if "said" in given else []
    one = cause(asked_of(target, tmp_path, pods=[], workloads=[maker], events=told))

    assert one.code == "DS509"
    assert said in one.detail
    assert "have ``" not in one.detail
    # Labels that agree are nothing to change, whatever else keeps the pods away.
    assert one.fix is not None
    assert not any("selector" in x for x in one.fix.commands)
    assert all(one.fix.commands)


def asked_of(target: str, tmp_path: Path, **instead: Any) -> Diagnosis:
    """What is told of a folder with the objects of the healthy cluster, some of them replaced."""
    objects = [{"apiVersion": "v1", **x} for x in w.healthy(**instead)]
    (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    (tmp_path / "pods.json").write_text(json.dumps({"apiVersion": "v1", "kind": "PodList", "items": []}))
    asked = ClusterRequest(
        kube_target(target) if target else None, namespace="obs" if target else "", stored=str(tmp_path)
    )
    world = stored(asked)
    return conclude(world, Question()) if target else conclude_all(world, Question())


FORBIDDEN = {"phase": "Failed", "reason": "SysctlForbidden", "message": 'forbidden sysctl: "net.a" not allowlisted'}
DONE = {"containerStatuses": [{"name": "otelcol", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}
ENDED: dict[str, tuple[Object, str, str, str]] = {
    "refused by the kubelet": (
        FORBIDDEN,
        "ReplicaSet",
        'is Failed (SysctlForbidden): forbidden sysctl: "net.a" not allowlisted.',
        "Mend what the kubelet says of the pod.",
    ),
    "evicted, and of no workload": (
        {"phase": "Failed", "reason": "Evicted"},
        "",
        "is Failed (Evicted).",
        "Mend what the kubelet says of the pod, and make it anew: no workload does that.",
    ),
    "done, of a Job": ({"phase": "Succeeded", **DONE}, "Job", "is Succeeded.", "Run the Collector by a Deployment"),
    "done, of no workload": ({"phase": "Succeeded", **DONE}, "", "is Succeeded.", "See why its process ended"),
    "failed by itself": (
        {"phase": "Failed", "containerStatuses": [{"name": "otelcol", "state": {"terminated": {"exitCode": 7}}}]},
        "",
        "has the container otelcol, which ended with code 7.",
        "See why its process ended",
    ),
}


def over(status: Object, kind: str = "ReplicaSet") -> Object:
    """A pod that has ended, and has the labels that the Service selects."""
    found = w.pod("otel-a", "n1", **NOT_READY | status)
    found["metadata"]["ownerReferences"] = [{"kind": kind, "name": "otel-1"}] if kind else []
    return found


@pytest.mark.parametrize("case", ENDED)
@pytest.mark.parametrize("target", ["svc/otel", ""])
def test_pods_that_have_ended_are_no_labels_that_nobody_has(case: str, target: str, tmp_path: Path) -> None:
    status, kind, said, hint = ENDED[case]
    one = cause(asked_of(target, tmp_path, pods=[over(status, kind)], slices=w.endpoints([]), workloads=[]))

    assert (one.code, one.summary) == ("DS507", "No pod of the Service runs")
    assert one.detail == f"No endpoint is ready: the pod otel-a {said}"
    assert one.hint.startswith(hint)
    assert one.fix is not None
    assert one.fix.commands[0].endswith("otel-a -n obs")


def test_a_workload_that_is_to_have_no_pods_says_more_than_what_is_left_of_them(tmp_path: Path) -> None:
    maker = w.deployment()
    maker["spec"] |= {"replicas": 0, "template": {"metadata": {"labels": {"app": "otel"}}, "spec": w.TEMPLATE}}
    one = cause(asked_of("", tmp_path, pods=[over(FORBIDDEN)], slices=w.endpoints([]), workloads=[maker]))

    assert one.code == "DS509"
    assert "has `replicas: 0`" in one.detail


def test_pods_that_have_ended_beside_one_that_serves_are_none_of_its_business() -> None:
    old = over(FORBIDDEN)
    assert not w.roots(
        w.diagnosed(w.healthy(pods=[old, w.pod("otel-b", "n1")], slices=w.endpoints([w.pod("otel-b", "n1")])))
    )

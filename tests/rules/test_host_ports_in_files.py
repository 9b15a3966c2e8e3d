"""Workloads that want one port of a node."""

from pathlib import Path

import pytest

from dualstack.review import Review, lint
from tests.rules.workloads import LOCAL, pod, told


def taking(kind: str, name: str, port: str = "containerPort: 4317, hostPort: 4317", spec: str = "") -> str:
    return f"""apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec: {{template: {{spec: {{{spec}containers: [{{name: otel, ports: [{{{port}}}]}}]}}}}}}
---
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (taking("DaemonSet", "a") + taking("DaemonSet", "b"), ["DS607 error 9"]),
        (taking("DaemonSet", "a") + taking("DaemonSet", "a"), []),
        (taking("Deployment", "a") + taking("Deployment", "b"), ["DS607 warning 9"]),
        (taking("DaemonSet", "a") + taking("DaemonSet", "b", spec="nodeSelector: {a: b}, "), []),
        (taking("DaemonSet", "a") + taking("DaemonSet", "b", "containerPort: 4317"), []),
        (
            taking("DaemonSet", "a") + taking("DaemonSet", "b", "containerPort: 4317", "hostNetwork: true, "),
            ["DS607 error 9"],
        ),
        (
            taking("DaemonSet", "a", "containerPort: 1, hostPort: 4317, hostIP: 10.0.0.1")
            + taking("DaemonSet", "b", "containerPort: 1, hostPort: 4317, hostIP: 10.0.0.2"),
            [],
        ),
        (
            taking("DaemonSet", "a", "containerPort: 1, hostPort: 0")
            + taking("DaemonSet", "b", "containerPort: 1, hostPort: x"),
            [],
        ),
        (
            pod(LOCAL, spec="hostNetwork: true", kind="DaemonSet") + "---\n" + taking("DaemonSet", "b"),
            ["DS607 error 6"],
        ),
        (pod(LOCAL, spec="hostNetwork: true\n      nodeName: a") + "---\n" + taking("DaemonSet", "b"), []),
    ],
)
def test_two_workloads_on_one_port_of_a_node(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_workloads_of_other_folders_are_alternatives(tmp_path: Path) -> None:
    for name, path in (("a", "one/a.yaml"), ("b", "one/b.yaml"), ("c", "two/c.yaml")):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(taking("DaemonSet", name))

    answer = lint(Review((str(tmp_path),))).diagnosis.findings

    assert [(x.code, x.severity) for x in answer] == [("DS607", "warning")]


def owned(text: str, kind: str, name: str, more: str = "") -> str:
    return text.replace("}\nspec", f", {more}ownerReferences: [{{kind: {kind}, name: {name}}}]}}\nspec", 1)


POD = """apiVersion: v1
kind: Pod
metadata: {name: a-1-x}
spec: {containers: [{name: otel, ports: [{containerPort: 4317, hostPort: 4317}]}]}
---
"""
MADE = {
    "a ReplicaSet of its Deployment": taking("Deployment", "a") + owned(taking("ReplicaSet", "a-1"), "Deployment", "a"),
    "two ReplicaSets of one Deployment that is elsewhere": owned(taking("ReplicaSet", "a-1"), "Deployment", "a")
    + owned(taking("ReplicaSet", "a-2"), "Deployment", "a"),
    "a pod of a ReplicaSet of a Deployment": taking("Deployment", "a")
    + owned(taking("ReplicaSet", "a-1"), "Deployment", "a")
    + owned(POD, "ReplicaSet", "a-1"),
    "a pod of a Deployment whose ReplicaSet is elsewhere": taking("Deployment", "a")
    + owned(POD, "ReplicaSet", "a-1", "labels: {pod-template-hash: '1'}, "),
    "pods of a DaemonSet": taking("DaemonSet", "a") + owned(POD, "DaemonSet", "a"),
    "a Job of a CronJob": owned(taking("Job", "a-1"), "CronJob", "a") + owned(taking("Job", "a-2"), "CronJob", "a"),
}


@pytest.mark.parametrize("case", MADE)
def test_what_a_workload_made_is_no_other_workload(case: str) -> None:
    assert told(MADE[case]) == []


def test_what_another_workload_made_is_another_one() -> None:
    both = taking("Deployment", "a") + owned(taking("ReplicaSet", "b-1"), "Deployment", "b")

    assert told(both) == ["DS607 warning 9"]


def test_objects_that_made_each_other_are_judged_all_the_same() -> None:
    pairs = [("a", "b"), ("b", "c"), ("c", "a")]

    assert told("".join(owned(taking("ReplicaSet", x), "ReplicaSet", y) for x, y in pairs))


def test_what_a_workload_made_is_none_in_another_file_either(tmp_path: Path) -> None:
    (tmp_path / "deployments.yaml").write_text(taking("Deployment", "a"))
    (tmp_path / "replicasets.yaml").write_text(owned(taking("ReplicaSet", "a-1"), "Deployment", "a"))

    assert not lint(Review((str(tmp_path),))).diagnosis.findings

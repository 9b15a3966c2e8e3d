"""What made a pod, by what the pod itself says."""

import pytest

from dualstack.model.cluster import Pod
from dualstack.model.decoders import converted
from dualstack.reach.exporting import owner
from tests.cluster.test_survey import Object


@pytest.mark.parametrize(
    ("made_by", "labels", "called"),
    [
        ({"kind": "ReplicaSet", "name": "api-5f"}, {"pod-template-hash": "5f"}, "Deployment api"),
        ({"kind": "ReplicaSet", "name": "api-5f"}, {"rollouts-pod-template-hash": "5f"}, "Rollout api"),
        ({"kind": "ReplicaSet", "name": "api-5f"}, {}, "ReplicaSet api-5f"),
        ({"kind": "Node", "name": "n1"}, {}, "Pod api-n1"),
        ({}, {}, "Pod api-n1"),
    ],
)
def test_what_made_a_pod_is_told_by_what_it_says(made_by: Object, labels: Object, called: str) -> None:
    owners = [{**made_by, "controller": True}] if made_by else []
    pod = {"metadata": {"name": "api-n1", "namespace": "shop", "labels": labels, "ownerReferences": owners}}

    assert owner(converted(pod, Pod)) == called

"""A look at the network of a node, by a Job in it, shows the sockets there and why the node lacks a family."""

from collections.abc import Iterator
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, gather
from dualstack.conclusion import conclude
from dualstack.gather.inside import Inside
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.probe import Options
from dualstack.model.question import Question
from dualstack.model.target import kube_target
from tests.e2e import control_plane
from tests.e2e.cluster import COLLECTOR, PROJECT, Cluster

pytestmark = pytest.mark.cluster

SPACE, LABELS = "nodes-own", {"app": "otel"}
CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:4318"}}}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
"""


def objects() -> Iterator[dict[str, Any]]:
    """A Collector in the network of the node without IPv6; that nobody can read its configuration hides its sockets."""
    about = {"name": "otel", "namespace": SPACE, "labels": LABELS}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    yield {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": {"config.yaml": CONFIG}}
    container = {"name": "otelcol", "image": COLLECTOR, "args": ["--config=/conf/config.yaml"],
                 "volumeMounts": [{"name": "conf", "mountPath": "/conf"}]}  # fmt: skip
    volume = {"name": "conf", "secret": {"secretName": "otel"}}
    spec = {"nodeName": "n3", "hostNetwork": True, "containers": [container], "volumes": [volume],
            "terminationGracePeriodSeconds": 0}  # fmt: skip
    yield {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}
    ports = [{"name": "otlp-http", "port": 4318}]
    spec = {"selector": LABELS, "ports": ports, "ipFamilyPolicy": "PreferDualStack"}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec}


@pytest.fixture(scope="module")
def user(cluster: Cluster) -> Iterator[str]:
    """The kubeconfig of who may do everything, where that Collector runs."""
    try:
        control_plane.apply(cluster.kubeconfig(), *objects())
        cluster.kubectl("-n", SPACE, "wait", "pod", "otel", "--for=condition=Ready", "--timeout=90s")
        yield cluster.kubeconfig()
    finally:
        cluster.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--timeout=120s")


def asked(user: str, *hosts: str) -> Diagnosis:
    request = ClusterRequest(
        kube_target("svc/otel"),
        Question(probing=False),
        kubeconfig=user,
        namespace=SPACE,
        options=Options(3.0),
        inside=Inside(image=PROJECT, hosts=hosts) if hosts else None,
    )
    return conclude(gather(request), Question())


def test_what_listens_on_a_node_and_why_it_lacks_a_family(cluster: Cluster, user: str) -> None:
    before, after = asked(user), asked(user, "n3")

    assert "DS202" not in {x.code for x in before.findings}
    assert "DS202" in {x.code for x in after.findings}
    facts = [(y.fact, y.source) for x in after.findings for y in x.evidence if x.code in ("DS602", "DS603")]
    assert ("net.ipv6.conf.all.disable_ipv6 = 1", "sysctl of the node n3") in facts
    assert cluster.kubectl("-n", SPACE, "get", "jobs", "--output=name") == ""


def test_where_no_pod_may_be_in_the_network_of_a_node_that_is_said(cluster: Cluster, user: str) -> None:
    level = "pod-security.kubernetes.io/enforce"
    cluster.kubectl("label", "namespace", SPACE, f"{level}=baseline")
    try:
        found = asked(user, "n1")
    finally:
        cluster.kubectl("label", "namespace", SPACE, f"{level}-")

    (said,) = [x.why for x in found.skipped if x.needs == "the network of the node n1"]
    assert "pod security level" in said
    assert cluster.kubectl("-n", SPACE, "get", "jobs", "--output=name") == ""

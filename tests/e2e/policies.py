"""NetworkPolicies that are enforced: the real kube-router, of which nothing runs but that, on the nodes with IPv6.

It rejects what no policy allows, with ICMP, as K3s does, which has its controller. It sees what comes from other nodes:
between pods of one node packets are bridged here.
"""

import glob
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from dualstack.lab.topology import CannotBuild
from dualstack.model.address import BOTH
from tests.e2e import control_plane, image, node
from tests.e2e.cluster import NODES, Cluster
from tests.e2e.control_plane import FORMS
from tests.real.kubernetes import place

_IMAGE = "localhost/kube-router:dev"
_TABLES = "/usr/lib/x86_64-linux-gnu/xtables"
_SYNCED = "sync iptables took"
_SECONDS = 60.0
_ENFORCING = sum(len(x) == len(BOTH) for x in NODES.values())
_LABELS = {"k8s-app": "kube-router"}
_WORKLOAD = ("--namespace=kube-system", "daemonset/kube-router")
_CLEANED = "for each in iptables ip6tables; do $each -F; $each -X; done; ipset destroy"
"""Its chains are the only ones of these tables that anything here needs, and its sets all that there are."""


@contextmanager
def enforced(cluster: Cluster) -> Iterator[None]:
    """Policies are enforced for the length of a block. Raises CannotBuild."""
    archive = f"{cluster.folder}/images/kube-router.tar"
    if not os.path.exists(archive):
        _write(archive)
        for name in NODES:
            node.load(cluster.machines[name], archive)
    try:
        control_plane.apply(cluster.kubeconfig(), *_objects())
        cluster.kubectl("rollout", "status", "--timeout=60s", *_WORKLOAD)
        yield
    finally:
        cluster.kubectl("delete", "--ignore-not-found", "--cascade=foreground", *_WORKLOAD)
        for name in NODES:
            cluster.machines[name].run("sh", "-ec", _CLEANED)


def settled(cluster: Cluster) -> None:
    """Return when the rules of every node are newer than what the cluster is now. Raises CannotBuild."""
    begun = datetime.now(UTC) + timedelta(seconds=1)  # in its log a second is the least that is told apart
    since = f"--since-time={begun.isoformat(timespec='seconds')}"
    until = time.monotonic() + _SECONDS
    asked = ("--namespace=kube-system", "logs", "--selector=k8s-app=kube-router", "--prefix", "--tail=-1", since)
    while time.monotonic() < until:
        said = Counter(x.partition("]")[0] for x in cluster.kubectl(*asked).splitlines() if _SYNCED in x)
        if len(said) == _ENFORCING and min(said.values()) > 1:
            return
        time.sleep(1)
    raise CannotBuild("kube-router does not follow its cluster")


def _write(archive: str) -> None:
    found = [*glob.glob("/usr/sbin/ip*tables*"), "/usr/sbin/ipset", "/usr/bin/ip"]
    tools = {x: os.path.realpath(x) for x in found if not x.endswith("-apply")}
    tables = {x: x for x in glob.glob(f"{_TABLES}/lib*.so")}
    layers = [
        {"/usr/local/bin/kube-router": place("kube-router"), **tools, **tables},
        image.libraries([*tools.values(), *tables]),
    ]
    image.write(archive, _IMAGE, layers, ["/usr/local/bin/kube-router"], ["PATH=/usr/sbin:/usr/bin"])


def _objects() -> Iterator[dict[str, Any]]:
    about = {"name": "kube-router", "namespace": "kube-system"}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about}
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "kube-router"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", **about}],
    }
    container = {
        "name": "kube-router",
        "image": _IMAGE,
        "imagePullPolicy": "Never",
        "args": [
            "--run-firewall=true",
            "--run-router=false",
            "--run-service-proxy=false",
            "--run-loadbalancer=false",
            "--enable-ipv6=true",
            "--iptables-sync-period=2s",
            "--v=1",
            f"--service-cluster-ip-range={FORMS['dual'].services}",
        ],
        "securityContext": {"privileged": True},
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
    }
    spec = {
        "serviceAccountName": "kube-router",
        "hostNetwork": True,
        "terminationGracePeriodSeconds": 1,
        "nodeSelector": {"pool": "dual"},
        "containers": [container],
    }
    template = {"metadata": {"labels": _LABELS}, "spec": spec}
    yield {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": about,
        "spec": {"selector": {"matchLabels": _LABELS}, "template": template},
    }

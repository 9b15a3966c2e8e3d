"""The ClusterRole that `gather --print-rbac` prints is enough; without any right of it one named feature is lost."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dualstack.cluster import ClusterRequest, gather
from dualstack.gather import cluster as asking
from dualstack.gather.errors import BadInput
from dualstack.gather.inside import Inside
from dualstack.gather.kube_api import Api, Kind
from dualstack.gather.kubeconfig import access
from dualstack.knowledge import table
from dualstack.model.glimpse import Way
from dualstack.model.probe import Options
from dualstack.model.target import kube_target
from dualstack.model.world import World
from dualstack.reach.rights import Right, features, rights, role
from tests.e2e import otel_operator
from tests.e2e.cluster import COLLECTOR, PROJECT, Cluster

pytestmark = pytest.mark.cluster

SPACE, USER = "rights", "e2e:rights"
VERSION = (1, 34)
_FEATURE = re.compile(r"--feature (\w+)")
_CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: "0.0.0.0:4318"}}}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
"""
_KINDS = {"deploy": "Deployment", "ds": "DaemonSet", "sts": "StatefulSet"}
_BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "e2e-rights"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "dualstack"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
}  # fmt: skip


def objects() -> Iterator[dict[str, Any]]:
    """A Collector made by each kind of workload, with a Service before it."""
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"config.yaml": _CONFIG}}
    peer = {"namespaceSelector": {"matchLabels": {"team": "shop"}}}
    yield {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "labels"},
           "spec": {"podSelector": {"matchLabels": {"app": "none"}}, "ingress": [{"from": [peer]}]}}  # fmt: skip
    for name in (*_KINDS, "job", "cronjob", "crash", "empty"):
        labels = {"app": name}
        if name == "ds":
            labels |= {"app.kubernetes.io/managed-by": "opentelemetry-operator",
                       "app.kubernetes.io/instance": f"{SPACE}.otel"}  # fmt: skip
        spec = {
            "containers": [{"name": "otelcol", "image": COLLECTOR,
                            "args": [f"--config=/conf/{'none' if name == 'crash' else 'config'}.yaml"],
                            "volumeMounts": [{"name": "conf", "mountPath": "/conf"}]}],
            "volumes": [{"name": "conf", "configMap": {"name": "conf"}}], "terminationGracePeriodSeconds": 0,
        }  # fmt: skip
        template = {"metadata": {"labels": labels}, "spec": spec}
        once = {"template": {**template, "spec": {**spec, "restartPolicy": "Never"}}}
        if name == "job":
            made = {"apiVersion": "batch/v1", "kind": "Job", "spec": once}
        elif name == "cronjob":
            never = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": once}}
            made = {"apiVersion": "batch/v1", "kind": "CronJob", "spec": never}
        else:
            more = {"selector": {"matchLabels": {"app": name}}, "template": template}
            more |= {"replicas": 0} if name == "empty" else {}
            made = {"apiVersion": "apps/v1", "kind": _KINDS.get(name, "Deployment"), "spec": more}
        yield {**made, "metadata": {"name": name}}
        port = {"name": "otlp-http", "port": 4318}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
               "spec": {"selector": {"app": name}, "ports": [port]}}  # fmt: skip


def fronts() -> Iterator[dict[str, Any]]:
    """What leads to the Service of the Deployment from outside."""
    backend = {"name": "deploy", "port": 4318}
    to = {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": [backend]}]}
    group = "gateway.networking.k8s.io/v1"
    listeners = [{"name": "web", "port": 80, "protocol": "HTTP"}]
    yield {"apiVersion": group, "kind": "Gateway", "metadata": {"name": "edge"},
           "spec": {"gatewayClassName": "none", "listeners": listeners}}  # fmt: skip
    for kind in ("HTTPRoute", "GRPCRoute"):
        yield {"apiVersion": group, "kind": kind, "metadata": {"name": "otlp"}, "spec": to}
    yield {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "otlp"},
           "spec": {"defaultBackend": {"service": {"name": "deploy", "port": {"number": 4318}}}}}  # fmt: skip


@pytest.fixture(scope="module")
def user(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The kubeconfig of somebody who has no right yet, in a namespace with Collectors."""
    found = json.loads(Path(cluster.kubeconfig()).read_text())
    found["users"][0]["user"]["as"] = USER
    path = tmp_path_factory.mktemp("rights") / "kubeconfig"
    path.write_text(json.dumps(found))
    collector = {
        "apiVersion": "opentelemetry.io/v1beta1",
        "kind": "OpenTelemetryCollector",
        "metadata": {"name": "otel"},
        "spec": {"managementState": "unmanaged", "config": yaml.safe_load(_CONFIG)},
    }
    otel_operator.install(cluster)
    apply(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}, _BINDING)
    try:
        apply(cluster, *objects(), *fronts(), collector)
        cluster.kubectl("-n", SPACE, "wait", "pod", "--selector=app!=crash", "--for=condition=Ready", "--timeout=90s")
        yield str(path)
    finally:
        for what in (f"namespace/{SPACE}", "clusterrolebinding/e2e-rights", "clusterrole/dualstack"):
            cluster.kubectl("delete", what, "--ignore-not-found", "--timeout=120s")


def apply(cluster: Cluster, *documents: Mapping[str, Any]) -> None:
    lines = [json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})]
    cluster.kubectl("-n", SPACE, "apply", "--filename=-", lines=lines)


def allow(cluster: Cluster, without: Mapping[str, str] | None = None) -> None:
    """Give the user what is printed, but for one right, and wait until it is so."""
    said = yaml.safe_load(role(features()))
    if without:
        said["rules"] = [y for x in said["rules"] for y in parted(x, without)]
    apply(cluster, said)
    wanted = [x for x in rights(features()) if not without or x != right_of(without)]
    until = time.monotonic() + 20
    while allowed(cluster) != wanted:
        assert time.monotonic() < until
        time.sleep(0.1)


def right_of(row: Mapping[str, str]) -> Right:
    return Right(row["verb"], row["resource"], row["group"])


def parted(rule: Mapping[str, Any], without: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A rule as rules of one right each, but for the one."""
    for resource in rule["resources"]:
        verbs = [x for x in rule["verbs"] if Right(x, resource, rule["apiGroups"][0]) != right_of(without)]
        if verbs:
            yield {**rule, "resources": [resource], "verbs": verbs}


def allowed(cluster: Cluster) -> list[Right]:
    """What the server says that the user may."""
    kind = Kind("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", dict[str, Any], False)
    with Api(access(cluster.kubeconfig(), "", {}), 10.0) as api:
        return [x for x in rights(features()) if api.post(kind, "", review(x))["status"]["allowed"]]


def review(right: Right) -> dict[str, Any]:
    plural, _, part = right.resource.partition("/")
    attributes = {"verb": right.verb, "resource": plural, "subresource": part, "group": right.group, "namespace": SPACE}
    return {"spec": {"user": USER, "resourceAttributes": attributes}}


def target_of(cluster: Cluster, row: Mapping[str, str]) -> str:
    """A question that needs the right."""
    kind = next(iter(row["for"].split()), "svc")
    if kind == "pod":
        return cluster.kubectl("-n", SPACE, "get", "pods", "--selector=app=deploy", "--output=name").strip()
    named = {"svc": "deploy", "job": "job", "many": "ds", "hidden": "deploy", "crash": "crash", "unready": "crash",
             "empty": "empty", "labels": "deploy"}  # fmt: skip
    if kind in named:
        return f"svc/{named[kind]}"
    return {"collector": "collector/otel", "all": "--all"}.get(kind, f"{kind}/{kind}")


def look(user: str, target: str, feature: str) -> World:
    inside = Inside(pods=feature == "inspect", jobs=feature == "matrix", image=PROJECT, nodes=("n1",))
    request = ClusterRequest(kube_target(target), kubeconfig=user, namespace=SPACE, options=Options(3.0),
                             inside=inside if feature in ("inspect", "matrix") else None)  # fmt: skip
    return gather(request)


def shape(world: World) -> dict[str, Any]:
    """What was found, by kind and name; events come and go."""
    kept = {k: v for k, v in world.objects.items() if v and k != "Event"}
    return {k: sorted(x["metadata"]["name"] for x in v) for k, v in kept.items()}


def lost(world: World) -> set[str]:
    return {y for x in world.gaps for y in _FEATURE.findall(x.why)}


OUTSIDE = {Way.ADDRESS, Way.LOOPBACK}
LEADING = ("diagnose", "operator")
LOSES = {
    "nodes": ["Node"],
    "ranges": ["ServiceCIDR"],
    "front": ["Ingress", "HTTPRoute", "GRPCRoute", "Gateway"],
    "workloads": ["Deployment", "StatefulSet", "DaemonSet"],
    "labels": ["Namespace"],
}
EVERY = [x for x in table("rights") if tuple(map(int, (x["since"] or "1.0").split("."))) <= VERSION]
ROWS = [x for x in EVERY if x["for"] != "shell"]
WORDS = {"namespaces": ("-n", SPACE[:3], SPACE), "deployments": ("deploy/", "deploy/deploy"),
         "daemonsets": ("ds/", "ds/ds"), "statefulsets": ("sts/", "sts/sts"),
         "jobs": ("job/", "job/job"), "cronjobs": ("cronjob/", "cronjob/cronjob")}  # fmt: skip
"""By resource the words that a shell asks to complete, and the name that comes of them."""


@pytest.mark.parametrize("target", ["svc/deploy", "deploy/deploy", "ds/ds", "sts/sts", "svc/job", "collector/otel"])
def test_what_is_printed_is_enough(target: str, cluster: Cluster, user: str) -> None:
    allow(cluster)

    world = look(user, target, "")

    assert lost(world) == set()
    assert {x.way for x in world.seen.items} == OUTSIDE


@pytest.mark.parametrize("row", ROWS, ids=[f"{x['feature']}-{x['verb']}-{x['resource']}" for x in ROWS])
def test_without_a_right_one_named_feature_is_lost(
    row: dict[str, str], cluster: Cluster, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if row["for"] == "many":
        monkeypatch.setattr(asking, "NODES", 1)
    if row["for"] == "hidden":
        monkeypatch.setattr(asking, "_FIRST_RANGE", "as before Kubernetes 1.33")
    target, feature = target_of(cluster, row), row["feature"]
    allow(cluster)
    whole = look(user, target, feature)
    allow(cluster, without=row)

    world = look(user, target, feature)

    assert lost(whole) == set()
    assert lost(world) == {feature}
    assert all(f"verb `{row['verb']}` on `{row['resource']}`" in x.why for x in world.gaps if "not allowed" in x.why)
    for kind in LOSES.get(feature, ()):
        whole.objects.pop(kind, None)
        world.objects.pop(kind, None)
    if feature in LEADING:  # without what leads to the pods the rest is what does not hang on them
        assert {k: v for k, v in shape(world).items() if k in ("Node", "ServiceCIDR")} == {
            k: v for k, v in shape(whole).items() if k in ("Node", "ServiceCIDR")
        }
    else:
        none = {"workloads": set[Way]()}  # no pod that could be asked
        ways = {"proxy": {Way.LOOPBACK}, "forward": {Way.ADDRESS}, **none}.get(feature, OUTSIDE)
        assert (shape(world), {x.way for x in world.seen.items} & OUTSIDE) == (shape(whole), ways)


def test_what_several_objects_lack_is_said_once(cluster: Cluster, user: str) -> None:
    allow(cluster, without={"verb": "get", "resource": "configmaps", "group": ""})
    alone = gather(ClusterRequest(kube_target("svc/deploy"), kubeconfig=user, namespace=SPACE)).gaps
    every = gather(ClusterRequest(kube_target("--all"), kubeconfig=user)).gaps

    assert [x.needs for x in alone if "`configmaps`" in x.why] == ["configmaps conf"]
    assert len([x.why for x in every if "`configmaps`" in x.why]) == len(
        {x.why for x in every if "`configmaps`" in x.why}
    )


def test_what_may_not_be_listed_is_not_said_to_be_absent(cluster: Cluster, user: str) -> None:
    allow(cluster)
    with pytest.raises(BadInput, match=r"in the namespace `rights`\. There are: `crash`, `cronjob`, `deploy`, "):
        look(user, "svc/none", "")
    allow(cluster, without={"verb": "list", "resource": "services", "group": ""})
    with pytest.raises(BadInput, match=r"in the namespace `rights`\. Use `-n` for another namespace\.$"):
        look(user, "svc/none", "")


@pytest.mark.parametrize("row", [x for x in EVERY if x["for"] == "shell"], ids=lambda x: str(x["resource"]))
def test_without_a_right_its_names_are_not_completed(row: dict[str, str], cluster: Cluster, user: str) -> None:
    *words, name = WORDS[row["resource"]]
    allow(cluster)
    whole = completed(user, *words)
    allow(cluster, without=row)

    assert name in whole
    assert completed(user, *words) == []


def completed(user: str, *words: str) -> list[str]:
    """What bash is offered for the last word."""
    said = ("dualstack", "diagnose", "--kubeconfig", user, "-n", SPACE, *words)
    environ = {**os.environ, "_DUALSTACK_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(said),
               "COMP_CWORD": str(len(said) - 1)}  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "dualstack"], env=environ, capture_output=True, text=True, check=True)
    return [x.partition(",")[2] for x in done.stdout.split()]

"""What runs decides, and not the template that a workload has by now."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from dualstack.cluster import ClusterRequest, diagnose
from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from tests.cluster import worlds as w

HASH = "pod-template-hash"
LOCAL = ("127.0.0.1:4317", "127.0.0.1:4318")
Object = dict[str, Any]


def made(name: str, of: str, reads: str = "otel", **spec: Any) -> Object:
    """A pod of a ReplicaSet of the Deployment, which reads a ConfigMap."""
    found = {"apiVersion": "v1", **w.pod(name, "n1")}
    found["metadata"]["labels"] = {"app": "otel", HASH: of}
    found["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": f"otel-{of}"}]
    found["spec"]["volumes"][0]["configMap"]["name"] = reads
    found["spec"]["containers"][0] |= spec
    return found


def pending(pod: Object) -> Object:
    pod["spec"].pop("nodeName")
    pod["status"] = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]}
    return pod


def revision(of: str) -> Object:
    about = {"name": f"otel-{of}", "namespace": "obs", "ownerReferences": [{"kind": "Deployment", "name": "otel"}]}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": about, "spec": {}}


def config(name: str, *endpoints: str) -> Object:
    found = w.config(*endpoints)
    found["metadata"]["name"] = name
    return found


def deployment(reads: str = "otel", **spec: Any) -> Object:
    found = deepcopy(w.deployment())
    template = found["spec"]["template"]["spec"]
    template["volumes"][0]["configMap"]["name"] = reads
    template["containers"][0] |= spec
    return found


def judged(pods: list[Object], configs: list[Object], template: Object) -> Diagnosis:
    workloads = [template, revision("old"), revision("new")]
    return conclude(w.world(w.healthy(pods=pods, configs=configs, workloads=workloads)), Question())


def test_a_pod_of_an_older_template_runs_what_its_own_volumes_hold() -> None:
    pods = [made("otel-a", "old", "otel-v1"), made("otel-b", "new")]
    found = judged(pods, [config("otel-v1", *LOCAL), config("otel")], deployment())

    assert {x.server for x in found.traces if x.failed} == {"pod otel-a"}
    assert {x.server for x in found.traces if not x.failed} == {"pod otel-b"}
    (first, *_) = found.findings
    assert (first.code, first.severity) == ("DS202", "error")
    assert first.location
    assert first.location.file == "obs/configmap/otel-v1.yaml"


OLDER = "These pods are older than the template of Deployment otel, which has `0.0.0.0:4317`."


@pytest.mark.parametrize(
    ("spec", "hint", "command"),
    [
        (
            {},
            "Let the rollout of Deployment otel end: it replaces these pods.",
            "rollout status deployment otel -n obs",
        ),
        (
            {"paused": True},
            "Resume the rollout of Deployment otel, which is paused.",
            "rollout resume deployment otel -n obs",
        ),
        (
            {"updateStrategy": {"type": "OnDelete"}},
            "Delete the older pods: Deployment otel replaces none by itself (`updateStrategy: OnDelete`).",
            f"delete pod -n obs -l app=otel,{HASH}=old",
        ),
        ({"updateStrategy": {"type": "RollingUpdate"}}, "Let the rollout of Deployment otel end", "rollout status"),
    ],
)
def test_what_a_newer_template_mends_is_not_written_into_the_older_text(spec: Object, hint: str, command: str) -> None:
    template = deployment()
    template["spec"] |= spec
    found = judged(
        [made("otel-a", "old", "otel-v1"), made("otel-b", "new")], [config("otel-v1", *LOCAL), config("otel")], template
    )

    first = next(x for x in found.findings if x.code == "DS202")
    assert OLDER in first.detail
    assert first.hint.startswith(hint)
    assert first.fix
    assert first.fix.commands[0].startswith(f"kubectl {command}")


def asked(folder: Path, objects: list[Object], target: KubeTarget | None) -> Diagnosis:
    """What a folder of dumps answers."""
    items = [{"apiVersion": "v1", **x} for x in objects]
    (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return diagnose(ClusterRequest(target, namespace="obs", stored=str(folder)))


@pytest.mark.parametrize("target", [KubeTarget("svc", "otel"), None])
@pytest.mark.parametrize(
    ("spec", "hint"),
    [({"updateStrategy": {"type": "OnDelete"}}, "Delete the older pods"), ({"paused": True}, "Resume the rollout of")],
)
def test_a_dump_has_what_a_newer_template_mounts(
    tmp_path: Path, target: KubeTarget | None, spec: Object, hint: str
) -> None:
    """Also where no pod mounts it yet."""
    template = deployment()
    template["spec"] |= spec
    objects = w.healthy(
        pods=[made("otel-a", "old", "otel-v1")],
        configs=[config("otel-v1", *LOCAL), config("otel")],
        workloads=[template, revision("old")],
    )
    found = asked(tmp_path, objects, target)

    first = next(x for x in found.findings if x.code == "DS202" and x.severity == "error")
    assert first.hint.startswith(hint)


@pytest.mark.parametrize("paused", [True, False])
def test_what_a_paused_rollout_would_bring_is_asked_for_by_nobody(tmp_path: Path, *, paused: bool) -> None:
    template = deployment()
    template["spec"]["paused"] = paused
    objects = w.healthy(
        pods=[made("otel-a", "old", "otel-v1")],
        configs=[config("otel-v1"), config("otel", *LOCAL)],
        workloads=[template, revision("old")],
    )
    found = asked(tmp_path, objects, KubeTarget("svc", "otel"))

    assert bool(found.findings) is not paused


@pytest.mark.parametrize("target", [KubeTarget("svc", "otel"), KubeTarget("deploy", "otel"), None])
@pytest.mark.parametrize(("reads", "codes", "verdict"), [(LOCAL, {"DS202"}, "degraded"), ((), set(), "unknown")])
def test_where_no_pods_were_stored_the_template_says_what_would_run(
    tmp_path: Path, target: KubeTarget | None, reads: tuple[str, ...], codes: set[str], verdict: str
) -> None:
    other = deployment("other")
    other["metadata"] = {**other["metadata"], "name": "other"}
    other["spec"]["template"]["metadata"] = {"labels": {"app": "other"}}
    objects = [w.service(), deployment(), other, config("otel", *reads), config("other", *LOCAL)]
    found = asked(tmp_path, objects, target)

    assert ({x.code for x in found.findings}, found.verdict) == (codes, verdict)
    assert "pods" in {x.needs for x in found.skipped}


@pytest.mark.parametrize("newer", [("localhost:4317", "localhost:4318"), ("tcp://0.0.0.0:4317", "0.0.0.0:4318"), LOCAL])
def test_a_newer_template_that_is_wrong_as_well_mends_nothing(newer: tuple[str, str]) -> None:
    pods = [made("otel-a", "old", "otel-v1"), pending(made("otel-b", "new"))]
    found = judged(pods, [config("otel-v1", *LOCAL), config("otel", *newer)], deployment())

    first = next(x for x in found.findings if x.code == "DS202" and x.severity == "error")
    assert first.hint.startswith("Set `receivers.otlp.protocols.grpc.endpoint` in `obs/configmap/otel-v1.yaml`")


def test_a_pod_of_an_older_template_runs_what_its_own_arguments_say() -> None:
    args = ["--config=/conf/config.yaml", "--set=receivers.otlp.protocols.grpc.endpoint=127.0.0.1:4317"]
    found = judged([made("otel-a", "old", args=args), made("otel-b", "new")], [config("otel")], deployment())

    assert {(x.server, x.target.port) for x in found.traces if x.failed} == {("pod otel-a", 4317)}


def test_what_an_admission_controller_adds_is_no_other_template() -> None:
    pod = made("otel-a", "new")
    pod["spec"]["volumes"].append({"name": "kube-api-access", "projected": {}})
    pod["spec"]["containers"].append({"name": "proxy", "image": "proxy:1"})
    pod["spec"]["containers"][0]["env"].append({"name": "REGION", "value": "a"})
    found = judged([pod], [config("otel", *LOCAL)], deployment())

    assert {x.location.file for x in found.findings if x.location and x.code == "DS202"} == {"obs/configmap/otel.yaml"}


@pytest.mark.parametrize("fault", [LOCAL, ("http://0.0.0.0:4317", "0.0.0.0:4318")])
def test_a_template_that_is_not_in_use_is_a_warning(fault: tuple[str, str]) -> None:
    pods = [made("otel-a", "old"), pending(made("otel-b", "new", "otel-b2"))]
    found = judged(pods, [config("otel"), config("otel-b2", *fault)], deployment("otel-b2"))

    assert found.findings
    assert {x.severity for x in found.findings} == {"warning"}
    assert found.verdict == "unknown"


def test_a_template_without_pods_that_run_otherwise_is_in_use() -> None:
    found = judged([made("otel-b", "new", "otel-b2")], [config("otel-b2", *LOCAL)], deployment("otel-b2"))

    assert {x.severity for x in found.findings if x.code == "DS202"} == {"error"}
    assert found.verdict == "broken"


def test_what_the_operator_wrote_is_mended_in_its_resource() -> None:
    """Also where the workload does not tell who made it."""
    written = config("otel", *LOCAL)
    written["metadata"]["ownerReferences"] = [{"kind": "OpenTelemetryCollector", "name": "otel"}]
    resource = {
        "apiVersion": "opentelemetry.io/v1beta1",
        "kind": "OpenTelemetryCollector",
        "metadata": {"name": "otel", "namespace": "obs"},
        "spec": {"config": yaml.safe_load(written["data"]["config.yaml"])},
    }
    pod = w.pod("otel-a", "n1")
    pod["metadata"]["labels"] = {
        "app": "otel",
        "app.kubernetes.io/managed-by": "opentelemetry-operator",
        "app.kubernetes.io/instance": "obs.otel",
        "app.kubernetes.io/name": "otel-collector",
        "app.kubernetes.io/part-of": "opentelemetry",
        "app.kubernetes.io/component": "opentelemetry-collector",
    }
    pod["spec"]["containers"][0]["name"] = pod["status"]["containerStatuses"][0]["name"] = "otc-container"
    world = w.world([*w.healthy(pods=[pod], configs=[written]), resource])
    found = conclude(of(Asker(Stored(world), "obs"), KubeTarget("svc", "otel")), Question())

    assert {x.location.file for x in found.findings if x.location} == {"obs/opentelemetrycollector/otel.yaml"}
    assert found.verdict == "broken"


@pytest.mark.parametrize("picked", [[], ["base.yaml", "more.yaml"]])
def test_a_volume_of_several_config_maps_has_the_files_of_all(picked: list[str]) -> None:
    """The later of two files says the address of the listener, whichever ConfigMap it is from."""
    base, more = config("base"), config("more")
    base["data"] = {"base.yaml": base["data"]["config.yaml"]}
    more["data"] = {"more.yaml": "receivers: {otlp: {protocols: {grpc: {endpoint: 'localhost:4317'}}}}\n"}
    chosen = dict(zip(["base", "more"], picked or ["", ""], strict=True))
    sources = [
        {"configMap": {"name": k, **({"items": [{"key": v, "path": v}]} if v else {})}} for k, v in chosen.items()
    ]
    args = ["--config=/conf/base.yaml", "--config=/conf/more.yaml"]
    pod, template = made("otel-a", "new", args=args), deployment(args=args)
    for spec in (pod["spec"], template["spec"]["template"]["spec"]):
        spec["volumes"] = [{"name": "conf", "projected": {"sources": sources}}]
    found = judged([pod], [base, more], template)

    assert {x.target.port for x in found.traces if x.failed} == {4317}
    assert {x.location.file for x in found.findings if x.location and x.code == "DS202"} == {"obs/configmap/more.yaml"}


@pytest.mark.parametrize(
    ("image", "mount", "reads"),
    [
        ("otel/opentelemetry-collector:0.139.0", "/etc/otel", False),
        ("otel/opentelemetry-collector:0.139.0", "/etc/otelcol", True),
        ("otel/opentelemetry-collector-contrib:latest", "/etc/otelcol", False),
        ("otel/opentelemetry-collector-contrib:0.40.0", "/etc/otel", True),
        ("example.com/collector:2", "/etc/otel", True),
    ],
)
def test_a_container_that_is_told_nothing_reads_the_file_of_its_image(image: str, mount: str, *, reads: bool) -> None:
    """Which file that was before 0.42, and is in other images, nobody knows here."""
    mounts = [{"name": "conf", "mountPath": mount}]
    pod, template = made("otel-a", "new"), deployment()
    for spec in (pod["spec"], template["spec"]["template"]["spec"]):
        spec["containers"][0] |= {"image": image, "volumeMounts": mounts}
        del spec["containers"][0]["args"]
    template["metadata"]["uid"] = "1"
    found = judged([pod], [config("otel", *LOCAL)], template)

    assert ("DS202" in {x.code for x in found.findings if x.severity == "error"}) == reads

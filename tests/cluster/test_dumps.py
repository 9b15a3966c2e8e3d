"""Evidence that others wrote: support bundles, `kubectl cluster-info dump`, folders of `kubectl get`."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dualstack.cli.app import run
from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.gather import bundle
from dualstack.gather.archive import unpacked
from dualstack.gather.dumps import read_world
from dualstack.gather.errors import BadFile
from dualstack.model.evidence import Missing
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.model.trace import Hop
from dualstack.overview import conclude_all

LABELS = {"app": "otel"}
CONFIG = "receivers: {otlp: {protocols: {grpc: {endpoint: '${env:MY_POD_IP}:4317'}}}}\n"
SERVICE = {
    "metadata": {"name": "otel", "namespace": "shop"},
    "spec": {
        "selector": LABELS,
        "ports": [{"name": "otlp", "port": 4317, "targetPort": "otlp-grpc", "protocol": "TCP"}],
        "clusterIPs": ["10.96.0.9", "fd00:96::9"],
        "clusterIP": "10.96.0.9",
        "ipFamilies": ["IPv4", "IPv6"],
        "ipFamilyPolicy": "PreferDualStack",
    },
}
CONTAINER = {
    "name": "otc",
    "image": "otel/opentelemetry-collector-contrib:0.139.0",
    "args": ["--config=/conf/config.yaml"],
    "env": [{"name": "MY_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    "ports": [{"name": "otlp-grpc", "containerPort": 4317, "protocol": "TCP"}],
    "volumeMounts": [{"name": "conf", "mountPath": "/conf"}],
}
TEMPLATE = {"containers": [CONTAINER], "volumes": [{"name": "conf", "configMap": {"name": "otel"}}]}
DEPLOYMENT = {
    "metadata": {"name": "otel", "namespace": "shop"},
    "spec": {"selector": {"matchLabels": LABELS}, "template": {"metadata": {"labels": LABELS}, "spec": TEMPLATE}},
}


OTHERS = [
    {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "NetworkPolicy",
        "spec": {"selector": "all()", "types": ["Egress"]},
    },
    {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "spec": {"template": {}}},
    {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "spec": {"servers": []}},
    {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "spec": {"tasks": []}},
]


@pytest.mark.parametrize("item", OTHERS, ids=lambda x: x["apiVersion"])
def test_a_kind_of_another_api_group_is_another_kind(item: dict[str, Any], tmp_path: Path) -> None:
    about = {"name": "otel", "namespace": "shop"}
    (tmp_path / "a.json").write_text(json.dumps({**item, "metadata": about}))
    known = {"apiVersion": "extensions/v1beta1", "kind": "NetworkPolicy", "metadata": about, "spec": {}}
    (tmp_path / "b.json").write_text(json.dumps(known))

    found = read_world(str(tmp_path))

    assert {k: len(v) for k, v in found.objects.items()} == {"NetworkPolicy": 1}
    policy = [("NetworkPolicy.crd.projectcalico.org", "shop")]
    assert found.other_policies == (policy if item["kind"] == "NetworkPolicy" else [])


def pod(name: str, *addresses: str, ready: str = "True", **more: Any) -> dict[str, Any]:
    ips = [{"ip": x} for x in addresses]
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": LABELS},
        "spec": {**TEMPLATE, "nodeName": "n1"},
        "status": {
            "phase": "Running",
            "podIP": next(iter(addresses), None),
            "podIPs": ips,
            "conditions": [{"type": "Ready", "status": ready}],
            **more,
        },
    }


NODE = {"metadata": {"name": "n1"}, "spec": {"podCIDRs": ["10.244.0.0/24", "fd00:244::/64"]}}
PODS = [pod("otel-a", "10.244.0.2", "fd00:244::2"), pod("otel-b", "10.244.0.3", "fd00:244::3", ready="False")]


def listed(kind: str, version: str, *items: Mapping[str, Any], named: bool = False) -> dict[str, Any]:
    own = {"kind": kind, "apiVersion": version} if named else {}
    return {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": [{**own, **x} for x in items]}


NEW: dict[str, Any] = {
    "version.yaml": "apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\n",
    "cluster-resources/pods/shop.json": listed("Pod", "v1", *PODS, named=True),
    "cluster-resources/pods/logs/shop/otel-a/otc.log": "no JSON",
    "cluster-resources/services/shop.json": listed("Service", "v1", SERVICE, named=True),
    "cluster-resources/deployments/shop.json": listed("Deployment", "apps/v1", DEPLOYMENT, named=True),
    "cluster-resources/configmaps/shop.json": listed(
        "ConfigMap", "v1", {"metadata": {"name": "otel", "namespace": "shop"}, "data": {"config.yaml": CONFIG}}
    ),
    "cluster-resources/network-policy/shop.json": listed("NetworkPolicy", "networking.k8s.io/v1"),
    "cluster-resources/nodes.json": listed("Node", "v1", NODE, named=True),
    "cluster-resources/nodes-errors.json": None,
    "cluster-resources/ingress-errors.json": {"shop": "ingresses is forbidden"},
    "cluster-resources/auth-cani-list/shop.json": [{"verbs": ["*"], "resources": ["*"]}],
}
"""As troubleshoot.sh lays a bundle out since 0.50: lists, in which each item says its kind."""

OLD: dict[str, Any] = {
    "cluster-resources/pods/shop.json": PODS,
    "cluster-resources/services/shop.json": [SERVICE],
    "cluster-resources/deployments/shop.json": [DEPLOYMENT],
    "cluster-resources/nodes.json": [NODE],
    "cluster-resources/storage-errors.json": ["storageclasses is forbidden"],
    "configmaps/shop/otel/config.yaml.json": {
        "namespace": "shop",
        "name": "otel",
        "key": "config.yaml",
        "configMapExists": True,
        "keyExists": True,
        "value": CONFIG,
    },
}
"""As it did before: bare arrays, and a ConfigMap where one was asked for by its name."""

Entry = tuple[str, bytes, bytes, str]
"""Name, body, type, and where a link leads."""


def tgz(path: Path, files: Mapping[str, Any], *more: Entry, top: str = "support-bundle-2026-11-28/") -> str:
    plain = ((top + k, v.encode() if isinstance(v, str) else json.dumps(v).encode()) for k, v in files.items())
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, body, kind, to in (*((k, v, tarfile.REGTYPE, "") for k, v in plain), *more):
            about = tarfile.TarInfo(name)
            about.size, about.type, about.linkname = len(body), kind, to
            tar.addfile(about, io.BytesIO(body))
    path.write_bytes(out.getvalue())
    return str(path)


@pytest.mark.parametrize("files", [NEW, OLD], ids=["lists", "arrays"])
def test_a_support_bundle_is_a_world(files: dict[str, Any], tmp_path: Path) -> None:
    world = read_world(tgz(tmp_path / "b.tgz", files))

    named = {k: [x["metadata"]["name"] for x in v] for k, v in world.objects.items() if k != "EndpointSlice"}
    want = {
        "Pod": ["otel-a", "otel-b"],
        "Service": ["otel"],
        "Deployment": ["otel"],
        "Node": ["n1"],
        "ConfigMap": ["otel"],
    }
    assert named == want | ({"NetworkPolicy": []} if files is NEW else {})
    assert world.objects["ConfigMap"][0]["data"] == {"config.yaml": CONFIG}
    assert all(x["apiVersion"] and x["kind"] == k for k, v in world.objects.items() for x in v)
    assert any(x.why.endswith("is forbidden") for x in world.gaps)


@pytest.mark.parametrize("files", [NEW, OLD], ids=["lists", "arrays"])
def test_a_support_bundle_is_diagnosed(
    files: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tgz(tmp_path / "b.tgz", files)

    status = run(["diagnose", "svc/otel", "-n", "shop", "--from", path, "--format", "json"])

    told = json.loads(capsys.readouterr().out)
    assert status == 1
    assert "DS204" in [x["code"] for x in told["findings"]]
    assert any(x["needs"] == "endpointslices.discovery.k8s.io" for x in told["skipped"])


def test_a_support_bundle_becomes_a_snapshot(tmp_path: Path) -> None:
    path, out = tgz(tmp_path / "b.tgz", NEW), tmp_path / "world.tar.zst"

    assert run(["gather", "--from-troubleshoot", path, "-o", str(out), "-q"]) == 0

    assert unpacked("w", out.read_bytes()).objects == read_world(path).objects
    assert run(["gather", "svc/otel", "-n", "shop", "--from-troubleshoot", path, "-o", str(out), "-q"]) == 0
    assert unpacked("w", out.read_bytes()).target == "svc/otel"


def test_slices_follow_from_pods_as_their_controller_makes_them(tmp_path: Path) -> None:
    ended = pod("otel-c", "10.244.0.4", "fd00:244::4") | {"status": {"phase": "Succeeded", "podIP": "10.244.0.4"}}
    other = pod("otel-d", "10.244.0.5") | {"metadata": {"name": "otel-d", "namespace": "else", "labels": LABELS}}
    files = {**OLD, "cluster-resources/pods/shop.json": [*PODS, ended, other]}

    world = read_world(tgz(tmp_path / "b.tgz", files))

    found = {x["addressType"]: x for x in world.objects["EndpointSlice"]}
    assert {k: [(y["addresses"], y["conditions"]["ready"]) for y in v["endpoints"]] for k, v in found.items()} == {
        "IPv4": [(["10.244.0.2"], True), (["10.244.0.3"], False)],
        "IPv6": [(["fd00:244::2"], True), (["fd00:244::3"], False)],
    }
    assert found["IPv4"]["ports"] == [{"name": "otlp", "port": 4317, "protocol": "TCP"}]
    assert found["IPv4"]["metadata"]["labels"] == {"kubernetes.io/service-name": "otel"}


def test_ports_of_containers_that_run_beside_others_are_found(tmp_path: Path) -> None:
    beside = {**pod("otel-a", "10.244.0.2"), "spec": {"containers": [{"name": "app"}], "nodeName": "n1"}}
    beside["spec"]["initContainers"] = [{**CONTAINER, "restartPolicy": "Always"}]

    world = read_world(tgz(tmp_path / "b.tgz", {**OLD, "cluster-resources/pods/shop.json": [beside]}))

    assert [x["port"] for y in world.objects["EndpointSlice"] for x in y["ports"]] == [4317]


def test_of_a_service_without_a_selector_no_slices_follow(tmp_path: Path) -> None:
    own = {**SERVICE, "spec": {k: v for k, v in SERVICE["spec"].items() if k != "selector"}}
    path = tgz(tmp_path / "b.tgz", {**OLD, "cluster-resources/services/shop.json": [own]})

    for target in (KubeTarget("svc", "otel"), EVERYTHING):
        world = stored(ClusterRequest(target, stored=path, namespace="shop"))
        found = (conclude_all if target == EVERYTHING else conclude)(world, Question())
        assert not found.findings
        assert {x.at(Hop.ENDPOINTS).why for x in found.traces} == {"the endpoints could not be read"}


def test_what_a_bundle_hides_is_named(tmp_path: Path) -> None:
    hidden = json.loads(json.dumps(OLD).replace("10.244.0.2", "***HIDDEN***"))

    world = read_world(tgz(tmp_path / "b.tgz", hidden))

    assert Missing("values that the bundle hides", "2 were redacted by who made it") in world.gaps
    assert next(x.addresses for x in world.cluster().pods) == ("fd00:244::2",)


def test_a_dump_of_cluster_info_is_a_world(tmp_path: Path) -> None:
    for name, found in {
        "nodes.json": listed("Node", "v1", NODE),
        "shop/pods.json": listed("Pod", "v1", *PODS),
        "shop/services.json": listed("Service", "v1", SERVICE),
        "shop/deployments.json": listed("Deployment", "apps/v1", DEPLOYMENT),
        "shop/events.json": listed("Event", "v1"),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(found))
    (tmp_path / "shop/otel-a").mkdir()
    (tmp_path / "shop/otel-a/logs.txt").write_text("==== START logs")

    world = read_world(str(tmp_path))

    assert {k: len(v) for k, v in world.objects.items()} == {
        "Node": 1, "Pod": 2, "Service": 1, "Deployment": 1, "Event": 0, "EndpointSlice": 2
    }  # fmt: skip
    assert len(world.cluster().slices) == 2


NONE = "apiVersion: v1\nitems: []\nkind: List\nmetadata:\n  resourceVersion: ''\n"


@pytest.mark.parametrize(
    "name", ["networkpolicies.yaml", "NetworkPolicy.json", "netpol.yml", "shop/networkpolicies.networking.k8s.io.yaml"]
)
def test_a_list_without_objects_is_of_the_kind_that_its_file_is_called_by(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(json.dumps(yaml.safe_load(NONE)) if name.endswith(".json") else NONE)

    assert read_world(str(tmp_path)).objects == {"NetworkPolicy": []}


@pytest.mark.parametrize("name", ["all.yaml", "networkpolicies-and-ingresses.yaml", "secrets.yaml"])
def test_a_list_without_objects_says_nothing_of_other_kinds(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(NONE)
    (tmp_path / "nodes.json").write_text(json.dumps(listed("Node", "v1", NODE)))

    assert set(read_world(str(tmp_path)).objects) == {"Node"}


def test_who_wrote_the_labels_of_a_configuration_did_not_change_it(tmp_path: Path) -> None:
    def wrote(time: str, what: str) -> dict[str, Any]:
        return {"manager": "kubectl", "time": time, "fieldsV1": {what: {}}}

    about = {"name": "otel", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"}
    written = [wrote("2026-01-02T00:00:00Z", "f:data"), wrote("2026-03-01T00:00:00Z", "f:metadata")]
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**about, "managedFields": written}, "data": {}}
    (tmp_path / "configs.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [config]}))

    (found,) = read_world(str(tmp_path)).cluster().config_maps
    assert found.metadata.changed == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize("names", [("a.json", "b.json"), ("b.json", "a.json")])
def test_of_an_object_in_two_versions_the_newer_one_counts(names: tuple[str, str], tmp_path: Path) -> None:
    """Whichever file is read first; versions are numbers, and no texts."""
    for name, version in zip(names, ("999", "1001"), strict=True):
        about = {"name": "otel", "namespace": "shop", "resourceVersion": version}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"config.yaml": version}}
        (tmp_path / name).write_text(json.dumps(config))
    world = read_world(str(tmp_path))

    (found,) = world.cluster().config_maps
    assert found.data == {"config.yaml": "1001"}
    (gap,) = world.gaps
    assert gap.needs == "objects of one time"
    assert gap.why.startswith("ConfigMap/shop/otel is there in two versions, once more in b.json; the newer one counts")


def test_an_object_that_is_there_twice_is_one(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        about = {"name": "otel", "namespace": "shop", "resourceVersion": "7"}
        (tmp_path / name).write_text(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about}))
    world = read_world(str(tmp_path))

    assert len(world.cluster().config_maps) == 1
    assert not world.gaps


def test_secrets_are_never_taken(tmp_path: Path) -> None:
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}, "data": {"token": "eA=="}}
    (tmp_path / "a.json").write_text(json.dumps(secret))
    (tmp_path / "b.json").write_text(json.dumps(listed("Secret", "v1", {"metadata": {"name": "t"}})))
    (tmp_path / "c.json").write_text(json.dumps(listed("Node", "v1", NODE)))

    assert set(read_world(str(tmp_path)).objects) == {"Node"}


DATA = b"{}"
HOSTILE: list[tuple[Entry, str]] = [
    (("../../etc/cron.d/x", DATA, tarfile.REGTYPE, ""), "leads out of it"),
    (("/etc/passwd", DATA, tarfile.REGTYPE, ""), "leads out of it"),
    (("b/cluster-resources/../../../x.json", DATA, tarfile.REGTYPE, ""), "leads out of it"),
    (("b/cluster-resources/nodes.json", b"", tarfile.SYMTYPE, "/etc/shadow"), r"link .* leads out of it"),
    (("b/cluster-resources/nodes.json", b"", tarfile.SYMTYPE, "../../../etc/shadow"), r"link .* leads out of it"),
    (("b/cluster-resources/nodes.json", b"", tarfile.LNKTYPE, "../x"), r"link .* leads out of it"),
    (("b/cluster-resources/nodes.json", b"", tarfile.FIFOTYPE, ""), "is no file"),
    (("b/cluster-resources/nodes.json", b"", tarfile.CHRTYPE, ""), "is no file"),
]


@pytest.mark.parametrize(("entry", "said"), HOSTILE, ids=[f"{x[0][0][:12]}-{i}" for i, x in enumerate(HOSTILE)])
def test_a_hostile_bundle_is_refused(entry: Entry, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=said):
        read_world(tgz(tmp_path / "b.tgz", OLD, entry))


def test_a_link_inside_of_a_bundle_is_passed_over(tmp_path: Path) -> None:
    link = ("b/cluster-resources/pods/logs/x.log", b"", tarfile.SYMTYPE, "../../../x.log")

    assert "Pod" in read_world(tgz(tmp_path / "b.tgz", OLD, link)).objects


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "_SMALL", 1_000_000)
    zeros = ("b/cluster-resources/nodes.json", bytes(50_000_000), tarfile.REGTYPE, "")

    with pytest.raises(BadFile, match="unpacks to far more than a bundle of this size can hold"):
        read_world(tgz(tmp_path / "b.tgz", OLD, zeros))


def test_a_bundle_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "_FILES", 3)

    with pytest.raises(BadFile, match="more files than a bundle can have"):
        read_world(tgz(tmp_path / "b.tgz", OLD))


@pytest.mark.parametrize(
    "raw", [b"\x1f\x8b", b"\x1f\x8b" + bytes(50), gzip.compress(b"no tar", mtime=0), gzip.compress(bytes(600), mtime=0)]
)
def test_what_is_no_bundle_is_refused(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.tgz").write_bytes(raw)

    with pytest.raises(BadFile, match=r"no archive that can be read|holds no object"):
        read_world(str(tmp_path / "b.tgz"))


def test_a_bundle_cut_short_is_refused(tmp_path: Path) -> None:
    path = Path(tgz(tmp_path / "b.tgz", NEW))
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(BadFile, match="no archive that can be read"):
        read_world(str(path))


def test_a_broken_file_in_a_bundle_is_a_gap(tmp_path: Path) -> None:
    world = read_world(tgz(tmp_path / "b.tgz", {**OLD, "cluster-resources/jobs/shop.json": "[{"}))

    assert "Pod" in world.objects
    assert any("jobs/shop.json" in x.needs for x in world.gaps)

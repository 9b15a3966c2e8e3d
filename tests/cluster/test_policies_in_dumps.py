"""NetworkPolicies in what `kubectl get` wrote: what enforces them runs there, and the nameserver has no slices."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dualstack.cluster import ClusterRequest, diagnose, stored
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.veil import veiled_world
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.reach.engines import of_container, of_image
from tests.cluster import worlds as w
from tests.cluster.test_policies import ASK, CLIENT, NAME, WEB, calico, into, named, out, policy

Object = dict[str, Any]
NO_NAMES = out({"to": [named("obs")], "ports": [{"port": 4317}]})


def dns(*pods: Object) -> list[Object]:
    """The Service of the nameserver, and its pods where they are there."""
    spec = {
        "clusterIPs": ["10.96.0.10"],
        "selector": {"k8s-app": "kube-dns"},
        "ports": [{"port": 53, "protocol": "UDP"}],
    }
    about = {"name": "kube-dns", "namespace": "kube-system"}
    return [{"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec}, *pods]


def system(name: str, image: str, *, ready: int = 1, **labels: str) -> list[Object]:
    """A DaemonSet, or only a pod of one, that runs an image."""
    spec = {"containers": [{"name": name, "image": image}], "nodeName": "n1"}
    about = {"name": name, "namespace": "kube-system", "labels": labels}
    status = {"phase": "Running", "podIPs": [{"ip": "10.244.1.2"}], "conditions": [{"type": "Ready", "status": "True"}]}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": about,
            "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}},
            "status": {"numberAvailable": ready},
        },
        {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec, "status": status},
    ]


CORE_DNS = system("coredns", "registry.k8s.io/coredns/coredns:v1.11.3", **{"k8s-app": "kube-dns"})[1]
CALICO, CALICO_POD = system("calico-node", "docker.io/calico/node:v3.29.1")
ANETD, ANETD_POD = system("anetd", "gke.gcr.io/cilium/cilium:v1.15.10@sha256:00")
TARGET = KubeTarget("pod", "cart-1")


def dumped(path: Path, *more: Object) -> ClusterRequest:
    """A question about a client of a folder with these objects, in which no node says what enforces policies."""
    nodes = [calico("n1", "RouteCreated"), calico("n2", "RouteCreated")]
    items = [{"apiVersion": "v1", **x} for x in (*w.healthy(nodes=nodes), CLIENT, *more)]
    for each in items:
        if each["kind"] == "NetworkPolicy":
            each["apiVersion"] = "networking.k8s.io/v1"
    (path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return ClusterRequest(TARGET, namespace="shop", stored=str(path))


def policies(found: Diagnosis) -> list[tuple[str, str]]:
    return [(x.severity, x.summary) for x in found.findings if x.code == "DS701"]


@pytest.mark.parametrize("shown", [dns(), dns(CORE_DNS)])
def test_a_policy_without_the_nameserver_is_told_where_no_slice_of_it_is_there(
    shown: list[Object], tmp_path: Path
) -> None:
    found = diagnose(dumped(tmp_path, NO_NAMES, *shown))

    assert policies(found) == [("warning", "No policy lets clients ask the nameserver")]


@pytest.mark.parametrize(
    "rule",
    [
        out(ASK, {"to": [named("obs")]}),
        out({"to": [{"ipBlock": {"cidr": "10.244.0.0/16"}}, named("obs")]}),
        out({"to": [{"ipBlock": {"cidr": "10.96.0.10/32"}}, named("obs")]}),
    ],
)
def test_a_policy_that_may_let_clients_ask_it_is_not(rule: Object, tmp_path: Path) -> None:
    assert not policies(diagnose(dumped(tmp_path, rule, *dns())))


def test_of_a_cluster_whose_nameserver_is_elsewhere_nothing_is_told(tmp_path: Path) -> None:
    assert not policies(diagnose(dumped(tmp_path, NO_NAMES)))


@pytest.mark.parametrize("running", [CALICO, CALICO_POD, ANETD, ANETD_POD])
def test_what_runs_there_enforces_policies(running: Object, tmp_path: Path) -> None:
    found = diagnose(dumped(tmp_path, into(named("web")), running))

    assert (found.verdict, policies(found)) == ("broken", [("error", "No policy lets clients in to OTLP")])
    assert any(x.needs.endswith("which may let through what others do not") for x in found.skipped)


def test_of_a_service_as_well_policies_of_its_clients_may_be_undone_by_what_was_not_stored(tmp_path: Path) -> None:
    asked = replace(dumped(tmp_path, NO_NAMES, CALICO), target=KubeTarget("svc", "otel"), namespace="obs")

    assert any(x.needs.endswith("which may let through what others do not") for x in diagnose(asked).skipped)


def test_what_has_no_pods_enforces_nothing(tmp_path: Path) -> None:
    idle = system("calico-node", "docker.io/calico/node:v3.29.1", ready=0)[0]
    found = diagnose(dumped(tmp_path, into(named("web")), idle, CORE_DNS))

    assert [x for x, _ in policies(found)] == ["warning"]


def test_in_a_survey_it_counts_too_and_a_snapshot_keeps_it(tmp_path: Path) -> None:
    request = dumped(tmp_path, into(named("web")), CALICO, *dns())
    world = stored(request)

    again = unpacked("w", packed(veiled_world(world, Pseudonyms(b"key")), "1"))
    assert (again.engines, len(again.dns)) == (["Calico"], 1)
    whole = ClusterRequest(EVERYTHING, stored=str(tmp_path))
    assert [x for x, _ in policies(diagnose(whole))] == ["error"]


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("registry.example:5000/calico/node@sha256:00", "Calico"),
        ("calico/node", "Calico"),
        ("rancher/mirrored-cilium-cilium:v1.16", "Cilium"),
        ("quay.io/cilium/operator-generic:v1.16", ""),
        ("quay.io/cilium/cilium-envoy:v1.30", ""),
        ("my/notcalico/node", ""),
    ],
)
def test_images_are_known_by_the_end_of_their_names(image: str, name: str) -> None:
    assert of_image(image) == name


OPTION = "--enable-network-policy=true"


@pytest.mark.parametrize(
    ("called", "words", "name"),
    [
        ("ovnkube-controller", ["/bin/bash", "-c", "start"], "OVN-Kubernetes"),
        ("ovnkube-node", [], "OVN-Kubernetes"),
        ("ovn-controller", [], ""),
        ("aws-eks-nodeagent", ["--enable-ipv6=false", OPTION], "Amazon VPC CNI"),
        ("aws-eks-nodeagent", ["--enable-network-policy=false"], ""),
        ("aws-node", [OPTION], ""),
        ("kube-router", ["--run-router=true", "--run-firewall=true"], "kube-router"),
        ("kube-router", ["--run-firewall=false"], ""),
    ],
)
def test_containers_are_known_by_their_names_and_options(called: str, words: list[str], name: str) -> None:
    assert of_container(called, words) == name


@pytest.mark.parametrize(("words", "severity"), [([OPTION], "error"), (None, "warning"), ([{}], "warning")])
def test_what_an_option_lets_enforce_policies_is_asked_for_it(
    words: list[Any] | None, severity: str, tmp_path: Path
) -> None:
    agent = system("aws-node", "registry.example/amazon/aws-network-policy-agent:v1.2.6")[0]
    spec = agent["spec"].get("template", agent)["spec"]
    spec["containers"][0] |= {"name": "aws-eks-nodeagent", "args": words}

    assert [x for x, _ in policies(diagnose(dumped(tmp_path, into(named("web")), agent)))] == [severity]


def config(name: str = "cilium-config", **data: str) -> Object:
    said = {x.replace("_", "-"): y for x, y in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "kube-system"},
        "data": said,
    }


CILIUM = system("cilium", "quay.io/cilium/cilium:v1.17.2")[0]


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        (config(enable_policy="never"), "warning"),
        (config(policy_audit_mode="true"), "warning"),
        (config(enable_k8s_networkpolicy="false"), "warning"),
        (config(enable_policy="default", policy_audit_mode="false", enable_k8s_networkpolicy="true"), "error"),
        (config("another", enable_policy="never"), "error"),
    ],
)
def test_what_a_configuration_turns_off_enforces_nothing(said: Object, severity: str, tmp_path: Path) -> None:
    request = dumped(tmp_path, into(named("web")), CILIUM, said)
    off = ["-Cilium"] if severity == "warning" else []

    assert [x for x, _ in policies(diagnose(request))] == [severity]
    assert unpacked("w", packed(stored(request), "1")).engines == ["Cilium", *off]


def test_policies_of_pods_that_no_service_leads_to_count(tmp_path: Path) -> None:
    pod = w.pod("otel-a", "n1")
    pod["spec"]["containers"][0]["ports"][0]["hostPort"] = 4317
    client = {**CLIENT, "spec": {**CLIENT["spec"], "containers": [{**CLIENT["spec"]["containers"][0]}]}}
    client["spec"]["containers"][0]["env"] = [
        {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://10.100.0.1:4317"}
    ]
    nodes = [calico("n1"), calico("n2")]
    items = [*w.healthy(nodes=nodes, pods=[pod], services=[], slices=[]), client, into(named("web"))]
    objects = [{"apiVersion": "v1", **x} for x in items]
    objects[-1]["apiVersion"] = "networking.k8s.io/v1"
    (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    found = diagnose(ClusterRequest(TARGET, namespace="shop", stored=str(tmp_path)))

    assert policies(found) == [("error", "No policy lets clients in to OTLP")]


@pytest.mark.parametrize(
    ("wanted", "env", "off"),
    [
        ("IPv4", {"ENABLE_IPv6": "true"}, False),
        ("IPv4", {"ENABLE_IPv6": "true", "ENABLE_V4_EGRESS": "false"}, True),
        ("IPv6", {"ENABLE_V6_EGRESS": "true"}, False),
        ("IPv6", {}, True),
    ],
)
def test_what_translates_to_the_other_family_is_no_lack_of_it(
    wanted: str, env: dict[str, str], tmp_path: Path, *, off: bool
) -> None:
    held = "IPv6" if wanted == "IPv4" else "IPv4"
    agent = system("aws-node", "registry.example/amazon-k8s-cni:v1.19.0")[0]
    agent["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": x, "value": y} for x, y in env.items()]
    client = deepcopy(CLIENT)
    host = "192.0.2.7" if wanted == "IPv4" else "[2001:db8::7]"
    client["spec"]["containers"][0]["env"] = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": f"http://{host}:4317"}]
    client["status"]["podIPs"] = client["status"]["podIPs"][held == "IPv6" :][:1]
    nodes = [w.node("n1", 1, [held]), w.node("n2", 2, [held])]
    items = [*w.healthy(nodes=nodes), client, agent]
    every = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **x} for x in items]}
    (tmp_path / "all.json").write_text(json.dumps(every))
    found = diagnose(ClusterRequest(TARGET, namespace="shop", stored=str(tmp_path)))

    assert [x.code for x in found.findings if x.severity == "error"] == ["DS602"] * off
    assert found.verdict == ("broken" if off else "unknown")


def called(name: str, item: Object) -> Object:
    return {**item, "metadata": {**item["metadata"], "name": name}}


EVERYBODY = called("default-deny", policy("obs", ingress=[{}]))
NOBODY_IN = called("default-deny", policy("obs", policyTypes=["Ingress"]))
DNS_ALONE = called("default-deny", out(ASK))
NAMESAKES = {
    "a receiver's": (EVERYBODY, DNS_ALONE, "shop/default-deny"),
    "a client's": (NOBODY_IN, called("default-deny", out({})), "obs/default-deny"),
    "one of two, which lacks the port": (
        EVERYBODY,
        DNS_ALONE,
        "shop/of-shop",
        out({"to": [named("obs")], "ports": [{"port": 443}]}),
    ),
    "one of two, which wants a label": (
        NOBODY_IN,
        called("default-deny", out({})),
        "obs/of-obs",
        into({"namespaceSelector": {"matchLabels": {NAME: "shop"}}, **WEB}),
    ),
}


@pytest.mark.parametrize("case", NAMESAKES)
@pytest.mark.parametrize("target", [TARGET, KubeTarget("svc", "otel")])
def test_a_policy_is_told_from_its_namesake_in_another_namespace(case: str, target: KubeTarget, tmp_path: Path) -> None:
    there, here, guilty, *more = NAMESAKES[case]
    request = dumped(tmp_path, here, there, CORE_DNS, CALICO, CALICO_POD, *dns(), *more)
    space = "shop" if target is TARGET else "obs"
    found = diagnose(replace(request, target=target, namespace=space))

    (one,) = [x for x in found.findings if x.code == "DS701"]
    namespace, name = guilty.split("/")
    assert one.evidence[0].source.startswith(f"NetworkPolicy {guilty}")
    assert one.location
    assert one.location.file == f"{namespace}/networkpolicy/{name}.yaml"


@pytest.mark.parametrize(("running", "severity"), [([CALICO], "error"), ([], "warning")])
@pytest.mark.parametrize(("block", "shut"), [("10.0.0.0/16", True), ("10.244.0.0/16", False)])
@pytest.mark.parametrize("target", [TARGET, KubeTarget("svc", "otel"), EVERYTHING])
def test_blocks_are_compared_with_the_addresses_of_clients_whoever_is_asked_about(
    target: KubeTarget, block: str, running: list[Object], severity: str, tmp_path: Path, *, shut: bool
) -> None:
    blocks = [{"ipBlock": {"cidr": x}} for x in (block, "fd00:244::/48")]
    request = dumped(tmp_path, into(*blocks), *running)
    every = json.loads((tmp_path / "all.json").read_text())
    for each in (x for x in every["items"] if x["kind"] == "Node"):
        each["spec"] = {}  # as on a node whose pods have addresses of its network interfaces
    (tmp_path / "all.json").write_text(json.dumps(every))
    asked = replace(request, target=target, namespace="obs" if target.kind == "svc" else request.namespace)
    found = diagnose(replace(asked, namespace="") if target is EVERYTHING else asked)

    assert [x for x, _ in policies(found)] == [severity] * shut


def test_of_many_clients_no_addresses_are_kept(tmp_path: Path) -> None:
    named_alike = ({**CLIENT, "metadata": {**CLIENT["metadata"], "name": f"many-{x}"}} for x in range(102))
    made = [
        {**x, "metadata": {**x["metadata"], "ownerReferences": [{"kind": "Job", "name": "a"}]}} for x in named_alike
    ]
    few, many = (stored(replace(dumped(tmp_path, *made[1:x]), target=EVERYTHING, namespace="")) for x in (101, 102))

    assert [x.addresses for x in few.clients if x.owner == "Job a"] == [("10.244.1.9", "fd00:244:0:1::9")]
    assert [x.addresses for x in many.clients if x.owner == "Job a"] == [()]

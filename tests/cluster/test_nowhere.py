"""Clients of a cluster that name what nobody has there, by files that `kubectl get` wrote."""

import json
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.gather.dumps import read_world
from dualstack.model.cluster import Node
from dualstack.model.decoders import converted
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.overview import conclude_all
from dualstack.reach.nowhere import alike, is_of_pods
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import alias, cart
from tests.cluster.test_survey import Object, variables

CART = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {}}}  # fmt: skip
API = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"},
       "spec": {"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ports": [{"port": 443}]}}  # fmt: skip
ASKED = KubeTarget("deploy", "cart")


def system(on: str, phase: str = "Running") -> Object:
    """What runs on each node."""
    return {"kind": "Pod", "metadata": {"name": f"kube-proxy-{on}", "namespace": "kube-system"},
            "spec": {"nodeName": on, "hostNetwork": True}, "status": {"phase": phase}}  # fmt: skip


def folder(path: Path, *objects: Object, apart: Iterable[str] = (), **instead: Any) -> str:
    """What `kubectl get -A` wrote of a cluster with these; kinds that are `apart` are no lists."""
    held = [{"apiVersion": "v1", **x} for x in (*w.healthy(**instead), CART, system("n1"), system("n2"), *objects)]
    together = [x for x in held if x["kind"] not in apart]
    (path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": together}))
    none = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": []}
    (path / "none.json").write_text(json.dumps(none))
    for number, each in enumerate(x for x in held if x["kind"] in apart):
        (path / f"{number}.json").write_text(json.dumps(each))
    return str(path)


def told(path: str) -> Diagnosis:
    return conclude(stored(ClusterRequest(ASKED, stored=path, namespace="shop")), Question())


def told_all(path: str) -> Diagnosis:
    return conclude_all(stored(ClusterRequest(EVERYTHING, stored=path)), Question())


def of(found: Diagnosis, code: str) -> list[Finding]:
    return [x for x in found.findings if x.code == code]


def severities(path: str, code: str) -> tuple[list[str], list[str]]:
    """What is said of a code, by the client and by all, once for each family."""
    return tuple([str(x.severity) for x in of(y, code)[:1]] for y in (told(path), told_all(path)))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("endpoint", "more", "expected"),
    [
        ("http://otell.obs:4317", [API], "error"),
        ("http://otell.obs:4317", [], "error"),
        ("https://otell.obs:4317", [API], "warning"),
        ("http://otel.monitoring:4317", [API], "error"),
        ("https://otel.monitoring:4317", [API], "warning"),
        ("http://otel.lan:4317", [API], "warning"),
        ("http://otel.kube-system:4317", [API], "error"),
        ("http://otel.monitoring.svc.cluster.local:4317", [API], "error"),
        ("http://otel.monitoring.svc:4317", [], ""),
        ("http://otel.monitoring:4317", [], ""),
        ("http://ingest.vendor:4317", [API], ""),
        ("http://ingest.vendor.example:4317", [API], ""),
        ("http://otel.obs:4317", [API], ""),
        ("http://cart:4317", [API], "error"),
    ],
)
def test_a_name_that_no_service_has(endpoint: str, more: list[Object], expected: str, tmp_path: Path) -> None:
    path = folder(tmp_path, cart(endpoint), *more)

    assert severities(path, "DS408") == ([expected] if expected else [],) * 2
    assert (told(path).verdict == "broken") is (expected == "error")


SPACES = [{"kind": "Namespace", "metadata": {"name": x}} for x in ("default", "kube-system", "obs", "shop")]


@pytest.mark.parametrize(
    ("endpoint", "more", "expected"),
    [
        ("http://jaeger.tracing:4317", [API, *SPACES], ["warning"]),
        ("http://jaeger.tracing:4317", [API], []),
        ("http://jaeger.tracing:4317", SPACES, []),
        ("http://jaeger.tracing:4317", [API, *SPACES[1:]], []),
        ("https://jaeger.tracing:4317", [API, *SPACES], []),
        ("http://jaeger.tracing", [API, *SPACES], []),
        ("http://ingest.cloud:4317", [API, *SPACES], []),
        ("http://ingest.eu:4317", [API, *SPACES], []),
    ],
)
def test_a_name_in_a_namespace_that_is_not_there(
    endpoint: str, more: list[Object], expected: list[str], tmp_path: Path
) -> None:
    found = of(told(folder(tmp_path, cart(endpoint), *more)), "DS408")

    assert [str(x.severity) for x in found[:1]] == expected
    assert all("in the namespace `tracing`; there is `otel.obs`." in x.detail for x in found)


@pytest.mark.parametrize(
    "spec",
    [
        {"hostAliases": [{"ip": "10.96.0.9", "hostnames": ["Otell.obs"]}]},
        {"dnsPolicy": "Default"},
        {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.53"]}},
        {"hostNetwork": True},
    ],
)
def test_a_name_that_the_pod_looks_up_elsewhere_may_have_an_address(spec: Object, tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://otell.obs:4317", **spec), API)

    assert not [x for x in of(told_all(path), "DS408") if x.severity == "error"]


def test_a_loopback_is_no_name_of_a_service(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://localhost:4317"), API)

    assert severities(path, "DS408") == ([], [])


def test_what_is_called_alike_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://otell.obs:4317"), API)

    for found in (told(path), told_all(path)):
        (first, *_) = of(found, "DS408")
        assert first.detail == (
            "Clients send to `http://otell.obs:4317`: there is no Service `otell` in the namespace `obs`; "
            "there is `otel.obs`."
        )
        assert first.hint.startswith(
            "Correct the name, to `otel.obs` if that is meant; `kubectl get services -A` lists"
        )


def test_a_port_of_another_protocol_is_told_with_a_name_that_nobody_has(tmp_path: Path) -> None:
    says = variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    path = folder(tmp_path, cart("http://otell.obs:4318", *says), API)

    (first, *_) = of(told(path), "DS408")
    assert first.hint.endswith("They send gRPC, and port 4318 is mostly that of OTLP/HTTP: see that as well.")
    assert "They send" not in of(told(folder(tmp_path, cart("http://otell.obs:4318"), API)), "DS408")[0].hint


def test_where_nothing_is_called_alike_the_services_of_the_namespace_are_named(tmp_path: Path) -> None:
    (first, *_) = of(told(folder(tmp_path, cart("http://telemetry-in.obs:4317"), API)), "DS408")

    assert first.severity == "error"
    assert first.detail.endswith("there is no Service `telemetry-in` in the namespace `obs`; there is `otel.obs`.")


@pytest.mark.parametrize(
    ("app", "there"),
    [
        ("cart", "there is `b.shop`."),
        ("web", "there are `a.shop` and `b.shop`."),
        ("", "there are `a.shop` and `b.shop`."),
    ],
)
def test_the_service_of_the_pods_that_ask_is_none_that_they_mean(app: str, there: str, tmp_path: Path) -> None:
    services = [deepcopy(w.service()) for _ in range(2)]
    for each, name, labels in zip(services, "ab", ({"app": app} if app else {}, {"app": "b"}), strict=True):
        each["metadata"] = {"name": name, "namespace": "shop"}
        each["spec"]["selector"] = labels
    path = folder(tmp_path, cart("http://telemetry-in:4317"), API, *services)

    for found in (told(path), told_all(path)):
        assert of(found, "DS408")[0].detail.endswith(there)


@pytest.mark.parametrize(
    ("host", "verdict"),
    [("otel.obs.cluster.local", "broken"), ("otel.obs.cluster.local.", "broken"), ("ntp.obs.cluster.local", "unknown")],
)
def test_a_whole_name_that_lacks_svc_has_no_address(host: str, verdict: str, tmp_path: Path) -> None:
    found = told(folder(tmp_path, cart(f"http://{host}:4317"), API))

    assert found.verdict == verdict
    if verdict == "broken":
        (first, *_) = of(found, "DS408")
        assert "lacks `svc`" in first.detail
        assert "`otel.obs.svc.cluster.local`" in first.detail


def test_several_addresses_are_none(tmp_path: Path) -> None:
    found = told(folder(tmp_path, cart("http://10.100.0.1,fd00:100::1:4317"), API))

    assert found.verdict == "broken"
    (first, *_) = of(found, "DS119")
    assert "`http://10.100.0.1,fd00:100::1:4317` holds several addresses, and a client takes one" in first.detail


def test_a_service_of_the_same_pods_that_has_the_port_is_named(tmp_path: Path) -> None:
    metrics = w.service(ports=[{"name": "monitoring", "port": 8888}], clusterIP="10.96.0.8", clusterIPs=["10.96.0.8"])
    metrics["metadata"] = {"name": "otel-monitoring", "namespace": "obs"}
    (first, *_) = of(told(folder(tmp_path, cart("http://otel-monitoring.obs:4317"), metrics, API)), "DS508")

    assert first.hint == "Let them send to `otel.obs`, which has port 4317 and leads to the same pods."
    another = variables(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="http://otel-monitoring.shop:9999")
    (again, *_) = of(told(folder(tmp_path, cart("http://otel-monitoring.obs:4317", *another), metrics, API)), "DS508")

    assert again.hint == first.hint


@pytest.mark.parametrize(
    ("key", "known", "expected"),
    [
        (("obs", "otel"), [("obs", "otel-collector"), ("obs", "web")], [("obs", "otel-collector")]),
        (("monitoring", "otel"), [("obs", "otel"), ("obs", "cart")], [("obs", "otel")]),
        (
            ("observabilty", "otel-colector"),
            [("observability", "otel-collector")],
            [("observability", "otel-collector")],
        ),
        (("obs", "collector"), [("shop", "colector")], []),
        (("obs", "collector"), [("obs", "gateway"), ("shop", "gateway")], [("obs", "gateway")]),
        (("obs", "collector"), [("obs", x) for x in ("k", "l", "m", "n")], []),
        (("obs", "otel"), [(x, "otel") for x in ("a", "b", "c", "d")], [(x, "otel") for x in ("a", "b", "c")]),
    ],
)
def test_services_are_alike(key: tuple[str, str], known: list[tuple[str, str]], expected: list[Any]) -> None:
    assert list(alike(key, known)) == expected


def test_an_alias_of_what_is_not_there_is_lost(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://x:4317"), alias("x", "otel.monitoring.svc.cluster.local"), API)

    assert severities(path, "DS408") == (["error"], ["error"])
    assert [x.target.host for x in told_all(path).traces if x.failed] == ["x.shop.svc"] * 4


def test_an_alias_that_no_client_names_is_left(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://otel.obs:4317"), alias("x", "otel.monitoring.svc.cluster.local"), API)

    assert severities(path, "DS408") == ([], [])


def test_an_alias_of_what_may_be_there_is_not(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://x:4317"), alias("x", "otel.monitoring.svc.cluster.local"))

    assert severities(path, "DS408") == ([], [])


def test_a_list_of_all_namespaces_is_known_by_what_each_cluster_has(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "part").mkdir()
    (tmp_path / "apart").mkdir()
    whole = read_world(folder(tmp_path / "whole", cart("http://x:4317"), API, system("n3", "Pending")))
    assert (whole.whole, whole.surveyed) == (["Service"], ["n1", "n2"])
    part = read_world(folder(tmp_path / "part", API, services=[], pods=[]))
    assert (part.whole, part.surveyed) == ([], [])
    apart = read_world(folder(tmp_path / "apart", cart("http://x:4317"), API, apart=("Service", "Pod")))
    assert (apart.whole, apart.surveyed) == ([], [])


@pytest.mark.parametrize(
    ("address", "instead", "expected"),
    [
        ("10.96.0.77", {}, (["error"], ["error"])),
        ("[fd00:96::77]", {}, (["error"], ["error"])),
        ("10.96.0.9", {}, ([], [])),
        ("[FD00:0096:0::0009]", {}, ([], [])),
        ("10.96.0.77", {"ranges": []}, (["warning"], ["warning"])),
        ("10.97.0.77", {"ranges": []}, ([], [])),
        ("10.244.1.77", {}, (["error"], ["error"])),
        ("10.244.1.77", {"ranges": []}, (["error"], ["error"])),
        ("10.244.1.1", {}, ([], [])),
        ("[fd00:244:0:1::77]", {}, ([], [])),
        ("192.0.2.7", {}, ([], [])),
    ],
)
def test_an_address_that_nobody_has(
    address: str, instead: dict[str, Any], expected: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    path = folder(tmp_path, cart(f"http://{address}:4317"), API, **instead)

    assert severities(path, "DS525") == expected


@pytest.mark.parametrize(
    ("labels", "version", "codes"),
    [({}, "v1.33.4", ["DS602"]), ({"eks.amazonaws.com/nodegroup": "a"}, "", []), ({}, "v1.33.4-eks-1a2b3c", [])],
)
def test_pods_of_ipv6_alone_may_come_to_ipv4_by_their_nodes(
    labels: dict[str, str], version: str, codes: list[str], tmp_path: Path
) -> None:
    nodes = [w.node("n1", 1, ["IPv6"]), w.node("n2", 2, ["IPv6"])]
    for each in nodes:
        each["metadata"]["labels"] = labels
        each["status"]["nodeInfo"] = {"kubeletVersion": version}
    pod = cart("http://192.0.2.7:4317")
    pod["status"]["podIPs"] = [{"ip": "fd00:244:0:1::77"}]
    found = told(folder(tmp_path, pod, API, nodes=nodes))

    assert [x.code for x in found.findings if x.severity == "error"] == codes


def test_an_address_that_only_an_incomplete_folder_lacks_is_not_known(tmp_path: Path) -> None:
    path = folder(tmp_path, cart("http://10.96.0.77:4317"))

    assert severities(path, "DS525") == ([], [])
    assert told(path).verdict == "unknown"


NODE = [{"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]


def on_node() -> Object:
    found = cart("http://$(HOST_IP):4317", *NODE)
    found["status"]["hostIP"] = "10.100.0.1"
    return found


def held(**port: Any) -> Object:
    """The Collector of the node, with a port of its container that says this."""
    found = w.pod("otel-agent", "n1")
    found["spec"]["containers"][0]["ports"][0] |= port
    found["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "otel-agent"}]
    return found


@pytest.mark.parametrize(
    ("pods", "more", "expected"),
    [
        ([held()], [API], ("unknown", "DS211", "warning", "hostPort: 4317")),
        ([w.pod("otel-a", "n2")], [API], ("unknown", "DS211", "warning", "run on each node")),
        ([held(hostPort=4317, hostIP="127.0.0.1")], [API], ("broken", "DS514", "error", "Leave `hostIP` out.")),
        ([held(hostPort=4317, hostIP="0.0.0.0")], [API], ("unknown", "", "", "")),
        ([held(hostPort=4317, hostIP="10.100.0.1")], [API], ("unknown", "", "", "")),
        ([held(hostPort=4317)], [API], ("unknown", "", "", "")),
        ([held()], [], ("unknown", "DS211", "warning", "hostPort: 4317")),
        ([w.pod("otel-a", "n2")], [], ("unknown", "", "", "")),
    ],
)
def test_a_port_of_a_node_that_no_pod_holds(
    pods: list[Object], more: list[Object], expected: tuple[str, str, str, str], tmp_path: Path
) -> None:
    found = told(folder(tmp_path, on_node(), *more, pods=pods))

    verdict, code, severity, hint = expected
    mine = [x for x in found.findings if x.code in ("DS211", "DS514")]
    assert found.verdict == verdict
    assert [(x.code, str(x.severity)) for x in mine] == ([(code, severity)] if code else [])
    assert all(hint in x.hint for x in mine)


def test_the_collector_of_a_node_that_has_no_host_port_is_named(tmp_path: Path) -> None:
    found = told(folder(tmp_path, on_node(), API, pods=[held()]))

    (one,) = of(found, "DS211")
    assert "no pod on the node n1 has a host port 4317" in one.detail
    assert "the pod obs/otel-agent is a Collector without such a port" in one.detail
    assert one.detail.endswith("Only a process of the node itself could.")


def test_where_not_all_pods_of_the_node_are_known_another_one_could_hold_it(tmp_path: Path) -> None:
    (one,) = of(told(folder(tmp_path, on_node(), pods=[held()])), "DS211")

    assert (
        "no pod is known to hold the port on the node n1; the pod obs/otel-agent is a Collector without" in one.detail
    )
    assert one.detail.endswith("One that is not known here could.")


@pytest.mark.parametrize("block", ["", "10.244.1.0", "10.244.1.0/33", "fd00::/x", "none/24"])
def test_a_range_that_is_none_holds_no_address(block: str) -> None:
    node = converted({"metadata": {"name": "n1"}, "spec": {"podCIDRs": [block]}}, Node)

    assert not is_of_pods("10.244.1.7", (node,))

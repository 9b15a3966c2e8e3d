"""What is wrong with clusters, and what is not: objects as an API server has them, and the cause that comes first."""

from typing import Any

import pytest

from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.exporter import Exporter
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition
from tests.cluster import worlds as w

V4, V6 = Family.IPV4, Family.IPV6
FIRST = {"grpc": "${env:MY_POD_IP}:4317"}
DOWN = {"conditions": [{"type": "Ready", "status": "False"}]}


def waiting(reason: str = "CrashLoopBackOff", **last: Any) -> dict[str, Any]:
    """The status of a pod whose container does not run."""
    state = {"name": "otelcol", "state": {"waiting": {"reason": reason}}, "lastState": last}
    return {**DOWN, "containerStatuses": [state]}


def pending(message: str) -> w.Object:
    """A pod on no node."""
    said = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]
    found = w.pod("otel-a", "", (), phase="Pending", conditions=said, containerStatuses=[])
    del found["spec"]["nodeName"]
    return found


def test_a_healthy_cluster_has_no_findings_and_is_not_called_healthy_unseen() -> None:
    found = w.diagnosed(w.healthy())

    assert not found.findings
    assert found.verdict is Verdict.UNKNOWN
    assert {x.disposition for x in found.traces} == {Disposition.INSUFFICIENT_INFO}


def looks(*ways: Way) -> Glimpses:
    """Exports that were accepted, to each pod and port; from inside to each address."""
    pods = [x for x in w.healthy() if x["kind"] == "Pod"]
    places = [(f"pod {x['metadata']['name']}", y["ip"]) for x in pods for y in x["status"]["podIPs"]]
    return Glimpses(
        tuple(
            Glimpse(name, port, spoken, way, Outcome.ACCEPTED, address=address if way is Way.INSIDE else "")
            for name, address in places
            for port, spoken in ((4317, Protocol.GRPC), (4318, Protocol.HTTP))
            for way in ways
        )
    )


def test_exports_to_each_address_make_it_healthy() -> None:
    assert w.diagnosed(w.healthy(), seen=looks(*Way)).verdict is Verdict.HEALTHY


def test_a_family_that_nobody_exported_over_is_not_known() -> None:
    found = w.diagnosed(w.healthy(), seen=looks(Way.ADDRESS, Way.LOOPBACK))

    assert found.verdict is Verdict.UNKNOWN
    assert {x.family: x.accepted for x in found.traces} == {V4: True, V6: False}


def test_a_listener_on_the_first_address_is_the_cause_and_the_rest_its_symptoms() -> None:
    found = w.diagnosed(w.healthy(configs=[w.config(**FIRST)]))

    assert w.roots(found) == ["DS204"]
    assert {"DS604", "DS605"} < w.codes(found)
    assert found.verdict is Verdict.DEGRADED
    at = found.findings[0].location
    assert at is not None
    assert at.file == "obs/configmap/otel.yaml"
    assert {x.disposition for x in found.traces if x.family is V4} == {Disposition.INSUFFICIENT_INFO}


def test_pods_of_one_template_are_one_flow() -> None:
    pods = [w.pod(f"otel-{x}", "n1") for x in "abcdefgh"]
    for number, each in enumerate(pods):
        each["status"]["podIPs"] = [{"ip": f"10.244.1.{number + 2}"}, {"ip": f"fd00:244:0:1::{number + 2:x}"}]

    found = w.diagnosed(w.healthy(pods=pods, configs=[w.config(**FIRST)]))

    assert len(found.traces) == 4
    assert max(len(x.servers) for x in found.traces) == 8


LOCAL = {"internalTrafficPolicy": "Local"}


@pytest.mark.parametrize(("on", "severity"), [((), "warning"), (("n1",), "warning"), (("n1", "n2"), "error")])
def test_agents_that_are_kept_to_some_nodes_matter_to_clients_on_others(on: tuple[str, ...], severity: str) -> None:
    agent = w.pod("otel-a", "n1")
    agent["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "otel", "controller": True}]
    shop = Exporter(
        "obs", "Deployment shop", "shop-1", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4317", "grpc", nodes=on
    )
    found = w.diagnosed(w.healthy(services=[w.service(**LOCAL)], pods=[agent]), clients=[shop])

    (one,) = [x for x in found.findings if x.code == "DS510"]
    assert one.severity == severity
    assert "n2 has no ready" in one.detail


@pytest.mark.parametrize(("on", "expected"), [((), []), (("n1",), []), (("n2",), ["DS510"])])
def test_a_node_that_keeps_pods_out_has_the_clients_that_are_known_to_run_there(
    on: tuple[str, ...], expected: list[str]
) -> None:
    nodes = [w.node("n1", 1), w.node("n2", 2)]
    nodes[1]["spec"]["taints"] = [{"key": "spot", "value": "true", "effect": "NoSchedule"}]
    shop = Exporter(
        "obs", "Deployment shop", "shop-1", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4317", "grpc", nodes=on
    )
    parts = w.healthy(services=[w.service(**LOCAL)], nodes=nodes, pods=[w.pod("otel-a", "n1")])

    assert [x.code for x in w.diagnosed(parts, clients=[shop]).findings] == expected


NODE_PORTS = {
    "type": "NodePort",
    "ports": [
        {"name": "otlp-grpc", "port": 4317, "targetPort": "otlp-grpc", "nodePort": 30317},
        {"name": "otlp-http", "port": 4318, "targetPort": "otlp-http", "nodePort": 30318},
    ],
}
ONE = [w.pod("otel-a", "n1")]
POOR = [w.node("n1", 1), w.node("n2", 2, ["IPv4"])]
ON_POOR = [w.pod("otel-a", "n2", ["IPv4"])]
DAEMON = w.pod("otel-a", "n1")
DAEMON["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "otel"}]


def hosted(families: tuple[str, ...] = w.BOTH, on: str = "n1", **port: Any) -> w.Object:
    """A pod with host ports."""
    found = w.pod("otel-a", on, families)
    found["spec"]["containers"][0]["ports"] = [{"containerPort": 4317, "hostPort": 4317, **port}]
    return found


def stale() -> list[w.Object]:
    """Slices with an address that the pod does not have."""
    found = w.endpoints(ONE)
    found[1]["endpoints"][0]["addresses"] = ["fd00:244::dead"]
    return found


def unready(pods: list[w.Object]) -> dict[str, Any]:
    """The objects of a cluster with these pods."""
    return {"pods": pods}


def in_network_of_node() -> w.Object:
    """A pod that waits for ports of a node."""
    found = pending("1 node(s) didn't have free ports for the requested pod ports.")
    for each in found["spec"]["containers"][0]["ports"]:
        each["hostPort"] = each["containerPort"]
    return {**found, "spec": {**found["spec"], "hostNetwork": True}}


CASES: dict[str, tuple[dict[str, Any], tuple[Family, ...], list[str]]] = {
    "one family, both expected": (
        {"services": [w.service(["IPv4"])], "slices": w.endpoints(ONE, ["IPv4"])},
        (V4, V6),
        ["DS501"],
    ),
    "one family, one range, both expected": (
        {"services": [w.service(["IPv4"])], "slices": w.endpoints(ONE, ["IPv4"]), "ranges": [w.ranges("10.96.0.0/16")]},
        (V4, V6),
        ["DS401"],
    ),
    "one family, and clients that have the other alone": (
        {
            "services": [w.service(["IPv6"])],
            "nodes": [w.node("n1", 1), w.node("n2", 2, ["IPv4"])],
            "slices": w.endpoints(ONE),
            "pods": ONE,
        },
        (),
        ["DS501"],
    ),
    "the policy came late": (
        {"services": [w.service(["IPv4"], ipFamilyPolicy="PreferDualStack")], "slices": w.endpoints(ONE, ["IPv4"])},
        (V4, V6),
        ["DS506"],
    ),
    "nobody runs": (unready([pending("0/2 nodes are available")]), (), ["DS507"]),
    "an image that is not there": (unready([w.pod("otel-a", "n1", **waiting("ImagePullBackOff"))]), (), ["DS507"]),
    "no brackets": (
        {
            "configs": [w.config(**FIRST)],
            "nodes": [w.node("n1", 1, ["IPv6"])],
            "services": [w.service(["IPv6"])],
            "ranges": [w.ranges("fd00:96::/112")],
            "pods": [w.pod("otel-a", "n1", ["IPv6"], **waiting())],
        },
        (),
        ["DS102"],
    ),
    "an address of another host": (
        {"configs": [w.config(grpc="10.9.9.9:4317")], "pods": [w.pod("otel-a", "n1", **waiting())]},
        (),
        ["DS212"],
    ),
    "loopback, and the probe fails": (
        {"configs": [w.config(grpc="127.0.0.1:4317", http="127.0.0.1:4318")], "pods": [w.pod("otel-a", "n1", **DOWN)]},
        (),
        ["DS202", "DS202"],
    ),
    "a name of no port": (
        {
            "services": [w.service(ports=[{"name": "otlp-grpc", "port": 4317, "targetPort": "grpc"}])],
            "slices": w.endpoints(ONE, ports=[]),
            "pods": ONE,
        },
        (),
        ["DS508"],
    ),
    "a port of nobody": (
        {
            "services": [w.service(ports=[{"name": "otlp-grpc", "port": 4317, "targetPort": 55680}])],
            "slices": w.endpoints(ONE, ports=[{"name": "otlp-grpc", "port": 55680}]),
            "pods": ONE,
        },
        (),
        ["DS508"],
    ),
    "slices by hand whose port has another name": (
        {
            "services": [w.service(["IPv4"], selector=None, ports=[{"name": "otlp", "port": 4317}])],
            "slices": w.endpoints(ONE, ["IPv4"], ports=[{"name": "grpc", "port": 4317}, {"port": 9411}]),
            "pods": ONE,
            "ranges": [w.ranges("10.96.0.0/16")],
        },
        (),
        ["DS508"],
    ),
    "slices by hand without a name for their port": (
        {"slices": w.endpoints(ONE, ports=[{"port": 4317, "protocol": "UDP"}]), "pods": ONE},
        (),
        ["DS508", "DS508"],
    ),
    "slices by hand without ports, of a Service without a name for its own": (
        {
            "services": [w.service(selector=None, ports=[{"port": 4317}])],
            "slices": w.endpoints(ONE, ports=[]),
            "pods": ONE,
        },
        (),
        ["DS508"],
    ),
    "a pod of yesterday": ({"pods": ONE, "slices": stale()}, (), ["DS508"]),
    "no such labels": ({"services": [w.service(selector={"app": "o"})], "slices": w.endpoints([])}, (), ["DS509"]),
    "traffic stays on nodes": ({"services": [w.service(**LOCAL)], "pods": ONE}, (), ["DS510"]),
    "a node port of one family": (
        {"services": [w.service(["IPv4"], **NODE_PORTS)], "pods": ONE, "ranges": [w.ranges("10.96.0.0/16")]},
        (V4, V6),
        ["DS401", "DS513"],
    ),
    "a host port of one address": (
        {"services": [], "slices": [], "pods": [hosted(hostIP="10.100.0.1")]},
        (V4, V6),
        ["DS514"],
    ),
    "a host port, and a pod without the family": (
        {"services": [], "slices": [], "pods": [hosted(("IPv4",))]},
        (V4, V6),
        ["DS601"],
    ),
    "a host port, and a node without the family": (
        {"services": [], "slices": [], "nodes": POOR, "pods": [hosted(("IPv4",), "n2")]},
        (V4, V6),
        ["DS603"],
    ),
    "a host port that is taken": (
        {
            "services": [],
            "slices": [],
            "pods": [
                {
                    **pending("1 node(s) didn't have free ports for the requested pod ports."),
                    "spec": {"containers": [{"name": "otelcol", "ports": [{"containerPort": 4317, "hostPort": 4317}]}]},
                }
            ],
        },
        (),
        ["DS607"],
    ),
    "a taken port of pods in the network of their node": (
        {"services": [], "slices": [], "pods": [in_network_of_node()]},
        (),
        ["DS607"],
    ),
    "a taken host port behind a Service": (
        {"pods": [pending("1 node(s) didn't have free ports for the requested pod ports.")]},
        (),
        ["DS607"],
    ),
    "pods without the family": ({"pods": [w.pod("otel-a", "n1", ["IPv4"])]}, (), ["DS601"]),
    "two pods without the family, both expected": (
        {"pods": [w.pod("otel-a", "n1", ["IPv4"]), w.pod("otel-b", "n2", ["IPv4"])]},
        (V4, V6),
        ["DS601"],
    ),
    "a pod without the family on a node that has it, both expected": (
        {"pods": [w.pod("otel-a", "n1", ["IPv4"])]},
        (V4, V6),
        ["DS601"],
    ),
    "a loopback in pods of IPv6 alone": (
        {
            "services": [w.service(["IPv6"])],
            "pods": [w.pod("otel-a", "n1", ["IPv6"])],
            "slices": w.endpoints([w.pod("otel-a", "n1", ["IPv6"])], ["IPv6"]),
            "nodes": [w.node("n1", 1, ["IPv6"])],
            "ranges": [w.ranges("fd00:96::/112")],
            "configs": [w.config(grpc="127.0.0.1:4317", http="[::1]:4318")],
        },
        (),
        ["DS202", "DS202"],
    ),
    "the loopback of IPv6 in pods of IPv4 alone that run": (
        {
            "services": [w.service(["IPv4"])],
            "pods": [w.pod("otel-a", "n1", ["IPv4"])],
            "slices": w.endpoints([w.pod("otel-a", "n1", ["IPv4"])], ["IPv4"]),
            "nodes": [w.node("n1", 1, ["IPv4"])],
            "ranges": [w.ranges("10.96.0.0/16")],
            "configs": [w.config(grpc="[::1]:4317", http="[::1]:4318")],
        },
        (),
        ["DS202", "DS202"],
    ),
    "nodes without the family": ({"nodes": POOR, "pods": ON_POOR}, (), ["DS602"]),
    "nodes of both kinds": (
        {
            "nodes": POOR,
            "pods": [w.pod("otel-a", "n1"), *[w.pod("otel-b", "n2", ["IPv4"])]],
            "services": [w.service(**LOCAL)],
        },
        (V4, V6),
        ["DS603"],
    ),
    "no node has it": (
        {"nodes": [w.node("n1", 1, ["IPv4"])], "pods": [w.pod("otel-a", "n1", ["IPv4"])]},
        (V4, V6),
        ["DS602"],
    ),
    "pods older than the range": (
        {
            "pods": [w.pod("otel-a", "n1", ["IPv4"])],
            "ranges": [w.ranges(), w.ranges("fd00:98::/112", name="more", creationTimestamp="2026-04-01T10:00:00Z")],
        },
        (),
        ["DS606"],
    ),
    "a transport of one family": ({"configs": [w.config(grpc='0.0.0.0:4317", transport: "tcp4')]}, (), ["DS208"]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_cause_comes_first(name: str) -> None:
    instead, expect, causes = CASES[name]

    found = w.diagnosed(w.healthy(**instead), *expect)

    assert w.roots(found) == causes, [(x.code, x.summary, x.because) for x in found.findings]
    assert found.verdict in (Verdict.BROKEN, Verdict.DEGRADED)
    failed = {x.key for x in found.traces if x.required and x.failed}
    assert failed <= {y for x in found.findings for y in x.flows}, "a flow fails, and no finding speaks of it"


@pytest.mark.parametrize("name", CASES)
def test_each_finding_can_be_acted_on(name: str) -> None:
    instead, expect, _ = CASES[name]

    for finding in w.diagnosed(w.healthy(**instead), *expect).findings:
        assert len(finding.summary.split()) <= 8, finding.summary
        assert finding.detail.endswith("."), finding.detail
        assert finding.hint.endswith(".")
        assert finding.evidence


def alias(to: str, **more: Any) -> w.Object:
    """A Service that is another name for a host."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x", "namespace": "obs"},
        "spec": {"type": "ExternalName", "externalName": to, **more},
    }

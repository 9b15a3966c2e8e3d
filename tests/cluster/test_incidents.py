"""What is wrong with clusters, and what is not: objects as an API server has them, and the cause that comes first."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.report.text import render
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
    "traffic from outside stays on nodes": (
        {"services": [w.service(**NODE_PORTS, externalTrafficPolicy="Local")], "pods": ONE},
        (),
        ["DS510"],
    ),
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
    "a taken host port behind a Service": (
        {"pods": [pending("1 node(s) didn't have free ports for the requested pod ports.")]},
        (),
        ["DS607"],
    ),
    "pods without the family": ({"pods": [w.pod("otel-a", "n1", ["IPv4"])]}, (), ["DS601"]),
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


NO_FAULT: dict[str, tuple[dict[str, Any], tuple[Family, ...]]] = {
    "one family in a cluster of one": (
        {
            "services": [w.service(["IPv4"])],
            "slices": w.endpoints(ONE, ["IPv4"]),
            "ranges": [w.ranges("10.96.0.0/16")],
            "nodes": [w.node("n1", 1, ["IPv4"])],
            "pods": [w.pod("otel-a", "n1", ["IPv4"])],
        },
        (),
    ),
    "PreferDualStack in a cluster of one": (
        {
            "services": [w.service(["IPv4"], ipFamilyPolicy="PreferDualStack")],
            "ranges": [w.ranges("10.96.0.0/16")],
            "nodes": [w.node("n1", 1, ["IPv4"])],
            "pods": [w.pod("otel-a", "n1", ["IPv4"])],
            "slices": w.endpoints([w.pod("otel-a", "n1", ["IPv4"])], ["IPv4"]),
        },
        (),
    ),
    "a node without IPv6, and nobody insists": ({"nodes": POOR, "pods": ONE}, ()),
    "an agent on each node": ({"services": [w.service(**LOCAL)]}, ()),
    "a tainted node without an agent": (
        {
            "services": [w.service(**LOCAL)],
            "pods": ONE,
            "nodes": [
                w.node("n1", 1),
                {
                    **w.node("n2", 2),
                    "spec": {
                        "podCIDRs": ["10.244.2.0/24", "fd00:244:0:2::/64"],
                        "taints": [{"key": "x", "effect": "NoSchedule"}],
                    },
                },
            ],
        },
        (),
    ),
    "an alias": (
        {
            "services": [
                w.service(),
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "x", "namespace": "obs"},
                    "spec": {"type": "ExternalName", "externalName": "otel.obs.svc.cluster.local"},
                },
            ]
        },
        (),
    ),
    "a name of a host elsewhere": (
        {
            "services": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "x", "namespace": "obs"},
                    "spec": {"type": "ExternalName", "externalName": "otel.example.com", "ports": [{"port": 4318}]},
                }
            ]
        },
        (),
    ),
    "node ports of both families": ({"services": [w.service(**NODE_PORTS)]}, ()),
    "host ports": ({"services": [], "slices": [], "pods": [hosted()]}, (V4, V6)),
    "host ports on the wildcard of IPv4": ({"services": [], "slices": [], "pods": [hosted(hostIP="0.0.0.0")]}, ()),
    "a port that is not for OTLP": (
        {
            "services": [
                w.service(ports=[{"name": "metrics", "port": 8888}, {"name": "j", "port": 6831, "protocol": "UDP"}])
            ]
        },
        (),
    ),
}


def test_a_service_that_crosses_the_protocols_is_told_which_port_to_lead_to() -> None:
    crossing = [
        {"name": "otlp-grpc", "port": 4317, "targetPort": 4318},
        {"name": "otlp-http", "port": 4318, "targetPort": 4318},
    ]
    to_http = [{"name": x["name"], "port": 4318} for x in crossing]
    grpc = Glimpse("pod otel-a", 4318, Protocol.GRPC, Way.INSIDE, Outcome.HTTP1_SPOKEN, address="10.244.9.66")
    pods = [w.pod("otel-a", "n1")]
    address = pods[0]["status"]["podIPs"][0]["ip"]
    found = w.diagnosed(
        w.healthy(services=[w.service(ports=crossing)], pods=pods, slices=w.endpoints(pods, ports=to_http)),
        seen=Glimpses((replace(grpc, address=address),)),
    )

    assert [x.hint for x in found.findings if x.code == "DS902"] == [
        "Set `targetPort` to 4317 where the Service says 4317."
    ]
    assert [(x.code, x.because) for x in found.findings if x.code == "DS521"] == [("DS521", ("DS902",))]


def test_a_selector_that_takes_in_pods_without_such_a_port_is_told_whose_they_are() -> None:
    pods = [w.pod("otel-a", "n1")]
    pods[0]["spec"]["containers"][0]["ports"] = []
    parts = w.healthy(pods=pods, slices=w.endpoints(pods, ports=[]))

    (fault, *_) = [x for x in w.diagnosed(parts).findings if x.code == "DS508"]

    assert (
        fault.detail
        == "No container of its pods (ReplicaSet otel-1) has a port `otlp-grpc`; they have none with a name."
    )
    assert fault.hint == "Name a port of theirs, or select the pods of the Collector."


def alias(to: str, **more: Any) -> w.Object:
    """A Service that is another name for a host."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x", "namespace": "obs"},
        "spec": {"type": "ExternalName", "externalName": to, **more},
    }


def test_an_alias_of_a_service_that_is_gone_has_no_address() -> None:
    found = w.diagnosed(w.healthy(services=[alias("gone.obs.svc.cluster.local")]))

    (fault,) = [x for x in found.findings if x.code == "DS408"]
    assert fault.detail == (
        "Clients send to `x.obs.svc`: `x.obs.svc` stands for `gone.obs.svc.cluster.local`, "
        "and there is no Service `gone` in the namespace `obs`."
    )
    assert found.verdict is Verdict.BROKEN


@pytest.mark.parametrize("name", NO_FAULT)
def test_what_is_no_fault_has_no_error(name: str) -> None:
    instead, expect = NO_FAULT[name]

    found = w.diagnosed(w.healthy(**instead), *expect)

    assert not [x for x in found.findings if x.severity is Severity.ERROR]
    assert not [x for x in found.traces if x.required and x.failed]


def test_a_node_that_a_daemonset_is_not_meant_for_is_a_warning() -> None:
    found = w.diagnosed(w.healthy(services=[w.service(**LOCAL)], pods=[DAEMON]))

    assert [(x.code, x.severity) for x in found.findings] == [("DS510", Severity.WARNING)]
    assert found.verdict is Verdict.UNKNOWN


def test_a_configuration_that_is_younger_than_the_pod_makes_nothing_certain() -> None:
    young = w.config(managedFields=[{"time": "2026-03-02T10:00:00Z"}])

    found = w.diagnosed(w.healthy(configs=[young]))

    finding = next(x for x in found.findings if x.code == "DS213")
    assert finding.fix is not None
    assert finding.fix.commands == ("kubectl rollout restart deployment otel -n obs",)
    assert {x.disposition for x in found.traces} == {Disposition.INSUFFICIENT_INFO}
    assert {x.severity for x in found.findings} == {Severity.WARNING}


def test_a_pod_of_an_older_template_is_not_judged_by_the_newer_one() -> None:
    old = w.pod("otel-a", "n1")
    old["spec"]["volumes"] = [{"name": "conf", "projected": {"sources": [{"configMap": {"name": "otel-before"}}]}}]
    other = w.pod("otel-b", "n2")
    other["spec"]["containers"][0]["args"] = ["--config=/conf/before.yaml"]
    third = w.pod("otel-c", "n2")
    third["spec"]["containers"][0]["name"] = "before"

    found = w.diagnosed(w.healthy(pods=[old, other, third], configs=[w.config(**FIRST)]))

    assert {x.at(Hop.LISTEN).status for x in found.traces} == {Status.UNKNOWN}


def test_an_endpoint_left_to_its_default_is_open_while_nobody_knows_the_version() -> None:
    nobody = w.deployment()
    nobody["spec"]["template"]["spec"]["containers"][0]["image"] = "registry/otelcol:7"
    text = w.config()
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace('{endpoint: "0.0.0.0:4317"}', "{}")

    known = w.diagnosed(w.healthy(configs=[text]))
    found = w.diagnosed(w.healthy(configs=[text], workloads=[nobody]))

    assert w.roots(known) == ["DS202"]
    assert found.verdict is Verdict.UNKNOWN


def test_a_mesh_takes_connections_first() -> None:
    meshed = w.pod("otel-a", "n1")
    meshed["spec"]["initContainers"] = [{"name": "istio-proxy", "restartPolicy": "Always"}]

    found = w.diagnosed(w.healthy(pods=[meshed], configs=[w.config(**FIRST)]))

    assert found.verdict is Verdict.UNKNOWN
    assert all("Istio" in x.at(Hop.LISTEN).why for x in found.traces)


def test_a_container_that_runs_has_bound_its_endpoints() -> None:
    odd = w.config(grpc="10.9.9.9:4317")

    found = w.diagnosed(w.healthy(configs=[odd]))

    assert "DS212" not in w.codes(found)
    assert "the container runs all the same" in next(
        x.at(Hop.LISTEN).why for x in found.traces if x.target.port == 4317
    )


def test_the_last_words_of_a_container_are_told() -> None:
    last = {"terminated": {"exitCode": 1, "message": "Error: listen tcp 10.9.9.9:4317: bind: cannot assign"}}
    down = w.pod("otel-a", "n1", **waiting(**last))

    found = w.diagnosed(w.healthy(configs=[w.config(grpc="10.9.9.9:4317")], pods=[down]))

    assert "cannot assign" in next(x for x in found.findings if x.code == "DS507").detail


def test_what_may_not_be_read_is_unknown() -> None:
    parts = w.healthy(slices=[], pods=[])

    found = w.diagnosed(parts, unseen=["EndpointSlice", "Pod"])

    assert not [x for x in found.findings if x.severity is Severity.ERROR]
    assert found.verdict is Verdict.UNKNOWN


def test_without_nodes_nobody_knows_the_families_of_clients() -> None:
    found = w.diagnosed(w.healthy(nodes=[]), unseen=["Node"])

    assert {x.at(Hop.ROUTE).status for x in found.traces} == {Status.UNKNOWN}


def test_many_nodes_are_counted_and_named() -> None:
    nodes = [w.node(f"n{x:02}", x, ["IPv4"] if x > 28 else w.BOTH) for x in range(1, 41)]
    pods = [w.pod("otel-a", "n01"), *(w.pod(f"otel-{x}", f"n{x}", ["IPv4"]) for x in range(29, 41))]

    found = w.diagnosed(w.healthy(nodes=nodes, pods=pods), V4, V6)

    finding = next(x for x in found.findings if x.code == "DS603")
    assert finding.detail.startswith("12 of 40 nodes lack IPv6: n29, n30, n31, n32, n33, n34 and 6 more.")
    shown = render(found)
    assert "pods on 28 of 40" in shown
    assert "pods on 12 of 40" in shown


def test_the_table_tells_groups_of_clients_apart() -> None:
    instead, expect, _ = CASES["traffic stays on nodes"]

    shown = render(w.diagnosed(w.healthy(**instead), *expect)).splitlines()

    assert "  target     protocol  for         IPv4         IPv6" in shown
    assert "  otel:4317  grpc      pods on n1  not known    not known" in shown
    assert "  otel:4317  grpc      pods on n2  no endpoint  no endpoint" in shown
    assert "for the pods on n2" in " ".join(shown[:4])


def test_groups_that_fare_alike_are_one_row() -> None:
    shown = render(w.diagnosed(w.healthy(nodes=POOR, pods=[], services=[w.service(["IPv4"])], slices=w.endpoints([]))))

    assert "  otel:4317  grpc      all  no endpoint  -" in shown.splitlines()


def test_a_headless_service_hands_out_the_addresses_of_its_pods() -> None:
    headless = w.service(clusterIP="None", clusterIPs=["None"])

    found = w.diagnosed(w.healthy(services=[headless], configs=[w.config(**FIRST)]))

    assert w.roots(found) == ["DS204"]
    refused = next(x for x in found.traces if x.disposition is Disposition.REFUSED)
    assert set(refused.addresses) <= {y["ip"] for x in ("otel-a", "otel-b") for y in w.pod(x, "n1")["status"]["podIPs"]}


def headless(*ports: dict[str, Any]) -> w.Object:
    return w.service(clusterIP="None", clusterIPs=["None"], ports=list(ports))


def test_clients_of_a_headless_service_are_led_to_no_target_port() -> None:
    moved = headless({"name": "a", "port": 4317, "targetPort": 14317}, {"name": "b", "port": 9999, "targetPort": 4318})
    slices = w.endpoints(ONE, ports=[{"name": "a", "port": 14317}, {"name": "b", "port": 4318}])
    objects = w.healthy(pods=ONE, services=[moved], slices=slices, configs=[w.config("0.0.0.0:14317")])

    for seen in (None, Glimpses((Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.ADDRESS, Outcome.REFUSED),))):
        found = w.diagnosed(objects, seen=seen)

        assert w.roots(found) == ["DS508", "DS508"]
        assert {x.disposition for x in found.traces} == {Disposition.REFUSED}
        assert {x.port for x in found.traces} == {4317, 9999}
        grpc = next(x for x in found.findings if "4317" in x.summary)
        assert "headless: clients connect to port 4317 of the pods themselves" in grpc.detail
        assert grpc.hint == "Send to port 14317, or let the receiver listen on port 4317."


def test_nor_do_they_need_one() -> None:
    slices = w.endpoints(ONE, ports=[])
    service = headless({"name": "a", "port": 4317, "targetPort": "nobody"})

    found = w.diagnosed(w.healthy(pods=ONE, services=[service], slices=slices), seen=looks(*Way))

    assert found.verdict is Verdict.HEALTHY
    assert not found.findings


def test_a_port_that_is_named_after_otlp_is_for_what_its_receiver_speaks() -> None:
    ports = [{"name": "otlp", "port": 80, "targetPort": "otlp-http"}, {"name": "otlp-grpc", "port": 81}]
    slices = w.endpoints(ONE, ports=[{"name": "otlp", "port": 4318}, {"name": "otlp-grpc", "port": 4317}])

    found = w.diagnosed(w.healthy(services=[w.service(ports=ports)], pods=ONE, slices=slices))

    assert {(x.target.port, x.protocol) for x in found.traces} == {(80, Protocol.HTTP), (81, Protocol.GRPC)}


def test_agents_in_the_network_of_their_node_are_asked_at_its_address() -> None:
    agent = w.pod("otel-a", "n1")
    agent["spec"]["hostNetwork"] = True
    agent["status"]["podIPs"] = [{"ip": "10.100.0.1"}, {"ip": "fd00:100::1"}]
    local = w.config(grpc="localhost:4317", http="localhost:4318")

    found = w.diagnosed(w.healthy(services=[], slices=[], pods=[agent], configs=[local]))

    assert w.roots(found) == ["DS202", "DS202"]
    assert {x.target.endpoint for x in found.traces} == {"n1:4317", "n1:4318"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({**DOWN, "phase": "Pending", "containerStatuses": []}, "is Pending"),
        ({**DOWN, "containerStatuses": []}, "is not ready"),
        (
            {
                **DOWN,
                "containerStatuses": [],
                "initContainerStatuses": [
                    {"name": "init", "state": {"terminated": {"message": "no such file"}}, "ready": False}
                ],
            },
            "has the container init, which ended with: no such file",
        ),
        (waiting("ErrImagePull") | {"phase": "Pending"}, "waits with ErrImagePull for its container otelcol"),
        (waiting("ContainerCreating"), "is not ready"),
    ],
)
def test_why_pods_are_not_ready_is_told(status: dict[str, Any], said: str) -> None:
    found = w.diagnosed(w.healthy(pods=[w.pod("otel-a", "n1", **status)]))

    assert w.roots(found) == ["DS507"]
    assert said in found.findings[0].detail


def test_pods_that_are_ready_and_in_no_slice_are_not_blamed() -> None:
    found = w.diagnosed(w.healthy(slices=w.endpoints([])))

    assert w.roots(found) == ["DS507"]
    assert found.findings[0].detail == "Service otel has no endpoint."


@pytest.mark.parametrize("way", list(Way))
def test_a_default_that_was_seen_to_be_open_is_every_address(way: Way) -> None:
    nobody = w.deployment()
    nobody["spec"]["template"]["spec"]["containers"][0]["image"] = "registry/otelcol:7"
    text = w.config()
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace('{endpoint: "0.0.0.0:4317"}', "{}")
    other = Outcome.ACCEPTED if way is Way.ADDRESS else Outcome.REFUSED
    looks = Glimpses((seen(4317, Way.ADDRESS, other), seen(4317, Way.LOOPBACK, Outcome.ACCEPTED)))

    found = w.diagnosed(w.healthy(configs=[text], workloads=[nobody], pods=ONE), seen=looks)

    assert w.roots(found) == ([] if way is Way.ADDRESS else ["DS202"])


def test_an_address_of_ipv6_in_a_pod_of_ipv4_depends_on_its_kernel() -> None:
    pods = [w.pod("otel-a", "n1", ["IPv4"])]
    sole = w.healthy(
        services=[w.service(["IPv4"])],
        pods=pods,
        slices=w.endpoints(pods, ["IPv4"]),
        ranges=[w.ranges("10.96.0.0/16")],
        nodes=[w.node("n1", 1, ["IPv4"])],
        configs=[w.config(grpc="[::1]:4317")],
    )

    found = w.diagnosed(sole)

    grpc = next(x for x in found.traces if x.target.port == 4317)
    assert "depends on whether IPv6 is on" in grpc.at(Hop.LISTEN).why


def test_variables_with_a_value_are_filled_in() -> None:
    told = w.pod("otel-a", "n1")
    told["spec"]["containers"][0]["env"] = [{"name": "HOST", "value": "127.0.0.1"}, {"name": "X", "value": "$(HOST)"}]

    found = w.diagnosed(w.healthy(pods=[told], configs=[w.config(grpc="${env:HOST}:4317", http="${X:-0.0.0.0}:4318")]))

    assert w.roots(found) == ["DS202"]


def test_a_port_that_both_families_are_refused_on_is_not_deaf_on_one() -> None:
    probe = w.pod("otel-a", "n1")
    probe["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"port": 4318}}

    found = w.diagnosed(w.healthy(pods=[probe], configs=[w.config(grpc="127.0.0.1:4317")]))

    assert w.roots(found) == ["DS202"]
    assert "DS605" not in w.codes(found)


def test_a_probe_that_names_a_host_says_nothing_of_the_pod() -> None:
    probe = w.pod("otel-a", "n1")
    probe["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 4317, "host": "10.1.1.1"}}

    assert "DS605" not in w.codes(w.diagnosed(w.healthy(pods=[probe], configs=[w.config(**FIRST)])))


def test_an_object_of_another_form_is_one_gap() -> None:
    world = w.world([*w.healthy(), {"kind": "Pod", "metadata": {"name": ["odd"]}}])
    world.cluster()
    world.cluster()

    assert len(world.gaps) == 1


def seen(port: int, way: Way, outcome: Outcome, spoken: Protocol = Protocol.GRPC) -> Glimpse:
    return Glimpse("pod otel-a", port, spoken, way, outcome, "said so")


LOOKS: dict[str, tuple[Glimpses, Callable[[Any], bool]]] = {
    "refused at its address": (
        Glimpses((seen(4317, Way.ADDRESS, Outcome.REFUSED),)),
        lambda x: x.disposition is Disposition.REFUSED,
    ),
    "refused at the loopback of a wildcard": (
        Glimpses((seen(4317, Way.LOOPBACK, Outcome.REFUSED),)),
        lambda x: x.at(Hop.LISTEN).mark == "none",
    ),
    "connected": (
        Glimpses((seen(4317, Way.ADDRESS, Outcome.CONNECTED),)),
        lambda x: x.at(Hop.HANDSHAKE).status is Status.PASS,
    ),
    "another language": (
        Glimpses((seen(4317, Way.LOOPBACK, Outcome.HTTP1_SPOKEN),)),
        lambda x: x.disposition is Disposition.HANDSHAKE_FAILED,
    ),
    "no OTLP": (
        Glimpses((seen(4317, Way.ADDRESS, Outcome.NOT_OTLP),)),
        lambda x: x.disposition is Disposition.REJECTED,
    ),
}


@pytest.mark.parametrize("name", LOOKS)
def test_what_was_seen_from_outside_beats_what_is_predicted(name: str) -> None:
    looks, holds = LOOKS[name]

    found = w.diagnosed(w.healthy(pods=ONE), seen=looks)

    assert holds(next(x for x in found.traces if x.family is V4 and x.target.port == 4317))


SHOP = Exporter(
    *("obs", "Pod shop", "shop", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4317", "grpc"),
    signals=("traces",),
    tls=False,
)


def met(way: Way, outcome: Outcome, **said: Any) -> Glimpse:
    return Glimpse("pod otel-a", 4317, Protocol.GRPC, way, outcome, **said)


ELSEWHERE = w.config(grpc="${env:NOWHERE}:4317")


@pytest.mark.parametrize("config", [w.config(), ELSEWHERE], ids=["known", "unknown"])
def test_an_export_tells_more_than_the_proxy_of_an_api_server(config: w.Object) -> None:
    seen = Glimpses((met(Way.ADDRESS, Outcome.CLOSED), met(Way.LOOPBACK, Outcome.TLS_EXPECTED)))

    found = w.diagnosed(w.healthy(pods=ONE, configs=[config]), seen=seen, clients=[SHOP])

    assert w.codes(found) == {"DS902"}
    assert "targetPort" not in found.findings[0].hint
    assert V4 in {y for x in found.findings for y in x.families}


def test_but_not_of_another_socket() -> None:
    other = w.config(grpc="${env:MY_POD_IP}:4317")
    seen = Glimpses((met(Way.ADDRESS, Outcome.CLOSED), met(Way.LOOPBACK, Outcome.TLS_EXPECTED)))

    found = w.diagnosed(w.healthy(pods=ONE, configs=[other]), seen=seen)

    assert next(x.failing.mark for x in found.traces if x.failing and x.family is V4) == Outcome.CLOSED


METRICS = w.config()
METRICS["data"] = {"config.yaml": METRICS["data"]["config.yaml"].replace("traces:", "metrics/a:")}
UNIMPLEMENTED = "grpc-status 12 UNIMPLEMENTED"


def test_a_receiver_without_a_pipeline_of_traces_is_told_from_its_configuration() -> None:
    rejected = met(Way.LOOPBACK, Outcome.REJECTED, status=UNIMPLEMENTED, signals=("metrics",))

    found = w.diagnosed(w.healthy(pods=ONE, configs=[METRICS]), seen=Glimpses((rejected,)), clients=[SHOP])

    assert (w.codes(found), found.verdict) == ({"DS904"}, Verdict.DEGRADED)
    (told,) = found.findings
    assert "is in pipelines of metrics alone, and answers `grpc-status 12 UNIMPLEMENTED` to traces" in told.detail
    assert told.location is not None
    assert (told.location.file, told.location.line) == ("obs/configmap/otel.yaml", 11)
    assert {x.signals for x in found.traces if x.failed} == {("metrics",)}


def test_what_answers_there_is_no_stranger() -> None:
    page = met(Way.ADDRESS, Outcome.NOT_OTLP, status="HTTP 404")

    found = w.diagnosed(w.healthy(pods=ONE, configs=[METRICS]), seen=Glimpses((page,)))

    assert w.roots(found) == ["DS904"]


@pytest.mark.parametrize(
    ("config", "status"), [(w.config(), UNIMPLEMENTED), (METRICS, "grpc-status 16 UNAUTHENTICATED"), (ELSEWHERE, "")]
)
def test_other_rejections_are_what_their_status_says(config: w.Object, status: str) -> None:
    rejected = met(Way.LOOPBACK, Outcome.REJECTED, status=status)

    found = w.diagnosed(w.healthy(pods=ONE, configs=[config]), seen=Glimpses((rejected,)))

    assert not [x for x in found.findings if "pipeline of traces in" in x.hint]


@pytest.mark.parametrize("spaced", [True, False])
def test_a_configuration_in_one_line_of_json_is_read(*, spaced: bool) -> None:
    """Terraform writes so, with the keys in order; a text in YAML may end its lines in spaces."""
    made = w.config("localhost:4317", "localhost:4318")
    whole = yaml.safe_load(made["data"]["config.yaml"])
    made["data"]["config.yaml"] = json.dumps(whole, sort_keys=True, separators=None if spaced else (",", ":"))

    assert set(w.roots(w.diagnosed(w.healthy(configs=[made])))) == {"DS202"}

"""What is known and not known of a cluster: old configurations, defaults, meshes, rights, groups of clients."""

from typing import Any

import pytest
from msgspec.structs import replace

from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.report.text import render
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import told
from tests.cluster.test_exports_of_pods import seen
from tests.cluster.test_incidents import CASES, DAEMON, DOWN, FIRST, LOCAL, ONE, POOR, V4, V6, alias, waiting
from tests.cluster.test_survey import client, variables


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


def test_an_alias_of_a_service_that_is_gone_has_no_address() -> None:
    found = w.diagnosed(w.healthy(services=[alias("gone.obs.svc.cluster.local")]))

    (fault,) = [x for x in found.findings if x.code == "DS408"]
    assert fault.detail == (
        "Clients send to `x.obs.svc`: `x.obs.svc` stands for `gone.obs.svc.cluster.local`, "
        "and there is no Service `gone` in the namespace `obs`."
    )
    assert found.verdict is Verdict.BROKEN


@pytest.mark.parametrize(("to", "expected"), [("otel", ["DS508"]), ("gone", ["DS408"])])
def test_a_port_is_missing_where_what_the_alias_stands_for_lacks_it(to: str, expected: list[str]) -> None:
    shop = Exporter("obs", "Deployment shop", "shop-1", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://x:4319", "grpc")
    parts = w.healthy(services=[alias(f"{to}.obs.svc.cluster.local"), w.service()])

    found = w.diagnosed(parts, clients=[shop])

    assert w.roots(found)[:1] == expected
    lost = {(x.target.host, x.vantage) for x in found.traces if x.target.port == 4319}
    assert lost == ({("x.obs.svc", "pods of Deployment shop")} if to == "otel" else set())


def test_a_node_that_a_daemonset_is_not_meant_for_is_a_warning() -> None:
    found = w.diagnosed(w.healthy(services=[w.service(**LOCAL)], pods=[DAEMON]))

    assert [(x.code, x.severity) for x in found.findings] == [("DS510", Severity.WARNING)]
    assert found.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("tainted", [True, False])
@pytest.mark.parametrize("more", [0, 1])
def test_a_node_port_on_a_node_without_a_pod_is_a_warning_while_others_have_one(tainted: bool, more: int) -> None:
    taint = {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]}
    nodes = [w.node("n1", 1), w.node("n2", 2), *(w.node(f"n{3 + x}", 3 + x) for x in range(more))]
    nodes[1]["spec"] |= taint if tainted else {}
    ports = [{"name": "otlp-grpc", "port": 4317, "nodePort": 30317}]
    kept = w.service(type="NodePort", externalTrafficPolicy="Local", ports=ports)

    found = w.diagnosed(w.healthy(services=[kept], nodes=nodes, pods=[w.pod("otel-a", "n1")]))

    (fault,) = [x for x in found.findings if x.code == "DS510"]
    assert fault.severity is Severity.WARNING
    assert "n2" in fault.detail
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
    both = [{"name": "ISTIO_DUAL_STACK", "value": "true"}]
    meshed["spec"]["initContainers"] = [{"name": "istio-proxy", "restartPolicy": "Always", "env": both}]

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
    assert found.findings[0].detail == "Service otel has no endpoint, although the pods are ready."


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
    """Of a container that runs it is known that nothing kept it from that."""
    pods = [w.pod("otel-a", "n1", ["IPv4"], containerStatuses=[])]
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


@pytest.mark.parametrize("policy", ["SingleStack", "PreferDualStack"])
def test_where_nobody_says_which_families_there_are_a_service_of_one_may_lack_the_other(policy: str) -> None:
    pod = client("a", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.obs:4317"), ["IPv4"])
    service = w.service(["IPv6"], ipFamilyPolicy=policy)
    found = told(pod, services=[service], slices=w.endpoints([w.pod("otel-a", "n1")], ["IPv6"]), nodes=[], ranges=[])

    assert found.verdict is Verdict.BROKEN
    mine = [x for x in found.findings if x.code == "DS501"]
    assert len(mine) == (policy == "SingleStack")
    for one in mine:
        assert one.detail.startswith("Service obs/otel has IPv6 alone. It fails for the pods")
        assert one.hint.endswith("It gets IPv4 then, if the cluster has a range of it.")
        assert not one.because


@pytest.mark.parametrize(("families", "noted"), [(("IPv4",), False), (("IPv4", "IPv6"), True), ((), True)])
def test_a_service_need_not_have_a_family_of_which_none_of_its_pods_has_an_address(
    families: tuple[str, ...], noted: bool
) -> None:
    pods = [w.pod("otel-a", "n3", families)]
    found = w.diagnosed(w.healthy(pods=pods, services=[w.service(["IPv4"])], slices=w.endpoints(pods, ["IPv4"])))

    assert ("DS501" in w.codes(found)) is noted


def test_a_receiver_that_no_pipeline_uses_is_named_where_nobody_listens() -> None:
    text = w.config()
    held = text["data"]["config.yaml"].replace("  otlp:", "  zipkin: {}\n  otlp/grpc:").replace("[otlp]", "[zipkin]")
    text["data"]["config.yaml"] = held

    (fault,) = (x for x in w.diagnosed(w.healthy(configs=[text])).findings if x.code == "DS211")

    assert "The configuration has `receivers/otlp/grpc`, and nothing uses it." in fault.detail
    assert fault.hint == "Add `otlp/grpc` to the receivers of a pipeline of `service`."

"""All of a cluster at once, and clients: who exports where, and the way from their pods."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.gather.archive import packed
from dualstack.gather.cluster import Asker, of, senders
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget, kube_target
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.model.world import World
from dualstack.overview import conclude_all
from dualstack.report.json import render as as_json
from dualstack.report.text import render
from tests.cluster import worlds as w

Object = dict[str, Any]
KINDS = ("Service", "EndpointSlice", "Pod", "Node", "ServiceCIDR", "ConfigMap", "NetworkPolicy", "Deployment",
         "ReplicaSet", "OpenTelemetryCollector")  # fmt: skip


def variables(**said: str) -> list[Object]:
    return [{"name": k, "value": v} for k, v in said.items()]


def client(name: str, on: str, env: list[Object], families: Iterable[str] = w.BOTH, **spec: Any) -> Object:
    """A pod of the Deployment cart."""
    held = {"IPv4": f"10.244.7.{len(name)}", "IPv6": f"fd00:244::7:{len(name)}"}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {"app": "cart", "pod-template-hash": "abc"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "cart-abc", "controller": True}],
        },
        "spec": {"containers": [{"name": "cart", "image": "cart", "env": env}], "nodeName": on, **spec},
        "status": {"phase": "Running", "podIPs": [{"ip": held[x]} for x in families]},
    }


def service(called: str, **port: Any) -> Object:
    return {"kind": "Service", "metadata": {"name": called, "namespace": "shop"},
            "spec": {"ports": [{"port": 8080, **port}], "selector": {"app": called}}}  # fmt: skip


def whole(*more: Object, **instead: Any) -> World:
    found = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(**instead), *more)])
    for kind in KINDS:
        found.objects.setdefault(kind, [])
    return found


def everything(world: World, namespace: str = "") -> World:
    return survey(Asker(Stored(world), namespace))


def names(world: World, kind: str) -> set[str]:
    return {x["metadata"]["name"] for x in world.objects[kind]}


def test_services_for_otlp_are_found_and_others_left() -> None:
    named = service("gateway", name="otlp", port=9999)
    found = everything(whole(service("web"), named, service("ingest", port=4318)))

    assert names(found, "Service") == {"otel", "gateway", "ingest"}
    assert names(found, "Pod") == {"otel-a", "otel-b"}
    assert names(found, "ConfigMap") == {"otel"}
    assert names(everything(whole(service("ingest", port=4318)), "shop"), "Service") == {"ingest"}


def test_a_service_is_found_by_the_collectors_behind_it() -> None:
    ports = [{"name": "traces", "port": 9411, "targetPort": "otlp-grpc"}]
    found = everything(whole(services=[w.service(ports=ports)]))

    assert names(found, "Service") == {"otel"}


def test_collectors_without_a_service_are_named() -> None:
    found = everything(whole(services=[], slices=[]))

    (gap,) = [x for x in found.gaps if x.needs == "ways to Collectors"]
    assert gap.why == "no Service leads to ReplicaSet otel-1 in obs"


def test_each_service_fares_as_if_it_alone_was_asked_about() -> None:
    world = whole(nodes=[w.node("n1", 1), w.node("n2", 2, ["IPv4"])])

    alone = conclude(of(Asker(Stored(world), "obs"), KubeTarget("svc", "otel")), Question())
    found = conclude_all(everything(world), Question())

    assert found.traces == alone.traces
    assert found.findings == alone.findings


def many(count: int) -> list[Object]:
    """Services with the same fault, each in a namespace of its own."""
    made: list[Object] = []
    for number in range(count):
        for item in w.healthy(pods=[], slices=w.endpoints([]), nodes=[], ranges=[]):
            about = item["metadata"]
            made.append({**item, "metadata": {**about, "namespace": f"team-{number}"}})
    return made


def test_what_is_equal_is_told_once() -> None:
    found = conclude_all(everything(whole(*many(9), services=[], slices=[], pods=[])), Question())

    shown = render(found)
    assert len({x.code for x in found.findings}) == len([x.code for x in found.findings])
    assert "of 18 endpoints 18 fail" in " ".join(shown.split())
    rows = [x for x in shown.splitlines() if x.startswith("  otel.team-") and "grpc" in x]
    assert len(rows) == 1
    assert "stands for otel.team-1:4317" in shown
    assert "and 3 more (-v shows them)" in " ".join(shown.split())
    assert (
        len([x for x in render(found, depth="verbose").splitlines() if x.startswith("  otel.team-") and "grpc" in x])
        == 9
    )


def test_a_kind_that_may_not_be_listed_is_a_gap_and_the_rest_goes_on() -> None:
    world = whole()
    del world.objects["Pod"]

    found = everything(world)

    assert [x.needs for x in found.gaps if x.needs == "pods"] == ["pods"]
    assert "Pod" in found.unseen
    assert names(found, "Service") == {"otel"}


def test_nodes_that_may_not_be_listed_are_one_gap() -> None:
    world = whole()
    del world.objects["Node"]

    assert [x.needs for x in everything(world).gaps] == ["nodes"]


ENV = variables(NS="obs", OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.$(NS).svc:4317")


def test_pods_that_export_alike_are_one_group() -> None:
    pods = [client(x, "n1", ENV) for x in ("a", "bb")]
    host = client("ccc", "n2", [*ENV, *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")], ["IPv4"], hostNetwork=True)
    found = everything(whole(*pods, host))

    one, other = found.clients
    assert (one.owner, one.pods, one.endpoint, one.host_network) == (
        "Deployment cart",
        2,
        "http://otel.obs.svc:4317",
        False,
    )
    assert (other.pods, other.protocol, other.families, other.host_network) == (1, "grpc", (Family.IPV4,), True)
    assert one.service == ("obs", "otel")
    assert "Deployment cart in shop" in render(conclude_all(found, Question()))


@pytest.mark.parametrize(
    ("endpoint", "service", "certain", "port", "protocol"),
    [
        ("http://otel:4317", ("shop", "otel"), True, 4317, Protocol.GRPC),
        ("otel.obs:4318", ("obs", "otel"), False, 4318, Protocol.HTTP),
        ("https://otel.obs.svc.cluster.local/v1", ("obs", "otel"), True, 443, Protocol.HTTP),
        ("http://10.1.2.3:4317", None, False, 4317, Protocol.GRPC),
        ("http://[fd00::1]:4317", None, False, 4317, Protocol.GRPC),
        ("http://localhost:4318", ("shop", "localhost"), False, 4318, Protocol.HTTP),
        ("http://collector.vendor.example", None, False, 80, Protocol.HTTP),
    ],
)
def test_an_endpoint_is_read_as_a_client_reads_it(
    endpoint: str, service: tuple[str, str] | None, certain: bool, port: int, protocol: Protocol
) -> None:
    one = Exporter("shop", "Deployment cart", "a", "OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)

    assert one.target is not None
    assert (one.service, one.certain, one.target.port, one.target.protocol) == (service, certain, port, protocol)


def test_an_endpoint_with_a_variable_that_nobody_may_read_leads_nowhere() -> None:
    secret = {"name": "COLLECTOR_HOST", "valueFrom": {"secretKeyRef": {"name": "otel", "key": "host"}}}
    env = [secret, *variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://$(COLLECTOR_HOST):4317")]
    (one,) = everything(whole(client("a", "n1", env))).clients

    assert (one.host, one.target, one.service, one.held) == ("", None, None, "Secret otel")


def test_a_variable_that_is_not_there_stays_in_the_name() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://$(COLLECTOR_HOST):4317")
    (one,) = everything(whole(client("a", "n1", env))).clients

    assert (one.host, one.service, one.held) == ("$(COLLECTOR_HOST)", None, "")


def test_a_client_of_a_service_that_is_not_there_is_found() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otell.obs.svc:4317")
    found = conclude_all(everything(whole(client("a", "n1", env))), Question())

    (fault,) = [x for x in found.findings if x.code == "DS408"]
    assert fault.detail == (
        "Clients send to `http://otell.obs.svc:4317`: there is no Service `otell` in the namespace `obs`."
    )


def exported(found: Diagnosis) -> list[dict[str, Any]]:
    """The clients in JSON, with the lines of their traces in the place of numbers."""
    document = json.loads(as_json(found))
    lines = [f"{x['vantage']} {x['target']} {x['family']}" for x in document["traces"]]
    return [{**x, "traces": [lines[y] for y in x["traces"]]} for x in document["exporters"]]


def test_clients_are_told_in_json_with_their_flows() -> None:
    gone = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://gone.obs.svc:4317")
    away = variables(OTEL_EXPORTER_OTLP_ENDPOINT="https://logs.example", OTEL_EXPORTER_OTLP_PROTOCOL="http/json")
    secret = {"name": "NOBODY", "valueFrom": {"secretKeyRef": {"name": "otel", "key": "host"}}}
    open_ = [secret, *variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://$(NOBODY):4317")]
    pods = [client("a", "n1", ENV), client("bb", "n2", ENV), client("c", "n1", gone, ["IPv4"]),
            client("d", "n1", away), client("e", "n1", open_, [])]  # fmt: skip

    found = exported(conclude_all(everything(whole(*pods)), Question()))

    alike = {"owner": "Deployment cart", "namespace": "shop", "variable": "OTEL_EXPORTER_OTLP_ENDPOINT"}
    both = ["ipv4", "ipv6"]
    assert found == [
        {**alike, "pod": "a", "pods": 2, "endpoint": "http://otel.$(NS).svc:4317", "protocol": "grpc",
         "families": both, "service": "obs/otel", "target": "otel.obs.svc:4317",
         "traces": [f"pods otel.obs.svc:4317 {x}" for x in both]},
        {**alike, "pod": "e", "pods": 1, "endpoint": "http://$(NOBODY):4317", "protocol": None, "families": [],
         "service": None, "target": None, "traces": []},
        {**alike, "pod": "c", "pods": 1, "endpoint": "http://gone.obs.svc:4317", "protocol": "grpc",
         "families": ["ipv4"], "service": "obs/gone", "target": "gone.obs.svc:4317",
         "traces": ["pods of Deployment shop/cart gone.obs.svc:4317 ipv4"]},
        {**alike, "pod": "d", "pods": 1, "endpoint": "https://logs.example", "protocol": "http", "families": both,
         "service": None, "target": "logs.example:443", "traces": []},
    ]  # fmt: skip


def test_the_flows_of_one_client_are_not_those_of_another() -> None:
    gone = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://gone.obs.svc:4317")
    other = client("b", "n1", gone)
    other["metadata"]["ownerReferences"][0]["name"] = "till-abc"

    found = exported(conclude_all(everything(whole(client("a", "n1", gone), other)), Question()))

    assert {(x["owner"], y.partition(" gone")[0]) for x in found for y in x["traces"]} == {
        ("Deployment cart", "pods of Deployment shop/cart"),
        ("Deployment till", "pods of Deployment shop/till"),
    }


def test_a_client_that_is_asked_about_is_told_in_json() -> None:
    found = exported(of_cart(client("a", "n1", ENV), client("bb", "n2", ENV, ["IPv4"])))

    assert [(x["pod"], x["families"], len(x["traces"])) for x in found] == [
        ("a", ["ipv4", "ipv6"], 4),
        ("bb", ["ipv4"], 2),
    ]


def test_without_the_list_of_services_nobody_is_said_to_be_lost() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otell.obs.svc:4317")
    world = whole(client("a", "n1", env))
    del world.objects["Service"]

    assert everything(world).lost == []
    assert everything(whole(client("a", "n1", env)), "shop").lost == []


def of_cart(*pods: Object, **instead: Any) -> Diagnosis:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
                  "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {}}}  # fmt: skip
    world = whole(deployment, *pods, **instead)
    return conclude(of(Asker(Stored(world), "shop"), KubeTarget("deploy", "cart")), Question())


def test_the_way_of_a_client_begins_in_its_pods() -> None:
    found = of_cart(client("a", "n1", ENV), client("bb", "n2", ENV, ["IPv4"]))

    ways = {(x.vantage, x.family): x.at(Hop.ROUTE).status for x in found.traces}
    assert {x.target.port for x in found.traces} == {4317}
    assert ways == {
        ("pods of Deployment shop/cart on n1", Family.IPV4): Status.PASS,
        ("pods of Deployment shop/cart on n1", Family.IPV6): Status.PASS,
        ("pods of Deployment shop/cart on n2", Family.IPV4): Status.PASS,
        ("pods of Deployment shop/cart on n2", Family.IPV6): Status.FAIL,
    }


def test_a_client_whose_name_leads_nowhere_is_told_so() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otell.obs.svc:4317",
                    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="https://logs.vendor.example")  # fmt: skip
    found = of_cart(client("a", "n1", env))

    ends = {(x.target.host, x.disposition) for x in found.traces}
    assert ends == {
        ("otell.obs.svc", Disposition.NO_ADDRESS),
        ("logs.vendor.example", Disposition.INSUFFICIENT_INFO),
    }
    assert [x.code for x in found.findings] == ["DS408"]
    assert found.verdict == "degraded"


def test_a_collector_that_exports_is_no_client() -> None:
    pods = [w.pod("otel-a", "n1")]
    pods[0]["spec"]["containers"][0]["env"] += ENV
    world = whole(
        pods=pods,
        workloads=[
            {**w.deployment(), "spec": {**w.deployment()["spec"], "selector": {"matchLabels": {"app": "otel"}}}}
        ],
    )

    found = of(Asker(Stored(world), "obs"), KubeTarget("deploy", "otel"))

    assert found.asking is None
    assert names(found, "Service") == {"otel"}


def test_a_client_of_an_address_is_followed_as_far_as_it_is_known() -> None:
    found = of_cart(client("a", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://10.1.2.3:4317")))

    assert {(x.target.host, x.at(Hop.RESOLVE).status) for x in found.traces} == {("10.1.2.3", Status.NOT_APPLICABLE)}
    assert found.verdict == "unknown"


def cart(*beside: Object, on: str = "http://localhost:4317") -> Diagnosis:
    """The diagnosis of the pods of cart that send to `on`, with other containers beside."""
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT=on)
    pod = client("a", "n1", env)
    pod["spec"]["containers"] += beside
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": pod["spec"]["containers"]}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
                  "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": template}}  # fmt: skip
    by = [{"kind": "Deployment", "name": "cart", "controller": True}]
    between = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": deployment["spec"],
               "metadata": {"name": "cart-abc", "namespace": "shop", "ownerReferences": by}}  # fmt: skip
    world = whole(deployment, between, pod)
    return conclude(of(Asker(Stored(world), "shop"), KubeTarget("deploy", "cart")), Question())


@pytest.mark.parametrize(
    ("on", "families"),
    [
        ("http://localhost:4317", {Family.IPV4, Family.IPV6}),
        ("http://127.0.0.1:4317", {Family.IPV4}),
        ("http://[::1]:4317", {Family.IPV6}),
    ],
)
def test_a_client_that_sends_to_its_own_loopback_where_nobody_listens_is_refused(
    on: str, families: set[Family]
) -> None:
    found = cart(on=on)

    assert [x.code for x in found.findings] == ["DS110"]
    assert found.verdict == "broken"
    assert {x.family for x in found.traces} == families
    assert {(x.failing and x.failing.hop, x.disposition) for x in found.traces} == {(Hop.LISTEN, Disposition.REFUSED)}


def test_a_loopback_is_not_said_to_be_deserted_where_somebody_may_listen() -> None:
    found = cart({"name": "agent", "image": "example.com/agent:1"})

    assert {x.disposition for x in found.traces} == {Disposition.INSUFFICIENT_INFO}
    assert found.verdict == "unknown"


def of_service(*clients: Object, **instead: Any) -> Diagnosis:
    """The diagnosis of the Service that clients of the same namespace name."""
    mine = [{**x, "metadata": {**x["metadata"], "namespace": "obs"}} for x in clients]
    asker = Asker(Stored(whole(*mine, **instead)), "obs")
    found = of(asker, KubeTarget("svc", "otel"))
    senders(asker)
    return conclude(found, Question())


def test_a_client_of_a_port_that_the_service_lacks_is_told_so() -> None:
    ports = [{"name": "otlp-grpc", "port": 4317, "targetPort": "otlp-grpc"}]
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel:4318")
    found = of_service(client("a", "n1", env), services=[w.service(ports=ports)])

    lost = [x for x in found.traces if x.vantage == "pods of Deployment cart"]
    assert {(x.family, x.disposition) for x in lost} == {(x, Disposition.NO_ENDPOINT) for x in Family}
    (fault,) = [x for x in found.findings if x.code == "DS508"]
    assert fault.detail == (
        "The pods of Deployment cart send OTLP over http to port 4318. Service otel has no port 4318: it has 4317."
    )
    assert fault.hint == "Add port 4318 to the Service, with `targetPort: 4318`."
    assert found.verdict == "degraded"


@pytest.mark.parametrize("spec", [{"clusterIP": "None", "clusterIPs": ["None"]}, {}])
def test_a_client_of_a_port_that_there_is_loses_nothing(spec: Object) -> None:
    port = 4319 if spec else 4317
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://otel:{port}")

    found = of_service(client("a", "n1", env), services=[w.service(**spec)])

    assert not [x for x in found.traces if x.vantage == "pods of Deployment cart"]


def test_a_port_that_no_pod_takes_is_to_be_given_to_the_service() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel:9411")
    found = of_service(client("a", "n1", env), services=[w.service(ports=[])], pods=[])

    assert [x.hint for x in found.findings if x.code == "DS508"] == ["Give the Service port 9411."]


def test_a_client_of_another_protocol_than_the_port_takes_is_told_of_the_service_as_well() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel:4318", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    found = of_service(client("a", "n1", env))

    lost = [x for x in found.traces if x.vantage == "pods of Deployment cart"]
    assert {(x.family, x.disposition) for x in lost} == {(x, Disposition.HANDSHAKE_FAILED) for x in Family}
    assert {x.severity for x in found.findings if x.code == "DS902"} == {"error"}
    fine = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel:4318", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    assert not of_service(client("a", "n1", fine)).findings


def test_of_many_clients_that_are_lost_some_are_told_and_the_others_counted() -> None:
    def of(number: int) -> Object:
        return client(f"p{number}", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://gone-{number}.obs.svc:4317"))

    found = conclude_all(everything(whole(*map(of, range(22)))), Question())

    assert len([x for x in found.findings if x.code == "DS408"]) == 20
    assert [x.why for x in found.skipped if x.needs == "clients"] == ["2 more name Services that are not there"]


def test_all_is_asked_of_what_was_stored_for_all(tmp_path: Path) -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otell.obs.svc:4317")
    gathered = everything(whole(client("a", "n1", [*ENV, *env])))
    gathered.target, gathered.learned = str(EVERYTHING), ("IPv6", "IPv4")
    (tmp_path / "w").write_bytes(packed(gathered, "1"))

    again = stored(ClusterRequest(None, stored=str(tmp_path / "w")))

    assert conclude_all(again, Question()) == conclude_all(gathered, Question())
    assert (again.clients, again.learned) == (gathered.clients, gathered.learned)
    assert names(stored(ClusterRequest(EVERYTHING, stored=str(tmp_path / "w"), namespace="obs")), "Service") == {"otel"}


def test_all_has_a_name_of_its_own() -> None:
    assert (str(EVERYTHING), kube_target("--all"), kube_target("all")) == ("--all", EVERYTHING, None)


def test_what_the_server_would_give_tells_the_families() -> None:
    world = whole(ranges=[], services=[w.service(["IPv4"])], nodes=[])
    world.learned = ("IPv6", "IPv4")

    assert world.cluster().families == (Family.IPV6, Family.IPV4)


@pytest.mark.parametrize(("known", "verdict"), [(False, "unknown"), (True, "broken")])
def test_of_a_namespace_that_a_folder_does_not_hold_nobody_knows_its_services(known: bool, verdict: str) -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.elsewhere.svc:4317")
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
                  "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {}}}  # fmt: skip
    world = whole(deployment, client("a", "n1", env))
    world.absent = [("elsewhere", "otel")] if known else []

    found = conclude(of(Asker(Stored(world), "shop"), KubeTarget("deploy", "cart")), Question())

    assert found.verdict == verdict

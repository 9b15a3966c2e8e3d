"""All of a cluster at once, and clients: who exports where, and the way from their pods."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.gather.archive import packed
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget, kube_target
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
    unseen = whole(services=[], slices=[])
    del unseen.objects["Service"]
    assert not [x for x in everything(unseen).gaps if x.needs == "ways to Collectors"]


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
    assert "With the same outcome as otel.team-0:4317: otel.team-1:4317" in " ".join(shown.split())
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
        "Clients send to `http://otell.obs.svc:4317`: there is no Service `otell` in the namespace `obs`; there is "
        "`otel.obs`."
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

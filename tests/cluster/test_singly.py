"""Clients that are judged by themselves where everything is asked about: no Service tells how they fare."""

from typing import Any

import pytest

from dualstack.gather.ahead import Ahead
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.cluster import Asker
from dualstack.gather.offered import Offered
from dualstack.gather.singly import ask_singly, kept
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.cluster import Service
from dualstack.model.decoders import converted
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.finding import Severity
from dualstack.model.question import Question
from dualstack.model.world import World
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import agent, on_host
from tests.cluster.test_onward import agent as sending
from tests.cluster.test_survey import Object, client, service, variables, whole
from tests.cluster.test_unmade import workload


def cart(endpoint: str, *more: Object, owner: str = "cart", **spec: Any) -> Object:
    families = spec.pop("families", w.BOTH)
    found = client(f"{owner}-a", "n1", [*variables(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint), *more], families, **spec)
    found["metadata"]["ownerReferences"][0]["name"] = f"{owner}-abc"
    return found


def told(found: Diagnosis) -> list[str]:
    return [f"{x.code} {x.severity}" for x in found.findings if x.severity is not Severity.INFO and not x.because]


def surveyed(*pods: Object, **instead: Any) -> World:
    return survey(Asker(Stored(whole(*pods, **instead), complete=True), ""))


def asked(*pods: Object, **instead: Any) -> Diagnosis:
    return conclude_all(surveyed(*pods, **instead), Question())


GOOD = "http://otel.obs.svc:4317"
HTTP = {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "http/protobuf"}
JVM = {"name": "JAVA_TOOL_OPTIONS", "value": "-Djava.net.preferIPv4Stack=true"}
ALIASES = {"hostAliases": [{"ip": "10.96.0.77", "hostnames": ["otel.obs.svc"]}]}
ONE_FAMILY = {"services": [w.service(["IPv6"])], "slices": [x for x in w.healthy() if x.get("addressType") == "IPv6"]}
CASES = [
    (cart("http://localhost:4317"), {}, ["DS110 error"]),
    (cart("http://fd00:96::1:4317"), {}, ["DS101 error"]),
    (cart("http://$(HOST_IP):4317"), {}, ["DS408 error"]),
    (cart("dns:///otel.obs:4318", HTTP), {}, ["DS119 error"]),
    (cart("dns://10.96.0.10/otel.obs:4318", HTTP), {}, ["DS119 error"]),
    (cart("dns:///otel.obs:4318"), {}, []),
    (cart("dns:///otel.obs:4317"), {}, []),
    (cart(GOOD, **ALIASES), {}, ["DS525 error"]),
    (cart(GOOD, JVM), ONE_FAMILY, ["DS209 error", "DS501 warning"]),
    (cart(GOOD, families=["IPv4"]), ONE_FAMILY, ["DS501 error"]),
    (cart(GOOD, dnsPolicy="Default"), {}, ["DS408 warning"]),
    (workload("CronJob", "http://fd00:96::1:4317"), {}, ["DS101 error"]),
    (cart(GOOD), {}, []),
    (cart("http://otel.obs:4317", families=["IPv4"]), {}, []),
    (cart("https://ingest.vendor.example"), {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("pod", "instead", "expected"), CASES)
def test_a_client_is_judged_as_if_it_alone_was_asked_about(pod: Object, instead: Object, expected: list[str]) -> None:
    assert told(asked(pod, **instead)) == expected


@pytest.mark.parametrize(("pod", "instead", "expected"), CASES)
def test_what_an_api_server_listed_tells_the_same(pod: Object, instead: Object, expected: list[str]) -> None:
    world = surveyed(pod, **instead)
    vacant = ["10.96.0.77"] if "hostAliases" in pod["spec"] else []
    world.beyond, world.vacant = [], vacant

    ask_singly(kept(world, [pod], lambda _: False), world, {("shop", "cart"): [{"apiVersion": "v1", **pod}]})

    assert told(conclude_all(world, Question())) == expected


def alias(to: str) -> Object:
    return {"kind": "Service", "metadata": {"name": "otelcol", "namespace": "shop"},
            "spec": {"type": "ExternalName", "externalName": f"{to}.svc.cluster.local"}}  # fmt: skip


@pytest.mark.parametrize(
    ("endpoint", "service", "expected"),
    [
        ("http://web:4319", service("web"), ["DS508 error"]),
        ("http://web:8080", service("web"), []),
        ("http://web:4319", {**service("web"), "spec": {"clusterIP": "None", "ports": [{"port": 8080}]}}, []),
        ("http://otelcol:4319", alias("obs.otel"), []),
        ("http://otelcol:4319", alias("otel.obs"), ["DS508 error"]),
        ("http://otelcol:4317", alias("otel.obs"), []),
    ],
)
def test_a_port_that_a_service_for_something_else_or_an_alias_lacks_is_told(
    endpoint: str, service: Object, expected: list[str]
) -> None:
    for found in (asked(cart(endpoint), service), conclude_all(live(cart(endpoint), service)[0], Question())):
        assert [x for x in told(found) if x.startswith("DS508")] == expected


def live(*more: Object) -> tuple[World, list[tuple[str, str]]]:
    """What a survey of an API server finds, and the Services that it was asked for by name."""
    asked_for = list[tuple[str, str]]()
    held = whole(*more)

    class Source(Stored):
        def object(self, kind: Any, namespace: str, name: str) -> Any:
            asked_for.extend([(namespace, name)] if kind.kind == "Service" else [])
            return super().object(kind, namespace, name)

    class Api(Ahead):
        def every(self, kind: Any, namespace: str = "") -> Any:
            return self._source.every(kind, namespace)

    return survey(Asker(Api(Source(held, complete=True)), "")), asked_for  # type: ignore[arg-type]


def test_an_api_server_is_asked_for_a_service_that_lacks_a_port_of_clients_once() -> None:
    pods = [cart("http://web:4319", owner=f"cart-{x}") for x in range(3)]

    assert live(*pods, cart("http://web:8080", owner="well"), service("web"))[1] == [("shop", "web")]
    for held in (service("web"), alias("otel.obs")):
        assert live(cart("http://otelcol:4319"), cart("http://web:8080"), held)[1] == []


@pytest.mark.parametrize(("port", "expected"), [(3100, ["DS508"]), (8080, [])])
def test_a_port_that_an_agent_sends_on_to_and_its_service_lacks_is_told(port: int, expected: list[str]) -> None:
    sends = sending(f"otlphttp: {{endpoint: 'http://web.shop.svc.cluster.local:{port}'}}")
    found = asked(*sends, service("web"))

    assert [x.code for x in found.findings if x.severity is Severity.ERROR] == expected
    assert {x.vantage for x in found.traces if x.failed} == ({"pods of DaemonSet obs/agent"} if expected else set())


@pytest.mark.parametrize("other", ["http://web:8080", "http://10.96.0.50:8080"])
def test_of_an_api_server_nothing_is_told_of_a_service_that_has_another_port_of_its_clients(other: str) -> None:
    web = service("web")
    web["spec"] |= {"clusterIP": "10.96.0.50", "clusterIPs": ["10.96.0.50"], "ipFamilies": ["IPv4"]}
    logs = variables(OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=other)

    assert told(conclude_all(live(cart("http://web:4319"), web)[0], Question())) == ["DS508 error"]
    assert live(cart("http://web:4319", *logs), web)[1] == []
    near = live(cart("http://web:4319"), cart(other, owner="well"), web)
    assert (told(conclude_all(near[0], Question())), near[1]) == (["DS508 error"], [("shop", "web")])


def test_a_service_and_what_it_stands_for_may_lack_a_port() -> None:
    offered = Offered()
    objects = [service("web"), w.service(), {**alias("web.shop"), "metadata": {"name": "site", "namespace": "shop"}}]
    for each in (*objects, alias("otel.obs")):
        offered.see(converted(each, Service), told=each["metadata"]["name"] == "otel")
    every = [Exporter("shop", "Deployment a", "a", "X", f"http://{x}:4319") for x in ("web", "site", "otelcol", "none")]

    assert [x.host for x in every if offered.lacks(x)] == ["web", "site", "otelcol"]


def test_what_it_left_out_is_not_known() -> None:
    lost = [cart("http://web:4317"), cart("http://10.96.0.77:4317"), cart("http://10.100.0.1:4317")]
    world = surveyed(*lost, service("web"))
    world.beyond, world.vacant, world.absent, world.lost = [], [], [], []
    world.objects["Service"] = [x for x in world.objects["Service"] if x["metadata"]["name"] != "web"]

    for each in lost:
        ask_singly(kept(world, [each], lambda _: False), world, {("shop", "cart"): [{"apiVersion": "v1", **each}]})

    assert told(conclude_all(world, Question())) == []


def test_what_a_service_tells_is_not_told_again() -> None:
    gone: Object = {"pods": [], "slices": w.endpoints([])}
    one, both = asked(**gone), asked(cart(GOOD, dnsPolicy="Default"), **gone)

    assert set(told(one)) <= set(told(both))
    assert len([x for x in both.findings if x.code == one.findings[0].code]) == 1
    assert both.verdict == one.verdict


def test_a_name_of_no_service_is_told_once_of_a_client_with_another_fault() -> None:
    logs = variables(OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="http://otell.obs.svc:4317")

    assert told(asked(cart("http://localhost:4317", *logs))) == ["DS110 error", "DS408 error"]


def test_who_fares_alike_is_told_together_and_others_by_themselves() -> None:
    pods = [cart(f"http://localhost:{4317 + x // 2}", owner=f"cart-{x}") for x in range(3)]
    found = asked(*pods)

    assert told(found) == ["DS110 error", "DS110 error"]
    assert "The same is true of Deployment shop/cart-1." in " ".join(x.detail for x in found.findings)


def test_of_very_many_those_are_asked_about_that_surely_fail_and_the_others_counted() -> None:
    near = [cart("http://10.100.0.9:4317", owner=f"near-{x}") for x in range(22)]
    bad = [cart("http://localhost:4317", owner=f"bad-{x}") for x in range(3)]
    world = surveyed(*near, *bad)

    assert len(world.beyond) == 20
    assert {x.asking.owner for x in world.beyond if x.asking} >= {f"Deployment bad-{x}" for x in range(3)}
    (gap,) = [x for x in world.gaps if x.needs == "the ways of clients"]
    assert gap.why == (
        "Deployment near-17 in shop and 4 more were not asked about by themselves; `dualstack diagnose` does that"
    )


def test_names_of_no_service_take_no_room_from_others() -> None:
    lost = [cart("http://otell.obs.svc:4317", owner=f"lost-{x}") for x in range(21)]
    world = surveyed(*lost, cart("http://web:4317", owner="web"), service("web"))

    assert [x.asking.owner for x in world.beyond if x.asking] == ["Deployment web"]
    assert not [x for x in world.gaps if x.needs == "the ways of clients"]


def test_where_others_of_its_pods_were_stored_they_are_looked_at_on_each_node() -> None:
    one, other, done = (on_host() for _ in range(3))
    other["metadata"]["name"], other["spec"]["nodeName"], other["status"]["hostIP"] = "bb", "n2", "10.100.0.2"
    done["metadata"]["name"], done["spec"]["nodeName"], done["status"]["phase"] = "cc", "n3", "Succeeded"
    pods = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2"), agent()]

    found = asked(one, other, done, pods=pods)

    assert told(found) == ["DS211 warning"]
    assert "10.100.0.2:4317" in next(x.detail for x in found.findings if x.code == "DS211")


def test_a_snapshot_gives_the_same_answer() -> None:
    world = surveyed(*(cart("http://localhost:4317", owner=f"cart-{x}") for x in range(12)))

    assert conclude_all(unpacked("s", packed(world, "1")), Question()) == conclude_all(world, Question())


def test_where_no_pods_were_stored_what_would_make_them_is_asked_about() -> None:
    world = whole(workload("Deployment", "http://fd00:96::1:4317"))
    del world.objects["Pod"]

    found = conclude_all(survey(Asker(Stored(world), "")), Question())

    assert told(found) == ["DS101 error"]

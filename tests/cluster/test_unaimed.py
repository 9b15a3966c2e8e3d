"""Questions that come to no flow: which ports there are, and what to do."""

from pathlib import Path
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING
from dualstack.model.world import World
from dualstack.overview import _LOST, conclude_all
from dualstack.report.text import render
from tests.cluster import worlds as w
from tests.cluster.test_no_pods import asked_of, event
from tests.cluster.test_survey import client, everything, of_cart, service, variables, whole

WEB = [{"name": "http", "port": 80, "protocol": "TCP"}, {"port": 9090}, {"name": "dns", "port": 53, "protocol": "UDP"}]
ELSEWHERE = "Ask for another Service, or call the port that takes OTLP `otlp-grpc` or `otlp-http`."
INSIDE = "The pods receive OTLP on 4317 and 4318: lead a port of a Service there."


def asked(target: str, **instead: Any) -> World:
    found = w.world(w.healthy(**instead))
    found.target, found.namespace = target, "obs"
    return found


def why(found: Diagnosis) -> list[str]:
    return [x.why for x in found.skipped if x.needs == "ports for OTLP"]


def of(world: World, told: str = "no port for OTLP was found") -> str:
    found = conclude(world, Question())
    assert (found.verdict, found.traces) == (Verdict.UNKNOWN, ())
    assert render(found).startswith(f"UNKNOWN: {told}, so nothing was tried.\n")
    return "".join(why(found))


def test_the_ports_of_a_service_without_one_for_otlp_are_named() -> None:
    foreign = {**w.service(ports=WEB), "spec": {**w.service(ports=WEB)["spec"], "selector": {"app": "web"}}}

    said = of(asked("svc/otel", services=[foreign], slices=[], pods=[], configs=[], workloads=[]))

    assert said == (
        f"Service otel has the ports 80 (http), 9090, 53/UDP (dns). None is 4317 or 4318, or called `otlp`. {ELSEWHERE}"
    )


def test_ports_that_the_pods_receive_otlp_on_are_named_beside_them() -> None:
    said = of(asked("svc/otel", services=[w.service(ports=WEB[:1])], slices=[]))

    assert said == f"Service otel has the port 80 (http). None is 4317 or 4318, or called `otlp`. {INSIDE}"


def test_a_service_may_have_no_port() -> None:
    said = of(asked("svc/otel", services=[w.service(ports=None, clusterIP="None")], slices=[]))

    assert said.startswith("Service otel has no port. None is")


def test_pods_to_which_no_service_leads_are_told_of() -> None:
    said = of(asked("deploy/otel", services=[], slices=[]))

    assert said == f"no Service and no host port leads to the pods of `deploy/otel`. {INSIDE}"


@pytest.mark.parametrize(
    ("said", "by"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, "`OTEL_SDK_DISABLED=true`"),
        ({"OTEL_JAVAAGENT_ENABLED": "false"}, "`OTEL_JAVAAGENT_ENABLED=false`"),
        (
            {"JAVA_TOOL_OPTIONS": "-Dotel.javaagent.enabled=false"},
            "`JAVA_TOOL_OPTIONS: -Dotel.javaagent.enabled=false`",
        ),
        (
            {"OTEL_TRACES_SAMPLER": "always_off", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"},
            "`OTEL_TRACES_SAMPLER=always_off`, `OTEL_METRICS_EXPORTER=none`, `OTEL_LOGS_EXPORTER=none`",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"},
            "`OTEL_TRACES_EXPORTER=zipkin`, `OTEL_METRICS_EXPORTER=none`, `OTEL_LOGS_EXPORTER=none`",
        ),
    ],
)
def test_clients_that_send_nothing_by_otlp_are_told_so(said: dict[str, str], by: str) -> None:
    mine = client("a", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otell:4317", **said))

    assert of(asked("deploy/cart", pods=[mine], services=[], slices=[]), "these pods send nothing by OTLP") == (
        f"by {by} the pods of `deploy/cart` send nothing by OTLP, whatever endpoint they name"
    )


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ({"OTEL_SERVICE_NAME": "cart"}, "not set"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, "empty"),
        (
            {"OTEL_EXPORTER_OLTP_ENDPOINT": "http://otel.obs:4317"},
            "not set (`OTEL_EXPORTER_OLTP_ENDPOINT` is, which SDKs do not read)",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINTS": "http://otel.obs:4317"},
            "not set (`OTEL_EXPORTER_OTLP_ENDPOINTS` is, which SDKs do not read)",
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "not set"),
    ],
)
def test_clients_without_an_endpoint_are_not_taken_for_a_receiver(said: dict[str, str], how: str) -> None:
    mine = client("a", "n1", variables(**said))

    told = of(asked("deploy/cart", pods=[mine], services=[], slices=[]), "these pods name no endpoint")
    assert told.startswith(f"`OTEL_EXPORTER_OTLP_ENDPOINT` of the pods of `deploy/cart` is {how}, and SDKs then send")
    assert "Ask for another Service" not in told


@pytest.mark.parametrize(
    ("source", "key", "where"),
    [
        ({}, "OTEL_EXPORTER_OTLP_ENDPOINTS", "`OTEL_EXPORTER_OTLP_ENDPOINTS` of ConfigMap tele"),
        (
            {"prefix": "APP_"},
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "`APP_OTEL_EXPORTER_OTLP_ENDPOINT` of ConfigMap tele with the prefix `APP_`",
        ),
    ],
)
def test_a_misspelt_variable_is_told_with_the_config_map_that_holds_it(
    source: dict[str, str], key: str, where: str
) -> None:
    mine = client("a", "n1", [])
    mine["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "tele"}, **source}, {"secretRef": {}}]
    held = {"kind": "ConfigMap", "metadata": {"name": "tele", "namespace": "shop"}, "data": {key: "http://otel:4317"}}

    told = of(
        asked("deploy/cart", pods=[mine], services=[], slices=[], more=[held]), "where these pods send to is not known"
    )
    assert f"is not set ({where} is, which SDKs do not read), unless" in told
    assert "Rename that one, or set it" in told


@pytest.mark.parametrize(
    ("name", "told"),
    [("OTEL_EXPORTER_OTLP_ENDPOINTS", "which SDKs do not read"), ("OTEL_SERVICE_NAME", "has the port 8080")],
)
def test_it_is_told_of_clients_that_serve_something_else_as_well(name: str, told: str) -> None:
    mine = client("a", "n1", variables(**{name: "http://otel.obs:4317"}))

    assert told in "".join(why(of_cart(mine, more=[service("cart", name="web")])))


@pytest.mark.parametrize(
    ("data", "has"), [({"otlp_endpoint": "http://otel:4317"}, "; it has `otlp_endpoint`"), ({}, "")]
)
def test_an_optional_key_that_is_not_there_is_why_no_endpoint_is_named(data: dict[str, str], has: str) -> None:
    ref = {"configMapKeyRef": {"name": "tele", "key": "endpoint", "optional": True}}
    mine = client(
        "a", "n1", [*variables(OTEL_SERVICE_NAME="cart"), {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "valueFrom": ref}]
    )
    held = {"kind": "ConfigMap", "metadata": {"name": "tele", "namespace": "shop"}, "data": data}

    told = of(asked("deploy/cart", pods=[mine], services=[], slices=[], more=[held]), "these pods name no endpoint")
    assert told.startswith(
        "`OTEL_EXPORTER_OTLP_ENDPOINT` of the pods of `deploy/cart` is not set:"
        f" ConfigMap tele has no key `endpoint`, where they read it{has}. SDKs then send"
    )


def test_a_key_without_a_value_is_there() -> None:
    ref = {"configMapKeyRef": {"name": "tele", "key": "OTEL_EXPORTER_OTLP_ENDPOINT"}}
    mine = client("a", "n1", [*variables(OTEL_A="b"), {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "valueFrom": ref}])
    held = {"kind": "ConfigMap", "metadata": {"name": "tele", "namespace": "shop"},
            "data": {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}}  # fmt: skip

    told = of(asked("deploy/cart", pods=[mine], services=[], slices=[], more=[held]), "these pods name no endpoint")
    assert "is empty, and SDKs then send" in told


def test_what_may_hold_the_endpoint_is_named() -> None:
    mine = client("a", "n1", variables(OTEL_SERVICE_NAME="cart"))
    mine["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "otel"}}]

    told = of(asked("deploy/cart", pods=[mine], services=[], slices=[]), "where these pods send to is not known")
    assert "is not set, unless Secret otel holds it, and SDKs" in told


def test_pods_that_say_nothing_of_telemetry_are_not_told_to_receive_it() -> None:
    mine = client("a", "n1", [])
    mine["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    told = of(asked("deploy/cart", pods=[mine], services=[], slices=[]), "these pods name no endpoint")

    assert told.startswith("no variable of the pods of `deploy/cart` names an endpoint for OTLP, and no Service leads")
    assert "If they are clients, set it: `OTEL_EXPORTER_OTLP_ENDPOINT=" in told


@pytest.mark.parametrize(("port", "ready"), [(8080, "True"), (4317, "True"), (0, "False")])
def test_pods_that_listen_or_are_down_may_be_meant_to_receive(port: int, ready: str) -> None:
    mine = client("a", "n1", variables(OTEL_SERVICE_NAME="x") if port == 4317 else [])
    mine["spec"]["containers"][0]["ports"] = [{"containerPort": port}] if port else []
    mine["status"] |= {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}

    told = of(asked("deploy/cart", pods=[mine], services=[], slices=[]))
    assert told.startswith("no Service and no host port leads to the pods of `deploy/cart`.")


def test_clients_of_which_one_sends_are_not() -> None:
    quiet = client("a", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otell:4317", OTEL_SDK_DISABLED="true"))

    said = of(asked("deploy/cart", pods=[quiet, client("bb", "n1", [])], services=[], slices=[]))
    assert "send nothing by OTLP" not in said


def test_a_workload_may_have_no_pods() -> None:
    said = of(asked("deploy/otel", services=[], slices=[], pods=[]))

    assert said == "`deploy/otel` has no pods, so nothing tells which Services lead there"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"spec": {"replicas": 0}}, "Deployment otel has `replicas: 0`. Scale it up"),
        (
            {"kind": "DaemonSet", "spec": {}, "status": {"desiredNumberScheduled": 0}},
            "DaemonSet otel is for none of the nodes.",
        ),
    ],
)
def test_why_a_workload_has_no_pods_is_said_where_it_says_so(said: dict[str, Any], told: str) -> None:
    idle = {**w.deployment(), **said}

    assert f"has no pods, so nothing tells which Services lead there. {told}" in of(
        asked("deploy/otel", services=[], slices=[], pods=[], workloads=[idle])
    )


def test_so_is_what_was_said_of_it(tmp_path: Path) -> None:
    agents = {**w.deployment(), "kind": "DaemonSet"}
    words = event("FailedCreate", "Error creating: pods are forbidden: violates PodSecurity", "otel", "DaemonSet")
    others = [w.service(selector={"app": "web"})]

    found = asked_of("ds/otel", tmp_path, services=others, slices=[], pods=[], workloads=[agents], events=[words])

    assert "DaemonSet otel cannot make pods: Error creating: pods are forbidden: violates PodSecurity" in why(found)[0]


def test_an_endpoint_of_a_client_may_hold_a_variable_that_nobody_may_read() -> None:
    secret = {"name": "NOBODY", "valueFrom": {"secretKeyRef": {"name": "otel", "key": "host"}}}
    env = [secret, *variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://$(NOBODY):4317")]
    named = client("b", "n1", [{**secret, "name": "OTEL_EXPORTER_OTLP_ENDPOINT"}])

    assert why(of_cart(client("a", "n1", env))) == [
        (
            "`OTEL_EXPORTER_OTLP_ENDPOINT=http://$(NOBODY):4317` of the pod a has its value from Secret otel, "
            "which was not read"
        )
    ]
    assert why(of_cart(named)) == [
        "`OTEL_EXPORTER_OTLP_ENDPOINT` of the pod b has its value from Secret otel, which was not read"
    ]
    assert why(of_cart(client("c", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT="unix:///run/otel.sock")))) == [
        "`OTEL_EXPORTER_OTLP_ENDPOINT=unix:///run/otel.sock` of the pod c is no host with a port, and is not followed"
    ]


@pytest.mark.parametrize("kind", ["Service", "Pod"])
def test_what_may_not_be_read_may_have_a_port(kind: str) -> None:
    world = asked("svc/otel", services=[], slices=[])
    world.unseen.add(kind)

    assert why(conclude(world, Question())) == []


@pytest.mark.parametrize(("namespace", "where"), [("nope", "in the namespace `nope`"), ("", "that was found")])
def test_a_cluster_may_have_nothing_of_this_kind(namespace: str, where: str) -> None:
    world = w.world(w.healthy(services=[], slices=[], pods=[]))
    world.target, world.namespace = str(EVERYTHING), namespace

    said = "".join(why(conclude_all(world, Question())))

    assert said.startswith(f"no Service {where} has one, or leads to a Collector. Is it the right ")


def test_of_all_services_those_are_named_to_whose_pods_no_other_one_leads() -> None:
    metrics = w.service(ports=[{"name": "metrics", "port": 8888}])
    metrics["metadata"]["name"] = "otel-monitoring"

    beside = conclude_all(w.world([*w.healthy(), metrics]), Question())
    owner = {"kind": "Deployment", "name": "otel"}
    between = {"kind": "ReplicaSet", "metadata": {"name": "otel-1", "namespace": "obs", "ownerReferences": [owner]}}
    alone = conclude_all(w.world([*w.healthy(services=[metrics], slices=[]), between]), Question())

    assert why(beside) == []
    assert why(alone) == [
        f"Service otel-monitoring has the port 8888 (metrics). None is 4317 or 4318, or called `otlp`. {INSIDE}"
    ]


def test_of_many_such_services_some_are_named() -> None:
    every = [w.service(ports=WEB) for _ in range(_LOST + 3)]
    for number, each in enumerate(every):
        each["metadata"]["name"] = f"otel-{number}"

    said = why(conclude_all(w.world(w.healthy(services=every, slices=[])), Question()))

    assert len(said) == _LOST + 1
    assert said[-1] == "3 more Services of Collectors have none"


def of_all(*pods: Any, **instead: Any) -> str:
    """Why nothing was found where everything was asked about."""
    world = everything(whole(*pods, services=[], slices=[], **instead))
    world.target = str(EVERYTHING)
    return "".join(why(conclude_all(world, Question())))


def test_where_no_service_is_for_otlp_those_who_send_are_named() -> None:
    sends = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://10.100.0.1:4317")

    said = (
        "no Service that was found has one, or leads to a Collector. Pods send to `http://10.100.0.1:4317`; ask about"
    )
    assert of_all(client("a", "n1", sends)) == f"{said} them: `dualstack diagnose deploy/cart -n shop`"


def test_a_client_that_is_no_deployment_is_named_by_its_pod() -> None:
    lone = client("a", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://10.100.0.1:4317"))
    lone["metadata"]["ownerReferences"] = []

    assert of_all(lone, pods=[]).endswith("`dualstack diagnose pod/a -n shop`")


def test_where_no_service_is_for_otlp_there_may_be_collectors() -> None:
    assert of_all().startswith("no Service that was found has one, or leads to a Collector; there are Collectors")


def test_a_client_that_is_lost_is_told_in_the_place_of_ports() -> None:
    gone = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://gone.obs.svc:4317")
    held = whole(client("a", "n1", gone), services=[], slices=[])
    held.whole = ["Service"]
    world = everything(held)

    assert why(conclude_all(world, Question())) == []


def test_pods_that_do_not_run_are_what_to_see_to_first() -> None:
    state = {"waiting": {"reason": "CreateContainerConfigError", "message": 'configmap "env" not found'}}
    down = {"phase": "Pending", "conditions": [], "containerStatuses": [{"name": "otelcol", "state": state}]}
    pods = [w.pod("otel-a", "n1", **down)]

    said = of(asked("svc/otel", services=[w.service(ports=WEB[:1])], slices=[], pods=pods, configs=[], workloads=[]))

    assert said.endswith(
        "The pod otel-a waits with CreateContainerConfigError for its container otelcol: configmap "
        '"env" not found: see to that first.'
    )


HOSTMETRICS = """receivers: {hostmetrics: {scrapers: {cpu: {}}}}
exporters: {debug: {}, otlp: {endpoint: "gateway:4317", tls: {insecure: true}}}
service: {pipelines: {metrics: {receivers: [hostmetrics], exporters: [USED]}}}
"""


@pytest.mark.parametrize(("used", "deaf"), [("debug", True), ("otlp", False)])
def test_a_collector_that_no_otlp_goes_through_is_told_so(used: str, deaf: bool) -> None:
    held = w.config()
    held["data"]["config.yaml"] = HOSTMETRICS.replace("USED", used)
    said = of(asked("deploy/otel", services=[], slices=[], configs=[held]))

    assert ("These Collectors take no OTLP, and send none on" in said) is deaf

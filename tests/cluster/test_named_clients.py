"""Clients of a cluster that are asked about, or that name the Service that is."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.senders import senders
from dualstack.gather.stored import Stored
from dualstack.model.address import Family
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_survey import ENV, Object, client, everything, names, of_cart, variables, whole


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


INJECT = {"sidecar.opentelemetry.io/inject": "true"}


def cart(
    *beside: Object,
    on: str = "http://localhost:4317",
    own: Object | None = None,
    template: Object | None = None,
    more: Object | None = None,
    labels: Object | None = None,
) -> Diagnosis:
    """The diagnosis of the pods of cart that send to `on`, with other containers beside.

    `own` and `template` are annotations of the Deployment and of its pods, `more` is a container that the pods alone
    have, and `labels` are what those have more.
    """
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT=on)
    pod = client("a", "n1", env)
    pod["spec"]["containers"] += beside
    about = {"labels": {"app": "cart"}, "annotations": template or {}}
    shape = {"metadata": about, "spec": {"containers": list(pod["spec"]["containers"])}}
    pod["spec"]["containers"] += [more] if more else []
    pod["metadata"] |= {"annotations": template or {}, "labels": {**pod["metadata"]["labels"], **(labels or {})}}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment",
                  "metadata": {"name": "cart", "namespace": "shop", "annotations": own or {}},
                  "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": shape}}  # fmt: skip
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


@pytest.mark.parametrize(
    ("asks", "way_out"),
    [
        ({"template": INJECT}, "has the OpenTelemetryCollector of `mode: sidecar` that"),
        ({"own": INJECT}, "annotations of the pod template"),
        ({}, ""),
    ],
)
def test_a_sidecar_that_was_asked_for_and_never_came_listens_nowhere(asks: dict[str, Object], way_out: str) -> None:
    found = cart(**asks)

    assert [x.code for x in found.findings] == ["DS110"]
    assert found.verdict == "broken"
    assert way_out in found.findings[0].hint


@pytest.mark.parametrize(
    "come",
    [
        {"more": {"name": "otc-container", "image": "example.com/agent:1"}},
        {"labels": {"sidecar.opentelemetry.io/injected": "shop.side"}},
    ],
)
def test_a_sidecar_that_came_may_listen(come: dict[str, Object]) -> None:
    found = cart(template=INJECT, **come)

    assert not found.findings
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


UDP = {"name": "otlp-grpc", "port": 4317, "targetPort": "otlp-grpc", "protocol": "UDP"}
HTTP = {"name": "otlp-http", "port": 4318, "targetPort": "otlp-http"}


def test_a_port_for_udp_alone_is_none_for_otlp() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel:4317")
    said = "Service otel has port 4317 for UDP alone, and OTLP is sent over TCP."

    for found in (
        of_service(services=[w.service(ports=[UDP, HTTP])]),
        of_service(client("a", "n1", env), services=[w.service(ports=[UDP, HTTP])]),
    ):
        (fault,) = [x for x in found.findings if x.code == "DS508"]
        assert fault.summary == "The Service has no port 4317 for TCP"
        assert fault.detail.endswith(said)
        assert fault.hint == "Write `protocol: TCP` in port 4317 of the Service."
        assert found.verdict == "degraded"
    assert fault.detail.startswith("The pods of Deployment cart send")


@pytest.mark.parametrize(
    ("ports", "lost"),
    [
        ([{**UDP, "name": "udp"}, {**UDP, "protocol": "TCP"}], []),
        ([{**UDP, "name": "otlp", "port": 9999}], [9999]),
        ([HTTP, {**UDP, "name": "jaeger", "port": 6831}], []),
        ([{**HTTP, "protocol": "SCTP"}], [4318]),
    ],
)
def test_a_port_of_another_transport_matters_where_it_is_for_otlp(ports: list[Object], lost: list[int]) -> None:
    found = of_service(services=[w.service(ports=ports)])

    assert sorted({x.target.port for x in found.traces if x.failed}) == lost


def test_a_headless_service_has_no_proxy_that_heeds_the_transport() -> None:
    found = of_service(services=[w.service(ports=[UDP], clusterIP="None", clusterIPs=["None"])])

    assert not [x for x in found.findings if x.code == "DS508"]


def test_the_ports_that_a_service_has_are_named_with_their_transport() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel:9411")
    found = of_service(client("a", "n1", env), services=[w.service(ports=[{**UDP, "name": "j", "port": 6831}, HTTP])])

    (fault,) = [x for x in found.findings if x.code == "DS508"]
    assert fault.detail.endswith("Service otel has no port 9411: it has 6831/UDP, 4318.")
    assert fault.hint.endswith("or let them send to 4318.")


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


def test_a_port_that_is_for_something_else_is_no_way_out() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel:4317")
    ports = [{"name": "http-query", "port": 3200}]
    found = of_service(client("a", "n1", env), services=[w.service(ports=ports)], configs=[])

    (fault,) = [x for x in found.findings if x.code == "DS508"]
    assert fault.hint.startswith("Send to the Service of a receiver: no port of this one is known to be for OTLP.")
    assert "3200" not in fault.hint


@pytest.mark.parametrize(
    ("endpoint", "hint"),
    [
        ("http://otel:3100", "Send to port 80, the only one of this Service, if its pods take gRPC there;"),
        ("https://otel:443", "Send to port 80 with `http://`, the only one of this Service, if its pods take gRPC"),
        ("https://otel:4317", "Send to the Service of a receiver: no port of this one is known to be for OTLP."),
    ],
)
def test_the_only_port_of_a_service_is_named(endpoint: str, hint: str) -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    found = of_service(client("a", "n1", env), services=[w.service(ports=[{"name": "http", "port": 80}])], configs=[])

    (fault,) = [x for x in found.findings if x.code == "DS508"]
    assert fault.hint.startswith(hint)


def asking(endpoint: str, said: str, **more: str) -> Object:
    """A client that the Operator may have given its endpoint."""
    made = client("a", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **more))
    made["metadata"]["annotations"] = {"instrumentation.opentelemetry.io/inject-java": said}
    return made


FROM = "Where the Operator gives the clients their endpoint, it is `spec.exporter.endpoint` of "


@pytest.mark.parametrize(
    ("said", "where"),
    [("true", "the Instrumentation in {}."), ("obs/all", "Instrumentation obs/all."), ("false", "")],
)
def test_what_the_operator_would_write_back_is_said_of_a_service_and_of_all(said: str, where: str) -> None:
    spoken = of_service(asking("http://otel:4318", said, OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))
    lost = conclude_all(everything(whole(asking("http://otell.obs.svc:4317", said))), Question())

    for found, code, space in ((spoken, "DS902", "obs"), (lost, "DS408", "shop")):
        (fault,) = [x for x in found.findings if x.code == code]
        assert fault.hint.endswith(f"{FROM}{where.format(space)}") if where else FROM not in fault.hint


@pytest.mark.parametrize(
    ("said", "to_do"), [("true", "Send OTLP/HTTP to `http://otel.obs.svc:4318`. "), ("false", "Set `OTEL_EXPORTER")]
)
def test_a_program_with_an_sdk_of_the_operator_is_not_told_to_change_its_protocol(said: str, to_do: str) -> None:
    spoken = of_service(asking("http://otel:4317", said, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf"))
    (fault,) = [x for x in spoken.findings if x.code == "DS902"]
    assert fault.hint.startswith(to_do)

    unoffered = of_service(asking("http://otel:4319", said, OTEL_EXPORTER_OTLP_PROTOCOL="grpc"))
    (fault,) = [x for x in unoffered.findings if x.code == "DS508"]
    assert (FROM in fault.hint) is (said == "true")


def test_a_client_of_another_protocol_than_the_port_takes_is_told_of_the_service_as_well() -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel:4318", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    found = of_service(client("a", "n1", env))

    lost = [x for x in found.traces if x.vantage == "pods of Deployment cart"]
    assert {(x.family, x.disposition) for x in lost} == {(x, Disposition.HANDSHAKE_FAILED) for x in Family}
    (fault,) = [x for x in found.findings if x.code == "DS902"]
    assert fault.severity == "error"
    assert ("OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4318", "pod a") in [(x.fact, x.source) for x in fault.evidence]
    fine = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel:4318", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    assert not of_service(client("a", "n1", fine)).findings


def test_of_many_clients_that_are_lost_some_are_told_and_the_others_counted() -> None:
    def of(number: int) -> Object:
        return client(f"p{number}", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://gone-{number}.obs.svc:4317"))

    found = conclude_all(everything(whole(*map(of, range(22)))), Question())

    assert len([x for x in found.findings if x.code == "DS408"]) == 20
    assert [x.why for x in found.skipped if x.needs == "clients"] == ["2 more name Services that are not there"]

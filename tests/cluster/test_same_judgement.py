"""Where everything is asked about, a client with a fault of its own is judged as in a question about it alone."""

from pathlib import Path
from typing import Any

import pytest

from dualstack.model.address import Family
from dualstack.model.finding import Severity
from dualstack.report.text import render
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart
from tests.cluster.test_clients_in_files import corefile
from tests.cluster.test_mesh_rules import WITH_PROXY, rule
from tests.cluster.test_nowhere import API, folder, severities, told, told_all
from tests.cluster.test_singly import JVM
from tests.cluster.test_survey import Object, client, variables

GOOD = "http://otel.obs.svc:4317"
ONE = {"pods": [w.pod("otel-a", "n1")]}
REFUSING = rule("AuthorizationPolicy", rules=[{"from": [{"source": {"namespaces": ["monitoring"]}}]}])
V6 = {
    "services": [w.service(["IPv6"])],
    "pods": [w.pod("otel-a", "n1", ["IPv6"])],
    "slices": w.endpoints([w.pod("otel-a", "n1", ["IPv6"])], ["IPv6"]),
}


def of_jvm() -> Object:
    return client("a", "n1", [JVM, *variables(OTEL_EXPORTER_OTLP_ENDPOINT=GOOD)], ["IPv6"])


def spoken(endpoint: str, protocol: str, **more: str) -> Object:
    said = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, **more}
    return cart(endpoint, *variables(**said))


def with_port(number: int, receivers: str = "") -> dict[str, Any]:
    """A Service with one more port, which no name or number tells to be for OTLP, and who listens there."""
    text = w.config()
    held = text["data"]["config.yaml"].replace("exporters:", f"{receivers}\nexporters:", 1)
    text["data"]["config.yaml"] = held.replace(
        "receivers: [otlp]", "receivers: [otlp, jaeger]" if receivers else "[otlp]"
    )
    if not receivers:
        text = w.config()
    ports = [*w.service()["spec"]["ports"], {"name": "other", "port": number, "targetPort": number}]
    led = [{"name": "otlp-grpc", "port": 4317}, {"name": "otlp-http", "port": 4318}, {"name": "other", "port": number}]
    slices = w.endpoints(ONE["pods"], ports=led)
    return {**ONE, "services": [w.service(ports=ports)], "slices": slices, "configs": [text]}


JAEGER = '  jaeger: {protocols: {grpc: {endpoint: "0.0.0.0:14250"}}}'
CASES: dict[str, tuple[list[Object], dict[str, Any], str, str]] = {
    "a JVM without the family of its pod": ([of_jvm()], V6, "DS209", "error"),
    "a domain that is misspelt": (
        [cart("http://otel.obs.svc.cluster.locl:4317"), corefile("cluster.local")], {}, "DS408", "error"),
    "the usual domain where the cluster has another": (
        [cart("http://otel.obs.svc.cluster.local:4317"), corefile("k8s.acme")], {}, "DS408", "warning"),
    "a domain that is misspelt, of which only that tells": (
        [cart("http://otel.obs.svc.cluster.locl:4317")], {}, "DS408", "warning"),
    "who is refused by a policy of Istio": ([cart(GOOD), REFUSING], {"pods": WITH_PROXY}, "DS904", "error"),
    "another protocol for one signal": (
        [spoken("http://otel.obs.svc:4318", "http/protobuf", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="grpc")],
        ONE, "DS902", "error"),
    "a port of another receiver": (
        [spoken("http://otel.obs.svc:14250", "grpc")], with_port(14250, JAEGER), "DS905", "error"),
    "a port where nobody listens": ([spoken("http://otel.obs.svc:9999", "grpc")], with_port(9999), "DS508", "error"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_client_is_judged_alike(name: str, tmp_path: Path) -> None:
    more, instead, code, severity = CASES[name]

    assert severities(folder(tmp_path, API, *more, **instead), code) == ([severity], [severity])


SOUND: dict[str, tuple[list[Object], dict[str, Any]]] = {
    "the domain of the cluster": (
        [cart("http://otel.obs.svc.k8s.acme:4317"), corefile("k8s.acme")], {}),
    "a client that a policy of Istio lets in": (
        [cart(GOOD), rule("AuthorizationPolicy", rules=[{"from": [{"source": {"namespaces": ["shop"]}}]}])],
        {"pods": WITH_PROXY}),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_who_fares_well_has_no_fault_there_either(name: str, tmp_path: Path) -> None:
    more, instead = SOUND[name]
    path = folder(tmp_path, API, *more, **instead)

    for found in (told(path), told_all(path)):
        assert not [x for x in found.findings if x.severity is Severity.ERROR]


def test_a_family_that_a_client_has_not_is_no_way_of_it(tmp_path: Path) -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.obs.svc:14250", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    listening = with_port(14250, JAEGER.replace("0.0.0.0", "${env:MY_POD_IP}"))

    ends = [
        {(x.target.port, x.family) for x in told_all(folder(tmp_path, API, of_families, **listening)).traces}
        for of_families in (client("a", "n1", env, ["IPv4"]), client("a", "n1", env))
    ]
    assert [(14250, Family.IPV6) in x for x in ends] == [False, True]


def test_pods_of_which_signals_go_in_several_protocols_are_counted_once(tmp_path: Path) -> None:
    one = spoken("http://otel.obs.svc:4318", "http/protobuf", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="grpc")

    assert "otel.obs: 1 pod, of Deployment cart in shop" in render(told_all(folder(tmp_path, API, one, **ONE)))

"""Variables that Services give to the pods of their namespace, in the endpoints of clients."""

from typing import Any

import msgspec
import pytest

from dualstack.model.cluster import Pod, Service
from dualstack.model.diagnosis import Verdict
from dualstack.model.slim import ObjectMeta
from dualstack.model.trace import Hop
from dualstack.reach.links import links, service_of
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, told
from tests.cluster.test_singly import asked

Object = dict[str, Any]
OLD, YOUNG = "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z"
BY_LINKS = "http://$(OTEL_GRPC_SERVICE_HOST):$(OTEL_GRPC_SERVICE_PORT_OTLP_GRPC)"


def of_shop(made: str = OLD, **spec: Any) -> list[Object]:
    """A Service of the clients' own namespace, with an endpoint of the Collector elsewhere."""
    mine = w.service(selector=None, **spec)
    mine["metadata"] = {"name": "otel-grpc", "namespace": "shop", "creationTimestamp": made}
    found = w.endpoints([w.pod("otel-a", "n1"), w.pod("otel-b", "n2")])
    for each in found:
        each["metadata"] |= {"name": f"shop-{each['addressType'].lower()}", "namespace": "shop"}
        each["metadata"]["labels"] = {"kubernetes.io/service-name": "otel-grpc"}
    return [mine, *found]


def young(endpoint: str, **spec: Any) -> Object:
    pod = cart(endpoint, **spec)
    pod["metadata"]["creationTimestamp"] = YOUNG
    return pod


def test_the_variables_of_a_service_that_is_older_are_known() -> None:
    found = told(young(BY_LINKS), more=of_shop())

    assert {(x.target.port, x.addresses) for x in found.traces} == {(4317, ("10.96.0.9",))}
    assert not [x for x in found.skipped if "Service of the time" in x.why]


@pytest.mark.parametrize("more", [of_shop(YOUNG), of_shop("")])
def test_those_of_another_one_are_not(more: list[Object]) -> None:
    found = told(young(BY_LINKS), more=more)

    assert not found.traces
    assert any("a Service of the time when the pod started" in x.why for x in found.skipped)


def running(endpoint: str, **spec: Any) -> Object:
    pod = young(endpoint, **spec)
    name = pod["spec"]["containers"][0]["name"]
    pod["status"]["containerStatuses"] = [{"name": name, "state": {"running": {"startedAt": "2026-03-01T10:00:05Z"}}}]
    return pod


def test_a_variable_of_a_service_that_came_later_stays_as_it_is_written() -> None:
    found = told(running("http://$(OTEL_GRPC_SERVICE_HOST):4317"), more=of_shop("2026-03-01T10:00:09Z"))

    (one,) = [x for x in found.findings if x.code == "DS408"]
    assert found.verdict is Verdict.BROKEN
    assert one.summary == "The variable is of a Service that came later"
    assert "since Service otel-grpc was made after the container had started" in one.detail
    assert one.hint.startswith("Restart the pods")


def test_where_the_port_is_such_a_variable_too_it_is_no_address() -> None:
    found = told(running(BY_LINKS), more=of_shop("2026-03-01T10:00:09Z"))

    assert found.verdict is Verdict.BROKEN


def test_a_pod_may_want_none() -> None:
    found = told(young("http://$(OTEL_GRPC_SERVICE_HOST):4317", enableServiceLinks=False), more=of_shop())

    assert {x.target.host for x in found.traces} == {"$(OTEL_GRPC_SERVICE_HOST)"}

    later = told(running("http://$(OTEL_GRPC_SERVICE_HOST):4317", enableServiceLinks=False), more=of_shop("2027"))
    assert "names no variable that comes before it" in later.traces[0].at(Hop.RESOLVE).why


def service(**more: Any) -> Service:
    text = {"metadata": {"name": "a-b", "namespace": "shop", "creationTimestamp": OLD}, "spec": more}
    return msgspec.convert(text, Service)


PORTS = [{"name": "otlp-http", "port": 4318}, {"port": 53, "protocol": "UDP"}]


def test_they_are_those_of_the_kubelet() -> None:
    pod = Pod(ObjectMeta(name="x", namespace="shop", creation_timestamp=YOUNG))

    assert links(pod, [service(clusterIP="fd00::9", ports=PORTS)], "") == {
        "A_B_SERVICE_HOST": "fd00::9",
        "A_B_SERVICE_PORT": "4318",
        "A_B_SERVICE_PORT_OTLP_HTTP": "4318",
        "A_B_PORT": "tcp://[fd00::9]:4318",
        "A_B_PORT_4318_TCP": "tcp://[fd00::9]:4318",
        "A_B_PORT_4318_TCP_PROTO": "tcp",
        "A_B_PORT_4318_TCP_PORT": "4318",
        "A_B_PORT_4318_TCP_ADDR": "fd00::9",
        "A_B_PORT_53_UDP": "udp://[fd00::9]:53",
        "A_B_PORT_53_UDP_PROTO": "udp",
        "A_B_PORT_53_UDP_PORT": "53",
        "A_B_PORT_53_UDP_ADDR": "fd00::9",
    }
    assert links(pod, [service(clusterIP="None", ports=PORTS)], "") == {}


def test_what_counts_is_when_the_container_started() -> None:
    pod = Pod(ObjectMeta(name="x", namespace="shop", creation_timestamp=OLD))
    (one,) = [service(clusterIP="10.96.0.9")]

    assert links(pod, [one], "") == {}
    assert links(pod, [one], YOUNG) == {"A_B_SERVICE_HOST": "10.96.0.9"}


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("OTEL_GRPC_SERVICE_HOST", "otel-grpc"),
        ("OTEL_SERVICE_PORT_OTLP_HTTP", "otel"),
        ("OTEL_PORT_4317_TCP_ADDR", "otel"),
        ("OTEL_PORT", "otel"),
        ("HOST_IP", ""),
    ],
)
def test_a_variable_tells_of_which_service_it_is(variable: str, name: str) -> None:
    assert service_of(variable) == name


@pytest.mark.parametrize(
    ("endpoint", "more", "said"),
    [
        ("http://$(OTEL_SERVICE_HOST):4317", [], "the address of one that is gone; there is `otel.obs`"),
        ("http://$(OTELL_SERVICE_HOST):4317", [], "a Service `otell` in the namespace `shop`, and there is none now"),
        ("http://$(OTEL_GRPC_SERVICE_HOST):4317", of_shop(""), ""),
        ("http://$(KUBERNETES_SERVICE_HOST):4317", [], ""),
        ("$(AT)", [], ""),
    ],
)  # fmt: skip
def test_a_variable_of_a_service_that_is_not_there_leads_nowhere(endpoint: str, more: list[Object], said: str) -> None:
    between = {"name": "AT", "value": "http://$(OTEL_SERVICE_HOST):4317"}
    pod = cart(endpoint, between)
    for found in (told(pod, more=more), asked(pod, *more)):
        causes = [x for x in found.findings if x.code == "DS408"]
        gaps = [x for x in found.skipped if "a Service of the time" in x.why]

        assert [str(x.severity) for x in causes] == (["warning"] if said else [])
        assert all(
            said in x.detail and x.summary == "The variable is of a Service that may not be there" for x in causes
        )
        assert not (causes and gaps)

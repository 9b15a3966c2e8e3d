"""Services without an address of their own, which hand out those of their pods."""

from typing import Any

from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Verdict
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.trace import Disposition
from tests.cluster import worlds as w
from tests.cluster.test_incidents import FIRST, ONE, looks


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

    for given in (None, Glimpses((Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.ADDRESS, Outcome.REFUSED),))):
        found = w.diagnosed(objects, seen=given)

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

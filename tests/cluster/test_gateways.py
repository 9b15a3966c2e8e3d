"""Gateways in front of a Service, and the routes by them."""

import pytest

from dualstack.conclusion import conclude
from dualstack.model.diagnosis import Verdict
from dualstack.model.question import Question
from dualstack.model.trace import Disposition
from tests.cluster import worlds as w
from tests.cluster.test_fronts import TRAEFIK, UNKNOWN, V4, V6, _concluded, before, ends, gateway, outside, route, says


class TestGateways:
    def test_a_route_that_nobody_spoke_of_is_in_order(self) -> None:
        listeners = [{"name": "web", "port": 80, "protocol": "HTTP"}, {"name": "tls", "port": 443, "protocol": "HTTPS"}]
        parents = [{"name": "edge", "sectionName": "tls"}]
        found = before(route(parents=parents), gateway("lb.example.com", listeners=listeners))

        assert not found.findings
        assert {x.vantage for x in outside(found)} == {"gateway edge"}
        assert {x.target.endpoint for x in outside(found)} == {"lb.example.com:443"}
        assert set(ends(found).values()) == {UNKNOWN}

    def test_a_gateway_that_could_not_be_read_says_nothing(self) -> None:
        found = before(route("HTTPRoute", 4318, hostnames=["*.example.com"]), expect=(V6,))

        assert not found.findings
        assert [x.target.host for x in outside(found)] == ["*.example.com"]

    @pytest.mark.parametrize(
        ("gone", "roots"),
        [([("obs", "edge")], ["DS707"]), ([("obs", "other")], []), ([("other", "edge")], [])],
    )
    def test_a_gateway_that_is_not_there_leads_nobody_on(self, gone: list[tuple[str, str]], roots: list[str]) -> None:
        world = w.world([*w.healthy(), route()])
        world.no_gateways = gone

        found = conclude(world, Question())

        assert w.roots(found) == roots
        assert all("`obs` has no such Gateway" in x.detail for x in found.findings)

    def test_a_route_with_another_gateway_is_no_dead_end(self) -> None:
        world = w.world([*w.healthy(), route(parents=[{"name": "edge"}, {"name": "gone"}]), gateway()])
        world.no_gateways = [("obs", "gone")]

        assert not conclude(world, Question()).findings

    def test_hosts_of_a_domain_are_no_url_to_ask_for(self) -> None:
        found = before(route(hostnames=["*.example.com"]), gateway("203.0.113.12"))

        [told] = [x.why for x in found.skipped if x.needs == "the ways from outside"]
        assert told.endswith("`dualstack diagnose URL` tells more where clients are")

    @pytest.mark.parametrize(
        ("controller", "listens", "comes"),
        [(TRAEFIK, 8000, 80), (TRAEFIK, 8443, 443), (TRAEFIK, 80, 80), ("gateway.envoyproxy.io/x", 8000, 8000)],
    )
    def test_clients_come_to_the_port_of_the_service_of_the_proxy(
        self, controller: str, listens: int, comes: int
    ) -> None:
        said = {**says("Accepted", "True"), "controllerName": controller}
        listeners = [{"name": "web", "port": listens, "protocol": "HTTP"}]
        found = before(route(status=[said]), gateway("203.0.113.12", listeners=listeners))

        assert {x.target.port for x in outside(found)} == {comes}

    def test_an_expected_family_that_it_lacks(self) -> None:
        found = before(route(), gateway("203.0.113.12"), expect=(V4, V6))

        assert w.roots(found) == ["DS706"]
        assert ends(found)["gateway edge", "grpc", V6] is Disposition.NO_ADDRESS
        assert not before(route(), gateway("203.0.113.12")).findings

    @pytest.mark.parametrize(
        ("said", "more"),
        [
            (says("Accepted", reason="NotAllowedByListeners", message="No listeners."), ()),
            (says("ResolvedRefs", reason="RefNotPermitted"), ()),
            (says("Accepted"), ({"name": "other", "port": 80},)),
        ],
    )
    def test_a_route_that_its_controller_refuses(self, said: w.Object, more: tuple[w.Object, ...]) -> None:
        found = before(route(status=[said], backends=more), gateway())

        assert w.roots(found) == ["DS707"]
        assert found.verdict is Verdict.DEGRADED
        assert set(ends(found).values()) == {Disposition.DENIED}

    @pytest.mark.parametrize(
        ("status", "more"),
        [
            ([says("Accepted", generation=1)], ()),
            ([says("Accepted", "Unknown")], ()),
            ([says("ResolvedRefs")], ({"name": "other", "port": 80},)),
            ([says("Accepted"), says("Accepted", "True")], ()),
            ([{**says("Accepted"), "parentRef": {"name": "other"}}], ()),
        ],
    )
    def test_one_that_may_be_in_order_is_not_refused(self, status: list[w.Object], more: tuple[w.Object, ...]) -> None:
        assert not before(route(status=status, backends=more), gateway()).findings

    def test_what_is_said_of_another_listener_is_not_meant(self) -> None:
        parents = [{"name": "edge", "sectionName": "web"}]

        assert not before(route(parents=parents, status=[says("Accepted", section="tls")]), gateway()).findings
        assert before(route(parents=parents, status=[says("Accepted", section="web")]), gateway()).findings

    def test_a_gateway_that_is_not_accepted(self) -> None:
        no = {"type": "Accepted", "status": "False", "reason": "Invalid"}

        assert w.roots(before(route(), gateway(conditions=[no]))) == ["DS707"]

    @pytest.mark.parametrize(("section", "told"), [("", False), ("web", True), ("tls", False)])
    def test_a_listener_that_is_not_accepted(self, section: str, told: bool) -> None:
        no = {"type": "Accepted", "status": "False", "reason": "PortUnavailable", "message": "No entryPoint for 80."}
        edge = gateway("203.0.113.12")
        edge["status"]["listeners"] = [
            {"name": "web", "conditions": [no]}, {"name": "tls", "conditions": [{**no, "status": "True"}]}
        ]  # fmt: skip
        found = before(route(parents=[{"name": "edge", "sectionName": section}]), edge)

        assert w.roots(found) == (["DS707"] if told else [])
        assert [x.detail for x in found.findings] == [
            "listener web of Gateway edge: Accepted is False, PortUnavailable: No entryPoint for 80."
        ] * told

    @pytest.mark.parametrize(("reason", "told"), [("Invalid", True), ("Pending", False)])
    def test_a_listener_without_a_certificate(self, reason: str, told: bool) -> None:
        """As Envoy Gateway 1.9.1 writes it, and Traefik 3.7.15, which does not accept the Gateway then."""
        no = {"type": "ResolvedRefs", "status": "False", "reason": "InvalidCertificateRef", "message": "No secret."}
        programmed = {"type": "Programmed", "status": "False", "reason": reason}
        edge = gateway("203.0.113.12")
        edge["status"]["listeners"] = [{"name": "tls", "conditions": [no, programmed]}]
        traefik = gateway(conditions=[{"type": "Accepted", "status": "False", "reason": "ListenersNotValid"}])
        traefik["status"]["listeners"] = [{"name": "tls", "conditions": [no]}]
        words = "listener tls of Gateway edge: ResolvedRefs is False, InvalidCertificateRef: No secret."

        assert [x.detail for x in before(route(), edge).findings] == [words] * told
        assert [x.detail for x in before(route(), traefik).findings] == [words]

    def test_what_is_nearest_to_the_reason_is_told(self) -> None:
        no = {"type": "Accepted", "status": "False", "reason": "Invalid"}
        edge = gateway(conditions=[{**no, "reason": "ListenersNotValid"}])
        edge["status"]["listeners"] = [{"name": "web", "conditions": [no]}]
        refused = says("Accepted", reason="NotAllowedByListeners")

        assert [x.detail for x in before(route(status=[refused]), edge).findings] == [
            "listener web of Gateway edge: Accepted is False, Invalid."
        ]
        edge["status"]["listeners"] = []
        assert [x.detail for x in before(route(status=[refused]), edge).findings] == [
            "Gateway edge: Accepted is False, ListenersNotValid."
        ]

    def test_a_route_to_a_port_that_the_service_lacks(self) -> None:
        found = before(route("HTTPRoute", 55681), gateway())

        assert w.roots(found) == ["DS508"]

    def test_what_is_not_there_is_told_and_not_what_the_controller_makes_of_it(self) -> None:
        says_so = [says("ResolvedRefs", reason="BackendNotFound", message="service not found")]
        world = w.world([*w.healthy(), route(to="otel-colector", status=says_so), gateway()])
        world.absent = [("obs", "otel-colector")]

        assert w.roots(_concluded(world)) == ["DS508"]
        assert w.roots(before(route("HTTPRoute", 55681, status=says_so), gateway())) == ["DS508"]

    def test_a_route_within_a_mesh_has_no_gateway(self) -> None:
        assert not outside(before(route(parents=[{"kind": "Service", "name": "otel"}])))

"""What stands in front of a Service: load balancers, external addresses, Ingresses, and Gateways with their routes."""

from collections.abc import Iterable
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.model.address import Family
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Way
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Disposition, Hop, Status, Trace
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_incidents import looks

V4, V6 = Family.IPV4, Family.IPV6
IP4, IP6 = {"ip": "203.0.113.10"}, {"ip": "2001:db8::10"}
GROUP = "gateway.networking.k8s.io/v1"
TRAEFIK = "traefik.io/gateway-controller"
UNKNOWN = Disposition.INSUFFICIENT_INFO


def balanced(families: Iterable[str] = w.BOTH, given: Any = (), **spec: Any) -> w.Object:
    """The Service otel with a load balancer."""
    found = w.service(families, type="LoadBalancer", **spec)
    return {**found, "status": {"loadBalancer": {"ingress": list(given)}}}


def ingress(port: Any = 4318, to: str = "otel", given: Any = (), path: str = "/", **said: Any) -> w.Object:
    """An Ingress of ingress-nginx."""
    backend = {"service": {"name": to, "port": {"number": port} if isinstance(port, int) else {"name": port}}}
    rule = {"host": "otel.example.com", "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "edge", "namespace": "obs", "annotations": said.pop("annotations", {})},
            "spec": {"ingressClassName": "nginx", "rules": [rule], **said},
            "status": {"loadBalancer": {"ingress": list(given)}}}  # fmt: skip


def route(kind: str = "GRPCRoute", port: int = 4317, to: str = "otel", **said: Any) -> w.Object:
    """A route by the Gateway edge."""
    parents, status = said.pop("parents", [{"name": "edge"}]), said.pop("status", [])
    backends = [{"name": to, "port": port}, *said.pop("backends", ())]
    return {"apiVersion": GROUP, "kind": kind, "metadata": {"name": "otlp", "namespace": "obs", "generation": 2},
            "spec": {"parentRefs": parents, "rules": [{"backendRefs": backends}], **said},
            "status": {"parents": status}}  # fmt: skip


def gateway(*values: str, listeners: Any = (), conditions: Any = ()) -> w.Object:
    """The Gateway edge."""
    return {"apiVersion": GROUP, "kind": "Gateway", "metadata": {"name": "edge", "namespace": "obs"},
            "spec": {"gatewayClassName": "envoy", "listeners": list(listeners)},
            "status": {"addresses": [{"value": x} for x in values], "conditions": list(conditions)}}  # fmt: skip


def says(kind: str, status: str = "False", generation: int = 2, section: str = "", **said: str) -> w.Object:
    """What a controller says of a route."""
    condition = {"type": kind, "status": status, "observedGeneration": generation, **said}
    return {"parentRef": {"name": "edge", "sectionName": section}, "conditions": [condition]}


def before(*fronts: w.Object, expect: Iterable[Family] = (), **instead: Any) -> Diagnosis:
    """The diagnosis of the healthy cluster with something in front."""
    return w.diagnosed([*w.healthy(**instead), *fronts], *expect)


def outside(found: Diagnosis) -> list[Trace]:
    return [x for x in found.traces if x.through]


def ends(found: Diagnosis) -> dict[tuple[str, str, Family], Disposition]:
    return {(x.vantage, x.protocol, x.family): x.disposition for x in outside(found)}


class TestLoadBalancers:
    def test_nobody_knows_what_comes_through_and_nothing_is_wrong(self) -> None:
        found = before(services=[balanced(given=[IP4, IP6])])

        assert not found.findings
        assert found.verdict is Verdict.UNKNOWN
        assert len(outside(found)) == 4
        assert set(ends(found).values()) == {UNKNOWN}
        assert {x.addresses for x in outside(found)} == {("203.0.113.10",), ("2001:db8::10",)}
        told = next(x for x in found.skipped if x.needs == "the ways from outside")
        assert "`dualstack diagnose grpc://203.0.113.10:4317`" in told.why

    def test_exports_from_inside_prove_nothing_of_it(self) -> None:
        found = w.diagnosed(w.healthy(services=[balanced(given=[IP4])]), seen=looks(*Way))

        assert {x.accepted for x in found.traces if not x.through} == {True}
        assert set(ends(found).values()) == {UNKNOWN}
        assert found.verdict is Verdict.UNKNOWN

    def test_none_was_made(self) -> None:
        found = before(services=[balanced()])

        assert [(x.code, x.severity) for x in found.findings] == [("DS524", Severity.WARNING)]
        assert {(x.disposition, x.required) for x in outside(found)} == {(Disposition.NO_ADDRESS, False)}
        assert found.verdict is Verdict.UNKNOWN
        assert set(found.findings[0].flows) == {x.key for x in outside(found)}

    def test_a_status_that_says_nothing_is_that_of_one_that_was_not_made(self) -> None:
        service = balanced()
        del service["status"]

        assert w.codes(before(services=[service])) == {"DS524"}

    def test_an_expected_family_that_it_lacks_is_an_error(self) -> None:
        found = before(services=[balanced(given=[IP4])], expect=(V4, V6))

        assert w.roots(found) == ["DS519"]
        assert found.findings[0].severity is Severity.ERROR
        assert found.verdict is Verdict.DEGRADED
        assert ends(found)["load balancer 203.0.113.10", "grpc", V6] is Disposition.NO_ADDRESS
        assert ends(found)["load balancer 203.0.113.10", "grpc", V4] is UNKNOWN

    def test_one_that_has_what_is_expected_is_enough(self) -> None:
        assert not before(services=[balanced(given=[IP4])], expect=(V4,)).findings

    def test_a_service_that_asks_for_both_and_gets_one_is_a_warning(self) -> None:
        found = before(services=[balanced(given=[IP4])])

        assert [(x.code, x.severity, x.families) for x in found.findings] == [("DS519", Severity.WARNING, (V6,))]
        assert found.verdict is Verdict.UNKNOWN

    def test_a_service_of_one_family_asks_for_no_more(self) -> None:
        pods = [w.pod("otel-a", "n1")]

        found = before(services=[balanced(["IPv4"], given=[IP4])], pods=pods, slices=w.endpoints(pods, ["IPv4"]))

        assert "DS519" not in w.codes(found)

    def test_an_address_of_another_family_has_to_be_translated(self) -> None:
        pods = [w.pod("otel-a", "n1")]
        found = before(services=[balanced(["IPv4"], given=[IP4, IP6])], pods=pods, slices=w.endpoints(pods, ["IPv4"]))

        assert ("DS519", Severity.WARNING, (V6,)) in [(x.code, x.severity, x.families) for x in found.findings]
        assert set(ends(found).values()) == {UNKNOWN}

    def test_a_host_name_may_have_either_family(self) -> None:
        found = before(services=[balanced(given=[{"hostname": "lb.example.com"}])], expect=(V4, V6))

        assert not found.findings
        assert {x.at(Hop.RESOLVE).status for x in outside(found)} == {Status.UNKNOWN}

    @pytest.mark.parametrize(
        ("ranges", "warned", "statuses"),
        [
            ([], False, {Status.PASS}),
            ([" 0.0.0.0/0", "::/0 "], False, {Status.PASS}),
            (["198.51.100.0/24", "2001:db8::/32"], False, {Status.UNKNOWN}),
            (["0.0.0.0/0"], True, {Status.PASS, Status.UNKNOWN}),
        ],
    )
    def test_ranges_of_one_family_leave_the_other_open(
        self, ranges: list[str], *, warned: bool, statuses: set[Status]
    ) -> None:
        found = before(services=[balanced(given=[IP4, IP6], loadBalancerSourceRanges=ranges)])

        assert [(x.code, x.families) for x in found.findings] == ([("DS519", (V6,))] if warned else [])
        assert {x.at(Hop.POLICY).status for x in outside(found)} == statuses

    def test_what_fails_behind_it_fails_for_its_clients(self) -> None:
        found = before(services=[balanced(given=[IP4, IP6])], configs=[w.config(grpc="${env:MY_POD_IP}:4317")])

        assert w.roots(found) == ["DS204"]
        assert ends(found)["load balancer 2001:db8::10", "grpc", V6] is Disposition.REFUSED
        assert ends(found)["load balancer 2001:db8::10", "http", V6] is UNKNOWN
        assert {x.key for x in outside(found) if x.failed} < set(found.findings[0].flows)

    def test_one_that_sends_under_its_own_address_may_change_the_family(self) -> None:
        found = before(
            services=[balanced(given=[IP4, {**IP6, "ipMode": "Proxy"}])],
            configs=[w.config(grpc="${env:MY_POD_IP}:4317")],
        )

        assert ends(found)["load balancer 2001:db8::10", "grpc", V6] is UNKNOWN

    def test_where_every_way_ends_behind_it_all_is_broken(self) -> None:
        found = before(
            services=[balanced(given=[{"hostname": "lb.example.com"}], selector={"app": "o"})], slices=w.endpoints([])
        )

        assert w.roots(found) == ["DS509"]
        assert found.verdict is Verdict.BROKEN
        assert {x.disposition for x in outside(found)} == {Disposition.NO_ENDPOINT}
        assert {x.key for x in outside(found)} <= set(found.findings[0].flows)

    def test_traffic_that_is_kept_on_nodes_inside_is_not_outside(self) -> None:
        pods = [w.pod("otel-a", "n1")]
        found = before(services=[balanced(given=[IP4, IP6], internalTrafficPolicy="Local")], pods=pods)

        assert w.roots(found) == ["DS510"]
        assert set(ends(found).values()) == {UNKNOWN}

    def test_pods_that_are_asked_about_are_inside(self) -> None:
        env = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otel.obs:4317"}]
        cart = {**w.pod("cart-a", "n1"), "spec": {"nodeName": "n1", "containers": [{"name": "c", "env": env}]}}
        world = w.world([*w.healthy(services=[balanced(given=[IP4])]), cart])

        asked = of(Asker(Stored(world), "obs"), KubeTarget("pod", "cart-a"))

        assert not outside(_concluded(asked))


class TestExternalAddresses:
    def test_one_of_a_family_of_the_service_is_served(self) -> None:
        found = before(services=[w.service(externalIPs=["203.0.113.20", "none"])])

        assert not found.findings
        assert {x.vantage for x in outside(found)} == {"external address 203.0.113.20"}

    def test_one_of_another_family_is_served_by_nobody(self) -> None:
        pods = [w.pod("otel-a", "n1")]
        single = w.service(["IPv4"], externalIPs=["2001:db8::20"])
        here: Any = {"services": [single], "pods": pods, "slices": w.endpoints(pods, ["IPv4"])}
        one_range = before(**here, ranges=[w.ranges("10.96.0.0/16")])

        assert w.roots(one_range) == ["DS519"]
        assert one_range.verdict is Verdict.DEGRADED
        assert w.roots(before(**here)) == ["DS501"]


class TestIngresses:
    def test_one_that_leads_to_the_right_port_is_in_order(self) -> None:
        found = before(ingress(given=[IP4, IP6]))

        assert not found.findings
        assert ends(found) == {("ingress edge", "http", V4): UNKNOWN, ("ingress edge", "http", V6): UNKNOWN}
        assert {x.target.endpoint for x in outside(found)} == {"otel.example.com:80"}

    def test_without_a_host_clients_use_the_address_of_their_family(self) -> None:
        front = ingress(given=[IP6, IP4])
        del front["spec"]["rules"][0]["host"]
        found = before(front)

        assert {x.family: x.target.endpoint for x in outside(found)} == {V4: "203.0.113.10:80", V6: "[2001:db8::10]:80"}

    def test_with_a_certificate_for_its_name_it_listens_on_443(self) -> None:
        found = before(ingress(tls=[{"hosts": ["otel.example.com"]}]))
        others = before(ingress(tls=[{"hosts": ["other.example.com"]}]))

        assert {(x.target.port, x.target.tls) for x in outside(found)} == {(443, True)}
        assert {(x.target.port, x.target.tls) for x in outside(others)} == {(80, False)}

    def test_plain_http_to_a_grpc_port(self) -> None:
        found = before(ingress("otlp-grpc"))

        assert w.roots(found) == ["DS902"]
        assert set(ends(found).values()) == {Disposition.HANDSHAKE_FAILED}
        assert found.verdict is Verdict.DEGRADED
        assert set(found.findings[0].flows) == {x.key for x in outside(found)}

    def test_grpc_to_a_grpc_port(self) -> None:
        said = {"nginx.ingress.kubernetes.io/backend-protocol": "GRPC"}

        assert not before(ingress(4317, annotations=said)).findings

    def test_a_port_that_the_service_lacks(self) -> None:
        found = before(ingress(55681))

        assert w.roots(found) == ["DS508"]
        assert set(ends(found).values()) == {Disposition.NO_ENDPOINT}
        assert set(found.findings[0].flows) == {x.key for x in outside(found)}

    def test_one_before_another_service_is_not_of_interest(self) -> None:
        found = before(ingress(80, to="shop"))

        assert not outside(found)
        assert not found.findings

    def test_a_port_for_something_else_is_not_of_interest(self) -> None:
        health = {"name": "health", "port": 13133}
        service = w.service(ports=[*w.service()["spec"]["ports"], health])

        assert not outside(before(ingress("health"), services=[service]))

    def test_an_expected_family_that_it_lacks(self) -> None:
        found = before(ingress(given=[IP4]), expect=(V4, V6))

        assert w.roots(found) == ["DS519"]
        assert found.findings[0].location is None
        assert ends(found)["ingress edge", "http", V6] is Disposition.NO_ADDRESS
        assert not before(ingress(given=[IP4, {"hostname": "lb.example.com"}]), expect=(V4, V6)).findings

    def test_requests_for_a_path_of_http_at_a_grpc_port(self) -> None:
        found = before(ingress(4317, path="/v1/traces"))

        assert w.roots(found) == ["DS902"]
        assert {x.protocol for x in outside(found)} == {"http"}

    def test_a_service_that_is_not_there(self) -> None:
        world = w.world([*w.healthy(), ingress(to="otel-colector"), ingress(to="otlp", port="web")])
        world.absent = [("obs", "otel-colector")]
        found = _concluded(world)

        assert w.roots(found) == ["DS508"]
        assert {x.through for x in outside(found)} == {"otel-colector.obs.svc"}
        assert set(ends(found).values()) == {Disposition.NO_ENDPOINT}

    def test_what_is_not_known_of_the_service_is_not_told(self) -> None:
        assert not before(ingress(to="otel-colector")).findings


def _concluded(world: World) -> Diagnosis:
    return conclude(world, Question())

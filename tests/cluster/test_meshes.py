"""Collectors in a service mesh: what its proxy leaves out, and where it leads clients to."""

from typing import Any

import msgspec
import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.veil import veiled_world
from dualstack.model.address import Family, Protocol, family
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.exporter import Asking
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.host import Interface, InterfaceAddress, Namespace, Namespaces
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, Probes
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.sockets import Listener, Listeners, Transport
from dualstack.model.trace import Disposition
from tests.cluster import worlds as w
from tests.cluster.test_inside import exports, on_nodes
from tests.cluster.test_pseudonyms import KEY, flows, told

V6 = "fd00:244::178"
LISTENS = "LINKERD2_PROXY_OUTBOUND_LISTEN_ADDRS"
DUAL = {"name": "ISTIO_DUAL_STACK", "value": "true"}
ONE_FAMILY = {"name": "linkerd-proxy", "env": [{"name": LISTENS, "value": "127.0.0.1:4140"}]}
LINKERD = {
    "name": "linkerd-proxy",
    "restartPolicy": "Always",
    "env": [{"name": LISTENS, "value": "127.0.0.1:4140,[::1]:4140"}],
}
LEADING = {
    "kind": "Sidecar",
    "metadata": {"name": "otel", "namespace": "obs"},
    "spec": {"ingress": [{"port": {"number": 4317}, "defaultEndpoint": "127.0.0.1:4317"}]},
}
FIRST = "${env:MY_POD_IP}:4317"


def meshed(proxy: w.Object, name: str = "otel-a") -> w.Object:
    """A pod with a proxy, beside the others or as an init container that stays."""
    found = w.pod(name, "n1")
    key = "initContainers" if "restartPolicy" in proxy else "containers"
    found["spec"][key] = [*found["spec"].get(key, ()), proxy]
    return found


def istio(*env: w.Object) -> w.Object:
    return {"name": "istio-proxy", "image": "istio/proxyv2", "env": list(env)}


def found_in(pod: w.Object, *, refused: bool = False, **instead: Any) -> Diagnosis:
    look = Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.INSIDE, Outcome.REFUSED, address=V6)
    seen = instead.pop("seen", Glimpses((look,) if refused else ()))
    return w.diagnosed(w.healthy(pods=[pod], **instead), seen=seen)


class TestLeftOut:
    @pytest.mark.parametrize(
        "proxy",
        [
            istio(),
            istio({"name": "ISTIO_DUAL_STACK", "value": "false"}),
            ONE_FAMILY,
        ],
    )
    def test_a_family_that_the_proxy_leaves_out_is_a_warning(self, proxy: w.Object) -> None:
        found = found_in(meshed(proxy))

        assert [(x.code, x.severity, x.families) for x in found.findings] == [
            ("DS704", Severity.WARNING, (Family.IPV6,))
        ]

    def test_it_is_an_error_where_that_family_is_refused(self) -> None:
        found = found_in(meshed(ONE_FAMILY), refused=True)

        assert w.roots(found) == ["DS704"]
        assert found.findings[0].severity is Severity.ERROR
        assert {x.failed for x in found.traces if x.key in found.findings[0].flows} == {True}

    def test_a_listener_that_does_not_take_it_is_to_blame_itself(self) -> None:
        found = found_in(meshed(ONE_FAMILY), refused=True, configs=[w.config(grpc=FIRST)])

        assert {x.severity for x in found.findings if x.code == "DS704"} == {Severity.WARNING}

    def test_what_goes_round_the_proxy_fails_for_something_else(self) -> None:
        found = found_in(meshed(istio()), configs=[w.config(FIRST, FIRST.replace("4317", "4318"))])

        assert {*w.roots(found)} == {"DS204"}
        assert "DS704" not in w.codes(found)

    def test_a_service_of_one_family_needs_no_more(self) -> None:
        pod = meshed(istio())
        found = found_in(pod, services=[w.service(["IPv4"])], slices=w.endpoints([pod], ["IPv4"]))

        assert "DS704" not in w.codes(found)

    @pytest.mark.parametrize(
        "proxy",
        [
            istio(DUAL),
            istio({"name": "ISTIO_DUAL_STACK", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
            LINKERD,
            {"name": "kuma-sidecar"},
            {"name": "agent"},
        ],
    )
    def test_a_proxy_that_takes_both_or_says_nothing(self, proxy: w.Object) -> None:
        assert not found_in(meshed(proxy)).findings

    def test_a_pod_without_addresses_says_nothing(self) -> None:
        pod = meshed(istio())
        pod["status"]["podIPs"] = []

        assert "DS704" not in w.codes(found_in(pod))


@pytest.mark.parametrize(
    ("proxy", "code"), [(ONE_FAMILY, "DS704"), (LINKERD, "DS705"), ({"name": "kuma-sidecar"}, "DS604")]
)
def test_pseudonyms_change_nothing_of_the_answer(proxy: w.Object, code: str) -> None:
    world = w.world(w.healthy(pods=[meshed(proxy)], configs=[w.config(grpc=FIRST)]))
    plain, veiled = (conclude(x, Question()) for x in (world, veiled_world(world, Pseudonyms(KEY))))

    assert code in w.codes(plain)
    assert told(veiled.findings) == told(plain.findings)
    assert flows(veiled) == flows(plain)


def peeked(pod: w.Object, *proxy: str) -> Inspection:
    """What a container inside of a pod sees: the Collector on every address, and the proxy where it listens."""
    held = [x["ip"] for x in pod["status"]["podIPs"]]
    bound = [("::", 4317), ("::", 4318), *((x, 15006) for x in proxy)]
    addresses = tuple(InterfaceAddress(x, 128 if ":" in x else 32) for x in held)
    facts = {
        Namespaces: Namespaces((Namespace("host", (Interface("eth0", 2, up=True, addresses=addresses),)),)),
        Listeners: Listeners(
            tuple(Listener("host", Transport.TCP, x, n, family(x), ":" in x and n == 15006) for x, n in bound),
            ("host",),
        ),
        Probes: exports(held),
    }
    return Inspection("n1", "obs", pod["metadata"]["name"], plainly(Snapshot(facts)))


def seen_in(pod: w.Object, *inspections: Inspection, seen: Glimpses | None = None) -> Diagnosis:
    world = w.world(w.healthy(pods=[pod]), seen=seen)
    world.inspections = list(inspections)
    return conclude(world, Question())


class TestLed:
    def test_a_proxy_without_a_socket_for_what_is_led_to_it_refuses_that(self) -> None:
        pod = meshed(istio(DUAL))
        found = seen_in(pod, peeked(pod, "0.0.0.0"))

        assert w.roots(found) == ["DS704"]
        assert {x.family for x in found.traces if x.failed} == {Family.IPV6}

    def test_what_a_node_met_there_is_no_fault_of_the_service(self) -> None:
        pod = meshed(istio(DUAL))
        found = seen_in(pod, peeked(pod, "0.0.0.0"), *on_nodes(ipv6=Outcome.REFUSED))

        assert w.roots(found) == ["DS704"]

    def test_a_node_that_is_refused_tells_as_much_without_a_look_inside(self) -> None:
        found = seen_in(meshed(istio(DUAL)), *on_nodes(ipv6=Outcome.REFUSED))

        assert w.roots(found) == ["DS704"]

    def test_what_exports_inside_of_the_pod_goes_round_a_proxy_of_both(self) -> None:
        pod = meshed(istio(DUAL))
        found = seen_in(pod, peeked(pod, "0.0.0.0", "::"))

        assert not found.findings
        assert found.verdict is Verdict.UNKNOWN

    def test_clients_on_nodes_prove_it(self) -> None:
        pod = meshed(istio(DUAL))

        assert seen_in(pod, peeked(pod, "0.0.0.0", "::"), *on_nodes()).verdict is Verdict.HEALTHY

    def test_a_pod_with_ipv6_first_never_becomes_ready(self) -> None:
        pod = meshed(istio())
        pod["status"]["podIPs"].reverse()
        pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        pod["status"]["containerStatuses"] = [{"name": "istio-proxy", "ready": False}]
        found = w.diagnosed(w.healthy(pods=[pod], slices=w.endpoints([pod])))

        assert w.roots(found) == ["DS704"]
        assert {x.key for x in found.traces if x.failed} == set(found.findings[0].flows)

    @pytest.mark.parametrize(("outcome", "severity"), [(None, Severity.WARNING), (Outcome.REFUSED, Severity.ERROR)])
    def test_a_gateway_has_nobody_behind_it(self, outcome: Outcome | None, severity: Severity) -> None:
        pod = meshed(istio())
        pod["spec"]["containers"] = [istio()]
        found = seen_in(pod, *(on_nodes(ipv6=outcome) if outcome else ()))

        assert [x.severity for x in found.findings if x.code == "DS704"] == [severity]


def by_api_server(outcome: Outcome, port: int = 4318, spoken: Protocol = Protocol.HTTP) -> Glimpses:
    """What the API server met at a port, and that a forwarded one takes exports."""
    return Glimpses(
        (
            Glimpse("pod otel-a", port, spoken, Way.ADDRESS, outcome),
            Glimpse("pod otel-a", port, spoken, Way.LOOPBACK, Outcome.ACCEPTED),
        )
    )


class TestOutsiders:
    def test_the_api_server_is_in_no_mesh(self) -> None:
        found = seen_in(meshed(istio()), seen=by_api_server(Outcome.CLOSED))

        assert {(x.code, x.severity) for x in found.findings} == {
            ("DS704", Severity.WARNING),
            ("DS908", Severity.WARNING),
        }
        assert found.verdict is Verdict.UNKNOWN

    def test_what_the_proxy_speaks_is_not_what_the_receiver_does(self) -> None:
        look = msgspec.structs.replace(by_api_server(Outcome.TLS_REFUSED).items[0], tls=True, detail="bad certificate")
        found = seen_in(meshed(istio()), *on_nodes(), seen=Glimpses((look,)))

        assert found.verdict is Verdict.HEALTHY

    @pytest.mark.parametrize("outcome", [Outcome.CLOSED, Outcome.TLS_EXPECTED])
    def test_a_client_on_a_node_that_is_turned_away_fails(self, outcome: Outcome) -> None:
        found = seen_in(meshed(istio()), *on_nodes(ipv4=outcome))

        assert w.roots(found) == ["DS908", "DS704"]
        assert {x.family for x in found.traces if x.failed} == {Family.IPV4}

    def test_a_receiver_of_tls_ends_plain_exports_itself(self) -> None:
        tls = w.config(grpc='0.0.0.0:4317", tls: {cert_file: c, key_file: k}, auth: "')
        world = w.world(w.healthy(pods=[meshed(istio())], configs=[tls]))
        world.inspections = on_nodes(ipv4=Outcome.TLS_EXPECTED)
        found = conclude(world, Question())

        assert all("4318" in y for x in found.findings if x.code == "DS908" for y in x.flows)


class TestBehind:
    LOCAL = w.config("127.0.0.1:4317", "127.0.0.1:4318")

    def test_what_the_proxy_answers_for_a_receiver_on_the_loopback(self) -> None:
        found = found_in(meshed(istio(DUAL)), seen=by_api_server(Outcome.NOT_OTLP), configs=[self.LOCAL])
        mine = {str(x.family): x.disposition for x in found.traces if x.target.port == 4318}

        assert w.roots(found) == ["DS202"]
        assert mine == {"ipv4": Disposition.REFUSED, "ipv6": Disposition.INSUFFICIENT_INFO}

    @pytest.mark.parametrize("inside", [True, False])
    def test_a_proxy_that_leads_on_to_the_loopback(self, inside: bool) -> None:
        pod = meshed(istio(DUAL))
        refused = [
            Glimpse("pod otel-a", port, spoken, Way.INSIDE, Outcome.REFUSED, address=x["ip"])
            for port, spoken in w.PORTS
            for x in pod["status"]["podIPs"]
        ]
        seen = Glimpses((*by_api_server(Outcome.ACCEPTED).items, *(refused if inside else ())))
        found = found_in(pod, seen=seen, configs=[self.LOCAL])
        mine = {str(x.family): x.disposition for x in found.traces if x.target.port == 4318}

        assert not found.findings
        assert mine == {"ipv4": Disposition.ACCEPTED, "ipv6": Disposition.INSUFFICIENT_INFO}

    def test_an_answer_over_http_1_tells_nothing_of_grpc(self) -> None:
        seen = by_api_server(Outcome.CONNECTED, 4317, Protocol.GRPC)
        found = found_in(meshed(istio(DUAL)), seen=seen, configs=[self.LOCAL])

        (told,) = found.findings
        assert found.verdict is Verdict.UNKNOWN
        assert (told.code, told.severity) == ("DS202", Severity.WARNING)
        assert told.detail == (
            "Istio takes connections to this pod first, and connects to its address; the receiver listens on 127.0.0.1 "
            "alone."
        )

    @pytest.mark.parametrize(("proxy", "more"), [(LINKERD, []), (istio(DUAL), [LEADING])], ids=["linkerd", "sidecar"])
    def test_a_proxy_that_may_lead_to_the_loopback_is_left_alone(self, proxy: Any, more: list[w.Object]) -> None:
        found = found_in(meshed(proxy), configs=[self.LOCAL], more=more)

        assert found.verdict is Verdict.UNKNOWN
        assert not found.findings


class TestLedAstray:
    def test_clients_are_led_to_a_family_that_is_not_listened_on(self) -> None:
        found = found_in(meshed(LINKERD), configs=[w.config(grpc=FIRST)])
        mine = [x for x in found.findings if x.code == "DS705"]

        assert [(x.severity, x.families, x.flows) for x in mine] == [(Severity.WARNING, (Family.IPV6,), ())]

    def test_istio_leads_to_either(self) -> None:
        proxy = istio(DUAL)

        assert "DS705" not in w.codes(found_in(meshed(proxy), configs=[w.config(grpc=FIRST)]))

    def test_a_service_of_one_family_leads_to_that(self) -> None:
        pod = meshed(LINKERD)
        single = {"services": [w.service(["IPv4"])], "slices": w.endpoints([pod], ["IPv4"])}

        assert "DS705" not in w.codes(found_in(pod, configs=[w.config(grpc=FIRST)], **single))

    def test_clients_in_the_mesh_fail_for_certain(self) -> None:
        client = meshed(LINKERD, "cart-a")
        client["metadata"]["labels"] = {"app": "cart"}
        env = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otel:4317"}]
        client["spec"]["containers"] = [{"name": "cart", "image": "cart", "env": env}]
        world = w.world([*w.healthy(pods=[meshed(LINKERD)], configs=[w.config(grpc=FIRST)]), client])
        world.asking = Asking("Deployment cart", "obs", ("cart-a",))
        found = conclude(world, Question())
        mine = [x for x in found.findings if x.code == "DS705"]

        assert [x.severity for x in mine] == [Severity.ERROR]
        assert mine[0].flows


def test_a_look_at_a_pod_that_has_no_address_any_more_is_borne() -> None:
    pod = w.pod("otel-a", "n1")
    pod["status"] |= {"podIPs": []}
    world = w.world(w.healthy(pods=[pod], slices=w.endpoints([w.pod("otel-a", "n1")])))
    world.seen = Glimpses((Glimpse("pod otel-a", 4317, Protocol.GRPC, Way.ADDRESS, Outcome.ACCEPTED),))

    assert conclude(world, Question()).verdict is not Verdict.HEALTHY

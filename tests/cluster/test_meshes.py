"""Collectors in a service mesh: what its proxy leaves out, and where it leads clients to."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.veil import veiled_world
from dualstack.model.address import Family, Protocol
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Asking
from dualstack.model.finding import Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from tests.cluster import worlds as w
from tests.cluster.test_pseudonyms import KEY, flows, told

V6 = "fd00:244::178"
LISTENS = "LINKERD2_PROXY_OUTBOUND_LISTEN_ADDRS"
LINKERD = {
    "name": "linkerd-proxy",
    "restartPolicy": "Always",
    "env": [{"name": LISTENS, "value": "127.0.0.1:4140,[::1]:4140"}],
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
    return w.diagnosed(w.healthy(pods=[pod], **instead), seen=Glimpses((look,) if refused else ()))


class TestLeftOut:
    @pytest.mark.parametrize(
        "proxy",
        [
            istio(),
            istio({"name": "ISTIO_DUAL_STACK", "value": "false"}),
            {"name": "linkerd-proxy", "env": [{"name": LISTENS, "value": "127.0.0.1:4140"}]},
        ],
    )
    def test_a_family_that_the_proxy_leaves_out_is_a_warning(self, proxy: w.Object) -> None:
        found = found_in(meshed(proxy))

        assert [(x.code, x.severity, x.families) for x in found.findings] == [
            ("DS704", Severity.WARNING, (Family.IPV6,))
        ]

    def test_it_is_an_error_where_that_family_is_refused(self) -> None:
        found = found_in(meshed(istio()), refused=True)

        assert w.roots(found) == ["DS704"]
        assert found.findings[0].severity is Severity.ERROR
        assert {x.failed for x in found.traces if x.key in found.findings[0].flows} == {True}

    def test_a_listener_that_does_not_take_it_is_to_blame_itself(self) -> None:
        found = found_in(meshed(istio()), refused=True, configs=[w.config(grpc=FIRST)])

        assert {x.severity for x in found.findings if x.code == "DS704"} == {Severity.WARNING}

    def test_a_service_of_one_family_needs_no_more(self) -> None:
        pod = meshed(istio())
        found = found_in(pod, services=[w.service(["IPv4"])], slices=w.endpoints([pod], ["IPv4"]))

        assert "DS704" not in w.codes(found)

    @pytest.mark.parametrize(
        "proxy",
        [
            istio({"name": "ISTIO_DUAL_STACK", "value": "true"}),
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
    ("proxy", "code"), [(istio(), "DS704"), (LINKERD, "DS705"), ({"name": "kuma-sidecar"}, "DS604")]
)
def test_pseudonyms_change_nothing_of_the_answer(proxy: w.Object, code: str) -> None:
    world = w.world(w.healthy(pods=[meshed(proxy)], configs=[w.config(grpc=FIRST)]))
    plain, veiled = (conclude(x, Question()) for x in (world, veiled_world(world, Pseudonyms(KEY))))

    assert code in w.codes(plain)
    assert told(veiled.findings) == told(plain.findings)
    assert flows(veiled) == flows(plain)


class TestLedAstray:
    def test_clients_are_led_to_a_family_that_is_not_listened_on(self) -> None:
        found = found_in(meshed(LINKERD), configs=[w.config(grpc=FIRST)])
        mine = [x for x in found.findings if x.code == "DS705"]

        assert [(x.severity, x.families, x.flows) for x in mine] == [(Severity.WARNING, (Family.IPV6,), ())]

    def test_istio_leads_to_either(self) -> None:
        proxy = istio({"name": "ISTIO_DUAL_STACK", "value": "true"})

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

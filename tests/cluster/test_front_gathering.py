"""What stands in front of a Service is gathered, stored and put under pseudonyms."""

import json
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, stored
from dualstack.gather.ahead import Ahead
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.cluster import Asker, of
from dualstack.gather.kube_objects import Refused
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.gather.veil import veiled_world
from dualstack.model.finding import Severity
from dualstack.model.target import KubeTarget
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart
from tests.cluster.test_fronts import IP4, IP6, _concluded, balanced, gateway, ingress, route, says
from tests.cluster.test_pseudonyms import KEY, flows, told


class Told(Stored):
    """A world that answers as an API server that has nothing else, and that refuses some kinds."""

    def __init__(self, world: World, refused: dict[str, int]) -> None:
        super().__init__(world, complete=True)
        self.refused = refused

    def objects(self, kind: Any, namespace: str = "", labels: str = "", fields: str = "") -> Any:
        self._refuse(kind.kind)
        return super().objects(kind, namespace, labels, fields)

    def absent(self, kind: Any, namespace: str, name: str) -> bool:
        self._refuse("absent")
        return self.object(kind, namespace, name) is None

    def _refuse(self, kind: str) -> None:
        if kind in self.refused:
            raise Refused(self.refused[kind], "no")


def gathered(*fronts: w.Object, **refused: int) -> World:
    world = w.world([*w.healthy(), *fronts])
    for kind in ("Ingress", "HTTPRoute", "GRPCRoute", "Gateway", "NetworkPolicy"):
        world.objects.setdefault(kind, [])
    return of(Asker(Told(world, refused), "obs"), KubeTarget("svc", "otel"))


def named(world: World, kind: str) -> list[str]:
    return [x["metadata"]["name"] for x in world.objects.get(kind, ())]


class TestGathering:
    def test_what_leads_to_the_service_is_kept_with_its_gateway(self) -> None:
        other = {**ingress(to="shop", port=80), "metadata": {"name": "shop", "namespace": "obs"}}
        found = gathered(
            ingress(), other, route(parents=[{"name": "edge"}, {"kind": "Service", "name": "x"}]), gateway()
        )

        assert named(found, "Ingress") == ["edge"]
        assert named(found, "GRPCRoute") == ["otlp"]
        assert named(found, "Gateway") == ["edge"]
        assert not found.absent

    def test_a_route_of_another_namespace_is_seen_where_files_hold_it(self) -> None:
        def of_edge(to: str, space: str, *status: w.Object) -> World:
            led = route("HTTPRoute", to=to, port=4318, status=[*status])
            led["spec"]["rules"][0]["backendRefs"][0]["namespace"] = space
            fronts = ({**x, "metadata": {**x["metadata"], "namespace": "edge"}} for x in (led, gateway("203.0.113.4")))
            return gathered(*fronts)

        assert named(of_edge("otel", "obs"), "HTTPRoute") == ["otlp"]
        assert named(of_edge("otel", "obs"), "Gateway") == ["edge"]
        assert not _concluded(of_edge("otel", "obs")).findings
        elsewhere = of_edge("otel", "shop")
        assert (named(elsewhere, "HTTPRoute"), elsewhere.absent) == ([], [])
        (one,) = _concluded(of_edge("otel", "obs", says("ResolvedRefs", reason="RefNotPermitted"))).findings
        assert (one.code, one.severity) == ("DS707", Severity.ERROR)
        assert one.hint.startswith("Make a ReferenceGrant in the namespace of what is named")

    def test_a_service_for_otlp_that_is_not_there_is_told(self) -> None:
        found = gathered(ingress(to="otel-colector"), route("HTTPRoute", to="shop", port=80))

        assert found.absent == [("obs", "otel-colector")]
        assert named(found, "Ingress") == ["edge"]
        assert not named(found, "HTTPRoute")
        again = of(Asker(Stored(found), "obs"), KubeTarget("svc", "otel"))
        assert again.absent == found.absent

    def test_gateways_that_are_not_there_are_told(self) -> None:
        found = gathered(route(parents=[{"name": "edge"}]))

        assert found.no_gateways == [("obs", "edge")]
        assert unpacked("s", packed(found, "test")).no_gateways == found.no_gateways
        assert not gathered(route(parents=[{"name": "edge"}]), gateway()).no_gateways

    def test_one_that_may_not_be_read_may_be_there(self) -> None:
        assert not gathered(ingress(to="otel-colector"), absent=403).absent

    def test_a_refusal_is_a_gap_and_a_server_without_the_kinds_is_none(self) -> None:
        found = gathered(Ingress=403, HTTPRoute=404, GRPCRoute=503)

        assert {x.needs for x in found.gaps} >= {"ingresses.networking.k8s.io", "grpcroutes.gateway.networking.k8s.io"}
        assert not any("httproutes" in x.needs for x in found.gaps)
        assert {"Ingress", "GRPCRoute"} <= found.unseen
        assert any("`list` on `ingresses`" in x.why and "--feature front" in x.why for x in found.gaps)

    def test_of_all_services_those_that_are_not_listed_are_not_there(self) -> None:
        world = w.world([*w.healthy(), ingress(to="otel-colector")])
        for kind in ("HTTPRoute", "GRPCRoute", "Gateway", "NetworkPolicy", "OpenTelemetryCollector"):
            world.objects.setdefault(kind, [])

        assert survey(Asker(Stored(world), "")).absent == [("obs", "otel-colector")]
        assert not survey(Asker(Stored(world), "shop")).absent

    @pytest.mark.parametrize(
        "odd",
        [
            {"spec": None},
            {"spec": {"parentRefs": "x", "rules": [{"backendRefs": [{"name": "otel"}, "x", {"name": 5}]}]}},
            {"spec": {"parentRefs": ["x", {"name": None}], "rules": [{"backendRefs": [{"name": "otel", "port": {}}]}]}},
            {"spec": {"rules": [{"backendRefs": {"name": "otel"}}]}, "status": "x"},
        ],
    )
    def test_odd_objects_are_borne(self, odd: dict[str, Any]) -> None:
        found = gathered({**route(), **odd})

        assert not [x for x in _concluded(found).findings if x.severity is Severity.ERROR]


SECTIONED = [{"name": "grpc", "port": 90}, {"name": "http", "port": 80, "protocol": "HTTP"}]


@pytest.mark.parametrize(
    "fronts",
    [
        [ingress("otlp-grpc")],
        [ingress(4317, annotations={"nginx.org/grpc-services": "otel"})],
        [ingress(4317, annotations={"nginx.ingress.kubernetes.io/backend-protocol": "GRPC"})],
        [ingress(4317, path="/v1/traces", tls=[{"hosts": ["otel.example.com"]}])],
        [ingress(to="otel-colector")],
        [
            route(status=[says("Accepted", reason="NotAllowedByListeners", message="None of them.")]),
            gateway("203.0.113.4"),
        ],
        [route(parents=[{"name": "edge", "sectionName": "http"}]), gateway("203.0.113.4", listeners=SECTIONED)],
        [route("HTTPRoute", 4318, hostnames=["otel.example.com"]), gateway("203.0.113.4")],
        [balanced(given=[IP4, {**IP6, "ipMode": "Proxy"}], loadBalancerSourceRanges=["10.0.0.0/8"])],
    ],
)
def test_pseudonyms_change_nothing_of_the_answer(fronts: list[w.Object]) -> None:
    services = [x for x in fronts if x["kind"] == "Service"] or [w.service()]
    world = w.world([*w.healthy(services=services), *fronts])
    world.absent = [("obs", "otel-colector")]
    plain, veiled = _concluded(world), _concluded(veiled_world(world, Pseudonyms(KEY)))

    assert told(veiled.findings) == told(plain.findings)
    assert flows(veiled) == flows(plain)


def test_a_snapshot_keeps_what_is_absent() -> None:
    world = w.world(w.healthy())
    world.absent = [("obs", "otel-colector")]

    assert unpacked("snapshot", packed(world, "1.0")).absent == world.absent


def test_a_source_that_asks_ahead_knows_what_is_absent() -> None:
    class Api:
        context = "c"

        def object(self, kind: Any, namespace: str, name: str) -> Any:  # noqa: ARG002 -- as an API server has it
            return None if name == "gone" else {}

    source = Ahead(Api())  # type: ignore[arg-type]

    assert source.absent(None, "obs", "gone")  # type: ignore[arg-type]
    assert not source.absent(None, "obs", "there")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("front", "led"),
    [
        (ingress(path="/otlp"), "Ingress obs/edge"),
        (ingress(80), ""),
        (route("HTTPRoute", 4318, hostnames=["*.example.com"]), "HTTPRoute obs/otlp"),
        (route("HTTPRoute", 4318, hostnames=["example.com"]), ""),
        (route("HTTPRoute", 4318, hostnames="otel.example.com"), ""),
    ],
)
def test_a_client_that_names_the_host_of_what_was_stored_is_led_there(
    front: w.Object, led: str, tmp_path: Path
) -> None:
    every = [{"apiVersion": "v1", **x} for x in (*w.healthy(), cart("https://otel.example.com/otlp"), front)]
    (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": every}))
    found = stored(ClusterRequest(KubeTarget("pod", "a"), stored=str(tmp_path), namespace="shop"))

    said = [x.why for x in found.gaps if x.needs == "the way to otel.example.com"]
    asks = "leads there to Service obs/otel; `dualstack diagnose svc/otel -n obs` asks about it"
    assert said == ([f"{led} {asks}"] if led else [])

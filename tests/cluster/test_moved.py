"""A Service that selects nothing, and one of its name in another namespace that has endpoints."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, stored
from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.elsewhere import elsewhere
from dualstack.gather.kube_objects import Refused
from dualstack.gather.stored import Stored
from dualstack.model.finding import Finding
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget, kube_target
from dualstack.model.world import World
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart

Object = dict[str, Any]


def moved(pods: list[Object] | None = None, space: str = "new", **spec: Any) -> list[Object]:
    """A Collector in another namespace behind a Service of the same name, and one left behind that selects nothing."""
    there = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")] if pods is None else pods
    found = deepcopy(w.healthy(pods=there, services=[w.service(**spec)]))
    for each in found:
        if "namespace" in each["metadata"]:
            each["metadata"]["namespace"] = space
    left = w.service()
    left["spec"] |= {"clusterIP": "10.96.0.8", "clusterIPs": ["10.96.0.8", "fd00:96::8"]}
    return [*found, left, w.config()]


def gathered(objects: list[Object]) -> World:
    world = w.world([{"apiVersion": "v1", **x} for x in objects])
    for kind in ("Pod", "NetworkPolicy", "Ingress", "HTTPRoute", "GRPCRoute", "Gateway"):
        world.objects.setdefault(kind, [])
    return world


def live(objects: list[Object], source: type[Stored] = Stored) -> tuple[World, list[str]]:
    """What an API server with these objects gives for `svc/otel`, and what was told meanwhile."""
    asker = Asker(source(gathered(objects), complete=True), "obs")
    said: list[str] = []
    world = of(asker, KubeTarget("svc", "otel"))
    elsewhere(asker, said.append)
    return world, said


def cause(world: World) -> Finding:
    (one,) = [x for x in conclude(world, Question()).findings if x.code == "DS509"]
    return one


def test_the_service_of_that_name_which_has_endpoints_is_told() -> None:
    one = cause(live(moved())[0])

    assert one.detail.endswith("; there are ready endpoints behind `otel.new`.")
    assert one.hint.startswith("Let clients send to `otel.new`, if that is for them; or see whether its workload")


@pytest.mark.parametrize(
    ("spaces", "first", "meant"),
    [(["a", "b"], "`otel.a`, `otel.b`", ""), (["a", "obs-new"], "`otel.obs-new`, `otel.a`", "obs-new")],
)
def test_of_several_the_one_whose_namespace_is_alike_is_meant(spaces: list[str], first: str, meant: str) -> None:
    every = [x for y in spaces for x in moved(space=y)]
    objects = list({(x["kind"], x["metadata"].get("namespace"), x["metadata"]["name"]): x for x in every}.values())
    one = cause(live(objects)[0])

    assert one.detail.endswith(f"; there are ready endpoints behind {first}.")
    assert one.hint.startswith(f"Let clients send to `otel.{meant}`," if meant else "See whether its workload")


@pytest.mark.parametrize(
    "objects",
    [
        moved(pods=[]),
        moved(pods=[w.pod("otel-a", "n1", conditions=[{"type": "Ready", "status": "False"}])]),
        moved(ports=[{"name": "web", "port": 80, "targetPort": "web"}]),
        [*w.healthy(pods=[])],
    ],
)
def test_one_without_ready_endpoints_or_otlp_is_none(objects: list[Object]) -> None:
    assert "ready endpoints" not in cause(live(objects)[0]).detail


def test_nobody_is_asked_about_a_service_with_pods() -> None:
    assert live(w.healthy())[1] == []


@pytest.mark.parametrize("target", ["svc/otel", ""])
def test_the_same_is_told_of_what_was_stored(target: str, tmp_path: Path) -> None:
    objects = [{"apiVersion": "v1", **x} for x in moved()]
    (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    asked = ClusterRequest(
        kube_target(target) if target else None, namespace="obs" if target else "", stored=str(tmp_path)
    )
    world = stored(asked)
    found = conclude(world, Question()) if target else conclude_all(world, Question())

    (one,) = [x for x in found.findings if x.code == "DS509"]
    assert "there are ready endpoints behind `otel.new`" in one.detail


class Denied(Stored):
    """A world that answers as an API server that lists no Services of all namespaces."""

    status = 403

    def places(self, kind: Any, name: str) -> list[str]:  # noqa: ARG002 -- as of any other
        raise Refused(self.status, "forbidden")


class Busy(Denied):
    """The same of one that is busy."""

    status = 429


def test_who_may_not_list_them_is_told_the_right() -> None:
    (gap,) = [x for x in live(moved(), Denied)[0].gaps if x.needs == "Services of the same name elsewhere"]

    assert "the verb `list` on `services` allows it; see `dualstack gather --print-rbac --feature workloads`" in gap.why


def test_what_else_an_api_server_says_is_told() -> None:
    (gap,) = [x for x in live(moved(), Busy)[0].gaps if x.needs == "Services of the same name elsewhere"]

    assert "right" not in gap.why
    assert "role" not in gap.why


class Live:
    """A world that answers as an API server does: objects of one namespace, or the places of one name."""

    def __init__(self, world: World, *, refuses: bool = False) -> None:
        self._held, self._refuses = Stored(world, complete=True), refuses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._held, name)

    def places(self, kind: Any, name: str) -> list[str]:
        if self._refuses:
            raise Refused(403, "forbidden")
        return self._held.places(kind, name)

    def listed(self, kind: Any, namespace: str = "", most: int = 0) -> Any:
        if not namespace:
            raise Refused(403, "forbidden")
        return self._held.listed(kind, namespace, most)


@pytest.mark.parametrize("refuses", [True, False])
def test_the_service_of_that_name_in_another_namespace_is_named(refuses: bool) -> None:
    other = {"kind": "Service", "metadata": {"name": "otel", "namespace": "web"}, "spec": {"ports": [{"port": 80}]}}
    held = gathered([*w.healthy(), cart("http://otel:4317"), other])
    world = of(Asker(Live(held, refuses=refuses), "shop"), KubeTarget("pod", "a"))
    world.namespace, world.target = "shop", "pod/a"

    (one,) = [x for x in conclude(world, Question()).findings if x.code == "DS408"]
    assert ("there is `otel.obs`." in one.detail) is not refuses
    assert "otel.web" not in one.detail


@pytest.mark.parametrize(
    ("mode", "summary"),
    [
        ("deployment", "The Operator has not made the Service"),
        ("sidecar", "No Service has this name"),
        ("", "No Service has this name"),
    ],
)
def test_an_api_server_is_asked_for_what_the_operator_would_make_it_of(mode: str, summary: str) -> None:
    resource = {
        "kind": "OpenTelemetryCollector",
        "metadata": {"name": "gw", "namespace": "obs"},
        "spec": {"mode": mode},
    }
    held = gathered([*w.healthy(), cart("http://gw-collector.obs.svc:4317"), *([resource] if mode else [])])
    world = of(Asker(Live(held), "shop"), KubeTarget("pod", "a"))
    world.namespace, world.target = "shop", "pod/a"

    (one,) = [x for x in conclude(world, Question()).findings if x.code == "DS408"]
    assert one.summary == summary

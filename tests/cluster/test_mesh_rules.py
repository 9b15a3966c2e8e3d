"""What a stored object of Istio that is not read leaves open, for clients and receivers with its proxy."""

import json
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, diagnose
from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.model.trace import Disposition, Hop, Status
from tests.cluster import worlds as w
from tests.cluster.test_meshes import DUAL, istio, meshed
from tests.cluster.test_mutual import changed
from tests.cluster.test_policies import CLIENT

Object = dict[str, Any]
IN_MESH = changed(CLIENT, "spec", containers=[*CLIENT["spec"]["containers"], istio()])
BARE, WITH_PROXY = [w.pod("otel-a", "n1")], [meshed(istio(DUAL))]
OTEL, WEB = ({"selector": {"matchLabels": {"app": x}}} for x in ("otel", "web"))


def rule(kind: str, namespace: str = "obs", **spec: Any) -> Object:
    return {"kind": kind, "metadata": {"name": "x", "namespace": namespace}, "spec": spec}


def asked(*said: Object, client: Object = IN_MESH, pods: list[Object] = BARE, **instead: Any) -> Diagnosis:
    whole = w.world({"apiVersion": "v1", **x} for x in (*w.healthy(pods=pods, **instead), client))
    whole.objects["NetworkPolicy"] = []
    world = of(Asker(Stored(whole), "shop"), KubeTarget("pod", "cart-1"))
    for each in said:
        world.keep(each["kind"], each)
    return conclude(world, Question())


def unread(found: Diagnosis) -> str:
    hops = {x.at(Hop.POLICY) for x in found.traces}
    assert len(hops) == 1
    (hop,) = hops
    assert (hop.status is Status.UNKNOWN) is bool(hop.why)
    return hop.why.removeprefix("Istio goes by ")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([rule("DestinationRule", host="otel.obs.svc.cluster.local")], "DestinationRule obs/x, which is not read"),
        ([rule("DestinationRule", "shop", host="otel.obs")], "DestinationRule shop/x, which is not read"),
        ([rule("DestinationRule", host="*.obs.svc.cluster.local")], "DestinationRule obs/x, which is not read"),
        ([rule("DestinationRule", host="web.obs.svc.cluster.local")], ""),
        ([rule("DestinationRule", "web", host="otel.obs.svc.cluster.local")], ""),
        ([rule("Sidecar", "shop")], "Sidecar shop/x, which is not read"),
        ([rule("Sidecar", "istio-system"), rule("ServiceEntry", "shop")],
         "Sidecar istio-system/x, ServiceEntry shop/x, which are not read"),
        ([rule("AuthorizationPolicy")], ""),
    ],
)  # fmt: skip
def test_what_the_proxy_of_a_client_goes_by_is_named(said: list[Object], expected: str) -> None:
    found = asked(*said)

    assert unread(found) == expected
    assert {x.disposition for x in found.traces} == {Disposition.INSUFFICIENT_INFO}
    assert not unread(asked(*said, client=CLIENT))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (rule("AuthorizationPolicy"), "AuthorizationPolicy obs/x, which is not read"),
        (rule("AuthorizationPolicy", **OTEL), "AuthorizationPolicy obs/x, which is not read"),
        (rule("AuthorizationPolicy", "istio-system"), "AuthorizationPolicy istio-system/x, which is not read"),
        (rule("AuthorizationPolicy", **WEB), ""),
        (rule("AuthorizationPolicy", "shop"), ""),
        (rule("DestinationRule", host="otel"), ""),
    ],
)
def test_what_the_proxy_of_a_receiver_goes_by_is_named(said: Object, expected: str) -> None:
    assert unread(asked(said, client=CLIENT, pods=WITH_PROXY)) == expected


def test_what_was_stored_has_it(tmp_path: Path) -> None:
    linkerd = {"apiVersion": "policy.linkerd.io/v1alpha1", **rule("AuthorizationPolicy")}
    policy = {"apiVersion": "security.istio.io/v1", **rule("AuthorizationPolicy")}
    every = [{"apiVersion": "v1", **x} for x in (*w.healthy(pods=WITH_PROXY), CLIENT)]
    for said, expected in ((policy, True), (linkerd, False)):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*every, said]})
        (tmp_path / "all.json").write_text(text)
        for target, namespace in ((KubeTarget("pod", "cart-1"), "shop"), (EVERYTHING, "")):
            found = diagnose(ClusterRequest(target, namespace=namespace, stored=str(tmp_path)))
            assert any("AuthorizationPolicy obs/x" in y.why for x in found.traces for y in x.hops) is expected

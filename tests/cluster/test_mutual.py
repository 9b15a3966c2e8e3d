"""What a stored PeerAuthentication of Istio makes of clients that have no proxy."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, diagnose
from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.model.address import Family
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import EVERYTHING, KubeTarget
from dualstack.model.trace import Disposition, Hop
from tests.cluster import worlds as w
from tests.cluster.test_meshes import DUAL, istio, meshed
from tests.cluster.test_policies import CLIENT, calico, into, named
from tests.cluster.test_policies import asked as policed

Object = dict[str, Any]
STRICT, PERMISSIVE = {"mode": "STRICT"}, {"mode": "PERMISSIVE"}


def peers(namespace: str = "obs", mtls: Object | None = STRICT, **spec: Any) -> Object:
    about = {"name": "default", "namespace": namespace}
    return {"kind": "PeerAuthentication", "metadata": about, "spec": {**({"mtls": mtls} if mtls else {}), **spec}}


def asked(*said: Object, client: Object = CLIENT, pods: list[Object] | None = None, target: str = "pod") -> Diagnosis:
    whole = w.world([*w.healthy(pods=pods or [meshed(istio(DUAL))]), client])
    world = of(Asker(Stored(whole), "shop"), KubeTarget("pod", "cart-1"))
    if target == "svc":
        world = of(Asker(Stored(whole), "obs"), KubeTarget("svc", "otel"))
    world.keep("PeerAuthentication", *said)
    return conclude(world, Question())


def ended(found: Diagnosis) -> bool:
    return {x.disposition for x in found.traces} == {Disposition.HANDSHAKE_FAILED}


OTEL = {"selector": {"matchLabels": {"app": "otel"}}}
WEB = {"selector": {"matchLabels": {"app": "web"}}}


@pytest.mark.parametrize(
    ("said", "turned"),
    [
        ([peers()], True),
        ([peers("istio-system")], True),
        ([peers("shop")], False),
        ([peers("istio-system", **OTEL)], False),
        ([peers(mtls=PERMISSIVE)], False),
        ([peers("istio-system"), peers(mtls={"mode": "UNSET"})], True),
        ([peers("istio-system"), peers(mtls=PERMISSIVE)], False),
        ([{**peers(**OTEL), "metadata": {"name": "otel", "namespace": "obs"}}, peers(mtls=PERMISSIVE)], True),
        ([peers(mtls=PERMISSIVE, **WEB), peers("istio-system")], True),
        ([peers(mtls=None, portLevelMtls={"4317": PERMISSIVE}, **OTEL), peers("istio-system")], False),
        ([peers(mtls=None, portLevelMtls={"8888": PERMISSIVE}, **OTEL), peers("istio-system")], True),
        ([peers(), {**peers(mtls=PERMISSIVE), "metadata": {"name": "other", "namespace": "obs"}}], False),
    ],
)
def test_the_narrowest_policy_decides(said: list[Object], turned: bool) -> None:
    assert ended(asked(*said)) is turned


def test_what_was_stored_has_it(tmp_path: Path) -> None:
    every = [{"apiVersion": "v1", **x} for x in (*w.healthy(pods=[meshed(istio(DUAL))]), CLIENT)]
    every.append({"apiVersion": "security.istio.io/v1", **peers()})
    (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": every}))
    asked_about = ClusterRequest(KubeTarget("pod", "cart-1"), namespace="shop", stored=str(tmp_path))

    assert ended(diagnose(asked_about))


def test_who_is_turned_away_is_told_why() -> None:
    found = asked(peers())

    (one,) = [x for x in found.findings if x.severity == "error"]
    assert (found.verdict, one.code, one.confidence) == ("broken", "DS908", "declared")
    assert one.evidence[0].source == "PeerAuthentication obs/default"


def changed(item: Object, part: str, **more: Any) -> Object:
    found = deepcopy(item)
    found[part] |= more
    return found


AMBIENT = {"ambient.istio.io/redirection": "enabled"}


@pytest.mark.parametrize(
    "client",
    [
        changed(CLIENT, "spec", containers=[*CLIENT["spec"]["containers"], istio()]),
        changed(CLIENT, "metadata", annotations=AMBIENT),
        changed(CLIENT, "metadata", labels={"app": "cart", "istio.io/dataplane-mode": "ambient"}),
    ],
)
def test_who_is_in_the_mesh_is_not(client: Object) -> None:
    assert not ended(asked(peers(), client=client))


@pytest.mark.parametrize(
    "pod",
    [
        w.pod("otel-a", "n1"),
        meshed({"name": "kuma-sidecar"}),
        changed(meshed(istio(DUAL)), "metadata", annotations={"traffic.sidecar.istio.io/excludeInboundPorts": "4317"}),
    ],
)
def test_nobody_is_turned_away_by_a_pod_whose_port_no_proxy_of_istio_has(pod: Object) -> None:
    assert not ended(asked(peers(), pods=[pod]))


def redirected(*words: str, **annotations: str) -> Object:
    """A pod whose redirection has these words and annotations."""
    pod = meshed(istio(DUAL))
    about = {f"traffic.sidecar.istio.io/{k}InboundPorts": v for k, v in annotations.items()}
    pod = changed(pod, "metadata", annotations=about)
    return changed(pod, "spec", initContainers=[{"name": "istio-init", "args": ["istio-iptables", *words]}])


@pytest.mark.parametrize(
    ("pod", "apart"),
    [
        (redirected(), ()),
        (redirected("-b", "*", "-d", "15090,15021"), ()),
        (redirected("-b", "*", "-d", "15090,4317"), (4317,)),
        (redirected(exclude="4317, 4318"), (4317, 4318)),
        (redirected("-b", "*", "-d", "15090", exclude="4318"), (4318,)),
        (redirected("-b", "4317"), (4318,)),
        (redirected("-b", ""), (4317, 4318)),
        (redirected(include="8080"), (4317, 4318)),
        (redirected(include="all of them"), ()),
        (redirected(exclude="the-port"), ()),
    ],
)
def test_a_port_that_is_not_led_to_the_proxy_is_as_without_one(pod: Object, apart: tuple[int, ...]) -> None:
    found = asked(peers(), pods=[pod], target="svc")
    turned = asked(peers(), pods=[pod])

    led = {x.port for x in found.traces if x.at(Hop.LISTEN).why == "Istio takes connections to this pod first"}
    assert led == {4317, 4318} - {*apart}
    assert {x.port for x in turned.traces if not x.failed} == {*apart} & {4317}


def test_a_family_that_goes_round_the_proxy_is_not_ended() -> None:
    found = asked(peers(), pods=[meshed(istio())])

    ends = {x.family: x.disposition for x in found.traces}
    assert ends == {"ipv4": Disposition.HANDSHAKE_FAILED, "ipv6": Disposition.INSUFFICIENT_INFO}


def test_of_clients_that_nobody_knows_nothing_is_told() -> None:
    assert not ended(asked(peers(), target="svc"))


def test_of_everything_clients_outside_of_the_mesh_are_told(tmp_path: Path) -> None:
    client = deepcopy(CLIENT)
    env = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otel.obs.svc:4317"}]
    client["spec"]["containers"] = [{"name": "cart", "image": "cart", "env": env}]
    every = [{"apiVersion": "v1", **x} for x in (*w.healthy(pods=[meshed(istio(DUAL))]), client)]
    every.append({"apiVersion": "security.istio.io/v1", **peers()})
    (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": every}))

    found = diagnose(ClusterRequest(EVERYTHING, stored=str(tmp_path)))

    assert "DS908" in {x.code for x in found.findings}


def ambient(item: Object, state: str = "enabled", **spec: Any) -> Object:
    """A pod for which its node takes part in the mesh."""
    found = changed(item, "metadata", annotations={"ambient.istio.io/redirection": state})
    return changed(found, "spec", **spec)


@pytest.mark.parametrize(
    ("receiver", "client", "turned"),
    [
        (ambient(w.pod("otel-a", "n1", ["IPv4"])), CLIENT, True),
        (ambient(w.pod("otel-a", "n1", ["IPv6"])), CLIENT, True),
        (ambient(w.pod("otel-a", "n1", ["IPv4"]), "disabled"), CLIENT, False),
        (ambient(w.pod("otel-a", "n1", ["IPv4"])), ambient(CLIENT), False),
        (
            ambient(w.pod("otel-a", "n1", ["IPv4"])),
            changed(CLIENT, "spec", hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet"),
            False,
        ),
    ],
)
def test_the_node_of_a_pod_demands_it_for_that(receiver: Object, client: Object, turned: bool) -> None:
    found = asked(peers(), client=client, pods=[receiver])

    said = [x.detail for x in found.findings if x.code == "DS908" and x.severity == "error"]
    assert any(x.disposition is Disposition.HANDSHAKE_FAILED for x in found.traces) is turned
    assert ["The proxy of Istio on the nodes of" in x for x in said] == [True] * turned


def test_a_node_that_takes_part_over_ipv4_may_let_ipv6_be() -> None:
    found = asked(peers(), pods=[ambient(w.pod("otel-a", "n1"))])

    assert {x.family for x in found.traces if x.disposition is Disposition.HANDSHAKE_FAILED} == {Family.IPV4}


def labelled(item: Object, mode: str) -> Object:
    """A pod with the label that asks for the mesh on its node, or not to be in it."""
    return changed(item, "metadata", labels={**item["metadata"]["labels"], "istio.io/dataplane-mode": mode})


IN, HOST = ambient(w.pod("otel-a", "n1")), {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}


@pytest.mark.parametrize(
    ("receiver", "client", "asks", "denied"),
    [
        (IN, CLIENT, "", True),
        (IN, ambient(CLIENT), "", False),
        (IN, ambient(CLIENT, "disabled"), "none", True),
        (IN, CLIENT, "ambient", False),
        (IN, CLIENT, "none", True),
        (IN, labelled(CLIENT, "none"), "ambient", True),
        (IN, labelled(CLIENT, "ambient"), "none", False),
        (labelled(w.pod("otel-a", "n1"), "none"), ambient(CLIENT), "", True),
        (IN, changed(CLIENT, "spec", nodeName="n3", **HOST), "ambient", True),
    ],
)
def test_the_tunnel_of_the_mesh_leaves_open_what_policies_make_of_it(
    receiver: Object, client: Object, asks: str, denied: bool
) -> None:
    space = {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio.io/dataplane-mode": asks}}}
    found = policed(into(named("web")), space, pods=[receiver], client=client)

    assert {x.disposition is Disposition.DENIED for x in found.traces} == {denied}


def test_of_clients_that_may_be_in_the_mesh_no_policy_is_told() -> None:
    whole = w.world([*w.healthy(nodes=[calico("n1")], pods=[IN]), into(named("web"))])

    assert {x.disposition for x in conclude(whole, Question()).traces} == {Disposition.INSUFFICIENT_INFO}


@pytest.mark.parametrize("mode", ["none", "ambient"])
def test_who_is_kept_out_of_the_mesh_is_turned_away(mode: str) -> None:
    assert ended(asked(peers(), client=labelled(CLIENT, mode))) is (mode == "none")


def test_the_workload_is_named_as_its_user_knows_it() -> None:
    pod = meshed(istio(DUAL))
    pod["metadata"]["labels"] |= {"pod-template-hash": "1"}
    (one,) = [x for x in asked(peers(), pods=[pod]).findings if x.code == "DS908"]

    assert " in the pods of Deployment obs/otel ends what comes " in one.detail

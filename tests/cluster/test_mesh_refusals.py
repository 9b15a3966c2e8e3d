"""What is decided for certain by a stored AuthorizationPolicy or DestinationRule of Istio."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Disposition
from tests.cluster import worlds as w
from tests.cluster.test_mesh_rules import BARE, IN_MESH, OTEL, WEB, WITH_PROXY, Object, asked, rule
from tests.cluster.test_meshes import DUAL, istio, meshed
from tests.cluster.test_mutual import PERMISSIVE, changed, peers
from tests.cluster.test_policies import CLIENT

POLICY, HOST = "AuthorizationPolicy", "otel.obs.svc.cluster.local"


def source(**said: list[str]) -> Object:
    return {"from": [{"source": said}]}


def ends(found: Diagnosis) -> set[Disposition]:
    return {x.disposition for x in found.traces}


MONITORING, SHOP = source(namespaces=["monitoring"]), source(namespaces=["shop"])


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ([rule(POLICY, rules=[MONITORING])], True),
        ([rule(POLICY, "istio-system", rules=[MONITORING], **OTEL)], True),
        ([rule(POLICY, action="ALLOW", rules=[source(namespaces=["mon*", "*-edge"])])], True),
        ([rule(POLICY, rules=[source(principals=["cluster.local/ns/monitoring/sa/otel"])])], True),
        ([rule(POLICY)], True),
        ([rule(POLICY, rules=[{"to": [{"operation": {"ports": ["4317"]}}]}])], False),
        ([rule(POLICY, rules=[source(principals=["cluster.local/ns/shop/sa/cart"])])], False),
        ([rule(POLICY, rules=[source(principals=["*/sa/cart"])])], False),
        ([rule(POLICY, rules=[source(ipBlocks=["10.0.0.0/8"])])], False),
        ([rule(POLICY, rules=[source(namespaces=["sh*"])])], False),
        ([rule(POLICY, rules=[MONITORING, SHOP])], False),
        ([rule(POLICY, rules=[MONITORING]), rule(POLICY, "istio-system", rules=[SHOP])], False),
        ([rule(POLICY, rules=[MONITORING], **WEB)], False),
        ([rule(POLICY, action="DENY", rules=[MONITORING])], False),
        ([rule(POLICY, rules=[MONITORING], targetRefs=[{"kind": "Service", "name": "otel"}])], False),
        ([rule(POLICY, "web", rules=[MONITORING])], False),
        ([rule("Sidecar", "shop")], False),
    ],
)
def test_whom_no_policy_lets_in_is_refused(said: list[Object], refused: bool) -> None:
    found = asked(*said, pods=WITH_PROXY)

    assert ends(found) == {Disposition.REJECTED if refused else Disposition.INSUFFICIENT_INFO}
    assert w.roots(found) == (["DS904"] if refused else [])
    for one in found.findings:
        assert one.detail.endswith("lets others in alone, and Istio refuses the pods of Pod shop/cart-1.")
        assert one.hint.startswith(f"Add their namespace to {POLICY} ")


def test_without_a_proxy_in_the_pod_a_policy_is_not_heeded() -> None:
    assert not w.codes(asked(rule(POLICY, rules=[MONITORING]), pods=BARE))


def test_of_clients_that_nobody_knows_no_refusal_is_told() -> None:
    world = of(Asker(Stored(w.world(w.healthy(pods=WITH_PROXY))), "obs"), KubeTarget("svc", "otel"))
    world.keep(POLICY, rule(POLICY, rules=[MONITORING]))

    assert not w.codes(conclude(world, Question()))


def encrypting(namespace: str = "obs", mode: str = "ISTIO_MUTUAL", host: str = HOST, **said: Any) -> Object:
    traffic = {"tls": {"mode": mode}, **said.pop("traffic", {})}
    return rule("DestinationRule", namespace, host=host, trafficPolicy=traffic, **said)


MESHED = changed(CLIENT, "spec", containers=[*CLIENT["spec"]["containers"], istio(DUAL)])


@pytest.mark.parametrize(
    ("said", "vain"),
    [
        ([encrypting()], True),
        ([encrypting(host="otel")], True),
        ([encrypting("istio-system", mode="SIMPLE", exportTo=["*"])], True),
        ([encrypting("shop")], True),
        ([encrypting("shop", host="otel")], False),
        ([encrypting("web")], False),
        ([encrypting(mode="DISABLE")], False),
        ([encrypting(), encrypting("shop", mode="DISABLE")], False),
        ([encrypting(host="*.obs.svc.cluster.local")], False),
        ([encrypting(host="otel.obs")], False),
        ([encrypting(exportTo=["."])], False),
        ([encrypting("shop", workloadSelector={"matchLabels": {"app": "x"}})], False),
        ([encrypting(traffic={"portLevelSettings": [{"port": {"number": 8888}}]})], False),
    ],
)
def test_tls_of_the_proxies_of_clients_to_a_pod_without_one_is_in_vain(said: list[Object], vain: bool) -> None:
    found = asked(*said, client=MESHED)

    assert ends(found) == {Disposition.REJECTED if vain else Disposition.INSUFFICIENT_INFO}
    assert w.roots(found) == (["DS904"] if vain else [])
    assert all("makes the proxies of clients send TLS" in x.detail for x in found.findings)
    assert all(x.hint.startswith("Set `tls.mode: DISABLE` there") for x in found.findings)


@pytest.mark.parametrize(
    ("said", "vain"),
    [
        ([encrypting(mode="DISABLE"), peers()], True),
        ([encrypting("shop", mode="DISABLE"), peers("istio-system")], True),
        ([encrypting(mode="DISABLE"), peers(mtls=PERMISSIVE)], False),
        ([encrypting(mode="DISABLE")], False),
        ([encrypting(), peers()], False),
        ([encrypting(mode="DISABLE"), encrypting("shop"), peers()], False),
    ],
)
def test_plain_text_of_the_proxies_of_clients_is_refused_where_mtls_is_demanded(said: list[Object], vain: bool) -> None:
    found = asked(*said, client=MESHED, pods=WITH_PROXY)

    assert ends(found) == {Disposition.REJECTED if vain else Disposition.INSUFFICIENT_INFO}
    assert w.roots(found) == (["DS904"] if vain else [])
    assert all("PeerAuthentication" in x.detail and "DISABLE" in x.hint for x in found.findings)


@pytest.mark.parametrize(
    ("client", "pods"),
    [
        (CLIENT, BARE),
        (MESHED, WITH_PROXY),
        (changed(MESHED, "metadata", annotations={"traffic.sidecar.istio.io/excludeOutboundPorts": "4317"}), BARE),
        (changed(CLIENT, "spec", containers=[*CLIENT["spec"]["containers"], {"name": "linkerd-proxy"}]), BARE),
    ],
)
def test_who_does_not_send_it_or_is_met_by_a_proxy_is_left(client: Object, pods: list[Object]) -> None:
    assert not w.codes(asked(encrypting(), client=client, pods=pods))


@pytest.mark.parametrize(
    ("labels", "proxy", "lost"),
    [
        ({}, istio(DUAL), True),
        ({"security.istio.io/tlsMode": "istio"}, istio(DUAL), False),
        ({}, {"name": "kuma-sidecar"}, False),
    ],
)
def test_a_proxy_of_istio_leaves_the_path_of_clients_without_one(labels: Object, proxy: Object, lost: bool) -> None:
    env = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otel.obs:4318/v1/traces"}]
    client = changed(CLIENT, "spec", containers=[{"name": "cart", "env": env}])
    client = changed(client, "metadata", labels={"app": "cart", **labels})
    found = asked(peers(mtls=PERMISSIVE), client=client, pods=[meshed(proxy)])

    assert [x.summary for x in found.findings] == ["Clients post to another path"] * lost


def test_a_family_that_goes_round_the_proxy_is_not_encrypted() -> None:
    found = asked(encrypting(), client=IN_MESH)

    assert {(str(x.family), x.failed) for x in found.traces} == {("ipv4", True), ("ipv6", False)}


def test_a_receiver_that_takes_tls_is_left() -> None:
    text = w.config()
    tls = ':4317", tls: {cert_file: /c, key_file: /k}}'
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace(':4317"}', tls)

    assert "makes the proxies" not in str(asked(encrypting(), client=MESHED, configs=[text]).findings)

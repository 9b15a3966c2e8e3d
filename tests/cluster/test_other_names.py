"""Hosts that other names than those of Services may be."""

from typing import Any

import pytest

from dualstack.model.finding import Severity
from dualstack.model.trace import Hop, Status
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import alias, cart, errors, told
from tests.cluster.test_singly import asked

THERE, ABROAD = "obs.svc.cluster.local", "corp.example"


def searching(*domains: str) -> dict[str, Any]:
    return {"dnsConfig": {"searches": [*domains]}}


@pytest.mark.parametrize("domains", [(THERE,), (THERE, ABROAD), (ABROAD, THERE)])
def test_a_search_domain_of_the_pods_leads_to_a_service(domains: tuple[str, ...]) -> None:
    pod = cart("http://otel:4317", **searching(*domains))

    assert not errors(told(pod))
    assert not errors(asked(pod))


@pytest.mark.parametrize(
    ("host", "domains", "expected"),
    [
        ("otell", (THERE,), ["DS408"]),
        ("otell.obs.svc", (ABROAD,), ["DS408"]),
        ("otell", (ABROAD,), []),
        ("otell.obs", (ABROAD,), []),
        ("otell.obs", (THERE,), ["DS408"]),
    ],
)
def test_a_name_that_is_nowhere_is_a_fault_where_the_world_cannot_have_it(
    host: str, domains: tuple[str, ...], expected: list[str]
) -> None:
    pod = cart(f"http://{host}:4317", **searching(*domains))

    assert errors(told(pod)) == expected
    assert errors(asked(pod)) == expected
    assert {x.code for x in told(pod).findings if x.severity is not Severity.INFO} == {"DS408"}


NODE_NAME = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
STATUS = {"addresses": [{"type": "InternalIP", "address": "192.0.2.9"}, {"type": "Hostname", "address": "Host-9"}]}


@pytest.mark.parametrize("host", ["$(NODE_NAME)", "n2", "host-9", "N1"])
@pytest.mark.parametrize("policy", ["ClusterFirst", "Default", "None"])
def test_whether_the_name_of_a_node_is_known_nobody_can_tell(host: str, policy: str) -> None:
    pod = cart(f"http://{host}:4317", NODE_NAME, dnsPolicy=policy)
    nodes = [w.node("n1", 1), w.node("n2", 2), {**w.node("n9", 9), "status": STATUS}]
    alone, every = told(pod, nodes=nodes), asked(pod, nodes=nodes)

    assert not [x.code for x in (*alone.findings, *every.findings) if x.severity is not Severity.INFO]
    (why,) = {x.at(Hop.RESOLVE).why for x in alone.traces}
    assert why.startswith("the host is the name of a node, which nameservers outside of the cluster may know or not")
    assert any("which is no Service; `dualstack diagnose deploy/cart" in x.why for x in every.skipped)


def test_a_node_need_not_be_among_what_was_read() -> None:
    assert not errors(told(cart("http://$(NODE_NAME):4317", NODE_NAME, on="n7")))


def test_a_service_may_be_called_like_a_node() -> None:
    found = told(cart("http://n1:4317"), more=[alias("n1", "otel.obs.svc.cluster.local")])

    assert found.traces[0].at(Hop.LISTEN).status is Status.PASS


SET = "otel.obs.svc.clusterset.local"


@pytest.mark.parametrize("host", [SET, f"{SET}.", SET.upper(), f"otell{SET[4:]}", f"a.{SET}"])
def test_a_service_of_several_clusters_need_not_be_in_this_one(host: str) -> None:
    pod = cart(f"http://{host}:4317")
    alone, every = told(pod), asked(pod)

    assert not [x.code for x in (*alone.findings, *every.findings) if x.severity is not Severity.INFO]
    assert "is a name of the Multi-Cluster Services API" in alone.traces[0].at(Hop.RESOLVE).why
    assert any("which is no Service; `dualstack diagnose deploy/cart" in x.why for x in every.skipped)


def test_what_the_own_corefile_says_does_not_matter_for_it() -> None:
    corefile = {
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "data": {"Corefile": ".:53 {\n  kubernetes acme.example in-addr.arpa\n}"},
    }
    assert not errors(told(cart(f"http://{SET}:4317"), more=[corefile]))


def test_an_alias_may_stand_for_one() -> None:
    found = told(cart("http://far:4317"), more=[alias("far", SET)])

    assert not errors(found)
    assert "was not looked up" in found.traces[0].at(Hop.RESOLVE).why


def test_a_search_domain_may_be_that_of_such_names() -> None:
    assert not errors(told(cart("http://otell.obs:4317", **searching("svc.clusterset.local"))))


@pytest.mark.parametrize("spec", [{"hostNetwork": True}, {"dnsPolicy": "Default"}, {}])
def test_a_name_of_the_world_is_no_name_of_the_cluster_that_somebody_may_not_know(spec: dict[str, Any]) -> None:
    found = told(cart("https://otlp.example.com", **spec))
    (why,) = {x.at(Hop.RESOLVE).why for x in found.traces}

    assert why == "`otlp.example.com` is no Service that is known here, and was not looked up"


def test_pods_of_a_service_that_is_not_headless_may_have_names() -> None:
    found = told(cart("http://a-0.otel.obs.svc:4317"))

    assert not found.findings
    assert found.traces[0].at(Hop.RESOLVE).why.startswith("Service obs/otel is not headless, so its pods need not")


def test_a_template_that_nobody_filled_in_is_told() -> None:
    pod = cart("http://{{ .Release.Name }}-otel.obs:4317")

    for found in (told(pod), asked(pod)):
        (one,) = {x.summary: x for x in found.findings if x.code == "DS408"}.values()
        assert one.summary == "The endpoint is a template that nobody filled in"
        assert one.hint.startswith("Render it before it is applied")

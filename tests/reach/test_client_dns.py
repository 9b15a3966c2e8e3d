"""Which names of the cluster pods make of a host, by their specification."""

from typing import Any

import msgspec
import pytest

from dualstack.model.cluster import Pod
from dualstack.model.slim import ObjectMeta, ServiceCIDR, ServiceCidrSpec
from dualstack.reach.client_dns import ClusterName, intended, is_surely_within, names, resolver, shortfall

RANGES = (ServiceCIDR(metadata=ObjectMeta(), spec=ServiceCidrSpec(cidrs=["10.96.0.0/16", "fd00:96::/112", "odd/x"])),)
OTEL = ClusterName("obs", "otel")


def pod(**spec: Any) -> Pod:
    return msgspec.convert({"metadata": {"name": "a", "namespace": "shop"}, "spec": spec}, Pod)


def config(*options: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"options": [{"name": k, "value": v} for k, v in options], **more}


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("otel", [ClusterName("shop", "otel")]),
        ("OTEL.obs", [ClusterName("shop", "obs", "otel"), OTEL]),
        ("otel.obs.svc", [OTEL]),
        ("otel.obs.svc.cluster.local", [OTEL]),
        ("otel.obs.svc.cluster.local.", [OTEL]),
        ("otel.obs.svc.", []),
        ("otel-0.otel.obs.svc", [ClusterName("obs", "otel", "otel-0")]),
        ("otel-0.otel.obs.svc.corp.example", [ClusterName("obs", "otel", "otel-0")]),
        ("a.b.c.d.example", []),
    ],
)
def test_the_usual_search_domains_make_names_of_the_cluster(host: str, found: list[ClusterName]) -> None:
    assert list(names(host, resolver(pod()))) == found
    assert list(intended(host.removesuffix("."), "shop")) == (found or [OTEL] if "svc" in host else found)


@pytest.mark.parametrize(
    ("spec", "host", "found"),
    [
        ({"dnsConfig": config(("ndots", "1"))}, "otel.obs.svc", [OTEL]),
        ({"dnsConfig": config(("ndots", "0"))}, "otel.obs.svc.cluster.local", [OTEL]),
        ({"dnsConfig": config(("ndots", "many"), searches=["obs.svc.cluster.local."])}, "otel",
         [ClusterName("shop", "otel"), OTEL]),
        ({"dnsPolicy": "None", "dnsConfig": {"searches": ["svc.corp.example"]}}, "otel.obs", [OTEL]),
        ({"dnsPolicy": "None"}, "otel.obs.svc", []),
        ({"dnsPolicy": "None"}, "otel.obs.svc.cluster.local", [OTEL]),
        ({"dnsPolicy": "Default", "dnsConfig": {"searches": ["svc.cluster.local"]}}, "otel.obs", [OTEL]),
        ({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}, "otel", [ClusterName("shop", "otel")]),
    ],
)  # fmt: skip
def test_a_pod_may_have_search_domains_of_its_own(spec: dict[str, Any], host: str, found: list[ClusterName]) -> None:
    assert list(names(host, resolver(pod(**spec)))) == found


@pytest.mark.parametrize(
    ("spec", "asks"),
    [
        ({}, True),
        ({"hostNetwork": True}, None),
        ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, True),
        ({"dnsPolicy": "Default"}, None),
        ({"dnsPolicy": "None"}, None),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.96.0.10"]}}, True),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["fd00:96::a"]}}, True),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["169.254.20.10"]}}, True),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["8.8.8.8", "10.96.0.10"]}}, None),
    ],
)
def test_whether_a_pod_asks_the_cluster(spec: dict[str, Any], asks: bool | None) -> None:
    assert resolver(pod(**spec), RANGES).cluster is asks


def test_the_hosts_file_of_a_pod_comes_first() -> None:
    lines = [{"ip": "10.0.0.7", "hostnames": ["Otel", "x"]}, {"ip": "none", "hostnames": ["otel"]}, {"ip": "10.0.0.8"}]

    assert resolver(pod(hostAliases=lines)).addresses("otel.") == ("10.0.0.7",)


@pytest.mark.parametrize(
    ("host", "surely"),
    [("otel", True), ("otel.obs", False), ("otel.obs.svc", True), ("a.otel.obs.svc.x", True), ("a.b.c", False)],
)
def test_what_can_be_nothing_but_a_name_of_the_cluster(host: str, *, surely: bool) -> None:
    assert is_surely_within(host) is surely


def test_why_a_name_is_not_whole() -> None:
    bare = resolver(pod(dnsPolicy="None"))
    other = resolver(pod(dnsPolicy="None", dnsConfig={"searches": ["corp.example"]}))

    assert shortfall("otel", bare).endswith("has no search domains")
    assert shortfall("otel", other).endswith("has the search domains `corp.example` alone")
    assert shortfall("otel.obs.svc.", bare) == "`otel.obs.svc.` ends in a dot, so no search domain is added to it"

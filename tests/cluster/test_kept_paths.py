"""Ingresses and routes that lead requests on with the path that they came with."""

from typing import Any

import pytest

from dualstack.knowledge import table
from dualstack.model.trace import Disposition
from tests.cluster import worlds as w
from tests.cluster.test_fronts import IP4, TRAEFIK, before, gateway, ingress, outside, route, says

NGINX = "nginx.ingress.kubernetes.io/"
PREFIX = {"type": "PathPrefix", "value": "/otlp"}
ENVOY = "gateway.envoyproxy.io/gatewayclass-controller"


def with_path(controller: str, *filters: str, near: bool = False, **said: Any) -> w.Object:
    """A route for a path of a controller; `near` says that its filters are those of the backend."""
    found = route("HTTPRoute", 4318, status=[{**says("Accepted", "True"), "controllerName": controller}])
    rule = found["spec"]["rules"][0]
    rule["matches"] = [{"path": {**PREFIX, **said}}]
    (rule["backendRefs"][0] if near else rule)["filters"] = [{"type": x} for x in filters]
    return found


@pytest.mark.parametrize(
    ("front", "told"),
    [
        (ingress(given=[IP4], path="/otlp"), True),
        (ingress(given=[IP4], path="/otlp/", annotations={f"{NGINX}proxy-body-size": "8m"}), True),
        (ingress(given=[IP4], path="/"), False),
        (ingress(given=[IP4], path="/v1"), False),
        (ingress(given=[IP4], path="/v1/traces"), False),
        (ingress(given=[IP4], path="/v1/metrics/"), False),
        (ingress(given=[IP4], path="/otlp(/|$)(.*)", annotations={f"{NGINX}rewrite-target": "/$2"}), False),
        (ingress(given=[IP4], path="/otlp(/|$)(.*)"), False),
        (ingress(given=[IP4], path="/otlp", annotations={f"{NGINX}configuration-snippet": "rewrite ^ /;"}), False),
        (ingress(given=[IP4], path="/otlp", ingressClassName="kong"), False),
        (with_path(ENVOY), True),
        (with_path(TRAEFIK), True),
        (with_path("example.com/other"), False),
        (with_path(ENVOY, "URLRewrite"), False),
        (with_path(ENVOY, "URLRewrite", near=True), False),
        (with_path(ENVOY, "ExtensionRef"), False),
        (with_path(ENVOY, "RequestHeaderModifier"), True),
        (with_path(ENVOY, value="/v1/traces"), False),
    ],
)
def test_a_prefix_that_no_receiver_serves(front: w.Object, told: bool) -> None:
    found = before(front, gateway("203.0.113.12"))

    assert w.roots(found) == (["DS904"] if told else [])
    ends = {x.disposition for x in outside(found)}
    assert ends == {Disposition.REJECTED if told else Disposition.INSUFFICIENT_INFO}
    for one in found.findings:
        assert one.severity == "error"
        assert "leads requests for `/otlp` on with that path, and the receiver serves `/v1/traces`" in one.detail
        assert "`traces_url_path: /otlp/v1/traces`" in one.hint


def test_what_the_receiver_serves_by_its_own_words_is_in_order() -> None:
    text = w.config()
    path = ", traces_url_path: /otlp/v1/traces, metrics_url_path: /otlp/v1/metrics"
    text["data"]["config.yaml"] = text["data"]["config.yaml"].replace(':4318"}', f':4318"{path}}}')
    found = before(ingress(given=[IP4], path="/otlp"), configs=[text])

    assert "traces_url_path" in text["data"]["config.yaml"]
    assert not found.findings


def test_a_path_beside_one_that_is_served_is_left() -> None:
    both = ingress(given=[IP4], path="/otlp")
    rule = both["spec"]["rules"][0]["http"]
    rule["paths"].append({**rule["paths"][0], "path": "/v1/traces"})

    assert not before(both).findings


def test_what_leads_nowhere_or_to_grpc_is_told_as_such() -> None:
    assert w.roots(before(ingress("otlp-grpc", path="/otlp"))) == ["DS902"]
    refused = with_path(ENVOY)
    refused["status"]["parents"][0]["conditions"].append(says("ResolvedRefs")["conditions"][0])
    assert w.roots(before(refused, gateway("203.0.113.12"))) == ["DS707"]


def test_the_table_of_proxies_that_keep_paths_is_whole() -> None:
    rows = table("kept_paths")

    assert all(x["proxies"] and x["source"] for x in rows)

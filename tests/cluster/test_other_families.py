"""Faults that look like the want of a family, or like another one of a family, and are not."""

from typing import Any

import pytest

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding, Severity
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, errors, told
from tests.cluster.test_incidents import waiting
from tests.cluster.test_survey import client, variables

PODS = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]
OF_IPV4: dict[str, Any] = {"services": [w.service(["IPv4"])], "slices": w.endpoints(PODS, ["IPv4"]), "pods": PODS}


def codes(found: Diagnosis) -> list[str]:
    return [x.code for x in found.findings if not x.because]


def the(found: Diagnosis, code: str) -> Finding:
    (one,) = [x for x in found.findings if x.code == code]
    return one


def test_a_port_that_a_service_of_one_family_lacks_is_no_want_of_the_other() -> None:
    found = told(cart("http://otel.obs:4316"), **OF_IPV4)

    assert errors(found) == ["DS508"]


def of_ipv6() -> w.Object:
    return client("a", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.obs:4317"), ["IPv6"])


@pytest.mark.parametrize(
    ("policy", "cause", "patched"),
    [
        ("SingleStack", "DS501", '{"ipFamilyPolicy": "PreferDualStack"}'),
        ("PreferDualStack", "DS506", '{"ipFamilies": ["IPv4", "IPv6"]}'),
    ],
)
def test_a_service_of_one_family_that_clients_lack_is_changed_by_its_policy(
    policy: str, cause: str, patched: str
) -> None:
    parts = {**OF_IPV4, "services": [w.service(["IPv4"], ipFamilyPolicy=policy)]}
    found = told(of_ipv6(), **parts)

    assert codes(found)[0] == cause
    assert "DS305" not in codes(found)
    fix = the(found, "DS501").fix
    assert fix
    assert patched in fix.commands[0]


def made(name: str, when: str, families: list[str]) -> w.Object:
    found = w.pod(name, "n1", families)
    found["metadata"]["creationTimestamp"] = when
    return found


@pytest.mark.parametrize(
    ("first", "other", "cause"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:30:00Z", "DS606"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:02Z", "DS601"),
        ("2026-03-01T10:00:00Z", "2026-03-01T09:00:00Z", "DS601"),
        ("yesterday", "2026-03-01T09:00:00Z", "DS601"),
    ],
)
def test_pods_of_one_family_are_older_than_the_other_where_nothing_older_has_it(
    first: str, other: str, cause: str
) -> None:
    pods = [made("otel-a", first, ["IPv4"])]
    beside = made("other", other, ["IPv4", "IPv6"])
    beside["metadata"]["labels"] = {"app": "other"}
    cidrs = w.ranges(creationTimestamp="2026-01-01T10:00:00Z")
    found = w.diagnosed(w.healthy(pods=[*pods, beside], slices=w.endpoints(pods), ranges=[cidrs]))

    assert cause in codes(found)


@pytest.mark.parametrize(
    ("config", "families", "cause", "said"),
    [
        ({"grpc": "[::1]:4317"}, ["IPv4"], "DS212", ""),
        ({"grpc": '[${env:MY_POD_IP}]:4317", transport: "tcp4'}, ["IPv6"], "DS507", "no suitable address found"),
        ({"grpc": "${env:MY_POD_IP}:tcp://10.96.0.30:4317"}, ["IPv4"], "DS507", "too many colons in address"),
    ],
)
def test_what_ends_a_collector_is_told_from_its_configuration(
    config: dict[str, str], families: list[str], cause: str, said: str
) -> None:
    pods = [w.pod("otel-a", "n1", families, **waiting(terminated={"exitCode": 1, "reason": "Error"}))]
    ranges = [w.ranges("10.96.0.0/16" if families == ["IPv4"] else "fd00:96::/112")]
    found = w.diagnosed(
        w.healthy(
            pods=pods,
            nodes=[w.node("n1", 1, families)],
            ranges=ranges,
            services=[w.service(families)],
            slices=w.endpoints(pods, families),
            configs=[w.config(**config)],
        )
    )

    assert codes(found)[0] == cause
    assert not {"DS302", "DS102", "DS604"} & {*codes(found)}
    assert said in the(found, "DS507").detail


SCRAPING = """receivers:
  otlp: {protocols: {grpc: {endpoint: "[::]:4317"}, http: {endpoint: "[::]:4318"}}}
  prometheus: {config: {scrape_configs: [{job_name: own, static_configs: [{targets: ["${env:MY_POD_IP}:8888"]}]}]}}
exporters: {debug: {}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    metrics: {receivers: [prometheus], exporters: [debug]}
"""


def test_what_a_receiver_fetches_in_vain_is_no_error_of_those_who_send() -> None:
    text = w.config()
    text["data"]["config.yaml"] = SCRAPING
    pods = [w.pod("otel-a", "n1", ["IPv6"])]
    found = w.diagnosed(
        w.healthy(
            pods=pods,
            nodes=[w.node("n1", 1, ["IPv6"])],
            ranges=[w.ranges("fd00:96::/112")],
            services=[w.service(["IPv6"])],
            slices=w.endpoints(pods, ["IPv6"]),
            configs=[text],
        )
    )

    assert the(found, "DS102").severity is Severity.WARNING


def test_a_text_that_ends_a_collector_explains_that_nobody_is_ready_over_either_family() -> None:
    config = w.config()
    readers = "[{pull: {exporter: {prometheus: {host: '::', port: 8888}}}}]"
    config["data"]["config.yaml"] += f"  telemetry: {{metrics: {{readers: {readers}}}}}\n"
    pods = [w.pod("otel-a", "n1", ["IPv4"], **waiting(terminated={"exitCode": 1, "reason": "Error"}))]
    work = w.deployment()
    for each in (pods[0]["spec"], work["spec"]["template"]["spec"]):
        each["containers"][0]["image"] = "otel/opentelemetry-collector:0.119.0"
    parts: dict[str, Any] = {**OF_IPV4, "pods": pods, "slices": w.endpoints(pods, ["IPv4"])}
    found = w.diagnosed(w.healthy(**parts, configs=[config], workloads=[work]))

    assert codes(found)[0] == "DS113"
    assert the(found, "DS507").because == ("DS113",)

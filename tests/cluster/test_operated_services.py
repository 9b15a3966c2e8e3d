"""A Service that the Operator writes is mended in its resource: what others write into it is taken back."""

from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import told
from tests.cluster.test_operator import ALL, CLIENT, CR, GRPC_ALONE, ONE, RIGHT, hints, operated
from tests.cluster.test_survey import client, variables

Object = dict[str, Any]
OWNED: Object = {"ownerReferences": [{"kind": CR, "name": "otel", "controller": True}]}


def by_operator(text: str, about: Object, families: tuple[str, ...] = ("IPv4", "IPv6"), **spec: Any) -> Object:
    """The objects of such a Collector with these metadata of its Service."""
    found = operated(text, labels=ALL, **spec)
    (service,) = found["services"]
    service["spec"] |= w.service(families)["spec"] | spec
    service["metadata"] |= about
    return {**found, "slices": [x for x in found["slices"] if x["addressType"] in families]}


def asking(families: Sequence[str] = ("IPv4", "IPv6")) -> Object:
    """A client that sends to port 4317 of it."""
    return client("a", "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel-collector.obs:4317"), families)


def one(found: Diagnosis, code: str) -> Finding:
    (finding,) = [x for x in found.findings if x.code == code]
    return finding


def commands(finding: Finding) -> str:
    assert finding.fix
    return " ".join(finding.fix.commands)


BOTH_WAYS = [({"labels": ALL}, True), (OWNED, True), ({}, False)]


@pytest.mark.parametrize(("about", "written"), BOTH_WAYS)
def test_its_traffic_policy_has_no_field_in_the_resource(about: Object, written: bool) -> None:
    parts = by_operator(RIGHT, about, internalTrafficPolicy="Local")
    finding = one(w.diagnosed(w.healthy(**parts)), "DS510")

    assert ("kubectl patch" in commands(finding)) is not written
    assert (f"{CR} otel, by which this one is written, has no field for it" in finding.hint) is written


FAMILIES = [
    ("DS501", "SingleStack", "Set `ipFamilyPolicy: PreferDualStack`{}.", '"ipFamilyPolicy": "PreferDualStack"'),
    ("DS506", "PreferDualStack", "Name both families in its `ipFamilies`{}: IPv6, IPv4.", '"ipFamilies": ["IPv6", '),
]


@pytest.mark.parametrize(("about", "written"), BOTH_WAYS)
@pytest.mark.parametrize(("code", "policy", "hint", "change"), FAMILIES)
def test_its_families_are_wanted_of_the_resource(
    code: str, policy: str, hint: str, change: str, about: Object, written: bool
) -> None:
    parts = by_operator(RIGHT, about, ("IPv6",), ipFamilyPolicy=policy)
    finding = one(told(asking(["IPv4"]), **parts), code)

    where = f" in `spec` of {CR} obs/otel, by which the Service is written" if written else ""
    assert finding.hint == hint.format(where)
    named = f"{CR.lower()} otel -n obs" if written else "service otel-collector -n obs"
    assert commands(finding).startswith(f"kubectl patch {named}")
    assert change in commands(finding)


@pytest.mark.parametrize(("about", "written"), BOTH_WAYS)
def test_a_target_port_is_set_in_the_resource(about: Object, written: bool) -> None:
    wrong = [{"name": "otlp-grpc", "port": 4317, "targetPort": 5317}]
    parts = by_operator(GRPC_ALONE, about, ports=wrong)
    for each in parts["slices"]:
        each["ports"] = [{"name": "otlp-grpc", "port": 5317}]
    where = f" in `spec.ports` of {CR} otel, by which the Service is written" if written else ""

    assert hints(w.diagnosed(w.healthy(**parts))) == [f"Set its `targetPort` to 4317{where}."]


MISREAD = GRPC_ALONE.replace("0.0.0.0:4317", "[fd00:244::7]:4317")
"""Of this the Operator takes the first colon with digits for that of the port."""


@pytest.mark.parametrize(("about", "written"), BOTH_WAYS)
@pytest.mark.parametrize("target", [244, 4317])
def test_a_port_that_the_operator_read_explains_what_its_service_lacks(
    target: int, about: Object, written: bool
) -> None:
    config = yaml.safe_load(MISREAD)
    cr = {"apiVersion": "opentelemetry.io/v1beta1", "kind": CR, "metadata": {"name": "otel", "namespace": "obs"}}
    held = [{"name": "otlp-grpc", "port": 244, "targetPort": target}]
    parts = by_operator(MISREAD, about, ports=held)
    parts["workloads"][0]["metadata"] |= OWNED
    parts["pods"][0]["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "otel", "controller": True}]
    found = told(asking(), more=[{**cr, "spec": {"config": config}}], **parts)

    assert "DS516" in w.roots(found)
    assert {x.because for x in found.findings if x.code == "DS508"} == {("DS516",) if written else ()}


def test_what_its_text_says_of_families_is_mended_in_the_resource_as_well() -> None:
    finding = one(w.diagnosed(w.healthy(**by_operator(RIGHT, OWNED, ("IPv4",)))), "DS501")

    assert finding.hint == f"Set `ipFamilyPolicy: PreferDualStack` in `spec` of {CR} otel."
    assert finding.fix
    assert not finding.fix.edits


def test_the_probes_of_its_pods_ask_the_health_check_of_the_resource() -> None:
    config = yaml.safe_load(RIGHT) | {"extensions": {"health_check": {"endpoint": "localhost:13133"}}}
    config["service"]["extensions"] = ["health_check"]
    parts = operated(yaml.safe_dump(config), labels=ALL)
    (pod,), (made,) = parts["pods"], parts["workloads"]
    pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    pod["status"]["containerStatuses"][0]["ready"] = False
    made["metadata"] |= OWNED
    cr = {"apiVersion": "opentelemetry.io/v1beta1", "kind": CR, "metadata": {"name": "otel", "namespace": "obs"}}
    slices = w.endpoints([pod])
    for each in slices:
        each["metadata"]["labels"]["kubernetes.io/service-name"] = "otel-collector"
    found = w.diagnosed([*w.healthy(**{**parts, "slices": slices}), {**cr, "spec": {"config": config}}])

    assert w.roots(found)[:1] == ["DS216"]
    assert {x.because for x in found.findings if x.code == "DS507"} == {("DS216",)}


@pytest.mark.parametrize("image", ["otel/opentelemetry-collector:0.139.0", "mine.example/elastic-otel-collector:9.2.0"])
def test_where_the_collector_shows_its_own_metrics_says_nothing_of_its_receivers(image: str) -> None:
    parts = operated(GRPC_ALONE, labels=ALL, ports=ONE)
    for each in (parts["pods"][0]["spec"], parts["workloads"][0]["spec"]["template"]["spec"]):
        each["containers"][0]["image"] = image

    (hint,) = hints(told(CLIENT, **parts))
    assert hint.startswith(f"Let a receiver in `spec.config` of {CR} obs/otel take OTLP/HTTP on port 4318,")

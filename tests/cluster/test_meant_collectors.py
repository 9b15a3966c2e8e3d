"""Services that select no pod: the Collectors that their selectors seem to mean."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import worlds as w
from tests.cluster.test_no_pods import asked_of, cause

Object = dict[str, Any]


@pytest.mark.parametrize(
    ("name", "selector", "meant"),
    [
        ("otel", {"app": "otel"}, {"app": "otel-collector"}),
        ("telemetry", {"app": "otel", "tier": "edge"}, {"app": "otel-collector", "tier": None}),
        ("telemetry", {"app": "otel", "team": "obs"}, {"app": "otel-collector"}),
    ],
)
def test_the_collectors_that_a_selector_seems_to_mean_are_named(
    name: str, selector: Object, meant: Object, tmp_path: Path
) -> None:
    maker = w.deployment()
    labels = {"app": "otel-collector", "team": "obs"}
    maker["spec"] = {**maker["spec"], "template": {"metadata": {"labels": labels}, "spec": w.TEMPLATE}}
    service = w.service(selector=selector)
    service["metadata"]["name"] = name
    one = cause(asked_of(f"svc/{name}", tmp_path, pods=[], workloads=[maker], services=[service]))

    has = ", ".join(f"{k}: {v or 'not set'}" for k, v in meant.items())
    assert one.code == "DS509"
    assert one.detail.endswith(f"; the pods of Deployment otel, a Collector, have `{has}`.")
    assert one.fix is not None
    assert json.dumps({"spec": {"selector": meant}}) in one.fix.commands[0]


def test_collectors_that_a_selector_seems_to_mean_may_have_no_pods_either(tmp_path: Path) -> None:
    maker = w.deployment()
    labels = {"app": "otel-collector", "team": "obs"}
    maker["spec"] |= {"replicas": 0, "template": {"metadata": {"labels": labels}, "spec": w.TEMPLATE}}
    service = w.service(selector={"app": "otel", "team": "obs"})
    one = cause(asked_of("svc/otel", tmp_path, pods=[], workloads=[maker], services=[service]))

    assert one.detail.endswith("a Collector, have `app: otel-collector`, and it has `replicas: 0`.")
    assert one.hint == "Let the Service select the pods of Deployment otel, and scale it up."


def test_of_several_collectors_none_is_meant(tmp_path: Path) -> None:
    makers = [w.deployment(), w.deployment(), w.deployment()]
    for each, name in zip(makers, ("a", "b", "c"), strict=True):
        each["metadata"] = {"name": name, "namespace": "obs"}
        each["spec"] = {
            **each["spec"],
            "template": {"metadata": {"labels": {"app": name}}, "spec": w.TEMPLATE},
        }
    one = cause(asked_of("svc/otel", tmp_path, pods=[], workloads=makers))

    assert "a Collector, have" not in one.detail


def test_of_several_collectors_with_one_of_the_labels_the_one_whose_others_are_alike_is_meant(tmp_path: Path) -> None:
    makers = [w.deployment(), w.deployment()]
    for each, name in zip(makers, ("gateway", "agent"), strict=True):
        each["metadata"] = {"name": name, "namespace": "obs"}
        labels = {"app": "otel", "component": name}
        each["spec"] = {**each["spec"], "template": {"metadata": {"labels": labels}, "spec": w.TEMPLATE}}
    service = w.service(selector={"app": "otel", "component": "gatewy"})
    one = cause(asked_of("svc/otel", tmp_path, pods=[], workloads=makers, services=[service]))

    assert one.detail.endswith("; the pods of Deployment gateway, a Collector, have `component: gateway`.")


def test_a_selector_of_which_no_label_is_right_gets_those_by_which_the_pods_are_known(tmp_path: Path) -> None:
    maker = w.deployment()
    template = {"metadata": {"labels": {"name": "otel", "version": "1"}}, "spec": w.TEMPLATE}
    maker["spec"] = {"selector": {"matchLabels": {"name": "otel"}}, "template": template}
    service = w.service(selector={"app": "x", "tier": "y"})
    one = cause(asked_of("svc/otel", tmp_path, pods=[], workloads=[maker], services=[service]))

    assert one.detail.endswith(" have `app: not set, tier: not set, name: otel`.")
    assert one.fix is not None
    assert '{"selector": {"app": null, "tier": null, "name": "otel"}}' in one.fix.commands[0]


def test_what_the_meant_collectors_cannot_take_is_told_too(tmp_path: Path) -> None:
    service = w.service(selector={"app": "x"})
    found = asked_of("svc/otel", tmp_path, pods=[], services=[service], configs=[w.config(grpc="127.0.0.1:4317")])

    assert [x.code for x in found.findings if not x.because] == ["DS509", "DS202"]

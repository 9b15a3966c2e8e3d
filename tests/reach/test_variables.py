"""The variables of a container as the kubelet makes them."""

from typing import Any

import msgspec
import pytest

from dualstack.model.cluster import Pod
from dualstack.model.slim import ConfigMap, ObjectMeta
from dualstack.reach.variables import Variables, environment

MAPS = (ConfigMap(metadata=ObjectMeta(name="env", namespace="shop"), data={"A": "1", "B": "2"}),)


def made(env: list[dict[str, Any]], env_from: list[dict[str, Any]] | None = None, **spec: Any) -> Variables:
    labels = {"app": "cart"}
    pod = {
        "metadata": {"name": "a", "namespace": "shop", "labels": labels, "annotations": {"note": "x"}, "uid": "u"},
        "spec": {"containers": [{"name": "cart", "env": env, "envFrom": env_from or []}], "nodeName": "n1", **spec},
        "status": {
            "podIPs": [{"ip": "10.0.0.5"}, {"ip": "fd00::5"}],
            "hostIP": "10.100.0.1",
            "hostIPs": [{"ip": "10.100.0.1"}],
        },
    }
    found = msgspec.convert(pod, Pod)
    return environment((found.spec.containers or [])[0], found, MAPS)


def field(path: str) -> dict[str, Any]:
    return {"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "a"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "u"),
        ("metadata.labels['app']", "cart"),
        ("metadata.annotations['note']", "x"),
        ("spec.nodeName", "n1"),
        ("status.podIP", "10.0.0.5"),
        ("status.podIPs", "10.0.0.5,fd00::5"),
        ("status.hostIP", "10.100.0.1"),
        ("status.hostIPs", "10.100.0.1"),
    ],
)
def test_a_field_of_the_pod_is_its_value(path: str, value: str) -> None:
    assert made([field(path)]).values == {"X": value}


@pytest.mark.parametrize(
    ("env", "values"),
    [
        ([{"name": "X", "value": "1"}, {"name": "Y", "value": "$(X)2"}], {"X": "1", "Y": "12"}),
        ([{"name": "Y", "value": "$(X)2"}, {"name": "X", "value": "1"}], {"X": "1", "Y": "$(X)2"}),
        ([{"name": "Y", "value": "$$(X)"}], {"Y": "$(X)"}),
        ([{"name": "Y"}], {"Y": ""}),
        ([{"name": "X", "value": "1"}, {"name": "X", "value": "2"}], {"X": "2"}),
        ([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "A"}}}], {"X": "1"}),
        ([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "Z"}}}], {}),
    ],
)
def test_a_variable_is_made_of_those_before_it(env: list[dict[str, Any]], values: dict[str, str]) -> None:
    assert made(env) == Variables(values)


@pytest.mark.parametrize(
    ("source", "holder"),
    [
        ({"secretKeyRef": {"name": "otel", "key": "to"}}, "Secret otel"),
        ({"configMapKeyRef": {"name": "other", "key": "to"}}, "ConfigMap other"),
        ({"fieldRef": {"fieldPath": "status.other"}}, "the field status.other"),
        ({"fileKeyRef": {"path": "x"}}, "a source of another kind"),
    ],
)
def test_what_may_not_be_read_is_told_by_its_holder(source: dict[str, Any], holder: str) -> None:
    env: list[dict[str, Any]] = [{"name": "X", "valueFrom": source}, {"name": "Y", "value": "http://$(X)"}]

    assert made(env).held == {"X": holder, "Y": holder}


@pytest.mark.parametrize(
    ("source", "values", "unread"),
    [
        ({"configMapRef": {"name": "env"}}, {"A": "1", "B": "2"}, ()),
        ({"prefix": "P_", "configMapRef": {"name": "env"}}, {"P_A": "1", "P_B": "2"}, ()),
        ({"configMapRef": {"name": "other"}}, {}, ("ConfigMap other",)),
        ({"secretRef": {"name": "otel"}}, {}, ("Secret otel",)),
        ({}, {}, ("a source of another kind",)),
    ],
)
def test_all_keys_of_a_source_are_variables(
    source: dict[str, Any], values: dict[str, str], unread: tuple[str, ...]
) -> None:
    found = made([{"name": "Y", "value": "$(NOWHERE)"}], [source])

    assert found.unread == unread
    assert found.values == ({**values, "Y": "$(NOWHERE)"} if not unread else values)
    assert found.held == ({"Y": unread[0]} if unread else {})


def test_variables_of_services_are_those_of_the_start() -> None:
    env = [{"name": "Y", "value": "$(OTEL_SERVICE_HOST):$(OTEL_SERVICE_PORT_OTLP_GRPC)"}]

    assert made(env).held == {"Y": "a Service of the time when the pod started"}
    assert made(env, enableServiceLinks=False).values == {"Y": env[0]["value"]}

"""Objects of any shape end in a diagnosis: no traceback, and no cause that nothing shows."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from dualstack.model.finding import Severity
from dualstack.report.text import render
from tests.cluster import worlds as w

HEALTHY = w.healthy(
    nodes=[w.node("n1", 1)], pods=[w.pod("otel-a", "n1")], services=[w.service(internalTrafficPolicy="Cluster")]
)
ODD: list[Any] = [None, [], "odd\x1b[31m", 7, {"a": None}]
WRONG_TYPES: list[Any] = [{"a": {"b": 1}}, [[1]], [7]]
Path = tuple[str | int, ...]


def paths(value: object, above: Path = ()) -> Iterator[Path]:
    """Every place inside an object."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        yield (*above, key)
        yield from paths(inner, (*above, key))


def changed(item: w.Object, path: Path, value: object, *, gone: bool = False) -> w.Object:
    """A copy with something else at a place, or nothing."""
    found = deepcopy(item)
    inner: Any = found
    for key in path[:-1]:
        inner = inner[key]
    if gone:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return found


EACH = [
    (number, path)
    for number, item in enumerate(HEALTHY)
    for path in paths(item)
    if path[0] not in ("kind", "apiVersion")
]


@pytest.mark.parametrize("number", range(len(HEALTHY)), ids=[f"{x['kind']}-{n}" for n, x in enumerate(HEALTHY)])
def test_no_field_can_break_a_diagnosis(number: int) -> None:
    for path in (x for n, x in EACH if n == number):
        for value in ODD:
            objects = [changed(x, path, value) if n == number else x for n, x in enumerate(HEALTHY)]
            render(w.diagnosed(objects))
        objects = [changed(x, path, None, gone=True) if n == number else x for n, x in enumerate(HEALTHY)]
        render(w.diagnosed(objects))


STATUS = [(n, x) for n, x in EACH if x[0] == "status" and HEALTHY[n]["kind"] == "Pod"]


@pytest.mark.parametrize("value", WRONG_TYPES, ids=repr)
def test_a_status_of_another_type_is_no_cause(value: object) -> None:
    for number, path in STATUS:
        objects = [changed(x, path, value) if n == number else x for n, x in enumerate(HEALTHY)]
        found = w.diagnosed(objects)

        assert not [x for x in found.findings if x.severity is Severity.ERROR], path


@pytest.mark.parametrize("kind", ["Pod", "Node", "EndpointSlice", "ServiceCIDR", "ConfigMap", "Deployment"])
def test_without_a_kind_nothing_is_claimed(kind: str) -> None:
    found = w.diagnosed([x for x in HEALTHY if x["kind"] != kind], unseen=[kind])

    assert not [x for x in found.findings if x.severity is Severity.ERROR]


@pytest.mark.parametrize("kind", ["Pod", "Node", "EndpointSlice", "ConfigMap", "Deployment", "ReplicaSet", "Service"])
@pytest.mark.parametrize("body", [{}, {"spec": None, "status": None}, {"spec": [], "status": 3}, {"metadata": []}])
def test_a_strange_object_beside_the_others_changes_nothing(kind: str, body: dict[str, Any]) -> None:
    odd = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "odd", "namespace": "obs"}, **body}

    found = w.diagnosed([*HEALTHY, odd])

    assert not [x for x in found.findings if x.severity is Severity.ERROR]


def test_a_pod_that_only_has_a_name_is_unknown() -> None:
    bare = {"kind": "Pod", "metadata": {"name": "otel-a", "namespace": "obs", "labels": {"app": "otel"}}}
    slices = w.endpoints([w.pod("otel-a", "n1")])

    found = w.diagnosed([*w.healthy(pods=[], slices=slices), bare])

    assert not [x for x in found.findings if x.severity is Severity.ERROR]

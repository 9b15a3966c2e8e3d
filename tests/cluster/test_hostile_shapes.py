"""Objects of any shape end in a diagnosis: no traceback, and no cause that nothing shows."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path as File
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, diagnose
from dualstack.gather.cluster import Asker
from dualstack.gather.errors import BadInput
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.finding import Severity
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.overview import conclude_all
from dualstack.report.text import render
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart
from tests.cluster.test_incidents import DOWN
from tests.cluster.test_nowhere import API, system
from tests.cluster.test_survey import variables, whole

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


@pytest.mark.parametrize("addresses", [[], ["a.b.c:d"], ["a.b.c:d", "fd00:96::9"]], ids=str)
@pytest.mark.parametrize("instead", [{"pods": [w.pod("otel-a", "n1", **DOWN)]}, {"configs": [w.config("127.0.0.1:1")]}])
def test_a_service_of_a_family_may_have_no_address_of_it(addresses: list[str], instead: dict[str, Any]) -> None:
    found = w.diagnosed(w.healthy(services=[w.service(clusterIPs=addresses)], **instead))

    assert found.findings
    render(found)


GONE = "is gone"
NODE, ENDS = w.node("n1", 1), {**w.endpoints([])[0], "endpoints": [{"addresses": ["10.244.1.9"]}]}
VALUES = {"kind": "ConfigMap", "metadata": {"name": "values", "namespace": "shop"}, "data": {}}
POLICY = {"kind": "NetworkPolicy", "metadata": {"name": "any", "namespace": "shop"}, "spec": {"podSelector": {}}}
READER = cart("http://otel.obs:4317")
READER["spec"]["containers"].append(
    {"name": "b", "env": variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://10.100.0.1:4317")}
)
READER["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "values"}}]


@pytest.mark.parametrize(
    "value", [7, [7], [[]], [{}], {"a": {"b": 1}}, "10.0.0.0/99", ["10.0.0.0/99"], True, GONE], ids=str
)
@pytest.mark.parametrize(
    ("item", "place"),
    [
        (NODE, ("spec", "podCIDRs")),
        (NODE, ("metadata", "name")),
        (ENDS, ("endpoints", 0, "addresses")),
        (VALUES, ("data",)),
        (w.pod("otel-a", "n1"), ("metadata",)),
        (w.deployment(), ("metadata", "name")),
        (POLICY, ("metadata", "namespace")),
        (w.config(), ("metadata", "name")),
    ],
)
def test_a_file_may_hold_any_value(item: w.Object, place: Path, value: object, tmp_path: File) -> None:
    objects = (*w.healthy(nodes=[NODE], slices=[ENDS]), VALUES, POLICY, READER, API, system("n1"))
    odd = [changed(x, place, value, gone=value is GONE) if x == item else x for x in objects]
    held = [{"apiVersion": "v1", **x} for x in odd]
    (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": held}))

    with pytest.raises(BadInput, match="There is no Deployment `gone`"):
        diagnose(ClusterRequest(KubeTarget("deploy", "gone"), stored=str(tmp_path), namespace="obs"))
    for target, namespace in ((KubeTarget("svc", "otel"), "obs"), (KubeTarget("pod", "a"), "shop"), (None, "")):
        render(diagnose(ClusterRequest(target, stored=str(tmp_path), namespace=namespace)))


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_the_ranges_of_services_may_have_any_form(value: object) -> None:
    world = whole(cart("http://10.96.0.77:4317"), ranges=[changed(w.ranges(), ("spec",), value)])

    render(conclude_all(survey(Asker(Stored(world, complete=True), "")), Question()))

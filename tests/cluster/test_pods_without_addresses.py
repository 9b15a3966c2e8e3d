"""Clients of which some pods have no address yet."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop, Status, Trace
from tests.cluster import worlds as w
from tests.cluster.test_survey import KINDS, Object, client, variables

ENV = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.obs:4317")
V4 = ("IPv4",)


def asked(*pods: Object, **instead: Any) -> tuple[Trace, ...]:
    """The flows of the pods of the Deployment cart."""
    made = [
        {"kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
         "spec": {"selector": {"matchLabels": {"app": "cart"}}}},
        {"kind": "ReplicaSet", "metadata": {"name": "cart-abc", "namespace": "shop",
         "ownerReferences": [{"kind": "Deployment", "name": "cart", "controller": True}]}},
    ]  # fmt: skip
    world = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(**instead), *made, *pods)])
    for kind in KINDS:
        world.objects.setdefault(kind, [])
    found = of(Asker(Stored(world, complete=True), "shop"), KubeTarget("deploy", "cart"))
    found.namespace, found.target = "shop", "deploy/cart"
    return conclude(found, Question()).traces


def routes(traces: tuple[Trace, ...]) -> set[tuple[str, Status, str]]:
    return {(x.family.title, x.at(Hop.ROUTE).status, x.vantage) for x in traces}


ALL, SECOND = "pods of Deployment shop/cart", "pods of Deployment shop/cart on n2"


@pytest.mark.parametrize(
    ("second", "spec", "expected"),
    [
        (w.node("n2", 2, V4), {}, {("IPv4", Status.PASS, ALL)}),
        (w.node("n2", 2, V4, w.BOTH), {}, {("IPv4", Status.PASS, SECOND), ("IPv6", Status.UNKNOWN, SECOND)}),
        (w.node("n2", 2, V4, w.BOTH), {"hostNetwork": True}, {("IPv4", Status.PASS, ALL)}),
        ({**w.node("n2", 2), "status": {}, "spec": {}}, {"hostNetwork": True}, {("IPv4", Status.UNKNOWN, ALL)}),
        (w.node("n3", 3), {}, {("IPv4", Status.UNKNOWN, SECOND)}),
    ],
)
def test_a_pod_that_starts_gets_the_families_of_its_node(
    second: Object, spec: Object, expected: set[tuple[str, Status, str]]
) -> None:
    pods = client("a", "n1", ENV, V4), client("bb", "n2", ENV, (), **spec)
    nodes = [w.node("n1", 1, V4), second]

    assert expected <= routes(asked(*pods, nodes=nodes, pods=[w.pod("otel-a", "n1", V4)]))


def test_a_pod_on_no_node_does_not_make_the_others_unknown() -> None:
    waiting = client("bb", "n2", ENV, ())
    del waiting["spec"]["nodeName"]
    found = [x for x in asked(client("a", "n1", ENV, V4), waiting) if not x.vantage.endswith("that do not run")]

    assert routes(tuple(found)) == {("IPv4", Status.PASS, ALL), ("IPv6", Status.FAIL, ALL)}

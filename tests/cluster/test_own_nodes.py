"""Clients of which each sends to the node that it is on: none of these nodes is the target of all of them."""

import json

import pytest

from dualstack.report.json import render as as_json
from dualstack.report.text import render
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import agent
from tests.cluster.test_singly import asked
from tests.cluster.test_survey import Object, client, variables

ENDPOINT = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://$(AT):4317")


AGENTS = [{**x, "metadata": {**x["metadata"], "name": f"agent-{on}"}} for on in ("n1", "n2") for x in [agent(on=on)]]


def pods(path: str, *on: str) -> list[Object]:
    """Pods of one Deployment on these nodes, with a field of the pod in their endpoint."""
    env = [{"name": "AT", "valueFrom": {"fieldRef": {"fieldPath": path}}}, *ENDPOINT]
    made = [client("a" * x, y, env) for x, y in enumerate(on, 1)]
    for each in made:
        each["status"]["hostIP"] = f"10.100.0.{each['spec']['nodeName'][1:]}"
    return made


@pytest.mark.parametrize(
    ("path", "on", "said", "target"),
    [
        ("status.hostIP", ["n1", "n2"], "the address of its node: 2 pods", None),
        ("spec.nodeName", ["n1", "n2"], "the name of its node: 2 pods", None),
        ("status.hostIP", ["n1", "n1"], "10.100.0.1: 2 pods", "10.100.0.1:4317"),
        ("status.podIP", ["n1", "n2"], "", None),
    ],
)
def test_it_is_told_what_the_host_is_to_each(path: str, on: list[str], said: str, target: str | None) -> None:
    found = asked(*pods(path, *on), *AGENTS)
    lines = " ".join(render(found).split())
    (one,) = [x for x in json.loads(as_json(found))["exporters"] if x["owner"] == "Deployment cart"]

    assert said in lines
    assert ("Clients by their" in lines) == bool(said)
    assert (one["target"], one["pods"]) == (target, 2)


def test_their_flows_are_those_to_the_ports_of_their_nodes() -> None:
    found = asked(*pods("status.hostIP", "n2", "n3"), *AGENTS, nodes=[w.node(f"n{x}", x) for x in (1, 2, 3)])
    (one,) = [x for x in json.loads(as_json(found))["exporters"] if x["owner"] == "Deployment cart"]

    assert {found.traces[x].nodes for x in one["traces"]} == {("n1", "n2"), ("n3",)}

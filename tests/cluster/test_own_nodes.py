"""Clients of which each sends to the node that it is on: none of these nodes is the target of all of them."""

import json
from copy import deepcopy

import pytest

from dualstack.model.finding import Severity
from dualstack.report.json import render as as_json
from dualstack.report.text import render
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import agent, told
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


def on_node(*families: str, host_ip: str = "10.100.0.1", ports: Object | None = None) -> list[Object]:
    """A client that sends to its node, and the agent there whose pod has these families."""
    (made,) = pods("status.hostIP", "n1")
    made["status"]["hostIP"] = host_ip
    held = deepcopy(agent())
    held["status"]["podIPs"] = [x for x in held["status"]["podIPs"] if TITLE[":" in x["ip"]] in families]
    held["spec"]["containers"][0]["ports"][0].update(ports or {})
    return [made, held]


TITLE = ("IPv4", "IPv6")


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize(
    ("families", "host_ip", "lacks"),
    [
        (["IPv6"], "10.100.0.1", "IPv4"),
        (["IPv4"], "fd00:100::1", "IPv6"),
        (["IPv4"], "10.100.0.1", ""),
        (["IPv6", "IPv4"], "10.100.0.1", ""),
    ],
)
def test_a_host_port_of_a_pod_without_the_family_of_the_node_is_closed(
    families: list[str], host_ip: str, lacks: str, *, everything: bool
) -> None:
    client_, held = on_node(*families, host_ip=host_ip)
    env = client_["spec"]["containers"][0]["env"]
    env[1] = {**env[1], "value": "http://[$(AT)]:4317"} if ":" in host_ip else env[1]
    found = asked(client_, held) if everything else told(client_, pods=[held])

    errors = [x for x in found.findings if x.severity is Severity.ERROR]
    assert [(x.code, x.because) for x in errors] == [("DS601", ()), ("DS514", ("DS601",))] * bool(lacks)
    assert not any(lacks not in x.summary or "otel-agent" not in errors[0].detail for x in errors)
    assert not lacks or "port 4317 is closed" in errors[1].detail
    assert not any(x.code == "DS102" for x in found.findings)


def test_of_a_pod_in_the_network_of_its_node_the_status_need_not_tell_every_address() -> None:
    client_, held = on_node("IPv6")
    held["spec"]["hostNetwork"] = True

    assert not [x for x in told(client_, pods=[held]).findings if x.severity is Severity.ERROR]


def test_a_host_port_that_leads_to_another_port_than_the_receiver_has_is_mended_there() -> None:
    client_, held = on_node("IPv4", ports={"containerPort": 4319})
    found = told(client_, pods=[held])

    (why,) = [x for x in found.findings if x.severity is Severity.ERROR]
    assert (why.code, why.summary, why.confidence) == ("DS211", "The host port leads to a closed port", "declared")
    assert why.hint.startswith("Write `containerPort: 4317` beside `hostPort: 4317`, in the place of 4319: there the")

"""Clients that send to a port of a node: one that nobody holds, or a node port that stays on a node without a pod."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.facts import plainly
from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding, Severity
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import HOST_IP, agent, cart, errors, gathered, on_host, told
from tests.cluster.test_other_agents_onward import ALLOY, objects
from tests.cluster.test_survey import variables

Object = dict[str, Any]
NODE_PORTS = [
    {"name": "otlp-grpc", "port": 4317, "targetPort": "otlp-grpc", "nodePort": 30417},
    {"name": "otlp-http", "port": 4318, "targetPort": "otlp-http", "nodePort": 30418},
]


def the(*pods: Object, **instead: Any) -> Finding:
    """What is said of a port that nobody is known to hold."""
    (one,) = [x for x in told(*pods, **instead).findings if x.code == "DS211"]
    assert one.severity is Severity.WARNING
    return one


def holding(port: int, **about: Any) -> Object:
    pod = deepcopy(agent())
    pod["spec"]["containers"][0]["ports"][0] |= {"hostPort": port, **about}
    pod["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "otel-agent"}]
    return pod


def test_the_host_port_that_the_collector_of_the_node_has_is_named() -> None:
    found = the(on_host(), pods=[holding(14317)], slices=[])

    assert "the pod obs/otel-agent has the host port 14317 for it" in found.detail
    assert found.hint.startswith("Send to port 14317 of the node, if that is the Collector that clients mean;")


def test_one_of_a_sidecar_is_named() -> None:
    pod = holding(14317)
    first = pod["spec"]["containers"][0]
    pod["spec"]["initContainers"] = [
        {"name": "s", "image": "x", "restartPolicy": "Always", "ports": first.pop("ports")}
    ]

    assert "the pod obs/otel-agent has the host port 14317 for it" in the(on_host(), pods=[pod], slices=[]).detail


@pytest.mark.parametrize("about", [{}, {"hostIP": "127.0.0.1"}])
def test_the_port_that_the_collector_of_the_node_has_for_udp_is_none(about: Object) -> None:
    found = the(on_host(), pods=[holding(4317, protocol="UDP", **about)], slices=[])

    assert "; the pod obs/otel-agent has it for UDP alone. Only a process" in found.detail
    assert found.hint.startswith("Write `protocol: TCP` beside `hostPort: 4317` of DaemonSet obs/otel-agent;")


@pytest.mark.parametrize(
    "pod",
    [
        holding(14318, containerPort=4318),
        holding(14317, hostIP="127.0.0.1"),
        holding(14317, protocol="UDP"),
    ],
)
def test_one_for_another_protocol_or_address_is_none_to_send_to(pod: Object) -> None:
    found = the(on_host(), pods=[pod], slices=[])

    assert found.hint.startswith("Give DaemonSet obs/otel-agent `hostPort: 4317`")


RECEIVER = 'otelcol.receiver.otlp "in" {\n  grpc { }\n}\n'


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (RECEIVER, "the pod obs/agent-1 is an agent without such a port", "Give DaemonSet obs/agent `hostPort: 4317`"),
        (ALLOY, "", "Let a Collector that holds the port run"),
    ],
)
def test_the_agent_of_the_node_that_takes_otlp_is_named_and_no_gateway(text: str, said: str, hint: str) -> None:
    found = the(on_host(), more=objects(ALLOY, text))

    assert said in found.detail
    assert "otel-a " not in found.detail
    assert found.hint.startswith(hint)


def test_what_is_scaled_and_holds_a_port_of_its_node_is_named() -> None:
    pod = holding(14317)
    pod["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "otel-agent-1"}]

    assert "the pod obs/otel-agent has the host port 14317" in the(on_host(), pods=[pod], slices=[]).detail


def to_node(port: int, protocol: str = "grpc") -> Object:
    pod = cart(f"http://$(HOST_IP):{port}", *HOST_IP, *variables(OTEL_EXPORTER_OTLP_PROTOCOL=protocol))
    pod["status"]["hostIP"] = "10.100.0.1"
    return pod


@pytest.mark.parametrize(("protocol", "offered"), [("grpc", 30417), ("http/protobuf", 30418)])
def test_the_node_port_of_the_service_is_named(protocol: str, offered: int) -> None:
    found = the(to_node(30317, protocol), services=[w.service(type="NodePort", ports=NODE_PORTS)])

    assert f"Service obs/otel has the node port {offered} for it" in found.detail
    assert found.hint.startswith(f"Send to port {offered} of the node,")


def test_of_two_services_none_is_guessed_but_one_beside_the_client_is() -> None:
    one, other = (w.service(type="NodePort", ports=deepcopy(NODE_PORTS)) for _ in range(2))
    other["metadata"] = {"name": "mine", "namespace": "apart"}
    other["spec"]["ports"][0]["nodePort"] = 30517
    assert "node port" not in the(to_node(30317), services=[one, other]).detail

    other["metadata"]["namespace"] = "shop"
    assert "Service shop/mine has the node port 30517" in the(to_node(30317), services=[one, other]).detail


def sent(outcome: Outcome, *more: Object) -> Diagnosis:
    """What is said of an export from the node n2 to a node port of n1 that is held to a pod there, and none is."""
    local = w.service(type="NodePort", ports=NODE_PORTS, externalTrafficPolicy="Local")
    client = cart("http://10.100.0.1:30417", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc"), on="n2")
    world = gathered(client, more=more, services=[local], pods=[w.pod("otel-a", "n2")])
    probe = ProbeResult(ProbeTask("10.100.0.1", 30417, Protocol.GRPC, "10.100.0.1"), outcome)
    world.inspections = [Inspection("n2", "shop", "a", plainly(Snapshot({Probes: Probes((probe,))})))]
    return conclude(world, Question())


def test_silence_at_a_node_port_that_stays_on_a_node_without_a_pod_has_its_known_reason() -> None:
    found = sent(Outcome.TIMED_OUT)

    assert errors(found) == ["DS510"]
    (one,) = [x for x in found.findings if x.code == "DS510"]
    assert one.detail == "`externalTrafficPolicy` of Service obs/otel is Local, and n1 has no ready IPv4 endpoint."
    assert one.evidence[0].fact == "timed_out"
    assert sent(Outcome.ACCEPTED).verdict == "healthy"
    assert "DS510" not in errors(sent(Outcome.REFUSED))


def test_where_a_policy_may_be_what_drops_it_that_is_not_said() -> None:
    about = {"name": "egress", "namespace": "shop"}
    shut = {"podSelector": {}, "policyTypes": ["Egress"], "egress": []}

    found = sent(Outcome.TIMED_OUT, {"kind": "NetworkPolicy", "metadata": about, "spec": shut})

    assert "DS510" not in errors(found)


def test_of_a_workload_that_runs_on_the_node_the_pod_without_the_port_is_named() -> None:
    """One of another template may lack it."""
    held, bare = agent(on="n2"), w.pod("otel-bare", "n1")
    found = the(on_host(), pods=[held, bare], slices=[])

    assert (
        "ReplicaSet obs/otel-1 holds it on n2, and its pod on this node, obs/otel-bare, has no such port"
        in found.detail
    )
    assert found.hint.startswith(
        "See that the template of ReplicaSet obs/otel-1 has `hostPort: 4317`, and delete the pod obs/otel-bare,"
    )

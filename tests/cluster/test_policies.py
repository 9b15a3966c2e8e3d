"""NetworkPolicies of a cluster stop the flows that they let nobody in for."""

from typing import Any

import pytest

from dualstack.model.cluster import Node
from dualstack.model.decoders import converted
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.reach.engines import engine
from dualstack.testing.cluster import diagnosis

WORLD = """# dualstack diagnose svc/otel
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Node
    metadata: {{name: n1}}
    spec: {{podCIDRs: [10.244.0.0/24, "fd00:244::/64"]}}
    status: {{conditions: [{{type: NetworkUnavailable, status: "False", reason: CalicoIsUp}}]}}
  - apiVersion: v1
    kind: Service
    metadata: {{name: otel}}
    spec:
      clusterIPs: [10.96.0.9, "fd00:96::9"]
      ipFamilies: [IPv4, IPv6]
      selector: {{app: otel}}
      ports: [{{port: 4317}}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {{name: otel-4, labels: {{kubernetes.io/service-name: otel}}}}
    addressType: IPv4
    endpoints: [{{addresses: [10.244.0.7], targetRef: {{kind: Pod, name: otel-1}}}}]
    ports: [{{name: "", port: 4317}}]
  - apiVersion: discovery.k8s.io/v1
    kind: EndpointSlice
    metadata: {{name: otel-6, labels: {{kubernetes.io/service-name: otel}}}}
    addressType: IPv6
    endpoints: [{{addresses: ["fd00:244::7"], targetRef: {{kind: Pod, name: otel-1}}}}]
    ports: [{{name: "", port: 4317}}]
  - apiVersion: v1
    kind: Pod
    metadata: {{name: otel-1, labels: {{app: otel}}}}
    spec: {{nodeName: n1, hostNetwork: {host}, containers: [{{name: otelcol}}]}}
    status:
      phase: Running
      podIP: {address}
      podIPs: [{{ip: 10.244.0.7}}, {{ip: "fd00:244::7"}}]
      conditions: [{{type: Ready, status: "True"}}]
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {{name: guard}}
    spec: {policy}
"""


def dispositions(policy: str, *, host: str = "false", address: str = "10.244.0.7") -> dict[str, Disposition]:
    found = diagnosis(WORLD.format(policy=policy, host=host, address=address))
    return {x.family: x.disposition for x in found.traces if x.vantage == "pods"}


OPEN = {"ipv4": Disposition.INSUFFICIENT_INFO, "ipv6": Disposition.INSUFFICIENT_INFO}
V4, V6 = "{ipBlock: {cidr: 10.0.0.0/8}}", '{ipBlock: {cidr: "fd00::/8"}}'


@pytest.mark.parametrize(
    ("policy", "shut"),
    [
        (f"{{podSelector: {{}}, ingress: [{{from: [{V4}]}}]}}", {"ipv6"}),
        (f"{{podSelector: {{}}, ingress: [{{from: [{V6}]}}]}}", {"ipv4"}),
        ("{podSelector: {}, ingress: []}", {"ipv4", "ipv6"}),
        (f"{{podSelector: {{}}, ingress: [{{from: [{V4}, {V6}]}}]}}", set()),
        (f"{{podSelector: {{matchLabels: {{app: other}}}}, ingress: [{{from: [{V4}]}}]}}", set()),
        ("{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {role: client}}}]}]}", set()),
        (f"{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{V4}]}}]}}", set()),
    ],
)
def test_what_no_policy_lets_in_is_denied(policy: str, shut: set[str]) -> None:
    assert dispositions(policy) == {x: Disposition.DENIED if x in shut else y for x, y in OPEN.items()}


def test_the_finding_names_the_family_and_the_place() -> None:
    found = diagnosis(
        WORLD.format(policy=f"{{podSelector: {{}}, ingress: [{{from: [{V4}]}}]}}", host="false", address="")
    )

    (policy,) = [x for x in found.findings if x.code == "DS701"]
    assert (policy.families, policy.because) == (("ipv6",), ())
    assert policy.location
    assert policy.location.file == "default/networkpolicy/guard.yaml"
    assert "DS702" not in {x.code for x in found.findings}


def test_a_policy_for_pods_that_nobody_asks_about_is_no_finding() -> None:
    policy = f"{{podSelector: {{matchLabels: {{app: other}}}}, ingress: [{{from: [{V4}], ports: [{{port: 4317}}]}}]}}"
    found = diagnosis(WORLD.format(policy=policy, host="false", address="10.244.0.7"))

    assert "DS701" not in {x.code for x in found.findings}


def test_a_pod_in_the_network_of_its_node_is_beyond_policies() -> None:
    assert Disposition.DENIED not in dispositions("{podSelector: {}, ingress: []}", host="true").values()


def test_what_is_let_in_says_who_lets_it() -> None:
    found = diagnosis(WORLD.format(policy="{podSelector: {}, ingress: [{}]}", host="false", address="10.244.0.7"))

    hop = found.traces[0].at(Hop.POLICY)
    assert (hop.status, hop.evidence[0].source) == (Status.PASS, "NetworkPolicy guard")


def test_a_flow_that_ends_before_the_pod_stays_so() -> None:
    world = WORLD.replace(
        "endpoints: [{{addresses: [10.244.0.7]", "endpoints: [{{conditions: {{ready: false}}, addresses: [10.244.0.7]"
    )
    found = diagnosis(world.format(policy="{podSelector: {}, ingress: []}", host="false", address="10.244.0.7"))

    assert {x.disposition for x in found.traces if x.family == "ipv4"} == {Disposition.NO_ENDPOINT}


def test_where_no_node_shows_what_enforces_policies_it_is_not_known() -> None:
    world = WORLD.replace("CalicoIsUp", "RouteCreated").format(
        policy="{podSelector: {}, ingress: []}", host="false", address="10.244.0.7"
    )
    found = diagnosis(world)

    assert {x.disposition for x in found.traces} == {Disposition.INSUFFICIENT_INFO}
    assert {x.severity for x in found.findings if x.code == "DS701"} == {"warning"}
    assert found.verdict == "unknown"


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ({"metadata": {"annotations": {"projectcalico.org/IPv4Address": "192.0.2.1/24"}}}, "Calico"),
        ({"status": {"conditions": [{"type": "NetworkUnavailable", "reason": "CiliumIsUp"}]}}, "Cilium"),
        ({"status": {"conditions": [{"type": "Ready", "reason": "CiliumIsUp"}]}}, ""),
        ({"status": {"conditions": [{"type": "NetworkUnavailable", "reason": "FlannelIsUp"}]}}, ""),
        ({"status": {"nodeInfo": {"kubeletVersion": "v1.34.1+k3s1"}}}, "K3s"),
        ({"status": {"nodeInfo": {"kubeletVersion": "v1.34.1-eks-113cf36"}}}, ""),
    ],
)
def test_nodes_show_what_enforces_policies(node: dict[str, Any], name: str) -> None:
    assert engine([converted({"metadata": {"name": "n1"}, **node}, Node)]) == name

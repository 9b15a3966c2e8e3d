"""NetworkPolicies of a cluster stop the flows that they let nobody in for."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.stored import Stored
from dualstack.model.cluster import Node
from dualstack.model.decoders import converted
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Asking
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Disposition, Hop, Status
from dualstack.reach.engines import engine
from dualstack.reach.policy_marks import CHOOSES, is_chosen
from dualstack.testing.cluster import diagnosis
from tests.cluster import worlds as w

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
    assert engine([converted({"metadata": {"name": "n1"}, **node}, Node)]).name == name


CLIENT: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {"name": "cart-1", "namespace": "shop", "labels": {"app": "cart"}},
    "spec": {
        "nodeName": "n1",
        "containers": [
            {
                "name": "cart",
                "image": "cart:1",
                "env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otel.obs:4317"}],
            }
        ],
    },
    "status": {"phase": "Running", "podIPs": [{"ip": "10.244.1.9"}, {"ip": "fd00:244:0:1::9"}]},
}
DNS = {
    "kind": "EndpointSlice",
    "metadata": {
        "name": "kube-dns-1", "namespace": "kube-system", "labels": {"kubernetes.io/service-name": "kube-dns"}
    },
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.244.1.2"]}],
    "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}],
}  # fmt: skip
NAME = "kubernetes.io/metadata.name"


def named(namespace: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {NAME: namespace}}}


def policy(namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "NetworkPolicy",
        "metadata": {"name": f"of-{namespace}", "namespace": namespace},
        "spec": {"podSelector": {}, **spec},
    }


def calico(name: str, reason: str = "CalicoIsUp") -> dict[str, Any]:
    found = w.node(name, int(name[1:]))
    found["status"]["conditions"] = [{"type": "NetworkUnavailable", "status": "False", "reason": reason}]
    return found


def asked(
    *more: dict[str, Any], reason: str = "CalicoIsUp", client: dict[str, Any] = CLIENT, **instead: Any
) -> Diagnosis:
    nodes = [calico("n1", reason), calico("n2", reason)]
    world = w.world([*w.healthy(nodes=nodes, **instead), client, DNS, *more])
    world.objects.setdefault("NetworkPolicy", [])
    found = of(Asker(Stored(world), "shop"), KubeTarget("pod", "cart-1"))
    found.keep("Namespace", *world.objects.get("Namespace", ()))
    return conclude(found, Question())


def causes(found: Diagnosis) -> list[tuple[str, str, str]]:
    return [(x.code, x.severity, x.hint) for x in found.findings if not x.because and x.code != "DS521"]


ASK = {"to": [named("kube-system")], "ports": [{"port": 53, "protocol": "UDP"}]}
WEB, CART = ({"podSelector": {"matchLabels": {"app": x}}} for x in ("web", "cart"))
TEAM = {"namespaceSelector": {"matchLabels": {"team": "shop"}}}
SHOP = {"kind": "Namespace", "metadata": {"name": "shop", "labels": {NAME: "shop"}}}


def into(*peers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return policy("obs", ingress=[{"from": list(peers), **more}])


def out(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return policy("shop", policyTypes=["Egress"], egress=list(rules), **more)


def to(*blocks: str) -> dict[str, Any]:
    return {"to": [{"ipBlock": {"cidr": x}} for x in blocks]}


SHUT: dict[str, tuple[list[dict[str, Any]], str]] = {
    "another namespace": ([into(named("web"))], "namespaceSelector"),
    "other pods": ([into({**named("shop"), **WEB})], "namespaceSelector"),
    "pods of the policy's own namespace": ([into(CART)], "namespaceSelector"),
    "a label that the namespace lacks": ([into(TEAM), SHOP], "namespaceSelector"),
    "another port": ([into(named("shop"), ports=[{"port": 4318}])], "Add port 4317 to the rule"),
    "another protocol": (
        [into(named("shop"), ports=[{"port": 4317, "protocol": "UDP"}])],
        "`protocol: TCP` for port 4317",
    ),
    "every port of another protocol": ([into(named("shop"), ports=[{"protocol": "UDP"}])], "Add port 4317 to the rule"),
    "no way out": ([out(ASK)], "Let them out to port 4317"),
    "out to the range of the Services": ([out(ASK, to("10.96.0.0/12", "fd00:96::/112"))], "not its address"),
    "no way to the nameserver": ([out({"to": [named("obs")]})], "port 53"),
}


@pytest.mark.parametrize("case", SHUT)
def test_a_client_that_is_known_is_shut_out_by_the_policies_of_both_ends(case: str) -> None:
    more, fix = SHUT[case]
    found = asked(*more)

    assert found.verdict == "broken"
    ((code, severity, hint),) = causes(found)
    assert (code, severity) == ("DS701", "error")
    assert fix in hint
    assert {x.disposition for x in found.traces} == {Disposition.DENIED}

    weaker = asked(*more, reason="RouteCreated")
    assert weaker.verdict == "unknown"
    assert {x.severity for x in weaker.findings if x.code == "DS701"} == {"warning"}


@pytest.mark.parametrize("cidr", ["10.96.0.10/32", "10.96.0.0/12"])
def test_a_way_to_the_address_of_the_nameservers_service_alone_is_no_sure_one(cidr: str) -> None:
    found = asked(out(to(cidr), {"to": [named("obs")]}))

    (one,) = [x for x in found.findings if x.code == "DS701"]
    assert (one.severity, one.summary) == ("warning", "No policy lets clients ask the nameserver")
    assert "go to the address of its Service" in one.detail
    assert "`to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]`" in one.hint


LET: dict[str, list[dict[str, Any]]] = {
    "its namespace": [into(named("shop"), ports=[{"port": "otlp-grpc"}])],
    "its labels": [into({"namespaceSelector": {}, **CART})],
    "its addresses": [policy("obs", ingress=[{"from": to("10.244.1.9/32", "fd00::/8")["to"]}])],
    "both ends": [into(named("shop")), out(ASK, {"to": [named("obs")]})],
    "the cache of names on its node": [out(to("169.254.20.10/32"), {"to": [named("obs")]})],
    "the nameserver by its address": [out(to("10.244.1.2/32"), {"to": [named("obs")]})],
    "a policy for others": [policy("shop", podSelector=WEB["podSelector"], policyTypes=["Egress"])],
}


@pytest.mark.parametrize("case", LET)
def test_a_client_that_is_known_is_let_through(case: str) -> None:
    found = asked(*LET[case])

    assert not causes(found)
    assert {x.at(Hop.POLICY).status for x in found.traces} == {Status.PASS}


@pytest.mark.parametrize(
    ("rules", "mark"), [(into(named("shop")), CHOOSES), (policy("obs", ingress=[{}]), ""), (out(ASK, {}), "")]
)
def test_who_is_let_through_by_labels_is_told_from_others(rules: dict[str, Any], mark: str) -> None:
    """An export of somebody else proves nothing of them."""
    assert {x.at(Hop.POLICY).mark for x in asked(rules).traces} == {mark}


def test_a_denial_by_labels_is_told_from_one_of_everybody() -> None:
    one = asked(policy("shop", podSelector=CART["podSelector"], policyTypes=["Egress"], egress=[ASK]))
    every = asked(out(ASK))

    assert {is_chosen(x.at(Hop.POLICY)) for x in one.traces} == {True}
    assert {is_chosen(x.at(Hop.POLICY)) for x in every.traces} == {False}
    assert [x[0] for x in causes(one)] == [x[0] for x in causes(every)] == ["DS701"]


@pytest.mark.parametrize(
    ("reason", "codes"), [("FlannelIsUp", ["DS902"]), ("RouteCreated", ["DS902"]), ("CalicoIsUp", ["DS701", "DS902"])]
)
def test_what_may_enforce_nothing_comes_after_what_is_surely_wrong(reason: str, codes: list[str]) -> None:
    client = deepcopy(CLIENT)
    client["spec"]["containers"][0]["env"].append({"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "http/protobuf"})
    nodes = [calico("n1", reason), calico("n2", reason)]
    whole = w.world([*w.healthy(nodes=nodes), client, DNS, into(named("web"))])
    world = of(Asker(Stored(whole), "shop"), KubeTarget("pod", "cart-1"))
    world.keep("Deployment", w.deployment())
    found = conclude(world, Question())

    assert [x.code for x in found.findings if x.severity == "error"] == codes


def test_where_some_pods_of_a_client_get_through_it_is_not_known() -> None:
    other = deepcopy(CLIENT)
    other["metadata"] |= {"name": "cart-2", "labels": {"app": "cart", "track": "canary"}}
    canary = {"matchLabels": {"track": "canary"}}
    shut = policy("shop", podSelector=canary, policyTypes=["Egress"], egress=[ASK])
    nodes = [calico("n1"), calico("n2")]
    world = w.world([*w.healthy(nodes=nodes), CLIENT, other, DNS, shut])
    found = of(Asker(Stored(world), "shop"), KubeTarget("pod", "cart-1"))
    found.keep("Pod", other)
    found.asking = Asking("Deployment cart", "shop", ("cart-1", "cart-2"))
    judged = conclude(found, Question())

    assert {x.at(Hop.POLICY).status for x in judged.traces} == {Status.UNKNOWN}
    assert "DS701" not in {x.code for x in judged.findings}


def test_where_istio_leads_connections_to_a_port_of_its_own_it_is_not_known() -> None:
    pod, client = w.pod("otel-a", "n1"), deepcopy(CLIENT)
    for each in (pod, client):
        each["metadata"]["annotations"] = {"ambient.istio.io/redirection": "enabled"}
    found = asked(into(named("shop"), ports=[{"port": 15008}]), pods=[pod], client=client)

    assert found.verdict == "unknown"
    assert not causes(found)
    assert {x.at(Hop.POLICY).why.partition(" to ")[0] for x in found.traces} == {"Istio leads these connections"}


def test_labels_of_a_namespace_that_nobody_knows_leave_it_open() -> None:
    found = asked(into(TEAM))

    assert {x.at(Hop.POLICY).status for x in found.traces} == {Status.UNKNOWN}
    assert "not known here" in found.traces[0].at(Hop.POLICY).why
    assert found.verdict == "unknown"


def test_cilium_knows_pods_by_their_labels_and_not_by_their_addresses() -> None:
    blocks = [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]
    (cause,) = causes(asked(into(*blocks), reason="CiliumIsUp"))

    assert (cause[0], cause[1]) == ("DS701", "error")
    assert "namespaceSelector" in cause[2]


def test_a_client_in_the_network_of_its_node_is_beyond_labels() -> None:
    client = {**CLIENT, "spec": {**CLIENT["spec"], "hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}}
    shut, alone = out(), [w.pod("otel-a", "n1")]
    found = asked(shut, into(named("shop")), client=client, pods=alone)

    assert not causes(found)
    assert Status.FAIL not in {x.at(Hop.POLICY).status for x in found.traces}
    closed = policy("obs", ingress=[])
    assert {x.disposition for x in asked(closed, client=client, pods=alone).traces} == {Disposition.INSUFFICIENT_INFO}
    client["spec"] = {**client["spec"], "nodeName": "n3"}
    assert {x.disposition for x in asked(closed, client=client).traces} == {Disposition.DENIED}

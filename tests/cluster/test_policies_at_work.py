"""NetworkPolicies, and what the clients that they do not let through were seen to meet."""

from collections.abc import Iterable
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.facts import plainly
from dualstack.gather.kube_objects import Kind, Listed, Refused
from dualstack.gather.senders import strangers
from dualstack.gather.stored import Stored
from dualstack.model.address import Protocol
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Finding
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.inspection import Inspection
from dualstack.model.names import Lookup, Names
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Disposition, Hop
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_policies import ASK, CLIENT, DNS, calico, into, named, out, policy

T = TypeVar("T")
Object = dict[str, Any]
SERVICE = ("10.96.0.9", "fd00:96::9")
SERVED, SHUT = Outcome.ACCEPTED, Outcome.TIMED_OUT
NO_NAMES = out({"to": [named("obs")]})


def look(pod: str = "", outcome: Outcome | None = None, error: str = "", node: str = "n1") -> Inspection:
    """Exports to the Service from a pod, or from a Job beside it, and what its name gave there."""
    results = [ProbeResult(ProbeTask(x, 4317, Protocol.GRPC, "otel.obs"), outcome) for x in SERVICE if outcome]
    said = Lookup("otel.obs", () if error else SERVICE, error)
    return Inspection(node, "shop", pod, plainly(Snapshot({Probes: Probes(tuple(results)), Names: Names((said,))})))


def judged(rule: Object, *looks: Inspection, more: Iterable[Object] = (), reason: str = "RouteCreated") -> Diagnosis:
    """A client that a policy is about, in a cluster of which nobody knows whether anything enforces policies."""
    nodes = [calico("n1", reason), calico("n2", reason)]
    world = w.world([*w.healthy(nodes=nodes), CLIENT, DNS, rule, *more])
    found = of(Asker(Stored(world), "shop"), KubeTarget("pod", "cart-1"))
    found.inspections = list(looks)
    return conclude(found, Question())


def cause(found: Diagnosis) -> Finding:
    (one,) = [x for x in found.findings if not x.because and x.severity == "error"]
    return one


@pytest.mark.parametrize(
    ("rule", "way", "fix"),
    [
        (out(ASK, {"to": [named("obs")], "ports": [{"port": 4318}]}), "out", "Add port 4317 to the rule"),
        (into(named("web")), "in", "namespaceSelector"),
    ],
)
def test_a_client_that_was_seen_to_get_no_answer_is_stopped_by_the_policy_that_bars_it(
    rule: Object, way: str, fix: str
) -> None:
    found = judged(rule, look("cart-1", SHUT), look("", SERVED))

    one = cause(found)
    assert (found.verdict, one.code) == ("broken", "DS701")
    assert f"No policy lets the pods of Pod shop/cart-1 {way} to port 4317, and nothing" in one.detail
    assert fix in one.hint
    assert "from the pod cart-1 on n1" in one.evidence[0].source


def test_what_somebody_else_meets_is_told_as_theirs() -> None:
    found = judged(out(ASK, {"to": [named("web")]}, podSelector={"matchLabels": {"app": "cart"}}), look("", SHUT))

    assert found.verdict == "unknown"
    (why,) = {x.at(Hop.POLICY).why for x in found.traces}
    assert why.startswith(
        "NetworkPolicy shop/of-shop chooses whom it lets out, and what another pod than theirs exported"
    )


@pytest.mark.parametrize(("reason", "verdict"), [("RouteCreated", "unknown"), ("CalicoIsUp", "broken")])
def test_what_somebody_else_is_refused_a_policy_may_have_said(reason: str, verdict: str) -> None:
    """Some answer as a closed port does, Calico does not."""
    found = judged(into(named("shop")), look("", Outcome.REFUSED), reason=reason)

    assert found.verdict == verdict
    assert any(x.disposition is Disposition.REFUSED for x in found.traces) is (verdict == "broken")


def test_a_client_that_gets_through_shows_that_nothing_enforces_the_policy() -> None:
    rule = out(ASK, podSelector={"matchLabels": {"app": "cart"}})

    assert judged(rule, look("", SERVED)).verdict == "unknown"
    found = judged(rule, look("cart-1", SERVED))
    assert found.verdict == "healthy"
    assert "nothing enforces policies here" in next(x.detail for x in found.findings if x.code == "DS701")


def test_a_client_that_a_policy_lets_through_and_that_gets_no_answer_has_another_fault() -> None:
    found = judged(into(named("shop")), look("cart-1", SHUT), look("", SERVED))

    assert (found.verdict, w.codes(found)) == ("broken", {"DS906"})


def test_a_client_that_gets_no_answer_for_a_name_is_kept_from_the_nameserver() -> None:
    for others in ([], [look()], [look(node="n2")]):
        found = judged(NO_NAMES, look("cart-1", error="EAI_AGAIN"), *others)

        one = cause(found)
        assert (found.verdict, one.code, one.summary) == (
            "broken",
            "DS701",
            "No policy lets clients ask the nameserver",
        )
        assert one.evidence[0].source == "getaddrinfo in the pod cart-1 on n1"
        assert {x.disposition for x in found.traces} == {Disposition.DENIED}


def test_a_nameserver_that_answers_nobody_is_not_put_on_a_policy() -> None:
    found = judged(NO_NAMES, look("cart-1", error="EAI_AGAIN"), look(error="EAI_AGAIN"))

    assert {x.disposition for x in found.traces} == {Disposition.NO_ADDRESS}
    assert {x.disposition for x in judged(NO_NAMES, look("cart-1", error="EAI_NONAME")).traces} == {
        Disposition.NO_ADDRESS
    }


def test_a_client_that_no_policy_bars_is_told_by_what_its_own_pod_got() -> None:
    found = judged(out({}), look("cart-1", error="EAI_AGAIN"), look())

    assert (found.verdict, {x.disposition for x in found.traces}) == ("broken", {Disposition.NO_ADDRESS})


@pytest.mark.parametrize(("fate", "verdict"), [(SERVED, "healthy"), (SHUT, "broken")])
def test_a_client_that_gets_an_answer_for_a_name_is_not_kept_from_the_nameserver(fate: Outcome, verdict: str) -> None:
    found = judged(NO_NAMES, look("cart-1", fate), look())

    assert found.verdict == verdict
    said = [x for x in found.findings if x.code == "DS701"]
    assert not [x for x in said if x.severity == "error"]
    assert all(x.detail.startswith("The policies let these clients ask no nameserver, and exports") for x in said)
    assert ("DS906" in w.codes(found)) is (fate is SHUT)


class Counting(Stored):
    """A world that answers as an API server, and that counts what it is asked of all pods."""

    def __init__(self, found: World, *, denied: bool = False, more: int = 0) -> None:
        super().__init__(found, complete=True)
        self.denied, self.more, self.asked = denied, more, 0

    def listed(self, kind: Kind[T], namespace: str = "", most: int = 0) -> Listed[T]:
        if kind.kind == "Pod" and not namespace:
            self.asked += 1
            if self.denied:
                raise Refused(403, "forbidden")
            return super().listed(kind, namespace, most)._replace(more=self.more)
        return super().listed(kind, namespace, most)


def of_service(*rules: Object, denied: bool = False, more: int = 0) -> tuple[World, int]:
    """What is gathered for the Service, in a cluster with a client in another namespace."""
    nodes = [calico("n1", "RouteCreated"), calico("n2", "RouteCreated")]
    source = Counting(w.world([*w.healthy(nodes=nodes), CLIENT, DNS, *rules]), denied=denied, more=more)
    asker = Asker(source, "obs")
    found = of(asker, KubeTarget("svc", "otel"))
    strangers(asker)
    return found, source.asked


def test_clients_of_other_namespaces_that_a_policy_leaves_out_are_named() -> None:
    found = conclude(of_service(policy("obs", ingress=[{"from": [{"podSelector": {}}]}]))[0], Question())

    assert [x.owner for x in found.exporters] == ["Pod cart-1"]
    (one,) = [x for x in found.findings if x.code == "DS701"]
    assert (one.severity, found.verdict) == ("warning", "unknown")
    assert "the pods of Pod shop/cart-1 in to port 4317" in one.detail
    assert "kubernetes.io/metadata.name: shop" in one.hint


@pytest.mark.parametrize(
    ("rules", "asks"),
    [((), 0), ((policy("obs", ingress=[{}]),), 0), ((out(),), 0), ((into(named("shop")),), 1)],
)
def test_all_pods_are_listed_where_a_policy_chooses_who_comes_in(rules: tuple[Object, ...], asks: int) -> None:
    assert of_service(*rules)[1] == asks


def test_who_may_not_list_all_pods_is_told_so_and_so_is_who_has_many() -> None:
    rule = into(named("shop"))

    (gap,) = [x for x in of_service(rule, denied=True)[0].gaps if x.needs == "clients in other namespaces"]
    assert gap.why.startswith("not allowed in all namespaces; a role with the verb `list` on `pods` allows it")
    (gap,) = [x for x in of_service(rule, more=9)[0].gaps if x.needs == "clients in other namespaces"]
    assert gap.why == "9 more pods were not looked at; `--all` looks at all"


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.DENIED])
def test_a_client_in_the_network_of_its_node_that_gets_no_answer_is_none_that_labels_mean(outcome: Outcome) -> None:
    host = {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet", "nodeName": "n9"}
    client = {**CLIENT, "spec": {**CLIENT["spec"], **host}}
    world = w.world([*w.healthy(nodes=[calico("n1", "RouteCreated")]), client, DNS, into(named("shop"))])
    found = of(Asker(Stored(world), "shop"), KubeTarget("pod", "cart-1"))
    open_ = conclude(found, Question())
    found.inspections = [look("cart-1", outcome, node="n9")]

    told = conclude(found, Question())
    (one,) = [x for x in told.findings if x.code == "DS701"]
    assert (open_.verdict, w.roots(open_)) == ("unknown", [])
    assert (told.verdict, one.severity) == ("broken", "error")
    assert "chooses by labels, which mean no pods in the network of their node here, and " in one.detail
    assert "`from: [{ipBlock: …}]` of the IPv4 and IPv6 addresses of the nodes" in one.hint
    assert "DS702" not in w.codes(told)


def proxied(
    *rules: Object,
    also: Iterable[Glimpse] = (),
    node: Object | None = None,
    host: bool = False,
    unseen: Iterable[str] = (),
    at: str = "0.0.0.0",
) -> Diagnosis:
    """What is said where the API server's proxy is refused at the ports of a Collector."""
    config = w.config(grpc=f"{at}:4317", http=f"{at}:4318")
    found = w.healthy(nodes=[node or calico("n1", "RouteCreated")], configs=[config])
    for each in found:
        if each["kind"] == "Pod" and host:
            each["spec"]["hostNetwork"] = True
    place = next(f"pod {x['metadata']['name']}" for x in found if x["kind"] == "Pod")
    seen = [Glimpse(place, x, y, Way.ADDRESS, Outcome.REFUSED) for x, y in w.PORTS]
    seen += [replace(x, place=place) for x in also]
    return w.diagnosed([*found, *rules], seen=Glimpses(tuple(seen)), unseen=unseen)


K3S = {**calico("n1", "RouteCreated"), "status": {"nodeInfo": {"kubeletVersion": "v1.34.1+k3s1"}}}


@pytest.mark.parametrize(
    ("rule", "node", "refused"),
    [
        (into(named("shop")), None, False),
        (into(named("shop")), K3S, False),
        (into(named("shop")), calico("n1"), True),
        (into({"ipBlock": {"cidr": "0.0.0.0/0"}}), None, True),
        (policy("obs", ingress=[{}]), None, True),
        (policy("shop", ingress=[]), None, True),
    ],
)
def test_what_may_be_the_refusal_of_a_policy_is_none_of_a_port(
    rule: Object, node: Object | None, *, refused: bool
) -> None:
    found = proxied(rule, node=node)

    assert ("DS201" in w.codes(found)) is refused
    assert refused or found.verdict == "unknown"


INSIDE = [Glimpse("", x, y, Way.LOOPBACK, Outcome.REFUSED) for x, y in w.PORTS]


def test_a_port_that_is_closed_at_the_loopback_too_is_closed_whatever_policies_say() -> None:
    assert proxied(into(named("shop"))).verdict == "unknown"
    assert proxied(into(named("shop")), also=INSIDE).verdict == "degraded"
    assert proxied(into(named("shop")), host=True).verdict == "degraded"


def test_who_listens_at_the_address_of_the_pod_alone_is_not_met_at_the_loopback() -> None:
    pod = "${env:MY_POD_IP}"

    def lost(*rules: Object) -> set[str]:
        return {x.family for x in proxied(*rules, also=INSIDE, at=pod).traces if x.disposition is Disposition.REFUSED}

    assert lost(into(named("shop"))) == {"ipv6"}
    assert lost() == {"ipv4", "ipv6"}


@pytest.mark.parametrize(("node", "refused"), [(K3S, False), (None, False), (calico("n1"), True)])
def test_policies_that_could_not_be_read_may_refuse(node: Object | None, *, refused: bool) -> None:
    found = proxied(node=node, unseen=["NetworkPolicy"])

    assert ("DS201" in w.codes(found)) is refused

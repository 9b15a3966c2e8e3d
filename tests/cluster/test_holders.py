"""Clients that send to their node, beside Collectors of others in the network of that node."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude, sight
from dualstack.gather.cluster import Asker, of
from dualstack.gather.facts import plainly
from dualstack.gather.stored import Stored
from dualstack.looks import errand
from dualstack.model.address import Protocol
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Options, Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.target import KubeTarget
from dualstack.model.world import World
from dualstack.report.text import render
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import HOST_IP, agent, cart, gathered, node_port, on_host
from tests.cluster.test_survey import Object

STRANGER = "pod team/gw"


def stranger(*, read: bool = True, port: int = 34317, named: Iterable[int] = (), **status: Any) -> list[Object]:
    """A Collector of another team in the network of the node n1, and what it reads, if that is there."""
    pod = deepcopy(w.pod("gw", "n1", **status))
    about = {"name": "gw", "namespace": "team"}
    pod["metadata"] |= {**about, "labels": {"app": "gw"}, "ownerReferences": [{"kind": "DaemonSet", "name": "gw"}]}
    pod["spec"]["hostNetwork"] = True
    pod["spec"]["containers"][0]["ports"] = [{"containerPort": x} for x in named]
    pod["status"]["podIPs"] = [{"ip": "10.100.0.1"}, {"ip": "fd00:100::1"}]
    template = {"metadata": {"labels": {"app": "gw"}}, "spec": deepcopy(pod["spec"])}
    made = {"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": about, "spec": {"template": template}}
    text = w.CONFIG.replace("GRPC", f"0.0.0.0:{port}").replace("HTTP", "0.0.0.0:34318")
    held = {"kind": "ConfigMap", "metadata": {"name": "otel", "namespace": "team"}, "data": {"config.yaml": text}}
    return [pod, made, *([held] if read else [])]


def looks(address: Outcome, loopback: Outcome) -> Glimpses:
    """What is seen through the stranger at the port that clients send to."""
    return Glimpses(
        tuple(
            Glimpse(place, 4317, Protocol.GRPC, way, outcome)
            for place in (STRANGER, "pod gw")
            for way, outcome in ((Way.ADDRESS, address), (Way.LOOPBACK, loopback))
        )
    )


def bound(to: str) -> Object:
    """The agent of the node, whose host port is on one address."""
    found = agent()
    found["spec"]["containers"][0]["ports"][0]["hostIP"] = to
    return found


def world(pods: list[Object], *more: Object, seen: Glimpses | None = None, **instead: Any) -> World:
    found = gathered(on_host(), more=more, pods=pods, **instead)
    found.seen = seen or Glimpses()
    return found


def told(found: World) -> list[tuple[str, str]]:
    return [(x.code, str(x.severity)) for x in conclude(found, Question()).findings if x.code != "DS604"]


LED = looks(Outcome.REFUSED, Outcome.ACCEPTED)
"""The host port on the loopback answers whoever looks through a pod in the network of the node."""


@pytest.mark.parametrize("read", [True, False])
def test_a_host_port_on_the_loopback_is_no_listener_of_another_collector(*, read: bool) -> None:
    assert told(world([bound("127.0.0.1")], *stranger(read=read), seen=LED)) == [("DS514", "error")]


def test_a_collector_that_listens_elsewhere_is_not_whom_clients_mean() -> None:
    found = world([w.pod("otel-a", "n2")], *stranger())

    assert told(found) == [("DS211", "warning")]
    assert not errand(sight(found, Question()), found, Options(1.0)).pods
    assert not [x for x in sight(found, Question()).traces.items if x.server]


@pytest.mark.parametrize(("said", "kept"), [({"port": 4317}, True), ({"named": [4317]}, True), ({}, False)])
def test_a_container_is_put_into_who_surely_holds_the_port_alone(said: dict[str, Any], *, kept: bool) -> None:
    found = world([], *stranger(read=bool(said), **said))
    seen = sight(found, Question())

    assert [x.server for x in seen.traces.items] == [STRANGER]
    assert bool(errand(seen, found, Options(1.0)).pods) is kept


@pytest.mark.parametrize(
    ("seen", "status", "held"),
    [
        (None, {}, True),
        (looks(Outcome.ACCEPTED, Outcome.ACCEPTED), {}, True),
        (looks(Outcome.REFUSED, Outcome.REFUSED), {}, False),
        (looks(Outcome.REFUSED, Outcome.ACCEPTED), {}, True),
        (None, {"containerStatuses": [{"name": "otelcol", "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                                       "lastState": {"terminated": {"exitCode": 1}}}]}, False),
    ],
)  # fmt: skip
def test_of_a_collector_that_reads_nobody_knows_what_a_look_decides(
    seen: Glimpses | None, status: dict[str, Any], *, held: bool
) -> None:
    found = world([], *stranger(read=False, **status), seen=seen)

    assert bool([x for x in sight(found, Question()).traces.items if x.server]) is held
    if not held:
        assert told(found) == [("DS211", "warning")]


def test_a_node_port_leads_before_a_collector_that_may_listen() -> None:
    client = cart("http://$(HOST_IP):30317", *HOST_IP)
    client["status"]["hostIP"] = "10.100.0.1"
    found = gathered(client, more=stranger(read=False), services=[w.service(**node_port())])

    assert {x.server for x in sight(found, Question()).traces.items} == {"pod obs/otel-a"}


def on_both(taints: Iterable[Object] = (), **spec: Any) -> World:
    """The agent has a host port on the node n2, and a client on each node sends to its own; n1 has some taints."""
    mine = agent(on="n2")
    mine["spec"] |= spec
    mine["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "agent"}]
    other = cart("http://$(HOST_IP):4317", *HOST_IP, on="n2")
    other["metadata"]["name"], other["status"]["hostIP"] = "b", "10.100.0.2"
    made = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {}}}  # fmt: skip
    tainted = w.node("n1", 1)
    tainted["spec"]["taints"] = [*taints]
    objects = (*w.healthy(pods=[mine], nodes=[tainted, w.node("n2", 2)]), on_host(), other, made, *stranger())
    whole = w.world([{"apiVersion": "v1", **x} for x in objects])
    return of(Asker(Stored(whole, complete=True), "shop"), KubeTarget("deploy", "cart"))


def test_nodes_of_which_the_same_is_true_are_told_together() -> None:
    senders = [cart("http://$(HOST_IP):4319", *HOST_IP, on=f"n{x}") for x in (1, 2, 3)]
    for number, each in enumerate(senders, 1):
        each["metadata"]["name"], each["status"]["hostIP"] = f"c{number}", f"10.100.0.{number}"
    made = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {}}}  # fmt: skip
    nodes = [w.node(f"n{x}", x) for x in (1, 2, 3)]
    objects = (*w.healthy(pods=[], nodes=nodes), *senders, made)
    whole = w.world([{"apiVersion": "v1", **x} for x in objects])
    found = conclude(of(Asker(Stored(whole, complete=True), "shop"), KubeTarget("deploy", "cart")), Question())

    details = [x.detail for x in found.findings if x.code == "DS211"]
    assert len(details) == 1
    assert details[0].endswith("The same is true of 10.100.0.2:4319, 10.100.0.3:4319.")


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, "DaemonSet obs/agent holds it on n2"),
        (
            {"nodeSelector": {"pool": "dual"}},
            "DaemonSet obs/agent holds it on n2, and its nodeSelector asks for pool=dual, which n1 lacks",
        ),
    ],
)
def test_who_holds_the_port_on_other_nodes_is_told(spec: Object, why: str) -> None:
    (one,) = [x for x in conclude(on_both(**spec), Question()).findings if x.code == "DS211"]

    assert f"known to listen there in its network; {why}. Only" in one.detail
    assert "team/gw" not in one.detail
    assert one.hint.startswith("Let DaemonSet obs/agent run on each node that clients run on;")


GPU = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("taint", "tolerations", "barred"),
    [
        (GPU, [], "dedicated=gpu:NoSchedule"),
        ({"key": "spot", "effect": "NoExecute"}, [], "spot:NoExecute"),
        (GPU, [{"key": "dedicated", "value": "db"}], "dedicated=gpu:NoSchedule"),
        (GPU, [{"key": "other", "operator": "Exists"}], "dedicated=gpu:NoSchedule"),
        (GPU, [{"operator": "Exists", "effect": "NoExecute"}], "dedicated=gpu:NoSchedule"),
        (GPU, [{"operator": "Equal", "value": "gpu"}], "dedicated=gpu:NoSchedule"),
        (GPU, [{"key": "dedicated", "value": "gpu"}], ""),
        (GPU, [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}], ""),
        (GPU, [{"operator": "Exists"}], ""),
        ({**GPU, "effect": "PreferNoSchedule"}, [], ""),
    ],
)
def test_the_taint_that_keeps_the_holder_from_a_node_is_named(
    taint: Object, tolerations: list[Object], barred: str
) -> None:
    found = conclude(on_both([taint], tolerations=tolerations), Question())
    (one,) = [x for x in found.findings if x.code == "DS211"]

    said = f"DaemonSet obs/agent holds it on n2, and it has no toleration for the taint {barred} of n1. Only"
    assert said in one.detail if barred else "toleration" not in one.detail


def refused(address: str = "10.100.0.1") -> Inspection:
    probe = ProbeResult(ProbeTask(address, 4317, Protocol.GRPC, address), Outcome.REFUSED)
    return Inspection("n1", "shop", "", plainly(Snapshot({Probes: Probes((probe,))})))


def test_a_refusal_at_a_port_that_no_pod_holds_is_told_once_with_its_reason() -> None:
    found = world([w.pod("otel-a", "n2")], *stranger())
    found.inspections = [refused()]

    (one,) = [x for x in conclude(found, Question()).findings if x.code == "DS211"]

    assert str(one.severity) == "error"
    assert one.detail == (
        "Clients send to 10.100.0.1:4317: no pod on the node n1 has a host port 4317, or is known to listen there in "
        "its network; the pod team/gw is a Collector without such a port. Connections are refused."
    )
    assert [str(x.layer) for x in one.evidence] == ["probed", "observed"]


def shown(found: World) -> list[str]:
    """What the report says of who exports where."""
    text = render(conclude(found, Question()))
    return [x.strip() for x in text.partition("Clients by their variables:")[2].split("\n\n")[0].splitlines() if x]


def test_pods_that_send_to_their_own_nodes_are_counted_apart() -> None:
    assert shown(on_both()) == [
        "- 10.100.0.1: 1 pod, of Deployment cart in shop",
        "- 10.100.0.2: 1 pod, of Deployment cart in shop",
    ]

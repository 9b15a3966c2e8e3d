"""The labels of namespaces, asked for where a NetworkPolicy chooses by them."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.facts import plainly
from dualstack.gather.kube_objects import Refused
from dualstack.gather.spaces import spaces
from dualstack.gather.stored import Stored
from dualstack.model.address import Protocol
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop
from dualstack.model.world import World
from tests.cluster import worlds as w
from tests.cluster.test_policies import CLIENT, DNS, TEAM, calico, causes, into, named, out, policy

Object = dict[str, Any]


class Counting(Stored):
    """A world that answers as an API server, and that counts what it is asked of namespaces."""

    def __init__(self, world: World, *, denied: bool = False) -> None:
        super().__init__(world, complete=True)
        self.denied, self.asked = denied, list[str]()

    def object(self, kind: Any, namespace: str, name: str) -> Any:
        if kind.kind == "Namespace":
            self.asked.append(name)
            if self.denied:
                raise Refused(403, "forbidden")
        return super().object(kind, namespace, name)


def space(name: str, **labels: str) -> Object:
    return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def asked(*more: Object, denied: bool = False, **instead: Any) -> tuple[World, list[str]]:
    """What is gathered for a client, and the namespaces that were asked for."""
    held = [
        *w.healthy(nodes=[calico("n1"), calico("n2")], **instead),
        CLIENT,
        DNS,
        space("shop", team="web"),
        space("obs"),
        *more,
    ]
    whole = w.world([{"apiVersion": "v1", **x} for x in held])
    source = Counting(whole, denied=denied)
    asker = Asker(source, "shop")
    world = of(asker, KubeTarget("pod", "cart-1"))
    spaces(asker)
    return world, source.asked


def test_a_policy_that_wants_a_label_is_judged_by_those_of_the_namespace() -> None:
    world, names = asked(into(TEAM))

    assert {*names} == {"shop", "obs"}
    ((code, severity, hint),) = causes(conclude(world, Question()))
    assert (code, severity) == ("DS701", "error")
    assert "namespaceSelector" in hint


def test_who_may_not_read_them_is_told_the_right() -> None:
    world, _ = asked(into(TEAM), denied=True)

    assert conclude(world, Question()).verdict == "unknown"
    (gap,) = [x for x in world.gaps if "`namespaces`" in x.why]
    assert "the verb `get` on `namespaces` allows it; see `dualstack gather --print-rbac --feature labels`" in gap.why


def lost() -> Inspection:
    """Exports of a Job to the Service that nothing answers."""
    tasks = (ProbeTask(x, 4317, Protocol.GRPC, "otel.obs.svc") for x in ("10.96.0.9", "fd00:96::9"))
    probes = Probes(tuple(ProbeResult(x, Outcome.TIMED_OUT) for x in tasks))
    return Inspection("n1", "shop", "", plainly(Snapshot({Probes: probes})))


@pytest.mark.parametrize("rule", [into(TEAM), into(named("shop"))])
def test_the_policy_that_others_did_not_get_through_is_named(rule: Object) -> None:
    world, _ = asked(rule, denied=True)
    world.inspections = [lost()]
    found = conclude(world, Question())

    whys = {x.at(Hop.POLICY).why for x in found.traces if x.target.port == 4317}
    assert all("NetworkPolicy obs/" in x and x.endswith("does not get through") for x in whys)
    assert found.verdict == "unknown"


WANTED = {"matchExpressions": [{"key": "team", "operator": "Exists"}]}


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        (policy("obs", ingress=[{}]), False),
        (into(named("shop")), False),
        (into({"namespaceSelector": {}}), False),
        (into({"podSelector": {"matchLabels": {"app": "cart"}}}), False),
        (out({"to": [{"namespaceSelector": WANTED}]}), True),
    ],
)
def test_they_are_asked_for_where_a_policy_wants_more_than_a_name(rule: Object, asks: bool) -> None:
    assert bool(asked(rule)[1]) is asks


@pytest.mark.parametrize(("more", "asks"), [([policy("obs", ingress=[{}])], True), ([], False)])
def test_they_are_asked_for_where_istio_leads_who_is_in_the_mesh(more: list[Object], *, asks: bool) -> None:
    receiver = w.pod("otel-a", "n1")
    receiver["metadata"]["annotations"] = {"ambient.istio.io/redirection": "enabled"}
    assert bool(asked(*more, pods=[receiver])[1]) is asks

"""Policies of other kinds than NetworkPolicies, and those that may not be read: who lets whom in is open there."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.cluster import Asker, of
from dualstack.gather.kube_objects import Kind, Refused
from dualstack.gather.stored import Stored
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop, Status
from tests.cluster import worlds as w
from tests.cluster.test_policies import CLIENT, DNS, asked, calico, causes, into, named


def of_cilium(namespace: str = "obs", kind: str = "CiliumNetworkPolicy") -> dict[str, Any]:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": kind,
        "metadata": {"name": "other", "namespace": namespace},
        "spec": {},
    }


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ([], "error"),
        ([of_cilium("web")], "error"),
        ([of_cilium()], "warning"),
        ([of_cilium("", "CiliumClusterwideNetworkPolicy")], "warning"),
    ],
)
def test_what_no_policy_of_kubernetes_lets_in_another_one_may(more: list[dict[str, Any]], severity: str) -> None:
    found = asked(into(named("web")), *more, reason="CiliumIsUp")

    ((code, said, _),) = causes(found)
    assert (code, said) == ("DS701", severity)
    assert found.verdict == ("broken" if severity == "error" else "unknown")
    about = next(x.detail for x in found.findings if x.code == code)
    assert ("NetworkPolicy may, and is not read" in about) is (severity == "warning")


@pytest.mark.parametrize("host", [False, True])
def test_a_policy_for_all_namespaces_that_is_not_read_is_named(*, host: bool) -> None:
    about = {"apiVersion": "crd.projectcalico.org/v1", "kind": "GlobalNetworkPolicy", "metadata": {"name": "deny"}}
    client = deepcopy(CLIENT)
    client["spec"]["hostNetwork"] = host
    pods = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]
    for each in pods:
        each["spec"]["hostNetwork"] = host
    found = asked(about, client=client, pods=pods)

    hops = {(x.at(Hop.POLICY).status, x.at(Hop.POLICY).why) for x in found.traces}
    named = (Status.UNKNOWN, "a GlobalNetworkPolicy may be for these pods, and is not read")
    assert (named in hops) is not host
    assert "DS701" not in w.codes(found)


def test_policies_that_may_not_be_read_may_let_clients_in() -> None:
    world = w.world([*w.healthy(nodes=[calico("n1"), calico("n2")]), CLIENT, DNS, into(named("web"))])

    class Denying(Stored):
        def objects(self, kind: Kind[Any], namespace: str = "", labels: str = "", fields: str = "") -> list[Any]:
            if kind.group == "crd.projectcalico.org":
                raise Refused(403, "forbidden")
            return super().objects(kind, namespace, labels, fields)

    found = of(Asker(Denying(world), "shop"), KubeTarget("pod", "cart-1"))

    assert {x for x, _ in found.other_policies} == {"NetworkPolicy.crd.projectcalico.org", "GlobalNetworkPolicy"}
    assert unpacked("world", packed(found, "1")).other_policies == found.other_policies
    assert conclude(found, Question()).verdict == "unknown"

"""Clients that send to their node, beside Collectors of others in the network of that node."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude, sight
from dualstack.looks import errand
from dualstack.model.address import Protocol
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from dualstack.model.world import World
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
    assert not errand(sight(found, Question()), found, 1.0).pods
    assert not [x for x in sight(found, Question()).traces.items if x.server]


@pytest.mark.parametrize(("said", "kept"), [({"port": 4317}, True), ({"named": [4317]}, True), ({}, False)])
def test_a_container_is_put_into_who_surely_holds_the_port_alone(said: dict[str, Any], *, kept: bool) -> None:
    found = world([], *stranger(read=bool(said), **said))
    seen = sight(found, Question())

    assert [x.server for x in seen.traces.items] == [STRANGER]
    assert bool(errand(seen, found, 1.0).pods) is kept


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

"""Endpoints that contradict the pods they are made from are read again; what stays so is their controller's fault."""

import pytest

from dualstack.gather import again
from dualstack.gather.again import read_again
from dualstack.gather.stored import Stored
from dualstack.model.finding import Severity
from dualstack.model.world import World
from dualstack.reach.endpoint_lag import lagging
from tests.cluster import worlds as w

BY = {"kubernetes.io/service-name": "otel", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
PODS = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]


def slices(
    pods: list[w.Object], *, ready: bool = True, families: tuple[str, ...] = w.BOTH, by: object = BY
) -> list[w.Object]:
    found = w.endpoints(pods, families)
    for item in found:
        item["metadata"]["labels"] = by
        for each in item["endpoints"] if not ready else ():
            each["conditions"] |= {"ready": False, "serving": False}
    return found


def world(found: list[w.Object]) -> World:
    return w.world([{"apiVersion": "v1", **x} for x in w.healthy(pods=PODS, slices=found)])


LATE = {
    "not ready although the pods are": slices(PODS, ready=False),
    "one family is missing": slices(PODS, families=("IPv4",)),
    "a pod is missing": slices(PODS[:1]),
    "a pod that is gone": slices([*PODS, w.pod("otel-c", "n1")]),
}


@pytest.mark.parametrize("name", LATE)
def test_what_contradicts_itself_is_found(name: str) -> None:
    assert [x.metadata.name for x in lagging(world(LATE[name]).cluster())] == ["otel"]


@pytest.mark.parametrize(
    "found",
    [slices(PODS), slices(PODS[:1], by={"kubernetes.io/service-name": "otel"}), []],
    ids=["in time", "by hand", "none"],
)
def test_what_does_not_is_left(found: list[w.Object]) -> None:
    assert not list(lagging(world(found).cluster()))


def test_a_pod_that_ends_takes_no_more_connections() -> None:
    found = slices(PODS)
    for item in found:
        item["endpoints"][0]["conditions"] = {"ready": False, "serving": True, "terminating": True}

    assert not list(lagging(world(found).cluster()))


@pytest.mark.parametrize("name", LATE)
def test_it_is_read_again_until_it_agrees(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, said = list[float](), list[str]()
    monkeypatch.setattr(again.time, "sleep", waits.append)
    late, settled = world(LATE[name]), world(slices(PODS))

    read_again(Stored(settled, complete=True), late, said.append)

    assert len(waits) == len(said) == 1
    assert late.objects["EndpointSlice"] == settled.objects["EndpointSlice"]
    assert late.objects["Pod"] == settled.objects["Pod"]


def test_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[float]()
    monkeypatch.setattr(again.time, "sleep", waits.append)
    late = world(LATE["one family is missing"])

    read_again(Stored(late, complete=True), late, lambda _: None)

    assert len(waits) == 3


def test_what_may_not_be_read_again_stays_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again.time, "sleep", lambda _: None)
    late = world(LATE["one family is missing"])
    before = list(late.objects["EndpointSlice"])

    read_again(Stored(World(), complete=False), late, lambda _: None)

    assert late.objects["EndpointSlice"] == before
    assert not late.gaps


@pytest.mark.parametrize("name", ["not ready although the pods are", "one family is missing"])
def test_what_stays_so_is_told_of_its_controller(name: str) -> None:
    found = w.diagnosed(w.healthy(pods=PODS, slices=LATE[name]))

    told = [x for x in found.findings if x.code == "DS507"]
    assert {x.severity for x in told} == {Severity.ERROR}
    assert all("although the pods are ready" in x.detail for x in told)
    assert {x.hint for x in told} == {"See whether kube-controller-manager runs: it writes the EndpointSlices."}

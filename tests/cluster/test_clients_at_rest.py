"""Clients that do not run: crash loops, what their containers wait for, no node that takes them."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.model.diagnosis import Verdict
from dualstack.model.question import Question
from tests.cluster.test_client_ways import cart, errors, gathered, told

Object = dict[str, Any]
OTEL = "http://otel.obs:4317"
RUNS = {"running": {"startedAt": "2026-03-01T10:00:00Z"}}
LOOPS = {"waiting": {"reason": "CrashLoopBackOff"}}
ENDED = {"terminated": {"exitCode": 3, "reason": "Error"}}
NO_MAP = {"waiting": {"reason": "CreateContainerConfigError", "message": 'configmap "tele" not found'}}


def container_of(pod: Object) -> str:
    (container,) = pod["spec"]["containers"]
    return str(container["name"])


def stuck(state: Object, last: Object | None = None, **more: Any) -> Object:
    pod = cart(OTEL)
    mine = {"name": container_of(pod), "ready": False, "state": state, **({"lastState": last} if last else {})}
    pod["status"] |= {"phase": "Running", "conditions": [], "containerStatuses": [mine], **more}
    return pod


def without_node() -> Object:
    pod = cart(OTEL)
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
    pod["status"] = {"phase": "Pending", "conditions": [said]}
    del pod["spec"]["nodeName"]
    return pod


def behind_init() -> Object:
    first = {"name": "wait", "ready": False, "state": LOOPS, "lastState": ENDED}
    return stuck({"waiting": {"reason": "PodInitializing"}}, initContainerStatuses=[first])


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        (stuck(LOOPS, ENDED), "waits with CrashLoopBackOff for its container a, which ended with code 3"),
        (stuck(ENDED), "has the container a, which ended with code 3"),
        (stuck(NO_MAP), 'waits with CreateContainerConfigError for its container a: configmap "tele" not found'),
        (behind_init(), "waits with CrashLoopBackOff for its container wait, which ended with code 3"),
        (without_node(), "is not scheduled: 0/3 nodes are available"),
    ],
)
def test_a_client_that_does_not_run_is_not_healthy(pod: Object, why: str) -> None:
    found = told(pod)

    assert found.verdict is Verdict.UNKNOWN
    (one,) = [x for x in found.findings if x.summary == "Pods of the client do not run"]
    assert why.replace("container a", f"container {container_of(pod)}") in one.detail
    assert {*one.flows} == {x.key for x in found.traces if x.required}
    assert not errors(found)


@pytest.mark.parametrize(
    "pod",
    [
        stuck(RUNS, ENDED),
        stuck({"waiting": {"reason": "ContainerCreating"}}),
        stuck({"terminated": {"exitCode": 0, "reason": "Completed"}}),
        cart(OTEL),
    ],
)
def test_one_that_runs_begins_or_is_done_says_nothing(pod: Object) -> None:
    assert not [x for x in told(pod).findings if x.summary == "Pods of the client do not run"]


def test_what_the_kubelet_says_of_one_that_does_not_begin_is_told() -> None:
    pod = stuck({"waiting": {"reason": "ContainerCreating"}}, phase="Pending")
    about = {"kind": "Pod", "name": "a", "namespace": "shop"}
    said = {"reason": "FailedMount", "message": 'secret "x" not found', "lastTimestamp": "2026-03-01T10:00:00Z"}
    event = {"kind": "Event", "metadata": {"name": "a.1", "namespace": "shop"}, "involvedObject": about, **said}
    world = gathered(pod)
    spared = conclude(world, Question())
    world.objects["Event"] = [event]
    found = conclude(world, Question())

    assert not [x for x in spared.findings if x.summary == "Pods of the client do not run"]
    (one,) = [x for x in found.findings if x.summary == "Pods of the client do not run"]
    assert "does not run: the kubelet says of the pod" in one.detail
    assert 'secret "x" not found' in one.detail


def test_what_fails_anyway_is_told_as_it_is() -> None:
    pod = stuck(LOOPS, ENDED)
    pod["spec"]["containers"][0]["env"] = cart("http://otell.obs.svc:4317")["spec"]["containers"][0]["env"]

    assert errors(told(pod)) == ["DS408"]


def test_of_several_pods_those_that_run_keep_their_way() -> None:
    world = gathered(cart(OTEL))
    other = stuck(LOOPS, ENDED)
    other["metadata"]["name"] = "b"
    evicted = stuck({"terminated": {"exitCode": 137, "reason": "Error"}}, phase="Failed")
    evicted["metadata"]["name"] = "c"
    world.objects["Pod"] += [other, evicted]
    assert world.asking
    world.asking = type(world.asking)(world.asking.owner, world.asking.namespace, ("a", "b", "c"))
    found = conclude(world, Question())

    (one,) = [x for x in found.findings if x.summary == "1 of the client's 2 pods does not run"]
    assert one.detail.startswith("The pod shop/b waits with CrashLoopBackOff")
    assert len({x.key for x in found.traces}) == len(found.traces) == 2 * len(one.flows)

"""Pods whose containers wait for an init container: nothing of theirs listens, and that container is the cause."""

from typing import Any

import pytest

from dualstack.model.diagnosis import Diagnosis
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from tests.cluster import worlds as w
from tests.cluster.test_incidents import DOWN, hosted

REFUSED = Glimpses(tuple(Glimpse("pod otel-a", x, y, Way.ADDRESS, Outcome.REFUSED) for x, y in w.PORTS))
INITIALIZING = {"name": "otelcol", "ready": False, "state": {"waiting": {"reason": "PodInitializing"}}}
DONE = {"name": "first", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
ALWAYS = {"restartPolicy": "Always"}
RUNS = {"running": {"startedAt": "2026-03-01T10:00:01Z"}}
CRASHES = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 3, "log": "vault: permission denied"}},
}


def behind(**init: Any) -> w.Object:
    """A pod of which the second init container has this status."""
    found = w.pod("otel-a", "n1", phase="Pending", **DOWN)
    found["spec"]["initContainers"] = [{"name": "first"}, {"name": "wait"}]
    found["status"] |= {"initContainerStatuses": [DONE, {"name": "wait", **init}], "containerStatuses": [INITIALIZING]}
    return found


def of(pod: w.Object, **instead: Any) -> Diagnosis:
    return w.diagnosed(w.healthy(pods=[pod], **instead), seen=REFUSED)


@pytest.mark.parametrize(
    ("init", "hint", "command"),
    [
        ({"state": RUNS}, "See in its log what the init container wait waits for.", "logs otel-a -n obs -c wait"),
        (CRASHES, "Correct what the container said when it ended.", "logs otel-a -n obs -c wait --previous"),
        (
            CRASHES | {"state": RUNS},
            "Correct what the container said when it ended.",
            "logs otel-a -n obs -c wait --previous",
        ),
        (
            {"state": {"waiting": {"reason": "ErrImageNeverPull"}}},
            "See what the kubelet says of the container.",
            "describe pod otel-a -n obs",
        ),
    ],
    ids=["hangs", "crashes", "runs once more", "no-image"],
)
def test_where_an_init_container_has_not_ended_that_is_the_cause(init: w.Object, hint: str, command: str) -> None:
    found = of(behind(**init))

    (one,) = found.findings
    assert (one.code, one.summary, one.hint) == ("DS507", "No pod of the Service runs", hint)
    assert one.fix is not None
    assert one.fix.commands == (f"kubectl {command}",)


def test_what_the_collector_would_end_for_is_not_why_it_has_not_begun() -> None:
    found = of(behind(state=RUNS), configs=[w.config(grpc="10.9.9.9:4317")])

    assert "DS507" in w.roots(found)


def test_an_agent_at_a_host_port_names_its_init_container() -> None:
    agent = hosted()
    agent["spec"]["initContainers"] = [{"name": "wait"}]
    agent["status"] |= {**DOWN, "phase": "Pending", "containerStatuses": [INITIALIZING]}
    agent["status"]["initContainerStatuses"] = [{"name": "wait", "state": RUNS}]

    (one,) = w.diagnosed(w.healthy(services=[], slices=[], pods=[agent]), seen=REFUSED).findings

    assert one.code == "DS507"
    assert one.detail.endswith("the init container wait has not ended.")


@pytest.mark.parametrize(
    ("init", "spec", "beside"),
    [
        ({"state": RUNS}, {"restartPolicy": "Always"}, INITIALIZING),
        ({"state": {"waiting": {"reason": "PodInitializing"}}}, {}, INITIALIZING),
        ({}, {}, INITIALIZING),
        (CRASHES, {}, {"name": "otelcol", "state": RUNS}),
    ],
    ids=["a sidecar", "one that is about to begin", "one of which nobody says a thing", "a pod that runs"],
)
def test_other_init_containers_hold_nobody_back(init: w.Object, spec: w.Object, beside: w.Object) -> None:
    pod = behind(**init)
    pod["spec"]["initContainers"][1] |= spec
    pod["status"]["containerStatuses"] = [beside]

    assert "No pod of the Service runs" not in [x.summary for x in of(pod).findings]


@pytest.mark.parametrize(("restart", "said"), [({}, "wait for their init container wait,"), (ALWAYS, "are Pending")])
def test_pods_that_wait_for_an_init_container_say_for_which(restart: w.Object, said: str) -> None:
    status = {"phase": "Pending", "conditions": [], "containerStatuses": [], "podIPs": []}
    begun = [{"name": "wait", "state": {"running": {"startedAt": "2026-03-01T10:00:05Z"}}}]
    pods = [w.pod(x, "n1", **status, initContainerStatuses=begun) for x in ("otel-a", "otel-b")]
    for each in pods:
        each["spec"]["initContainers"] = [{"name": "wait", "image": "busybox", **restart}]

    (first, *_) = w.diagnosed(w.healthy(pods=pods)).findings
    assert f"2 pods such as otel-a {said}" in first.detail
    waits = "See what the init container wait waits for, which its log may say."
    assert first.hint == ("See what keeps the pods from being ready." if restart else waits)

"""What a container said before it ended: the end of its log, and what of that is the error."""

import pytest

from dualstack.gather.logs import last_lines
from dualstack.reach.states import error_in
from tests.cluster import worlds as w
from tests.cluster.test_crashes import CRASHED, LOG, crashed
from tests.cluster.test_incidents import waiting
from tests.cluster.test_kube_api import Make, api, server, status
from tests.cluster.test_no_pods import event

__all__ = ["api"]


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (LOG, "Error: cannot unmarshal the configuration 'protocols.grpc' has invalid keys: endpiont"),
        ("started\nError: one\nError: two\n", "Error: two"),
        ("started\npanic: nil\n\ngoroutine 1", "panic: nil goroutine 1"),
        ("no such file\n\n", "no such file"),
        ("", ""),
    ],
)
def test_the_end_of_a_log_is_what_speaks_of_an_error(log: str, said: str) -> None:
    assert error_in(log) == said


def test_a_long_error_keeps_both_ends() -> None:
    said = error_in(f"Error: failed to get config: {'decoding failed: ' * 40}has invalid keys: endpiont")

    assert said.startswith("Error: failed to get config: decoding failed")
    assert said.endswith("decoding failed: has invalid keys: endpiont")
    assert " … " in said
    assert len(said) < 300


def test_logs_are_asked_for_where_containers_left_no_message(api: Make) -> None:
    silent, again = crashed(), crashed("otel-b")
    ended = w.pod("x", "n1", containerStatuses=[{"name": "a", "state": {"terminated": {**CRASHED}}}])
    told = w.pod("y", "n1", **waiting(terminated={**CRASHED, "message": "told"}))
    for each in (ended, told):
        each["metadata"]["ownerReferences"] = []
    world = w.world([silent, again, ended, told, w.pod("z", "n1")])

    with server((200, {}, LOG.encode()), status(403)) as kept:
        last_lines(api(kept.url), world, lambda _: None)

    assert [x.partition("?")[0] for _, x in kept.asked] == [
        f"/api/v1/namespaces/obs/pods/{x}/log" for x in ("otel-a", "x")
    ]
    assert ["previous=true" in x for _, x in kept.asked] == [True, False]
    assert silent["status"]["containerStatuses"][0]["lastState"]["terminated"]["log"] == error_in(LOG)
    (gap,) = world.gaps
    assert "`get` on `pods/log`" in gap.why
    assert gap.why.endswith("--feature logs`")


def test_workloads_of_one_name_in_two_namespaces_are_two(api: Make) -> None:
    mine, other = crashed(), crashed()
    other["metadata"]["namespace"] = "shop"

    with server((200, {}, LOG.encode()), (200, {}, b"Error: another one")) as kept:
        last_lines(api(kept.url), w.world([mine, other]), lambda _: None)

    ends = [x["status"]["containerStatuses"][0]["lastState"]["terminated"] for x in (mine, other)]
    assert [x["log"] for x in ends] == [error_in(LOG), "Error: another one"]


def test_logs_that_are_not_asked_for_are_a_gap(api: Make) -> None:
    pods = [crashed(f"otel-{x}") for x in range(10)]
    for each in pods:
        each["metadata"]["ownerReferences"] = []
    world = w.world(pods)

    with server(*[(200, {}, LOG.encode())] * 8) as kept:
        last_lines(api(kept.url), world, lambda _: None)

    assert [(x.needs, x.why) for x in world.gaps] == [("the logs of containers", "2 more were not looked at")]


def test_a_log_that_is_gone_is_a_gap(api: Make) -> None:
    world = w.world([crashed()])

    with server(status(400, "previous terminated container not found")) as kept:
        last_lines(api(kept.url), world, lambda _: None)

    assert [(x.needs, x.why) for x in world.gaps] == [
        ("the log of otelcol in the pod otel-a", "previous terminated container not found")
    ]


@pytest.mark.parametrize("message", ["", "everything is ready"])
def test_a_container_that_ends_without_an_error_is_told_so(message: str) -> None:
    (fault,) = w.diagnosed(w.healthy(pods=[crashed(exitCode=0, reason="Completed", message=message)])).findings

    assert fault.detail.endswith("ready." if message else "which ended with code 0.")
    assert fault.hint.startswith("See its command, its arguments and its hooks")
    assert fault.fix is not None
    assert fault.fix.commands[0] == "kubectl describe pod otel-a -n obs"


@pytest.mark.parametrize(("log", "told"), [("everything is ready", True), ("Error: no such exporter", False)])
def test_a_hook_that_fails_ends_a_container(log: str, told: bool) -> None:
    hook = event("FailedPostStartHook", "PostStartHook failed")
    (fault,) = w.diagnosed(w.healthy(pods=[crashed(exitCode=2, log=log)], events=[hook])).findings

    assert log in fault.detail
    assert fault.detail.endswith("The kubelet says of the pod otel-a: PostStartHook failed.") is told
    assert fault.hint.startswith("Mend the postStart hook") is told

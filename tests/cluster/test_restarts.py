"""A ConfigMap that was changed after the pods had read it: what runs, and what a restart would make of them."""

from collections.abc import Iterable
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Finding, Severity
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.probe import Outcome
from dualstack.model.question import Question
from dualstack.model.trace import Hop
from tests.cluster import worlds as w
from tests.cluster.test_inside import PORTS, in_pod, on_nodes

LATER = {"managedFields": [{"time": "2026-03-02T10:00:00Z"}]}
LOCAL = ("localhost:4317", "localhost:4318")
ABROAD = ("192.0.2.1:4317", "0.0.0.0:4318")
PODS = [w.pod("otel-a", "n1")]


def changed(*endpoints: str, **instead: Any) -> list[w.Object]:
    """The healthy cluster with one pod, whose ConfigMap was given these endpoints after the start."""
    return w.healthy(pods=PODS, slices=w.endpoints(PODS), configs=[w.config(*endpoints, **LATER)], **instead)


def outside(**fates: Outcome) -> Glimpses:
    """What exports by each way from outside met, on both ports."""
    ways = {Way[k.upper()]: v for k, v in fates.items()}
    return Glimpses(tuple(Glimpse("pod otel-a", x, y, way, z) for x, y in PORTS for way, z in ways.items()))


def inside(objects: Iterable[w.Object], *sockets: tuple[str, bool | None], **fates: Outcome) -> Diagnosis:
    world = w.world(objects)
    world.inspections = [in_pod(*sockets, **fates), *on_nodes(**fates)]
    return conclude(world, Question())


def the(found: Diagnosis, code: str = "DS213") -> Finding:
    (one,) = [x for x in found.findings if x.code == code]
    return one


NOTHING = """receivers: {nop: {}}
exporters: {debug: {}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [nop], exporters: [debug]}}}
"""
REFUSED = {"ipv4": Outcome.REFUSED, "ipv6": Outcome.REFUSED}


def test_what_is_refused_and_would_be_taken_wants_a_restart() -> None:
    found = w.diagnosed(changed(), seen=outside(address=Outcome.REFUSED, loopback=Outcome.ACCEPTED))

    assert w.roots(found) == ["DS213"]
    assert (the(found).severity, found.verdict) == (Severity.ERROR, Verdict.DEGRADED)
    assert the(found).fix is not None
    assert the(found).fix.commands == ("kubectl rollout restart deployment otel -n obs",)  # type: ignore[union-attr]
    assert "ports 4317 and 4318 would take" in the(found).detail


def test_sockets_of_before_are_no_fault_of_the_text_that_is_there_now() -> None:
    found = inside(changed(), ("127.0.0.1", None), **REFUSED)

    assert (w.roots(found), found.verdict) == (["DS213"], Verdict.BROKEN)
    assert {x.location for x in found.findings if x.code == "DS202"} == {None}
    assert not [x for x in found.findings if "line" in x.hint]


def test_a_restart_that_would_close_ports_is_not_advised() -> None:
    found = inside(changed(*LOCAL), ("::", False))

    assert (w.roots(found), found.verdict) == (["DS213"], Verdict.HEALTHY)
    assert (the(found).severity, the(found).fix) == (Severity.WARNING, None)
    assert the(found).summary == "The next restart closes ports 4317 and 4318"
    assert "pod otel-a runs what was there before" in the(found).detail
    assert "line 7 and `receivers.otlp.protocols.http.endpoint`" in the(found).hint
    assert the(found).hint.endswith("line 8 before anything restarts the pods.")


def test_nor_one_that_would_end_the_collector() -> None:
    found = inside(changed(*ABROAD), ("::", False))

    assert found.verdict is Verdict.HEALTHY
    assert the(found).summary == "The next restart ends the Collector"
    assert "cannot assign requested address" in the(found).detail
    assert the(found).fix is None


@pytest.mark.parametrize("whole", [True, False])
def test_a_receiver_that_is_gone_from_the_text_is_told_where_nothing_else_can_listen(*, whole: bool) -> None:
    moved = changed("0.0.0.0:5317")
    if not whole:
        beside = w.pod("otel-a", "n1")
        beside["spec"]["containers"].append({"name": "other", "image": "shop"})
        moved = [beside if x["kind"] == "Pod" else x for x in moved]

    found = inside(moved, ("::", False))

    told = [x for x in found.findings if x.code == "DS213"]
    assert [x.summary for x in told] == (["The next restart closes port 4317"] if whole else [])
    assert all("listens on port 4317 no more" in x.detail and x.hint.startswith("Correct it") for x in told)


def test_a_text_without_any_endpoint_closes_everything() -> None:
    empty = w.config(**LATER)
    empty["data"]["config.yaml"] = NOTHING

    found = inside(w.healthy(pods=PODS, slices=w.endpoints(PODS), configs=[empty]), ("::", False))

    assert the(found).summary == "The next restart closes ports 4317 and 4318"


def test_where_nothing_was_seen_what_would_break_is_told_and_not_that_it_works() -> None:
    found = w.diagnosed(changed(*LOCAL))

    assert "may run what was there before" in the(found).detail
    assert found.verdict is Verdict.UNKNOWN


def misspelt(**about: Any) -> list[w.Object]:
    """The healthy cluster with a key that no Collector takes in its ConfigMap."""
    wrong = w.config(**about)
    wrong["data"]["config.yaml"] = wrong["data"]["config.yaml"].replace("http: {endpoint", "http: {endpiont")
    return w.healthy(pods=PODS, slices=w.endpoints(PODS), configs=[wrong])


def test_what_a_collector_would_refuse_that_runs_with_an_older_text_is_about_its_next_start() -> None:
    found = w.diagnosed(misspelt(**LATER), seen=outside(address=Outcome.ACCEPTED))

    told = the(found, "DS122")
    assert (told.severity, found.verdict) == (Severity.WARNING, Verdict.UNKNOWN)
    assert told.summary == "The next start of the Collector fails"
    assert told.detail.startswith("ConfigMap otel was changed at 2026-03-02T10:00:00Z, after the container started.")
    assert told.detail.endswith("It says: `has invalid keys: endpiont`.")
    assert told.hint.endswith("before anything restarts the pods.")


def test_and_no_restart_is_advised_with_it() -> None:
    found = w.diagnosed(misspelt(**LATER), seen=outside(address=Outcome.REFUSED, loopback=Outcome.ACCEPTED))

    assert the(found, "DS122").severity is Severity.WARNING
    assert the(found).hint == "See that it is right, then restart the pods."


LATE = {
    "no port": ('"0.0.0.0:4317"', '"0.0.0.0"', "DS105"),
    "not a port": ("0.0.0.0:4317", "0.0.0.0:99999", "DS119"),
    "no quotes": ('"0.0.0.0:4317"', "[::]:4317", "DS118"),
    "no such receiver": ("receivers: [otlp]", "receivers: [otlp/2]", "DS122"),
    "another port": ("0.0.0.0:4317", "0.0.0.0:5317", "DS508"),
}


@pytest.mark.parametrize("case", LATE)
def test_whatever_else_is_wrong_there_is_no_error_of_what_runs(case: str) -> None:
    before, after, code = LATE[case]
    wrong = w.config(**LATER)
    wrong["data"]["config.yaml"] = wrong["data"]["config.yaml"].replace(before, after)
    objects = w.healthy(pods=PODS, slices=w.endpoints(PODS), configs=[wrong])

    found = w.diagnosed(objects, seen=outside(address=Outcome.ACCEPTED))

    assert (the(found, code).severity, found.verdict) == (Severity.WARNING, Verdict.UNKNOWN)
    assert not [x for x in found.findings if x.severity is Severity.ERROR]
    assert not [x for x in found.traces if x.failed]


def test_a_container_that_is_not_ready_may_have_read_what_is_refused() -> None:
    halted = w.pod("otel-b", "n2", conditions=[], containerStatuses=[{"name": "otelcol", "state": {"waiting": {}}}])
    pods = [*PODS, halted]
    objects = [x for x in misspelt(**LATER) if x["kind"] not in ("Pod", "EndpointSlice")]

    found = w.diagnosed([*objects, *pods, *w.endpoints(pods)], seen=outside(address=Outcome.ACCEPTED))

    assert the(found, "DS122").severity is Severity.ERROR


def test_a_text_that_says_just_what_runs_is_the_cause_itself() -> None:
    from_outside = w.diagnosed(changed(*LOCAL), seen=outside(address=Outcome.REFUSED, loopback=Outcome.ACCEPTED))
    from_inside = inside(changed(*LOCAL), ("127.0.0.1", None), **REFUSED)

    for found in (from_outside, from_inside):
        assert (w.roots(found), found.verdict) == (["DS202", "DS202"], Verdict.BROKEN)
        assert {x.location.line for x in found.findings if x.code == "DS202" and x.location} == {7, 8}


def test_a_change_that_left_the_listeners_alone_is_no_matter() -> None:
    assert not inside(changed(), ("::", False)).findings


def test_what_is_mended_on_one_port_and_broken_on_another_is_corrected_first() -> None:
    mixed = outside(address=Outcome.REFUSED, loopback=Outcome.ACCEPTED)
    http = Glimpse("pod otel-a", 4318, PORTS[1][1], Way.ADDRESS, Outcome.ACCEPTED)
    seen = Glimpses((*(x for x in mixed.items if x.port == 4317), http))

    told = [x for x in w.diagnosed(changed("0.0.0.0:4317", LOCAL[1]), seen=seen).findings if x.code == "DS213"]

    assert [x.severity for x in told] == [Severity.ERROR, Severity.WARNING]
    assert [x.fix for x in told] == [None, None]
    assert "after what the other finding says" in told[0].hint


def test_a_text_of_which_nobody_knows_what_it_becomes_has_to_be_looked_at_first() -> None:
    found = w.diagnosed(changed("${env:NOWHERE}:4317", "${env:NOWHERE}:4318"), seen=outside(address=Outcome.REFUSED))

    assert the(found).hint == "See that it is right, then restart the pods."
    assert (the(found).severity, the(found).fix) == (Severity.WARNING, None)


def test_what_a_pod_without_the_family_would_take_is_not_known() -> None:
    pods = [w.pod("otel-a", "n1", ["IPv4"])]
    slices = w.endpoints(PODS)

    found = w.diagnosed(w.healthy(pods=pods, slices=slices, configs=[w.config(**LATER)]))

    assert "DS213" in w.codes(found)


def test_a_pod_that_nothing_made_has_nothing_to_roll_out() -> None:
    bare = w.pod("otel-a", "n1")
    bare["apiVersion"] = "v1"
    del bare["metadata"]["ownerReferences"]
    objects = w.healthy(pods=[bare], slices=w.endpoints([bare]), configs=[w.config(**LATER)], workloads=[])

    found = w.diagnosed(objects)

    assert the(found).fix is not None
    assert the(found).fix.commands == ()  # type: ignore[union-attr]


def test_sockets_that_a_configuration_did_not_make_do_not_point_to_it() -> None:
    objects = w.healthy(pods=PODS, slices=w.endpoints(PODS))

    found = inside(objects, ("127.0.0.1", None), **REFUSED)

    assert w.roots(found) == ["DS202", "DS202"]
    assert {x.location for x in found.findings} == {None}
    assert {x.at(Hop.LISTEN).mark for x in found.traces} == {"127.0.0.1"}


def of_template(name: str, of: str, created: str, owner: str = "otel", **status: Any) -> w.Object:
    """A pod of a template of a Deployment."""
    found = w.pod(name, "n1", **status)
    found["metadata"] |= {
        "labels": {"app": "otel", "pod-template-hash": of},
        "creationTimestamp": f"2026-03-0{created}T10:00:00Z",
        "ownerReferences": [{"kind": "ReplicaSet", "name": f"{owner}-{of}"}],
    }
    return found


def down(**state: Any) -> dict[str, Any]:
    """The status of a pod whose container is in that state."""
    return {
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "otelcol", "ready": False, "state": state}],
    }


CRASHED = down(terminated={"exitCode": 1})
OLD = of_template("otel-a", "5f", "1")


def rolled(newer: w.Object) -> list[Finding]:
    pods = [OLD, newer]
    found = w.diagnosed(w.healthy(pods=pods, slices=w.endpoints(pods)))
    others = [(x.code, x.severity) for x in found.findings if x.code != "DS213"]
    # A pod of the same template that does not run is told, and is no rollout.
    assert set(others) <= {("DS507", Severity.WARNING)}
    return [x for x in found.findings if x.code == "DS213"]


@pytest.mark.parametrize(
    "status",
    [
        CRASHED,
        down(waiting={"reason": "ImagePullBackOff"}),
        {"containerStatuses": [], "conditions": [{"type": "PodScheduled", "status": "False", "message": "no node"}]},
    ],
    ids=["ended", "no image", "no node"],
)
def test_a_rollout_whose_newer_pods_do_not_come_up_is_told(status: dict[str, Any]) -> None:
    (told,) = rolled(of_template("otel-b", "6a", "2", **status))

    assert (told.summary, told.severity) == ("The rollout of Deployment otel is stuck", Severity.WARNING)
    assert told.fix is not None
    assert told.fix.commands == ("kubectl rollout undo deployment otel -n obs",)
    assert told.detail.startswith("The pod otel-a serves, and is of an older template. The newer pod otel-b ")


@pytest.mark.parametrize(
    "newer",
    [
        of_template("otel-b", "6a", "2"),
        of_template("otel-b", "6a", "2", **down(waiting={"reason": "ContainerCreating"})),
        of_template("otel-b", "6a", "2", **down(terminated={"exitCode": 0})),
        of_template("otel-b", "6a", "2", **down(running={})),
        of_template("otel-b", "6a", "1", **CRASHED),
        of_template("otel-b", "5f", "2", **CRASHED),
        of_template("otel-b", "6a", "2", "other", **CRASHED),
        w.pod("otel-b", "n1", **CRASHED),
    ],
    ids=["up", "begins", "done", "starts", "older", "same template", "of another", "of no template"],
)
def test_and_no_other(newer: w.Object) -> None:
    assert not rolled(newer)


def test_a_newer_pod_that_cannot_start_by_its_configuration_is_told_before_it_ends() -> None:
    newer = of_template("otel-b", "6a", "2", **down(running={}))
    wide = [w.config(grpc=":::4317")]
    found = w.diagnosed(w.healthy(pods=[OLD, newer], slices=w.endpoints([OLD, newer]), configs=wide))

    assert "The newer pod otel-b is not ready and cannot start by its configuration: `" in the(found).detail
    assert the(found).hint == "Correct `receivers.otlp.protocols.grpc.endpoint`, which is `:::4317` in the pod."
    assert the(found).fix is None


def test_a_long_name_of_a_workload_is_left_to_the_detail() -> None:
    name = "otel-collector-opentelemetry-collector"
    pods = [of_template("otel-a", "5f", "1", name), of_template("otel-b", "6a", "2", name, **CRASHED)]
    found = w.diagnosed(w.healthy(pods=pods, slices=w.endpoints(pods)))

    assert the(found).summary == "The rollout of a Deployment is stuck"


def test_a_daemonset_tells_its_template_by_another_label() -> None:
    pods = [of_template("otel-a", "5f", "1"), of_template("otel-b", "6a", "2", **CRASHED)]
    for each in pods:
        labels = each["metadata"]["labels"]
        labels["controller-revision-hash"] = labels.pop("pod-template-hash")
        each["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "otel"}]

    found = w.diagnosed(w.healthy(pods=pods, slices=w.endpoints(pods)))

    assert the(found).summary == "The rollout of DaemonSet otel is stuck"

"""Containers that a webhook put into pods, of which the template of the workload knows nothing."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.put_in import with_put_in
from dualstack.gather.stored import Stored
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.finding import Severity
from dualstack.model.kube import Meta, Workload
from dualstack.model.question import Question
from dualstack.model.source import Location
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop, Status
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import Object, config_map, errors, sidecar
from tests.cluster.test_survey import KINDS, client, everything, variables, whole

OTHER: Object = {"name": "telemetry", "image": "registry.example.com/platform/telemetry:7"}
OLD: Object = {
    "creationTimestamp": "2026-02-01T10:00:00Z",
    "labels": {"app": "cart", "pod-template-hash": "old"},
}
PORTS = [{"containerPort": 4317}, {"containerPort": 4318}]


def sending(*beside: Object, name: str = "a", port: int = 4318, **about: Any) -> Object:
    """A pod of the Deployment cart that sends to its own loopback, with these containers beside."""
    pod = client(name, "n1", variables(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{port}"))
    pod["spec"]["containers"] += beside
    pod["metadata"] |= {"creationTimestamp": "2026-03-01T10:00:00Z", **about}
    return pod


def maker(kind: str = "Deployment", name: str = "cart", port: int = 4318, **about: Any) -> Object:
    """A workload whose template has the client alone."""
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": sending(port=port)["spec"]}
    made = {"template": template, "selector": {"matchLabels": {"app": "cart"}}}
    spec = {"jobTemplate": {"spec": made}} if kind == "CronJob" else made
    active = {"status": {"active": [{"kind": "Job", "name": "cart-29"}]}} if kind == "CronJob" else {}
    return {"kind": kind, "metadata": {"name": name, "namespace": "shop", **about}, "spec": spec, **active}


BETWEEN = maker("ReplicaSet", "cart-abc", ownerReferences=[{"kind": "Deployment", "name": "cart"}])
JOB = maker("Job", "cart-29", ownerReferences=[{"kind": "CronJob", "name": "cart"}])


def asked(*pods: Object, target: str = "deploy/cart", made: Object | None = None, more: Any = ()) -> Diagnosis:
    held = w.world([{"apiVersion": "v1", **x} for x in (*w.healthy(), *pods, made or maker(), BETWEEN, JOB, *more)])
    for kind in KINDS:
        held.objects.setdefault(kind, [])
    found = of(Asker(Stored(held, complete=True), "shop"), KubeTarget(*target.split("/")))
    found.namespace, found.target = "shop", target
    return conclude(found, Question())


def collector(port: int = 4317, exporter: str = "", *, native: bool = False) -> tuple[Object, Object]:
    """A pod of the Deployment cart with a Collector beside its client, and what that one reads."""
    pod, _, held = sidecar(native=native, port=port)
    text = held["data"]["config.yaml"]
    if exporter:
        text = text.replace("exporters: {debug: {}}", f"exporters: {{otlp: {exporter}}}").replace("[debug]", "[otlp]")
    return pod, config_map("conf", **{"config.yaml": text})


@pytest.mark.parametrize("native", [False, True])
def test_a_collector_that_is_in_the_pods_alone_listens(*, native: bool) -> None:
    pod, held = collector(native=native)

    found = asked(pod, made=maker(port=4317), more=[held])

    assert not found.findings
    assert {x.at(Hop.LISTEN).status for x in found.traces if x.required} == {Status.PASS}


def test_what_it_sends_on_is_followed() -> None:
    pod, held = collector(exporter="{endpoint: 'otell.obs:4317', tls: {insecure: true}}")

    assert errors(asked(pod, made=maker(port=4317), more=[held])) == ["DS408"]


def test_a_port_that_it_lacks_is_closed() -> None:
    pod, held = collector(port=5555)

    assert errors(asked(pod, made=maker(port=5555), more=[held])) == ["DS211"]


@pytest.mark.parametrize(
    ("target", "owner", "made"),
    [
        ("deploy/cart", ("ReplicaSet", "cart-abc"), maker()),
        ("ds/cart", ("DaemonSet", "cart"), maker("DaemonSet")),
        ("cronjob/cart", ("Job", "cart-29"), maker("CronJob")),
    ],
)
def test_what_another_container_does_is_not_known(target: str, owner: tuple[str, str], made: Object) -> None:
    pod = sending(OTHER, ownerReferences=[{"kind": owner[0], "name": owner[1], "controller": True}])

    found = asked(pod, target=target, made=made)

    assert [(x.code, x.severity) for x in found.findings] == [("DS110", Severity.WARNING)]
    assert {x.at(Hop.LISTEN).status for x in found.traces} == {Status.UNKNOWN}


def test_a_port_that_another_container_names_is_told() -> None:
    found = asked(sending({**OTHER, "ports": PORTS}))

    assert not found.findings
    assert {x.at(Hop.LISTEN).why for x in found.traces} == {
        "the container `telemetry` names port 4318; whether it listens there is not known"
    }


@pytest.mark.parametrize(
    ("other", "end"),
    [
        (None, "where no other container runs, and nothing says that this one takes OTLP: connection refused."),
        (
            {"name": "istio-proxy", "image": "istio/proxyv2"},
            (
                "where no other container runs but the proxy of Istio, and nothing says that this one takes OTLP: "
                "connection refused."
            ),
        ),
    ],
)
def test_the_proxy_of_a_mesh_takes_nothing_that_stays_in_the_pod(other: Object | None, end: str) -> None:
    found = asked(sending(*[other] if other else []))

    (told,) = found.findings
    assert (told.code, told.severity) == ("DS110", Severity.ERROR)
    assert told.detail.endswith(end)


@pytest.mark.parametrize(
    "others",
    [
        [sending(name="b"), sending(OTHER, **OLD)],
        [sending(name="b"), sending(OTHER, deletionTimestamp="2026-03-01T11:00:00Z")],
        [sending(name="b"), {**sending(OTHER), "status": {"phase": "Failed"}}],
        [sending(name="b"), sending(OTHER, ownerReferences=[{"kind": "ReplicaSet", "name": "cart-canary-abc"}])],
        [sending(name="b"), sending(OTHER, namespace="other")],
    ],
    ids=["of an older template", "about to end", "ended", "of another workload", "of another namespace"],
)  # fmt: skip
def test_what_is_not_in_the_pods_in_question_does_not_count(others: list[Object]) -> None:
    assert errors(asked(*others)) == ["DS110"]


def test_of_several_pods_each_lends_what_the_others_lack() -> None:
    newer = sending(OTHER, name="b", creationTimestamp="2026-03-02T10:00:00Z")

    found = asked(sending({**OTHER, "name": "agent", "ports": PORTS}), newer)

    assert "DS110" not in {x.code for x in found.findings}


def test_where_everything_is_asked_about_it_is_the_same() -> None:
    pod, held = collector(port=5555)
    bare, other = whole(sending(), maker(), BETWEEN), whole(sending(OTHER), maker(), BETWEEN)
    lacking = whole(pod, held, maker(port=5555), BETWEEN)

    told = [conclude_all(everything(x), Question()) for x in (bare, other, lacking)]

    assert [errors(x) for x in told] == [["DS110"], [], ["DS211"]]


def test_a_pod_that_cannot_be_read_lends_nothing() -> None:
    meta = Meta("Deployment", "cart", "shop", Location("cart.yaml", 1, 1))
    work = Workload(meta, labels={"app": "cart"})

    assert with_put_in(work, [sending(OTHER)], lambda _: None) == work

"""Ports on which another receiver of the Collector listens, which may take any request for its own."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.facts import plainly
from dualstack.gather.stored import Stored
from dualstack.model.address import Protocol, family
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Finding
from dualstack.model.glimpse import Glimpse, Glimpses, Way
from dualstack.model.inspection import Inspection
from dualstack.model.probe import Outcome, ProbeResult, Probes, ProbeTask
from dualstack.model.question import Question
from dualstack.model.snapshot import Snapshot
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Disposition
from dualstack.report.verbs.flows import unknown
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, gathered
from tests.cluster.test_survey import variables

ONE = [w.pod("otel-a", "n1")]
ADDRESSES = tuple(x["ip"] for x in ONE[0]["status"]["podIPs"])
SERVICE = next(x for x in w.healthy() if x["kind"] == "Service")["spec"]["clusterIPs"]
ZIPKIN = w.config()
ZIPKIN["data"] = {
    "config.yaml": (
        "receivers: {jaeger: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}, zipkin: {endpoint: '0.0.0.0:4318'}}\n"
        "exporters: {debug: {}}\n"
        "service: {pipelines: {traces: {receivers: [jaeger, zipkin], exporters: [debug]}}}\n"
    )
}


def looked(protocol: Protocol, outcome: Outcome, **said: Any) -> list[Glimpse]:
    port = 4317 if protocol is Protocol.GRPC else 4318
    return [Glimpse("pod otel-a", port, protocol, Way.INSIDE, outcome, address=x, **said) for x in ADDRESSES]


UNPROVED = looked(Protocol.HTTP, Outcome.UNPROVED, status="HTTP 202", signals=("traces",))
UNKNOWN = looked(Protocol.GRPC, Outcome.NOT_OTLP, status="grpc-status 12 UNIMPLEMENTED")


def told(config: w.Object, seen: list[Glimpse], *looks: Inspection) -> Diagnosis:
    world = w.world(w.healthy(pods=ONE, configs=[config]), seen=Glimpses(tuple(seen)))
    world.inspections = list(looks)
    return conclude(world, Question())


def from_nodes(outcome: Outcome, status: str) -> list[Inspection]:
    """Exports over HTTP from each node to the Service."""
    made = Probes(
        tuple(
            ProbeResult(ProbeTask(x, 4318, Protocol.HTTP, "otel.obs.svc"), outcome, status=status)
            for x in SERVICE
            if family(x)
        )
    )
    return [Inspection(x, "obs", "", plainly(Snapshot({Probes: made}))) for x in ("n1", "n2")]


@pytest.mark.parametrize("nodes", [False, True])
def test_a_success_that_any_path_gets_proves_no_receiver(nodes: bool) -> None:
    looks = from_nodes(Outcome.UNPROVED, "HTTP 202") if nodes else []
    found = told(w.config(http="${env:NOWHERE}:4318"), [] if nodes else UNPROVED, *looks)

    mine = [x for x in found.traces if x.target.port == 4318]
    assert {x.disposition for x in mine} == {Disposition.INSUFFICIENT_INFO}
    assert {x.at(x.hops[-1].hop).why for x in mine} == {"every path is answered with `HTTP 202`, and none as OTLP is"}
    assert found.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("nodes", [False, True])
def test_and_is_none_where_another_one_listens_by_the_configuration(nodes: bool) -> None:
    looks = from_nodes(Outcome.UNPROVED, "HTTP 202") if nodes else []
    found = told(ZIPKIN, [*UNKNOWN, *UNPROVED], *looks)

    assert found.verdict is Verdict.BROKEN
    faults = {x.summary: x for x in found.findings}
    assert {x.code for x in found.findings} == {"DS905"}
    web = faults["No OTLP receiver answers on port 4318"]
    assert "`receivers/zipkin` listens there, which is no OTLP receiver." in web.detail
    assert web.hint == "Send OTLP/HTTP to an OTLP receiver."
    assert "unproved; HTTP 202" in {x.fact for x in web.evidence}
    grpc = faults["No OTLP receiver answers on port 4317"]
    assert "`receivers/jaeger` listens there, which is no OTLP receiver." in grpc.detail
    assert grpc.hint == "Send gRPC to an OTLP receiver."


@pytest.mark.parametrize("taken", [True, False])
def test_the_family_is_named_over_which_alone_nothing_was_exported(taken: bool) -> None:
    looks = [Glimpse("pod otel-a", 4318, Protocol.HTTP, Way.ADDRESS, Outcome.ACCEPTED)] if taken else []

    said = " ".join(x.text for x in unknown(told(w.config(), looks)) if "4318" in x.text)

    assert ("nothing was exported over IPv6, so" in said) is taken


HIDDEN = w.config(http="${env:NOWHERE}:4318")


def strange(config: w.Object, status: str, *details: str) -> Finding:
    """What is said of an answer that is no OTLP, by the proxy of the API server and by a forwarded port."""
    ways = zip((Way.ADDRESS, Way.LOOPBACK), details or ("", ""), strict=True)
    seen = [Glimpse("pod otel-a", 4318, Protocol.HTTP, x, Outcome.NOT_OTLP, y, status=status) for x, y in ways]
    return next(x for x in told(config, seen).findings if x.code == "DS905")


@pytest.mark.parametrize("config", [HIDDEN, w.config()])
def test_an_answer_that_means_later_is_for_the_log_of_the_pod(config: w.Object) -> None:
    found = strange(config, "HTTP 503")

    assert found.summary == "Port 4318 answers `HTTP 503`"
    assert found.hint == "See in the log of the pod otel-a why it answers so."


def test_a_redirect_is_told_with_its_place_whichever_look_saw_it() -> None:
    found = strange(HIDDEN, "HTTP 308", "", "https://otel.example.com/v1/traces")

    assert found.summary == "Port 4318 redirects exports"
    assert found.detail.endswith("It redirects to `https://otel.example.com/v1/traces`.")
    assert "redirects to" not in strange(HIDDEN, "HTTP 308").detail


def test_a_page_is_of_what_listens_in_the_pod_and_not_on_the_machine_of_a_service() -> None:
    hint = strange(HIDDEN, "HTTP 404").hint

    assert hint.startswith("See in the log of the pod otel-a what listens on port 4318, or lead to an OTLP receiver.")


VECTOR = "sources: {otlp: {type: opentelemetry, grpc: {address: 0.0.0.0:4317}, http: {address: 0.0.0.0:4318}}}\n"


def vector(*families: str) -> dict[str, Any]:
    """Pods of Vector, which takes IPv4 alone, behind a Service of these families."""
    running = {"name": "vector", "image": "timberio/vector:0.49.0", "args": ["--config", "/conf/vector.yaml"]}
    spec = {**w.TEMPLATE, "containers": [{**running, "volumeMounts": [{"name": "conf", "mountPath": "/conf"}]}]}
    pod, made, held = w.pod("otel-a", "n1"), w.deployment(), w.config()
    pod["spec"] |= {"containers": spec["containers"]}
    made["spec"]["template"]["spec"] = spec
    held["data"] = {"vector.yaml": VECTOR}
    ports = [{"name": "otlp-grpc", "port": 4317}, {"name": "otlp-http", "port": 4318}]
    return {
        "pods": [pod],
        "workloads": [made],
        "configs": [held],
        "services": [w.service(families, ports=ports)],
        "slices": w.endpoints([pod], families),
    }


@pytest.mark.parametrize(("families", "severity"), [(("IPv6",), "error"), (("IPv6", "IPv4"), "warning")])
def test_a_service_of_ipv6_alone_leads_nobody_to_what_takes_ipv4(families: tuple[str, ...], severity: str) -> None:
    found = conclude(gathered(cart("http://otel.obs:4318"), **vector(*families)), Question())

    (here,) = [x for x in found.findings if x.code == "DS205"]
    assert found.findings[0] == here
    assert (here.summary, here.severity) == ("`0.0.0.0:4318` takes IPv4 only", severity)


def test_what_pods_that_are_asked_about_listen_on_is_their_own_affair() -> None:
    world = vector("IPv6", "IPv4")
    world["pods"][0]["spec"]["containers"][0]["env"] = variables(OTEL_EXPORTER_OTLP_ENDPOINT="http://otel.obs:4318")
    held = w.world([{"apiVersion": "v1", **x} for x in w.healthy(**world)])
    found = conclude(of(Asker(Stored(held, complete=True), "obs"), KubeTarget("pod", "otel-a")), Question())

    assert [x.code for x in found.findings if x.code == "DS205"] == ["DS205"] * 2
    assert not [x for x in found.findings if x.detail.endswith("do not send there.")]

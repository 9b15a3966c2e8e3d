"""What Collectors that receive send on: told where it is lost for certain, and else as a way that was not seen."""

import json
from pathlib import Path
from typing import Any

import pytest

from dualstack.cluster import ClusterRequest, diagnose, stored
from dualstack.conclusion import conclude
from dualstack.gather.archive import packed, unpacked
from dualstack.gather.beyond import beyond
from dualstack.gather.cluster import Asker, of
from dualstack.gather.pseudonyms import Pseudonyms
from dualstack.gather.reasons import reasons
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.gather.veil import veiled_world
from dualstack.model.address import BOTH
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.world import World
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_onward import GATEWAY, agent, service

Object = dict[str, Any]
SLICE: Object = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "agent-4", "namespace": "obs", "labels": {"kubernetes.io/service-name": "agent"}},
    "addressType": "IPv4",
    "endpoints": [
        {"addresses": [f"10.244.8.{n}"], "targetRef": {"kind": "Pod", "name": f"agent-{n}"}, "nodeName": f"n{n}"}
        for n in (1, 2)
    ],
    "ports": [{"name": "otlp", "port": 4317, "protocol": "TCP"}],
}
LED = [service({"name": "otlp", "port": 4317}), SLICE]
TLS = "otlp: {endpoint: 'otel:4317'}"
TYPO = "otlp: {endpoint: 'otle:4317', tls: {insecure: true}}"
OF_NODE = {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
AGENT = KubeTarget("ds", "agent")


def gathered(exporter: str, *more: Object, target: KubeTarget = AGENT, **spec: Any) -> World:
    return looked_at(w.world([*w.healthy(), *agent(exporter, **spec), *more]), target)


def looked_at(whole: World, target: KubeTarget = AGENT) -> World:
    ask = Asker(Stored(whole, complete=True), "obs")
    found = of(ask, target)
    for further in beyond(ask):
        reasons(further, lambda _: None)
        further.world.keep("Deployment", w.deployment())
    found.target, found.namespace = str(target), "obs"
    return found


def asked(exporter: str, *more: Object, **spec: Any) -> Diagnosis:
    return conclude(gathered(exporter, *more, **spec), Question())


def told(found: Diagnosis) -> list[str]:
    return [x.code for x in found.findings if x.severity == "error" and not x.because]


def ways_on(found: Diagnosis) -> list[str]:
    return [x.needs for x in found.skipped if x.needs.startswith("the way on from")]


def client() -> Object:
    env = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://agent:4317"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "cart", "namespace": "obs"},
        "spec": {"nodeName": "n1", "containers": [{"name": "cart", "image": "cart:1", "env": env}]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.244.7.7"}]},
    }


@pytest.mark.parametrize(("exporter", "code"), [(TLS, "DS902"), (TYPO, "DS408")])
@pytest.mark.parametrize(
    ("more", "spec"), [(LED, {}), ([], {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"})]
)
def test_what_a_receiver_sends_on_for_certain_in_vain_is_a_cause(
    exporter: str, code: str, more: list[Object], spec: Object
) -> None:
    found = asked(exporter, *more, **spec)

    assert (found.verdict, told(found), ways_on(found)) == ("degraded", [code], [])
    lost = [x for x in found.traces if x.failed]
    assert {x.vantage for x in lost} == {"pods of DaemonSet agent"}
    assert {x.target for x in found.traces} == {*found.question.targets}
    assert [x.owner for x in found.exporters] == ["DaemonSet agent"]


@pytest.mark.parametrize("exporter", [GATEWAY, "otlp: {endpoint: 'otel.obs:4317', tls: {insecure: true}}"])
def test_what_may_arrive_is_told_as_not_seen(exporter: str) -> None:
    found = asked(exporter, *LED)

    assert (told(found), ways_on(found)) == ([], ["the way on from DaemonSet agent in obs"])
    assert {x.target.host for x in found.traces} == {"agent.obs.svc"}
    assert not found.exporters


@pytest.mark.parametrize(
    ("policy", "expected"), [("ClusterFirst", ["DS408"]), ("Default", ["DS408"]), ("ClusterFirstWithHostNet", [])]
)
def test_a_name_that_the_resolver_of_the_receiver_may_not_know_is_told(policy: str, expected: list[str]) -> None:
    found = asked("otlp: {endpoint: 'otel.obs.svc:4317', tls: {insecure: true}}", hostNetwork=True, dnsPolicy=policy)

    assert [x.code for x in found.findings if x.severity == "warning" and not x.because] == expected
    assert (told(found), found.verdict) == ([], "unknown")
    assert ways_on(found) == ([] if expected else ["the way on from DaemonSet agent in obs"])


def test_beyond_the_receiver_of_a_client_it_counts_too() -> None:
    found = asked(TYPO, *LED, client(), target=KubeTarget("pod", "cart"))

    assert (found.verdict, told(found)) == ("degraded", ["DS408"])
    assert {x.vantage for x in found.traces if x.failed} == {"pods of DaemonSet agent"}


def test_a_gateway_without_pods_is_told_by_its_workload_and_not_by_the_sender() -> None:
    pods = {"metadata": {"labels": {"app": "gateway"}}, "spec": {"containers": [{"name": "otelcol", "image": "x"}]}}
    idle = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "gateway", "namespace": "obs"},
        "spec": {"replicas": 0, "template": pods},
    }
    gateway = service({"name": "otlp", "port": 4317})
    gateway["metadata"] = {"name": "gateway", "namespace": "obs"}
    gateway["spec"] = {**gateway["spec"], "selector": {"app": "gateway"}, "clusterIPs": ["10.96.0.77"]}
    sends = "otlp: {endpoint: 'gateway:4317', tls: {insecure: true}}"
    for more in ([gateway, idle], [gateway]):
        found = asked(sends, *LED, *more)

        assert (found.verdict, told(found)) == ("degraded", ["DS509"])
        (cause,) = [x for x in found.findings if x.code == "DS509"]
        assert ("has `replicas: 0`" in cause.detail) is (idle in more)
        assert "DaemonSet agent" not in cause.hint


def test_an_expected_family_is_that_of_the_question_alone() -> None:
    single = w.service(["IPv4"])
    single["metadata"]["name"] = "single"
    ends = w.endpoints([w.pod("otel-a", "n1")], ["IPv4"])
    ends[0]["metadata"] |= {"name": "single-4", "labels": {"kubernetes.io/service-name": "single"}}
    world = gathered("otlp: {endpoint: 'single:4317', tls: {insecure: true}}", *LED, single, *ends)

    found = conclude(world, Question(expect=BOTH))
    assert {x.vantage for x in found.traces if x.failed} == {"pods"}
    assert ways_on(found)


def test_a_snapshot_keeps_it_and_so_does_one_with_pseudonyms() -> None:
    world = gathered(TYPO, *LED)

    for one in (world, veiled_world(world, Pseudonyms(b"key"))):
        again = unpacked("w", packed(one, "1"))
        assert told(conclude(again, Question())) == ["DS408"]
        again.beyond[0].beyond = [world]
        assert not unpacked("w", packed(again, "1")).beyond[0].beyond


def test_two_ways_on_that_fail_alike_are_both_told() -> None:
    text = json.dumps(agent(TYPO.replace("otle", "loki"))).replace('"name": "agent', '"name": "other')
    others = json.loads(text.replace("10.244.8.", "10.244.7.").replace("fd00:244:8:", "fd00:244:7:"))
    ends = [
        {"addresses": [f"10.244.7.{n}"], "targetRef": {"kind": "Pod", "name": f"other-{n}"}, "nodeName": f"n{n}"}
        for n in (1, 2)
    ]
    both = {**SLICE, "endpoints": [*SLICE["endpoints"], *ends]}
    found = asked(TYPO, *others, LED[0], both, target=KubeTarget("svc", "agent"))

    lost = [x.detail for x in found.findings if x.code == "DS408"]
    assert ["otle" in x for x in lost].count(True) == 1
    assert ["loki" in x for x in lost].count(True) == 1
    assert {"pods of DaemonSet agent", "pods of DaemonSet other"} == {x.vantage for x in found.traces if x.failed}


def test_in_files_it_is_found_too(tmp_path: Path) -> None:
    items = [*w.healthy(), *agent(TYPO), *LED]
    (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    request = ClusterRequest(AGENT, namespace="obs", stored=str(tmp_path))

    assert told(diagnose(request)) == ["DS408"]
    assert len(stored(request).beyond) == 1


def test_it_is_told_before_what_is_no_error() -> None:
    led = {**LED[0], "spec": {**LED[0]["spec"], "ipFamilyPolicy": "SingleStack"}}
    found = asked(TYPO, led, SLICE)

    severities = [x.severity for x in found.findings if not x.because]
    assert severities[0] == "error"
    assert "warning" in severities


def test_a_collector_that_is_asked_about_as_a_client_is_followed_once() -> None:
    assert not gathered(TYPO).beyond


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("[fd00:96::9]:4317", "lost"),
        ("[2001:db8::7]:4317", "lost"),
        ("10.96.0.9:4317", "not seen"),
        ("192.0.2.7:4317", ""),
        ("[::1]:4317", ""),
    ],
)
def test_an_address_of_a_family_that_the_pods_have_not_is_lost(endpoint: str, expected: str) -> None:
    theirs = agent(f"otlp: {{endpoint: '{endpoint}', tls: {{insecure: true}}}}")
    for pod in (x for x in theirs if x["kind"] == "Pod"):
        pod["status"]["podIPs"] = pod["status"]["podIPs"][:1]
    nodes = [w.node("n1", 1, ["IPv4"]), w.node("n2", 2, ["IPv4"]), w.node("n3", 3)]
    found = conclude(looked_at(w.world([*w.healthy(nodes=nodes), *theirs, *LED])), Question())

    lost = {x.failing.hop for x in found.traces if x.failed and x.failing and x.vantage == "pods of DaemonSet agent"}
    assert (lost == {"route"}) is (expected == "lost")
    assert (told(found) == ["DS603"]) is (expected == "lost")
    said = [x.why for x in found.skipped if x.needs == "the way on from DaemonSet agent in obs"]
    assert [x.endswith("ask about the Service that has this address") for x in said] == [True] * (
        expected == "not seen"
    )


def whole(exporter: str, **spec: Any) -> Diagnosis:
    """What is said where everything is asked about."""
    world = w.world([*w.healthy(), *agent(exporter, **spec), *LED])
    return conclude_all(survey(Asker(Stored(world, complete=True), "")), Question())


PLAIN = "tls: {insecure: true}"


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("otel.obs:4319", ["DS508"]),
        ("otle.obs:4319", []),
        ("otle.obs:4317", ["DS408"]),
        ("ingest.example:4319", []),
        ("ingest.vendor.example:4319", []),
    ],
)
def test_a_service_is_followed_by_a_name_of_two_labels_whatever_the_port(to: str, expected: list[str]) -> None:
    assert told(asked(f"otlp: {{endpoint: '{to}', {PLAIN}}}", *LED)) == expected


def balancing(*hosts: str) -> str:
    named = ", ".join(f"'{x}'" for x in hosts)
    return f"loadbalancing: {{protocol: {{otlp: {{{PLAIN}}}}}, resolver: {{static: {{hostnames: [{named}]}}}}}}"


def test_a_pod_is_followed_by_its_name() -> None:
    named = balancing("a-0.otel.obs.svc.cluster.local:4317")
    found = asked(named, *LED)

    assert not told(found)
    assert ways_on(found) == ["the way on from DaemonSet agent in obs"]
    assert "`dualstack diagnose svc/otel -n obs` asks about that" in next(
        x.why for x in found.skipped if x.needs.startswith("the way on")
    )
    assert any("`dualstack diagnose ds/agent -n obs` asks about that" in x.why for x in whole(named).skipped)


def test_one_that_no_endpoint_has_is_a_cause() -> None:
    headless = w.service(clusterIP="None", clusterIPs=["None"])
    world = w.world([*w.healthy(services=[headless]), *agent(balancing("a-0.otel.obs.svc")), *LED])

    assert told(conclude(looked_at(world), Question())) == ["DS408"]


def by_api(to: str, ports: str = "", tls: str = PLAIN) -> str:
    resolver = f"{{k8s: {{service: {to}{f', ports: {ports}' if ports else ''}}}}}"
    return f"loadbalancing: {{protocol: {{otlp: {{{tls}}}}}, resolver: {resolver}}}"


SECURE = "tls: {insecure: false}"


SETS = "et `exporters.otlp/gw.tls.insecure` to `true`, or give the receiver"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("'http://otel.obs.svc:4317'", f"S{SETS}"),
        (f"'otel.obs.svc:4317', {SECURE}", f"S{SETS}"),
        (
            f"'https://otel.obs.svc:4317', {PLAIN}",
            f"Take `https://` out of `exporters.otlp/gw.endpoint`: it wins over `tls`. Then s{SETS}",
        ),
    ],
)
def test_the_exporter_of_a_collector_is_told_of_what_it_heeds(said: str, hint: str) -> None:
    """It heeds no `http://`."""
    found = asked(f"otlp/gw: {{endpoint: {said}}}", *LED)

    (first,) = [x for x in found.findings if x.code == "DS902"]
    assert first.hint.startswith(hint)


@pytest.mark.parametrize(
    ("exporter", "expected"),
    [
        (by_api("otel.obs"), []),
        (by_api("otel"), []),
        (by_api("otel.obs", "[4317, 4318]"), []),
        (by_api("otle.obs"), ["DS408"]),
        (by_api("otle"), ["DS408"]),
        (by_api("otel.obs", "[4319]"), ["DS211"]),
        (by_api("otel.obs", tls=SECURE), ["DS902"]),
        (by_api("ingest.vendor.example"), []),
    ],
)
@pytest.mark.parametrize("spec", [{}, {"dnsPolicy": "Default"}])
def test_the_pods_of_a_service_that_the_api_server_is_asked_for_are_followed(
    exporter: str, expected: list[str], spec: dict[str, Any]
) -> None:
    found = asked(exporter, *LED, **spec)

    assert told(found) == expected, [(x.code, x.detail) for x in found.findings]
    assert {x.code for x in found.findings if x.severity == "warning"} == {"DS501"}


def test_no_port_of_the_service_is_needed_for_that() -> None:
    other = w.service(ports=[{"name": "grpc", "port": 9999, "targetPort": 4317}])
    world = w.world([*w.healthy(services=[other]), *agent(by_api("otel.obs")), *LED])
    found = conclude(looked_at(world), Question())

    assert not told(found)
    assert any("`dualstack diagnose svc/otel -n obs`" in x.why for x in found.skipped)

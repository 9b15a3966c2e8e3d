"""Collectors that send on: asked about as clients, known as clients of what they send to, and never called followed."""

from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather import kinds
from dualstack.gather.cluster import Asker, of
from dualstack.gather.onward import by_all, by_others
from dualstack.gather.pages import page
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.diagnosis import Diagnosis
from dualstack.model.exporter import Exporter
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop
from dualstack.model.world import World
from dualstack.overview import conclude_all
from tests.cluster import worlds as w

Object = dict[str, Any]
GATEWAY = "otlp/gw: {endpoint: 'otel:4317', tls: {insecure: true}}"
"""An exporter to the Service of the healthy cluster."""


def agent(exporter: str, *, pods: int = 2, env: Object | None = None, **spec: Any) -> list[Object]:
    """A DaemonSet of Collectors with that exporter, and its pods."""
    name = exporter.partition(":")[0]
    text = (
        "receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}\n"
        f"exporters: {{{exporter}, debug: {{}}}}\n"
        f"service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [{name}]}}}}}}\n"
    )
    container = {
        "name": "otelcol",
        "image": "otel/opentelemetry-collector:0.139.0",
        "args": ["--config=/conf/relay"],
        "env": [env] if env else [],
        "volumeMounts": [{"name": "conf", "mountPath": "/conf"}],
    }
    template = {
        "metadata": {"labels": {"app": "agent"}},
        "spec": {"containers": [container], "volumes": [{"name": "conf", "configMap": {"name": "agent"}}], **spec},
    }
    about = {"namespace": "obs", "labels": {"app": "agent"}}
    owner = {"kind": "DaemonSet", "name": "agent", "controller": True}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "agent", "namespace": "obs"},
            "data": {"relay": text},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "agent", "namespace": "obs"},
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template},
        },
        *(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {**about, "name": f"agent-{n}", "ownerReferences": [owner]},
                "spec": {**template["spec"], "nodeName": f"n{n}"},
                "status": {
                    "phase": "Running",
                    "hostIP": f"10.100.0.{n}",
                    "podIPs": [{"ip": f"10.244.8.{n}"}, {"ip": f"fd00:244:8::{n}"}],
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            }
            for n in range(1, pods + 1)
        ),
    ]


def gathered(exporter: str, *more: Object, **instead: Any) -> World:
    target = KubeTarget("ds", "agent")
    whole = w.world([*w.healthy(), *agent(exporter, **instead), *more])
    world = of(Asker(Stored(whole, complete=True), "obs"), target)
    world.keep("Deployment", w.deployment())
    world.target, world.namespace = str(target), "obs"
    return world


def asked(exporter: str, *more: Object, **instead: Any) -> Diagnosis:
    return conclude(gathered(exporter, *more, **instead), Question())


def test_where_nothing_leads_to_a_collector_it_is_asked_about_as_a_client() -> None:
    found = asked(GATEWAY)

    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}
    assert {x.vantage for x in found.traces} == {"pods of DaemonSet agent"}
    assert {x.family for x in found.traces} == {"ipv4", "ipv6"}
    (one,) = found.exporters
    assert (one.owner, one.pods, one.variable) == ("DaemonSet agent", 2, "exporters.otlp/gw.endpoint")
    assert not [x for x in found.findings if x.severity == "error"]


def test_a_daemon_set_without_pods_is_asked_about_by_its_template() -> None:
    found = asked(GATEWAY, pods=0)

    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}
    assert found.exporters[0].pods == 0


@pytest.mark.parametrize(
    ("exporter", "code", "said"),
    [
        ("otlp: {endpoint: 'otel:4317'}", "DS902", "does not speak TLS"),
        ("otlp: {endpoint: 'otel:4317', tls: {insecure: true, ca_file: /ca}}", "DS902", "does not speak TLS"),
        ("otlp: {endpoint: 'https://otel:4317', tls: {insecure: true}}", "DS902", "does not speak TLS"),
        ("otlphttp: {endpoint: 'http://otel:4317'}", "DS902", "speaks gRPC, not HTTP/1"),
        ("otlphttp: {endpoint: 'otel:4318'}", "DS119", "The endpoint has no scheme"),
        ("otlphttp: {traces_endpoint: 'otel.obs.svc:4318/v1/traces'}", "DS119", "The endpoint has no scheme"),
        ("otlphttp: {endpoint: 'dns:///otel.obs:4318'}", "DS119", "The endpoint has a scheme of gRPC"),
        ("otlphttp: {endpoint: 'http://otel:4318/v1/traces'}", "DS904", "Clients post to another path"),
        ("otlphttp: {traces_endpoint: 'http://otel:4318'}", "DS904", "Clients post to another path"),
        ("otlp: {endpoint: 'otle:4317', tls: {insecure: true}}", "DS408", "No Service has this name"),
        ("otlp: {endpoint: 'otel:4319', tls: {insecure: true}}", "DS508", "Service has no port 4319"),
    ],
)
def test_what_it_sends_wrong_is_found(exporter: str, code: str, said: str) -> None:
    found = asked(exporter)

    assert found.verdict == "broken"
    (one,) = [x for x in found.findings if not x.because and x.severity == "error"]
    assert (one.code, said in one.summary) == (code, True), one


@pytest.mark.parametrize(
    "exporter",
    [
        GATEWAY,
        "otlp: {endpoint: 'dns:///otel.obs.svc.cluster.local:4317', tls: {insecure: true}}",
        "otlphttp: {endpoint: 'http://otel:4318'}",
        "otlphttp: {traces_endpoint: 'http://otel:4318/v1/traces'}",
        "loadbalancing: {protocol: {otlp: {tls: {insecure: true}}}, resolver: {dns: {hostname: otel}}}",
        "loadbalancing: {protocol: {otlp: {tls: {insecure: true}}}, resolver: {static: {hostnames: ['otel:4317']}}}",
    ],
)
def test_what_it_sends_right_is_no_fault(exporter: str) -> None:
    found = asked(exporter)

    assert {x.target.host for x in found.traces} == {"otel.obs.svc"}
    assert not [x for x in found.findings if x.severity == "error"]


@pytest.mark.parametrize("kind", ["dns: {hostname: otel, port: PORT}", "k8s: {service: otel.obs, ports: [PORT]}"])
@pytest.mark.parametrize(("port", "expected"), [("4317", []), ("4327", ["DS211"]), ("'4327'", ["DS211"])])
def test_a_balancer_sends_to_the_port_that_it_is_told(kind: str, port: str, expected: list[str]) -> None:
    resolver = kind.replace("PORT", port)
    exporter = f"loadbalancing: {{protocol: {{otlp: {{tls: {{insecure: true}}}}}}, resolver: {{{resolver}}}}}"
    whole = w.world([*w.healthy(services=[w.service(clusterIP="None", clusterIPs=["None"])]), *agent(exporter)])
    world = of(Asker(Stored(whole, complete=True), "obs"), KubeTarget("ds", "agent"))
    world.keep("Deployment", w.deployment())
    found = conclude(world, Question())

    assert {x.target.port for x in found.traces} == {int(port.strip("'"))}
    faults = [x for x in found.findings if x.severity == "error"]
    assert [x.code for x in faults] == expected
    assert not faults or "Send to a port that it listens on" in faults[0].hint


SECRET = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}


@pytest.mark.parametrize(
    ("insecure", "env"),
    [
        ("'${env:PLAIN}'", {"value": "true"}),
        ("'${PLAIN}'", {"value": "True"}),
        ("'${env:PLAIN:-true}'", None),
        ("'${env:PLAIN:-true}'", {"value": "true"}),
        ("'true', ca_file: '${env:CA:-}'", None),
    ],
)
def test_plain_text_can_be_told_by_a_variable(insecure: str, env: Object | None) -> None:
    found = asked(
        f"otlp: {{endpoint: 'otel:4317', tls: {{insecure: {insecure}}}}}", env=env and {"name": "PLAIN", **env}
    )

    assert [x.tls for x in found.exporters] == [False]
    assert not [x for x in found.findings if x.severity == "error"]


@pytest.mark.parametrize(
    ("tls", "held"),
    [
        ("{insecure: '${env:PLAIN}'}", "`${env:PLAIN}` (Secret s)"),
        ("{insecure: '${env:PLAIN:-true}'}", "`${env:PLAIN:-true}` (Secret s)"),
        ("'${env:PLAIN}'", "`${env:PLAIN}` (Secret s)"),
        ("{insecure: true, ca_file: '${env:PLAIN}'}", "`${env:PLAIN}` (Secret s)"),
        ("{insecure: '${env:OTHER}'}", "`${env:OTHER}` (a variable without a value here)"),
    ],
)
def test_where_nobody_can_read_whether_it_uses_tls_nothing_is_wrong(tls: str, held: str) -> None:
    found = asked(f"otlp: {{endpoint: 'otel:4317', tls: {tls}}}", env={"name": "PLAIN", **SECRET})

    assert not [x for x in found.findings if x.severity != "info"]
    why = {x.at(Hop.HANDSHAKE).why for x in found.traces}
    assert why == {f"whether the clients use TLS is in {held}, whose value is not known"}


def test_plain_text_that_a_variable_refuses_is_tls() -> None:
    env = {"name": "PLAIN", "value": "false"}
    found = asked("otlp: {endpoint: 'otel:4317', tls: {insecure: '${env:PLAIN:-true}'}}", env=env)

    assert [x.code for x in found.findings if x.severity == "error"] == ["DS902"]


def test_the_default_of_a_variable_that_the_downward_api_gives_is_not_taken() -> None:
    pods = [w.pod("otel-a", "n1")]
    mine = [w.config(grpc="${env:MY_POD_IP:-127.0.0.1}:4317")]

    assert "DS202" not in w.codes(w.diagnosed(w.healthy(pods=pods, configs=mine)))


def test_a_scheme_can_be_in_a_variable() -> None:
    env = {"name": "GATEWAY", "valueFrom": {"configMapKeyRef": {"name": "where", "key": "k"}}}
    where = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "where", "namespace": "obs"},
        "data": {"k": "https://otel:4317"},
    }
    found = asked("otlp: {endpoint: '${env:GATEWAY}', tls: {insecure: true}}", where, env=env)

    assert [x.code for x in found.findings if x.severity == "error"] == ["DS902"]


def test_the_default_of_a_variable_that_a_secret_holds_is_not_taken() -> None:
    env = {"name": "GATEWAY", **SECRET}
    found = asked("otlp: {endpoint: '${env:GATEWAY:-otle:4317}', tls: {insecure: true}}", env=env)

    assert not [x for x in found.findings if x.severity == "error"]


def test_variables_are_those_of_each_pod() -> None:
    env = {"name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}
    found = asked("otlp: {endpoint: '${env:NODE_IP}:4317', tls: {insecure: true}}", env=env)

    assert {x.target.host for x in found.traces} == {"10.100.0.1", "10.100.0.2"}


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"name": "GW", "valueFrom": {"secretKeyRef": {"name": "gw", "key": "host"}}}, "Secret gw"),
        (None, "a variable without a value here"),
    ],
)
def test_what_cannot_be_read_is_said(env: Object | None, why: str) -> None:
    found = asked("otlp: {endpoint: '${env:GW}:4317'}", env=env)

    assert found.verdict == "unknown"
    assert any(x.why == f"{why} holds it, which was not read" for x in found.skipped)


def service(*ports: Object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "agent", "namespace": "obs"},
        "spec": {"clusterIPs": ["10.96.0.8"], "ipFamilies": ["IPv4"], "selector": {"app": "agent"}, "ports": [*ports]},
    }


def test_a_service_of_its_own_metrics_alone_leads_no_clients_to_it() -> None:
    assert asked(GATEWAY, service({"name": "monitoring", "port": 8888})).exporters


def test_a_collector_that_clients_come_to_is_asked_about_as_a_receiver_and_the_way_on_is_not_seen() -> None:
    led = service({"name": "otlp", "port": 4317})
    for found in (asked(GATEWAY, led), asked(GATEWAY, hostNetwork=True)):
        assert {x.target.host for x in found.traces} != {"otel.obs.svc"}
        (one,) = [x for x in found.skipped if x.needs == "the way on from DaemonSet agent in obs"]
        assert "sends on to `otel:4317`" in one.why
        assert "dualstack diagnose svc/otel -n obs" in one.why


def test_beyond_the_receiver_of_a_client_the_way_on_is_not_seen() -> None:
    env = [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://agent:4317"}]
    cart = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "cart", "namespace": "obs"},
        "spec": {"nodeName": "n1", "containers": [{"name": "cart", "image": "cart:1", "env": env}]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.244.7.7"}]},
    }
    whole = w.world([*w.healthy(), *agent(GATEWAY), service({"name": "otlp", "port": 4317}), cart])
    found = conclude(of(Asker(Stored(whole, complete=True), "obs"), KubeTarget("pod", "cart")), Question())

    told = [x.needs for x in found.skipped if x.needs.startswith("the way on")]
    assert told == ["the way on from DaemonSet agent in obs"]


def test_where_it_sends_to_a_host_of_the_world_nothing_is_left_to_say() -> None:
    found = asked("otlp: {endpoint: 'api.example.com:443'}", service({"name": "otlp", "port": 4317}))

    assert not [x for x in found.skipped if x.needs.startswith("the way on")]


def known(found: list[Exporter]) -> list[tuple[str, str, int]]:
    return [(x.owner, x.endpoint, x.pods) for x in found]


def test_it_is_a_client_of_what_it_sends_to() -> None:
    whole = w.world([*w.healthy(), *agent(GATEWAY)])

    assert known(by_all(whole)) == [("DaemonSet agent", "otel:4317", 2)]
    assert by_all(w.world(w.healthy())) == []


def test_it_is_a_client_among_the_pods_of_a_namespace() -> None:
    whole = w.world([*w.healthy(), *agent(GATEWAY)])
    ask = Asker(Stored(whole, complete=True), "obs")
    pods = [x for x in page(whole.objects["Pod"], kinds.PODS).items if x]

    assert known(by_others(ask, pods)) == [("DaemonSet agent", "otel:4317", 2)]
    ask.world.keep("Pod", *whole.objects["Pod"])
    assert by_others(ask, pods) == []


def test_in_a_survey_it_is_a_client_and_one_that_may_be_lost() -> None:
    for exporter, lost in ((GATEWAY, 0), ("otlp: {endpoint: 'gateway:4317', tls: {insecure: true}}", 1)):
        whole = w.world([*w.healthy(), *agent(exporter), {"kind": "Namespace", "metadata": {"name": "obs"}}])
        world = survey(Asker(Stored(whole, complete=True), ""))

        assert [x.owner for x in world.clients] == ["DaemonSet agent"]
        assert len(world.lost) == lost
        codes = [x.code for x in conclude_all(world, Question()).findings if x.severity == "error"]
        assert codes == ["DS408"] * lost


@pytest.mark.parametrize(
    ("tls", "verifies", "name"),
    [
        ("{}", True, ""),
        ("{insecure_skip_verify: true}", False, ""),
        ("{insecure_skip_verify: '${env:ANY}'}", False, ""),
        ("{insecure_skip_verify: '${env:ANY:-false}', server_name_override: '${env:NAME:-gw}'}", True, "gw"),
        ("{server_name_override: gw}", True, "gw"),
    ],
)
def test_how_a_collector_looks_at_the_certificate_of_its_server_is_known(tls: str, verifies: bool, name: str) -> None:
    (one,) = asked(f"otlp: {{endpoint: 'otel:4317', tls: {tls}}}").exporters

    assert (one.tls, one.verifies, one.certified) == (True, verifies, name or "otel")


@pytest.mark.parametrize(
    ("families", "resolver", "expected"),
    [
        (w.BOTH, "dns: {hostname: otel.obs.svc.cluster.local}", ["DS512"]),
        (["IPv4"], "dns: {hostname: otel.obs.svc.cluster.local}", []),
        (w.BOTH, "static: {hostnames: ['otel.obs.svc:4317']}", []),
    ],
)
def test_a_balancer_is_told_of_the_service_that_it_asks_for(
    families: list[str], resolver: str, expected: list[str]
) -> None:
    headless = w.service(families, clusterIP="None", clusterIPs=["None"])
    sends = agent(f"loadbalancing: {{protocol: {{otlp: {{tls: {{insecure: true}}}}}}, resolver: {{{resolver}}}}}")
    whole = w.world([*w.healthy(services=[headless]), *sends])
    found = conclude_all(survey(Asker(Stored(whole, complete=True), "")), Question())

    assert [x.code for x in found.findings if x.code in ("DS512", "DS520")] == expected

"""Other agents than the Collector that send OTLP on: clients of what their configurations name."""

from copy import deepcopy
from typing import Any

import pytest

from dualstack.conclusion import conclude
from dualstack.gather.cluster import Asker, of
from dualstack.gather.onward import by_all
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.question import Question
from dualstack.model.target import KubeTarget
from dualstack.model.trace import Hop
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import cart, told
from tests.cluster.test_onward import agent, service

Object = dict[str, Any]
ALLOY = 'otelcol.exporter.otlp "gw" {\n  client {\n    endpoint = "otel:4317"\n    tls { insecure = true }\n  }\n}\n'
ALLOY_HTTP = 'otelcol.exporter.otlphttp "gw" {\n  client { endpoint = "http://otel:4318" }\n}\n'
VECTOR = '[sinks.gw]\ntype = "opentelemetry"\nprotocol.type = "http"\nprotocol.uri = "http://otel:4318/v1/logs"\n'
TELEGRAF = '[[outputs.opentelemetry]]\n  service_address = "otel:4317"\n'
FLUENT = "[INPUT]\n  Name tail\n[OUTPUT]\n  Name opentelemetry\n  Host otel\n  Port 4318\n"
FLUENT_YAML = "pipeline:\n  outputs:\n    - name: opentelemetry\n      host: otel\n      port: 4318\n"
IMAGES = {
    ALLOY: ("config.alloy", "grafana/alloy:v1.11"),
    ALLOY_HTTP: ("config.alloy", "docker.io/grafana/alloy:v1.11"),
    VECTOR: ("vector.toml", "timberio/vector:0.50.0-distroless-static"),
    TELEGRAF: ("telegraf.conf", "telegraf:1.36-alpine"),
    FLUENT: ("fluent-bit.conf", "cr.fluentbit.io/fluent/fluent-bit:4.1"),
    FLUENT_YAML: ("fluent-bit.yaml", "fluent/fluent-bit:4.1"),
}
HOST = {FLUENT: "Host otel", FLUENT_YAML: "host: otel"}


def objects(usual: str, text: str, env: Object | None = None) -> list[Object]:
    """A DaemonSet of an agent with that configuration, and its pods."""
    key, image = IMAGES[usual]
    made = deepcopy(agent("otlp: {}", env=env))
    for one in made:
        if one["kind"] == "ConfigMap":
            one["data"] = {key: text}
            continue
        spec = one["spec"]["template"]["spec"] if one["kind"] == "DaemonSet" else one["spec"]
        spec["containers"][0] |= {"name": "agent", "image": image, "args": []}
    return made


def asked(usual: str, text: str, *more: Object, env: Object | None = None) -> Diagnosis:
    target = KubeTarget("ds", "agent")
    whole = w.world([*w.healthy(), *objects(usual, text, env), *more])
    world = of(Asker(Stored(whole, complete=True), "obs"), target)
    world.keep("Deployment", w.deployment())
    world.target, world.namespace = str(target), "obs"
    return conclude(world, Question())


@pytest.mark.parametrize("text", IMAGES)
def test_what_they_send_right_is_no_fault(text: str) -> None:
    found = asked(text, text)

    assert {(x.target.host, x.family) for x in found.traces} == {("otel.obs.svc", "ipv4"), ("otel.obs.svc", "ipv6")}
    assert [(x.owner, x.configured, bool(x.tls)) for x in found.exporters] == [("DaemonSet agent", True, False)]
    assert not [x for x in found.traces if x.at(Hop.HANDSHAKE).why]
    assert not [x for x in found.findings if x.severity != "info"]


@pytest.mark.parametrize("text", IMAGES)
def test_a_name_that_is_misspelt_is_told(text: str) -> None:
    said = HOST.get(text, "otel:")
    found = asked(text, text.replace(said, said.replace("otel", "otle")))

    assert found.verdict is Verdict.BROKEN
    assert w.roots(found) == ["DS408"]


@pytest.mark.parametrize("text", IMAGES)
def test_a_port_that_the_service_lacks_is_told(text: str) -> None:
    found = asked(text, text.replace("4317", "4319").replace("4318", "4319"))

    assert w.roots(found) == ["DS508"]


@pytest.mark.parametrize("text", IMAGES)
def test_the_port_of_the_other_protocol_is_told_with_the_right_one(text: str) -> None:
    right = "4317" if "4317" in text else "4318"
    found = asked(text, text.replace(right, {"4317": "4318", "4318": "4317"}[right]))

    assert w.roots(found) == ["DS902"]
    (hint,) = [x.hint for x in found.findings if x.code == "DS902"]
    scheme = "http://" if right == "4318" else ""
    assert f"to `{scheme}otel:{right}`" in hint
    assert "OTEL_EXPORTER" not in hint


@pytest.mark.parametrize(
    ("usual", "text"),
    [
        (ALLOY, ALLOY.replace("    tls { insecure = true }\n", "")),
        (ALLOY, ALLOY.replace("true", "false")),
        (ALLOY_HTTP, ALLOY_HTTP.replace("http://", "https://")),
        (VECTOR, VECTOR.replace("http://", "https://")),
        (TELEGRAF, TELEGRAF + '  tls_ca = "/ca.pem"\n'),
        (FLUENT, FLUENT + "  tls on\n"),
        (FLUENT_YAML, FLUENT_YAML + "      tls: on\n"),
    ],
)
def test_tls_to_a_receiver_of_plain_text_is_told(usual: str, text: str) -> None:
    found = asked(usual, text)

    assert [x.tls for x in found.exporters] == [True]
    assert w.roots(found) == ["DS902"]
    (hint,) = [x.hint for x in found.findings if x.code == "DS902"]
    to = "Send to `otel:4317` without TLS" if "4317" in text else "Send to `http://otel:4318`"
    assert hint.startswith("Set `otelcol.exporter.otlp[0].client[0].tls.insecure` to `true`" if usual == ALLOY else to)


@pytest.mark.parametrize(
    ("usual", "text"),
    [
        (ALLOY, ALLOY.replace('"otel:4317"', 'sys.env("GATEWAY")')),
        (FLUENT, FLUENT + "  grpc on\n  tls on\n"),
        (FLUENT, FLUENT + "  grpc ${GRPC}\n"),
        (FLUENT, FLUENT.replace("Name opentelemetry", "Name http")),
    ],
)
def test_what_is_not_told_there_is_not_followed(usual: str, text: str) -> None:
    assert not by_all(w.world([*w.healthy(), *objects(usual, text)]))


def test_a_switch_to_grpc_is_followed_as_such() -> None:
    right = FLUENT.replace("4318", "4317") + "  grpc on\n"
    assert not [x for x in asked(FLUENT, right).findings if x.severity != "info"]

    found = asked(FLUENT, FLUENT + "  grpc on\n  tls.ca_file /ca.pem\n")
    assert w.roots(found) == ["DS902"]
    (hint,) = [x.hint for x in found.findings if x.code == "DS902"]
    assert hint.endswith("or send gRPC to `otel:4317`.")


@pytest.mark.parametrize("image", ["fluent/fluent-bit:3.1.9", "fluent/fluent-bit:latest", "fluent/fluent-bit"])
def test_what_an_older_one_makes_of_that_switch_is_not_known(image: str) -> None:
    made = objects(FLUENT, FLUENT + "  grpc on\n")
    for one in made:
        if one["kind"] != "ConfigMap":
            spec = one["spec"]["template"]["spec"] if one["kind"] == "DaemonSet" else one["spec"]
            spec["containers"][0]["image"] = image

    assert not by_all(w.world([*w.healthy(), *made]))


def test_no_variable_of_an_sdk_is_told_to_an_agent() -> None:
    found = asked(FLUENT, FLUENT + "  grpc on\n  tls on\n")

    (why,) = [x.why for x in found.skipped if x.needs == "ports for OTLP"]
    assert why == (
        "nothing that was read says where the agents in the pods of `ds/agent` send OTLP, as their configuration "
        "would, and no Service leads to them"
    )


def test_an_expression_for_tls_leaves_it_open() -> None:
    found = asked(ALLOY, ALLOY.replace("insecure = true", 'insecure = sys.env("PLAIN") == "yes"'))

    assert [x.tls for x in found.exporters] == [None]
    assert found.verdict is Verdict.UNKNOWN
    assert not [x for x in found.findings if x.severity != "info"]


def test_the_port_that_is_left_out_is_that_of_the_agent() -> None:
    (one,) = by_all(w.world([*w.healthy(), *objects(FLUENT, FLUENT.replace("  Port 4318\n", ""))]))

    assert (one.endpoint, one.target and one.target.port) == ("http://otel:80", 80)


@pytest.mark.parametrize(
    ("usual", "text"),
    [
        (TELEGRAF, TELEGRAF.replace("otel:4317", "$GW:4317")),
        (VECTOR, VECTOR.replace("otel:4318", "${GW}:4318")),
        (FLUENT, f"@SET GW=otel\n{FLUENT.replace('Host otel', 'Host ${GW}')}"),
    ],
)
def test_variables_are_filled_in_as_each_writes_them(usual: str, text: str) -> None:
    env = {"name": "GW", "value": "otel"} if usual != FLUENT else None

    assert {x.target.host for x in asked(usual, text, env=env).traces} == {"otel.obs.svc"}


def test_who_reads_the_file_beside_an_agent_is_none() -> None:
    made = objects(ALLOY, ALLOY)
    for one in (x for x in made if x["kind"] != "ConfigMap"):
        spec = one["spec"]["template"]["spec"] if one["kind"] == "DaemonSet" else one["spec"]
        reloads = {**spec["containers"][0], "name": "reloads", "image": "prometheus-config-reloader:v0.81"}
        spec["containers"] = [reloads, spec["containers"][0]]

    (one,) = by_all(w.world([*w.healthy(), *made]))
    assert (one.container, one.pods) == ("agent", 2)


def test_variables_are_those_of_the_container() -> None:
    found = asked(FLUENT, FLUENT.replace("Host otel", "Host ${GW}"), env={"name": "GW", "value": "otle"})

    assert w.roots(found) == ["DS408"]


def test_the_service_of_its_own_metrics_leads_no_clients_to_it() -> None:
    assert asked(FLUENT, FLUENT, service({"name": "http", "port": 2020})).exporters


def test_in_a_survey_they_are_clients() -> None:
    for text, lost in ((FLUENT, 0), (FLUENT.replace("Host otel", "Host gateway"), 1)):
        whole = w.world([*w.healthy(), *objects(FLUENT, text), {"kind": "Namespace", "metadata": {"name": "obs"}}])
        world = survey(Asker(Stored(whole, complete=True), ""))

        assert [(x.owner, x.pods) for x in world.clients] == [("DaemonSet agent", 2)]
        codes = [x.code for x in conclude_all(world, Question()).findings if x.severity == "error"]
        assert codes == ["DS408"] * lost


def test_of_an_agent_that_listens_only_the_port_of_its_service_is_missing() -> None:
    text = 'otelcol.receiver.otlp "in" {\n  http { }\n}\n'
    found = told(cart("http://agent.obs:4318"), more=[*objects(ALLOY, text), service({"name": "ui", "port": 12345})])

    assert [x.hint for x in found.findings if x.code == "DS508"] == [
        "Add port 4318 to the Service, with `targetPort: 4318`."
    ]

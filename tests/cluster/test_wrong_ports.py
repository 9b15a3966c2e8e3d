"""Clients that send to a port of a Service which is not for what they speak: the way out is theirs."""

from typing import Any

import pytest

from dualstack.gather.cluster import Asker
from dualstack.gather.stored import Stored
from dualstack.gather.survey import survey
from dualstack.model.finding import Finding, Severity
from dualstack.model.question import Question
from dualstack.overview import conclude_all
from tests.cluster import worlds as w
from tests.cluster.test_client_ways import agent as holder
from tests.cluster.test_client_ways import alias, cart, on_host, told
from tests.cluster.test_survey import variables, whole

Object = dict[str, Any]
HTTP = variables(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
GRPC = variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
PODS = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]


def ports(*every: tuple[str, int, int], **more: Any) -> dict[str, list[Object]]:
    """A Service with ports of these names and numbers, which lead to those of its pods."""
    spec = [{"name": x, "port": y, "targetPort": z, "nodePort": y + 20000} for x, y, z in every]
    led = w.endpoints(PODS, ports=[{"name": x, "port": z} for x, _, z in every])
    return {"services": [w.service(ports=spec, **more)], "pods": PODS, "slices": led}


def the(client: Object, **instead: Any) -> Finding:
    return next(x for x in told(client, **instead).findings if x.severity is Severity.ERROR and not x.because)


USUAL = (("traces", 14317, 4317), ("more", 14318, 4318))


def test_a_port_that_others_use_is_not_turned_to_what_one_client_speaks() -> None:
    found = the(cart("http://otel.obs:14317", *HTTP), **ports(*USUAL))

    assert found.code == "DS902"
    assert found.hint == (
        "Set `OTEL_EXPORTER_OTLP_PROTOCOL=grpc` (the exporter `otlp` in a Collector), or send OTLP/HTTP to "
        "`http://otel.obs:14318`."
    )


@pytest.mark.parametrize("name", ["otlp-http", "http"])
def test_a_port_is_turned_that_by_its_name_is_for_what_clients_speak(name: str) -> None:
    found = the(cart("http://otel.obs:14318", *HTTP), **ports(("traces", 14317, 4317), (name, 14318, 4317)))

    assert found.hint == "Set `targetPort` to 4318 where the Service says 14318."


def test_but_not_where_some_of_its_pods_take_nothing_there() -> None:
    pods = [w.pod("otel-a", "n1"), w.pod("otel-b", "n2")]
    pods[1]["spec"]["volumes"][0]["configMap"]["name"] = "newer"
    pods[1]["metadata"]["labels"] |= {"pod-template-hash": "x"}
    parts = ports(("traces", 14317, 4317), ("otlp-http", 14318, 4317))
    configs = [w.config(), w.config(http="0.0.0.0:24318", name="newer")]
    found = the(cart("http://otel.obs:14318", *HTTP), **{**parts, "pods": pods}, configs=configs)

    assert "Set `targetPort`" not in found.hint


def test_where_the_service_has_no_port_for_it_the_client_gets_one() -> None:
    found = the(cart("http://otel.obs:14317", *HTTP), **ports(USUAL[0]))

    assert found.hint.endswith("give the Service a port with `targetPort: 4318`, and send OTLP/HTTP there.")


def test_by_a_node_port_it_is_another_one_of_the_nodes() -> None:
    found = the(cart("http://10.100.0.1:34317", *HTTP), **ports(*USUAL, type="NodePort"))

    assert found.hint.endswith("or send OTLP/HTTP to `http://10.100.0.1:34318`.")


def test_of_a_headless_service_the_port_of_the_pods_is_named() -> None:
    parts = ports(("traces", 4317, 4317), clusterIP="None", clusterIPs=["None"])
    found = the(cart("http://otel.obs:4317", *HTTP), **parts)

    assert found.hint.endswith("or send OTLP/HTTP to `http://otel.obs:4318`.")


def test_an_alias_has_the_ports_of_its_service() -> None:
    parts = ports(*USUAL)
    parts["services"].append(alias("other", "otel.obs.svc.cluster.local"))
    found = the(cart("http://other.shop:14317", *HTTP), **parts)

    assert found.hint.endswith("or send OTLP/HTTP to `http://other.shop:14318`.")


METRICS = (("metrics", 8888, 8888), ("otlp-grpc", 4317, 4317), ("otlp-http", 4318, 4318))


@pytest.mark.parametrize(
    ("said", "hint"),
    [(HTTP, "Send OTLP/HTTP to `http://otel.obs:4318`."), (GRPC, "Send gRPC to `http://otel.obs:4317`.")],
)
def test_the_port_of_metrics_takes_no_otlp_wherever_it_listens(said: list[Object], hint: str) -> None:
    found = told(cart("http://otel.obs:8888", *said), **ports(*METRICS)).findings

    first = next(x for x in found if x.severity is Severity.ERROR and not x.because)
    assert (first.code, first.summary, first.hint) == ("DS905", "Port 8888 takes no OTLP", hint)
    assert [x.because for x in found if x.code == "DS202"] == [("DS905",)]
    assert "0.0.0.0:8888`" not in "".join(x.hint for x in found)


ALLOY = """otelcol.receiver.otlp "default" {
  grpc { endpoint = "0.0.0.0:4317" }
  %s
  output { traces = [] }
}
"""
OWN = "--server.http.listen-addr=0.0.0.0:12345"


def agent(http: str = 'http { endpoint = "0.0.0.0:4318" }', **container: Any) -> dict[str, list[Object]]:
    """Grafana Alloy behind the Service, which leads to a port of its own as well."""
    config = w.config()
    config["data"] = {"config.alloy": ALLOY % http}
    workload, *pods = (w.deployment(), w.pod("otel-a", "n1"))
    for spec in (workload["spec"]["template"]["spec"], pods[0]["spec"]):
        spec["containers"][0] |= {"image": "grafana/alloy:v1.11.3", "args": ["run", "/conf/config.alloy", OWN]}
        spec["containers"][0] |= container
    every = (("ui", 12345, 12345), ("otlp-grpc", 4317, 4317), ("otlp-http", 4318, 4318))
    led = w.endpoints(pods, ports=[{"name": x, "port": z} for x, _, z in every])
    return {**ports(*every), "pods": pods, "slices": led, "configs": [config], "workloads": [workload]}


@pytest.mark.parametrize("container", [{"ports": []}, {"args": ["run", "/conf/config.alloy"]}], ids=["args", "port"])
def test_a_port_that_an_agent_has_for_itself_is_left_to_it(container: Object) -> None:
    named = {"ports": [{"containerPort": 12345}], **container}
    found = the(cart("http://otel.obs:12345", *HTTP), **agent(**named))

    assert (found.code, found.summary) == ("DS508", "No receiver listens behind port 12345")
    assert "the container `otelcol` names it for something else: http is taken on 4318" in found.detail
    assert found.hint == "Send OTLP/HTTP to `http://otel.obs:4318`."


def test_nor_does_such_an_agent_listen_there_for_a_protocol_that_it_does_not_take() -> None:
    found = the(cart("http://otel.obs:12345", *HTTP), **agent(http="", ports=[]))

    assert (found.code, found.summary) == ("DS211", "No receiver listens on port 12345")
    assert found.hint == "Send to a port of its receivers."


def test_a_port_for_something_else_is_left_alone_where_another_one_leads_to_the_receiver() -> None:
    parts = ports(("profiles", 6060, 6060), *USUAL)
    found = the(cart("http://otel.obs:6060", *HTTP), **parts)

    assert found.summary == "No receiver listens behind port 6060"
    assert found.hint == "Send OTLP/HTTP to `http://otel.obs:14318`."


def test_the_exporter_of_a_collector_is_told_of_the_field_that_it_heeds() -> None:
    client = cart("https://otel.obs:4317", *GRPC)
    assert "a Collector's exporter also needs `tls: {insecure: true}`" in the(client).hint


@pytest.mark.parametrize(
    ("own", "said", "hint"),
    [
        (80, " is another name alone, whatever ports it has. ", "Let them send to 4318: no port of an alias leads to"),
        (90, "", "Add port 80 to the Service, with `targetPort: 4318`, or let them send to 4318."),
    ],
)
def test_through_an_alias_the_ports_of_the_service_are_seen(own: int, said: str, hint: str) -> None:
    """An alias may name ports, and leads to all of them as they are."""
    name = alias("other", "otel.obs.svc.cluster.local")
    name["spec"]["ports"] = [{"name": "http", "port": own, "targetPort": 4318}]
    parts = {**ports(("otlp-grpc", 4317, 4317), ("otlp-http", 4318, 4318)), "more": [name]}
    found = told(cart("http://other:80", *HTTP), **parts).findings

    (first,) = [x for x in found if x.code == "DS508"]
    assert f"Service shop/other{said}" in first.detail or not said
    assert first.hint.startswith(hint)


def test_of_a_port_that_the_agent_does_not_name_nothing_is_said() -> None:
    bare = {"args": ["run", "/conf/config.alloy"], "ports": [{"containerPort": 4318}]}
    found = the(cart("http://otel.obs:12345", *HTTP), **agent(**bare))

    assert found.detail.endswith("leads to 12345 of its pods, where no receiver listens: http is taken on 4318.")


def test_without_a_service_the_port_that_otlp_has_is_named() -> None:
    pod = on_host()
    pod["spec"]["containers"][0]["env"] += HTTP
    found = the(pod, pods=[holder()], slices=[], services=[])

    assert found.hint.endswith("or send OTLP/HTTP to `http://10.100.0.1:4318`.")


PAIR = '", tls: {cert_file: c, key_file: k}, auth: "'
SECURED = w.config(f"0.0.0.0:4317{PAIR}", f"0.0.0.0:4318{PAIR}")


@pytest.mark.parametrize(
    ("endpoint", "spoken", "summary"),
    [
        ("https://otel.obs:4318", GRPC, "Port 4318 speaks HTTP, not gRPC"),
        ("https://otel.obs:4317", HTTP, "Port 4317 speaks gRPC, not HTTP/1"),
    ],
)
def test_over_tls_ports_are_crossed_as_well(endpoint: str, spoken: list[Object], summary: str) -> None:
    found = told(cart(endpoint, *spoken), configs=[SECURED])
    world = whole(cart(endpoint, *spoken), configs=[SECURED])
    of_all = conclude_all(survey(Asker(Stored(world, complete=True), "")), Question())

    assert {x.summary for y in (found, of_all) for x in y.findings if x.code == "DS902"} == {summary}
    assert (found.verdict, of_all.verdict) == ("broken", "degraded")


def test_who_speaks_without_tls_to_the_other_port_is_told_of_tls() -> None:
    found = told(cart("http://otel.obs:4318", *GRPC), configs=[SECURED])

    assert next(x.summary for x in found.findings if x.code == "DS902") == "Port 4318 expects TLS"

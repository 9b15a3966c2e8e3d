"""Other agents than the Collector behind a Service: where they listen, as their configurations say."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest

from dualstack.model.address import Family
from dualstack.model.diagnosis import Diagnosis, Verdict
from dualstack.model.finding import Severity
from dualstack.model.trace import Hop, Status
from dualstack.report.verbs.flows import unknown
from tests.cluster import worlds as w

ALLOY = """
otelcol.receiver.otlp "in" {
  grpc { endpoint = GRPC }
  http { endpoint = HTTP }
  output { traces = [otelcol.exporter.debug.out.input] }
}
"""
VECTOR = """
sources:
  otlp:
    type: opentelemetry
    grpc: {address: "GRPC"}
    http: {address: "HTTP"}
sinks:
  out: {type: console, inputs: [otlp.traces], encoding: {codec: json}}
"""
FLUENT = "[SERVICE]\n  Flush 1\n[INPUT]\n  Name opentelemetry\n  Listen HOST\n  Port PORT\n[OUTPUT]\n  Name stdout\n"
FLUENT_YAML = """
service:
  flush: 1
pipeline:
  inputs:
    - name: opentelemetry
      listen: "HOST"
      port: PORT
  outputs:
    - name: stdout
"""
IMAGES = {"config": "grafana/alloy:v1.11", "vector": "timberio/vector:0.50", "fluent": "fluent/fluent-bit:4.1"}


def behind(key: str, text: str, families: Iterable[str] = w.BOTH, beside: Iterable[str] = (), **spec: Any) -> Diagnosis:
    """What is told of the Service of pods with such a configuration; `beside` are more containers."""
    pod = deepcopy(w.pod("otel-a", "n1", families))
    own = pod["spec"]["containers"][0]
    own |= {"image": next(v for k, v in IMAGES.items() if key.startswith(k)), "args": ["run"]}
    pod["spec"]["containers"] += [{"name": x, "image": "example.org/other:1"} for x in beside]
    pod["spec"] |= spec
    made = w.deployment()
    made["spec"]["template"]["spec"] = {k: v for k, v in pod["spec"].items() if k != "nodeName"}
    config = w.config()
    config["data"] = {key: text}
    instead = {"pods": [pod], "configs": [config], "workloads": [made], "services": [w.service(families)]}
    return w.diagnosed(w.healthy(**instead, slices=w.endpoints([pod], families)))


def with_(text: str, host: str, grpc: int = 4317, http: int = 4318) -> str:
    quote = '"' if text == ALLOY else ""
    for name, port in (("GRPC", grpc), ("HTTP", http)):
        text = text.replace(name, f"{quote}{host}:{port}{quote}")
    return text.replace("HOST", host.strip("[]")).replace("PORT", str(http))


def reasons(found: Diagnosis) -> str:
    return " ".join(" ".join(x.text for x in unknown(found)).split())


EVERY = [("config.alloy", ALLOY), ("vector.yaml", VECTOR), ("fluent.conf", FLUENT), ("fluent.yaml", FLUENT_YAML)]


@pytest.mark.parametrize(("key", "text"), EVERY)
def test_a_receiver_on_the_loopback_is_told(key: str, text: str) -> None:
    found = behind(key, with_(text, "127.0.0.1"))

    told = [x for x in found.findings if x.code == "DS202"]
    assert found.verdict is Verdict.BROKEN or key.startswith("fluent")
    assert told
    assert all(x.severity is Severity.ERROR and x.location for x in told)


def test_what_is_to_be_written_fits_the_field() -> None:
    found = {x: behind(key, with_(x, "127.0.0.1")).findings for key, x in EVERY}
    hints = {k: next(x.hint for x in v if "4318" in x.summary and x.location) for k, v in found.items()}

    assert hints[ALLOY].endswith("line 7, to `0.0.0.0:4318`.")
    assert hints[VECTOR].endswith("line 9, to `[::]:4318`.")
    assert hints[FLUENT].endswith("line 8, to `::`.")
    assert hints[FLUENT_YAML].endswith("line 10, to `::`.")


@pytest.mark.parametrize(("key", "text"), EVERY[:2])
def test_a_port_that_none_of_its_receivers_has_is_closed(key: str, text: str) -> None:
    found = behind(key, with_(text, "[::]", http=4320))

    assert [(x.code, x.hint) for x in found.findings if not x.because] == [("DS508", "Set its `targetPort` to 4320.")]
    assert {x.target.port for x in found.traces if x.failed} == {4318}


@pytest.mark.parametrize(("key", "text"), EVERY)
def test_of_one_for_every_address_nothing_is_wrong(key: str, text: str) -> None:
    found = behind(key, with_(text, "[::]"))

    assert not [x for x in found.findings if x.severity is Severity.ERROR and "4318" in f"{x.summary} {x.detail}"]
    assert all(x.at(Hop.LISTEN).evidence for x in found.traces if x.target.port == 4318)


@pytest.mark.parametrize(
    ("key", "text", "families", "severity"),
    [
        ("vector.yaml", VECTOR, ["IPv6"], Severity.ERROR),
        ("vector.yaml", VECTOR, w.BOTH, Severity.WARNING),
        ("fluent.yaml", FLUENT_YAML, ["IPv6"], Severity.ERROR),
    ],
)
def test_the_wildcard_of_ipv4_takes_no_ipv6_there(key: str, text: str, families: list[str], severity: Severity) -> None:
    found = behind(key, with_(text, "0.0.0.0"), families)

    told = [x for x in found.findings if x.code == "DS205"]
    assert {x.severity for x in told} == {severity}
    assert all(x.families == (Family.IPV6,) and x.location for x in told)


def test_one_of_go_takes_both_families_with_it() -> None:
    found = behind("config.alloy", with_(ALLOY, "0.0.0.0"))

    assert not found.findings
    assert "a listener is there; nothing was exported" in reasons(found)


@pytest.mark.parametrize(
    "text",
    [
        with_(ALLOY, "0.0.0.0", http=4320) + 'import.file "more" { filename = "/etc/more.alloy" }\n',
        with_(ALLOY, "0.0.0.0", http=4320).replace('"0.0.0.0:4320"', 'sys.env("ADDRESS")'),
    ],
)
def test_what_can_have_more_receivers_closes_no_port(text: str) -> None:
    found = behind("config.alloy", text)

    assert not found.findings
    assert "not all of the configuration of the container `otelcol` was found" in reasons(found)


def test_whether_it_speaks_tls_is_not_known() -> None:
    found = behind("config.alloy", with_(ALLOY, "0.0.0.0"))

    assert {x.at(Hop.HANDSHAKE).status for x in found.traces} == {Status.UNKNOWN}


@pytest.mark.parametrize(
    ("beside", "spec", "said"),
    [
        (["helper"], {}, "no configuration was found of the container `helper`"),
        (["one", "two"], {}, "no configurations were found of the containers `one`, `two`"),
        ([], {"hostNetwork": True}, "another program of the node may listen there"),
    ],
)
def test_who_else_may_listen_is_named(beside: list[str], spec: dict[str, Any], said: str) -> None:
    found = behind("config.alloy", with_(ALLOY, "0.0.0.0", http=4320), beside=beside, **spec)

    assert said in reasons(found)


def test_endpoints_that_no_pod_has_are_told_as_such() -> None:
    objects = w.healthy(pods=[], slices=w.endpoints([w.pod("otel-a", "n1")]), workloads=[], configs=[])

    assert "no pod is known to have 10.244.9.178" in reasons(w.diagnosed(objects))

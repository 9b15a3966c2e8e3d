"""Clients in files that wait for a dead family of their Service, and those that nobody can be certain of."""

import pytest

from dualstack.review import lint
from dualstack.testing.files import file

GATEWAY = """apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {{name: gw, namespace: {namespace}}}
spec:
  ipFamilyPolicy: {policy}
  config: {{receivers: {{otlp: {{protocols: {{http: {{endpoint: "{http}"{more}}}, grpc: {{endpoint: "{grpc}"}}}}}}}}}}
---
"""
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: otlp, namespace: obs}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: CIDR}}PEERS]}]}
---
"""
FIRST = "-Djava.net.preferIPv6Addresses=true"


def gateway(*, pins: str = "", policy: str = "RequireDualStack", only: str = "", peers: str = "") -> str:
    """A Collector, whose HTTP listener has a transport, behind Services and a NetworkPolicy with a block."""
    more = f", transport: {pins}" if pins else ""
    blocks = POLICY.replace("CIDR", f"'{only}'").replace("PEERS", peers) if only else ""
    plain = {"http": "[::]:4318" if pins == "tcp6" else "0.0.0.0:4318", "grpc": "0.0.0.0:4317"}
    return blocks + GATEWAY.format(namespace="obs", policy=policy, more=more, **plain)


def client(image: str, variables: str = "", spec: str = "", port: int = 4318, meta: str = "", words: str = "") -> str:
    env = f'{variables}{{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://gw-collector.obs:{port}"}}'
    return f"""apiVersion: v1
kind: Pod
metadata: {{name: shop{meta}}}
spec:
  {spec or "hostNetwork: false"}
  containers: [{{image: "{image}", {words}env: [{env}]}}]
"""


def flag(name: str) -> str:
    return f"{{name: JAVA_TOOL_OPTIONS, value: -Djava.net.{name}=true}}, "


def told(text: str) -> list[str]:
    """What is found, as `CODE severity: detail`."""
    answer = lint(file(text))
    assert not answer.errors
    mine = (x for x in answer.diagnosis.findings if x.code in ("DS803", "DS807"))
    return [f"{x.code} {x.severity}: {x.detail}" for x in mine]


DROPPED = gateway(only="10.0.0.0/8")
REFUSED = gateway(pins="tcp4")
PYTHON = "DS807 warning: Service gw-collector has both families; the OpenTelemetry SDK for Python over HTTP tries IPv6 "
JAVA = "DS807 warning: Service gw-collector has both families; Java with `-Djava.net.preferIPv4Stack=true` tries IPv4 "
TOLD = (
    "and `JAVA_TOOL_OPTIONS` makes Java try it first. What uses java.net has no other try; OkHttp goes on to the next "
    "address."
)
NODE = "DS807 warning: Service gw-collector has both families; Node.js tries IPv6 "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            DROPPED + client("python:3.12-slim"),
            f"{PYTHON}first, which a NetworkPolicy drops there, and has IPv4 after 10 s.",
        ),
        (
            REFUSED + client("node:18-bookworm"),
            f"{NODE}first, which no listener there takes, and never gets to IPv4.",
        ),
        (
            gateway(pins="tcp6") + client("eclipse-temurin:21", flag("preferIPv4Stack")),
            f"{JAVA}first, which no listener there takes, and never gets to IPv6.",
        ),
        (
            DROPPED + client("acme/shop", flag("preferIPv6Addresses")),
            f"DS803 warning: A NetworkPolicy drops IPv6 behind Service gw-collector, {TOLD}",
        ),
    ],
)
def test_a_dead_family_holds_up_a_client_that_tries_it_first(text: str, expected: str) -> None:
    assert told(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        REFUSED + client("python:3.12"),
        DROPPED + client("python:3.12", port=4317),
        DROPPED + client("node:20"),
        DROPPED + client("golang:1.25"),
        DROPPED + client("acme/shop"),
        DROPPED + client("python:3.12-alpine"),
        DROPPED + client("acme/shop", words="command: [python, app.py], "),
        DROPPED + client("python:3.12", spec="hostNetwork: true"),
        REFUSED + client("node:18", port=4319),
        gateway(only="fd00::/8") + client("python:3.12"),
        gateway(only="10.0.0.0/8", peers=", {podSelector: {}}") + client("python:3.12"),
        gateway(pins="tcp4", policy="SingleStack") + client("node:18"),
        gateway(pins="tcp4", policy="PreferDualStack") + client("node:18"),
        gateway(pins="tcp6") + client("node:18"),
        gateway() + client("node:18"),
        REFUSED + client("node:$(VERSION)"),
        REFUSED + client("node:18").replace("gw-collector.obs:4318", "gw-collector.obs:$(PORT)"),
    ],
    ids=[
        *("Python goes on where it is refused", "gRPC starts with the next", "Node 20 takes turns", "Go", "no runtime"),
        *("musl may have IPv4 first", "an unknown C library", "a node may have one family", "another port"),
        *("IPv6 works", "pods are let in", "one family", "the cluster is not known", "IPv6 is taken"),
        *("both are taken", "no version", "no port"),
    ],
)
def test_what_is_not_certain_or_does_not_matter_is_not_told(text: str) -> None:
    assert told(text) == []


def test_the_addresses_of_a_service_tell_what_musl_tries_first() -> None:
    """IPv4 comes before a unique local address, and after a global one (run of musl 1.2.3)."""
    config = "receivers: {otlp: {protocols: {http: {endpoint: 0.0.0.0:4318}}}}"
    text = """%s
apiVersion: v1
kind: ConfigMap
metadata: {name: otel, namespace: obs}
data: {c.yaml: '%s'}
---
apiVersion: v1
kind: Pod
metadata: {name: otel, namespace: obs, labels: {app: otel}}
spec:
  volumes: [{name: c, configMap: {name: otel}}]
  containers: [{image: otelcol, volumeMounts: [{name: c, mountPath: /etc/otelcol}]}]
---
apiVersion: v1
kind: Service
metadata: {name: gw-collector, namespace: obs}
spec:
  ipFamilyPolicy: RequireDualStack
  clusterIPs: [10.96.0.1, "%s"]
  selector: {app: otel}
  ports: [{port: 4318}]
---
%s"""

    def of(address: str, image: str) -> list[str]:
        policy = POLICY.replace("CIDR", "10.0.0.0/8").replace("PEERS", "")
        return [x[:5] for x in told(text % (policy, config, address, client(image)))]

    assert of("2001:db8:96::1", "python:3.12-alpine") == ["DS807"]
    assert of("fd00:96::1", "python:3.12-alpine") == []
    assert of("fd00:96::1", "python:3.12") == ["DS807"]


COMPOSE = """receivers: {otlp: {protocols: {http: {%s}%s}}}
---
services:
  otel: {image: "otel/opentelemetry-collector:0.139.0", volumes: ["./example.yaml:/etc/otelcol/config.yaml"]}
  shop:
    network_mode: service:otel
    environment: {_JAVA_OPTIONS: %s, OTEL_EXPORTER_OTLP_ENDPOINT: "http://%s:4318"}
"""


@pytest.mark.parametrize(
    ("endpoint", "option", "host", "fires"),
    [
        ("endpoint: 'localhost:4318'", FIRST, "localhost", True),
        ("endpoint: '127.0.0.1:4318'", FIRST, "localhost", True),
        ("endpoint: '0.0.0.0:4318'", FIRST, "localhost", False),
        ("endpoint: '[::1]:4318'", FIRST, "localhost", False),
        ("endpoint: 'localhost:4318'", FIRST, "127.0.0.1", False),
        ("endpoint: 'localhost:4319'", FIRST, "localhost", False),
        ("endpoint: 'localhost:4318'", "-Xmx1g", "localhost", False),
    ],
)
def test_a_jvm_and_the_loopback_of_its_neighbour(endpoint: str, option: str, host: str, fires: bool) -> None:
    found = told(COMPOSE % (endpoint, "", option, host))

    assert [x[:5] for x in found] == ["DS803"] * fires


def test_a_neighbour_that_listens_on_both_loopback_addresses_is_reached() -> None:
    both = COMPOSE.replace(
        "receivers: {otlp", 'receivers: {otlp/6: {protocols: {http: {endpoint: "[::1]:4318"}}}, otlp'
    )

    assert told(both % ("endpoint: '127.0.0.1:4318'", "", FIRST, "localhost")) == []

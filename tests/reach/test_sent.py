"""What files tell of a client: its target, its flags, what listens beside it, and which proxy it heeds."""

import pytest

from dualstack.review import lint, mend
from dualstack.testing.files import file


def found(text: str, code: str) -> list[str]:
    answer = lint(file(text)).diagnosis.findings
    return [f"{x.severity} {x.location.line}:{x.location.column}" for x in answer if x.code == code and x.location]


def shop(image: str, endpoint: str, listens: str = "127.0.0.1:4318", more: str = "", network: str = "service:c") -> str:
    return f"""\
services:
  shop:
    image: {image}
    network_mode: "{network}"
    environment: {{OTEL_EXPORTER_OTLP_ENDPOINT: "{endpoint}"{more}}}
  c:
    image: otel/opentelemetry-collector:0.139.0
    configs: [{{source: c, target: /etc/otelcol/config.yaml}}]
configs: {{c: {{content: "receivers: {{otlp: {{protocols: {{http: {{endpoint: '{listens}'}}}}}}}}"}}}}
"""


LOCAL = "http://localhost:4318"
VERBATIM = ", NODE_OPTIONS: '--max-old-space-size=1 --dns-result-order=verbatim'"
FIRST = ", NODE_OPTIONS: '--dns-result-order=ipv4first'"


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        (shop("node:18", LOCAL), True),
        (shop("node:17.9.1-alpine", LOCAL, "localhost:4318"), True),
        (shop("my/app", LOCAL, more=VERBATIM), True),
        (shop("node:16", LOCAL, more=VERBATIM), True),
        (shop("node:16", LOCAL), False),
        (shop("node:20", LOCAL, more=VERBATIM), False),
        (shop("node:latest", LOCAL), False),
        (shop("my/app", LOCAL), False),
        (shop("node:18", LOCAL, more=FIRST), False),
        (shop("node:18", LOCAL, "0.0.0.0:4318"), False),
        (shop("node:18", LOCAL, "[::1]:4318"), False),
        (shop("node:18", LOCAL, "127.0.0.1:9999"), False),
        (shop("node:18", LOCAL, network="bridge"), False),
        (shop("node:18", "http://127.0.0.1:4318"), False),
        (shop("node:18", "http://$$HOST:4318"), False),
        (shop("node:18", "http://localhost:4318", more=", OTEL_EXPORTER_OTLP_PROTOCOL: grpc"), False),
    ],
)
def test_a_node_that_tries_one_address_of_localhost(text: str, *, fires: bool) -> None:
    assert found(text, "DS804") == ["warning 5:48"] * fires


def test_the_address_is_written_in_the_place_of_the_name() -> None:
    request = file(shop("node:18", LOCAL))
    mended = mend(request, lint(request), unsafe=False)
    assert mended.after["example.yaml"] == shop("node:18", "http://127.0.0.1:4318")


@pytest.mark.parametrize(
    ("more", "fires"),
    [
        ("HTTP_PROXY=http://p:1\nNO_PROXY=[fd00::7]", True),
        ("http_proxy=http://p:1\nno_proxy=fd00::/8", True),
        ("http_proxy=http://p:1\nno_proxy=localhost,10.0.0.7", False),
        ("http_proxy=http://p:1\nno_proxy=*", False),
        ("http_proxy=http://p:1", False),
        ("NO_PROXY=[fd00::7]", False),
        ("http_proxy=http://p:1\nno_proxy=[fd00::7],$MORE", False),
        ("https_proxy=http://p:1\nno_proxy=[fd00::7]", False),
    ],
)
def test_a_proxy_that_gets_what_was_to_be_spared(more: str, *, fires: bool) -> None:
    text = f"# dualstack lint --stdin-filename x.env\nOTEL_EXPORTER_OTLP_ENDPOINT=http://[fd00::7]:4318\n{more}\n"
    assert bool(found(text, "DS806")) is fires
    request = file(text)
    mended = mend(request, lint(request), unsafe=False)
    assert mended.after.get("x.env", text) == (text[:-1] + ",fd00::7,[fd00::7]\n" if fires else text)


@pytest.mark.parametrize(
    ("image", "endpoint", "exceptions", "fires", "fixed"),
    [
        ("ruby:3.1", "http://[fd00::7]:4318", "[fd00::7]", True, False),
        ("python:3.12", "https://[fd00::7]", "[fd00::7]", True, True),
        ("python:3.12", "http://[fd00::7]:4318", "fd00::7", False, False),
        ("golang:1.26", "http://[::1]:4318", "127.0.0.1", False, False),
        ("python:3.12", "http://[::1]:4318", "127.0.0.1", True, True),
        ("node:22", "http://[fd00::7]:4318", "[fd00::7]", False, False),
        ("python:3.12", "http://collector:4318", "[fd00::7]", False, False),
        ("python:3.12", "http://10.0.0.7:4318", "10.0.0.0/8", False, False),
    ],
)
def test_a_proxy_is_heeded_as_the_client_does(
    image: str, endpoint: str, exceptions: str, *, fires: bool, fixed: bool
) -> None:
    text = f"""\
services:
  shop:
    image: {image}
    environment:
      OTEL_EXPORTER_OTLP_ENDPOINT: {endpoint}
      HTTP_PROXY: http://p:1
      http_proxy: http://p:1
      HTTPS_PROXY: http://p:1
      NO_PROXY: "{exceptions}"
"""
    answer = [x for x in lint(file(text)).diagnosis.findings if x.code == "DS806"]
    assert len(answer) == fires
    assert bool(answer and answer[0].fix) is fixed


@pytest.mark.parametrize(
    ("where", "endpoint", "fires"),
    [
        ("command: [java, -Djava.net.preferIPv4Stack=true, -jar, x.jar]", "http://[fd00::7]:4318", True),
        ("command: java -Djava.net.preferIPv4Stack=true -jar x.jar", "http://[fd00::7]:4318", True),
        ("command: java -Djava.net.preferIPv6Addresses=true -jar x.jar", "http://[fd00::7]:4318", False),
        ("command: java -Djava.net.preferIPv4Stack=truest -jar x.jar", "http://[fd00::7]:4318", False),
        ("command: java -Djava.net.preferIPv4Stack=true -jar x.jar", "http://10.0.0.7:4318", False),
        ("command: java -jar x.jar", "http://[fd00::7]:4318", False),
    ],
)
def test_a_jvm_without_ipv6_and_an_ipv6_literal(where: str, endpoint: str, *, fires: bool) -> None:
    text = f'services:\n  a:\n    {where}\n    environment: {{OTEL_EXPORTER_OTLP_ENDPOINT: "{endpoint}"}}\n'
    assert found(text, "DS807") == ["error 4:48"] * fires


@pytest.mark.parametrize(
    ("told", "fires"),
    [
        ("image: node:22", True),
        ("image: registry.example:5000/ruby", True),
        ("command: [/usr/local/bin/node, app.js]", True),
        ("image: my/app\n    environment: {NODE_OPTIONS: x}", True),
        ("image: my/node-exporter", False),
        ("image: python:3.12", False),
    ],
)
def test_an_sdk_that_may_not_take_a_literal(told: str, *, fires: bool) -> None:
    variable = 'OTEL_EXPORTER_OTLP_ENDPOINT: "http://[fd00::7]:4318"'
    told = told.replace("{NODE_OPTIONS: x}", f"{{NODE_OPTIONS: x, {variable}}}")
    text = f"services:\n  a:\n    {told}\n" + f"    environment: {{{variable}}}\n" * ("NODE_OPTIONS" not in told)
    assert [x.partition(" ")[0] for x in found(text, "DS801")] == ["warning"] * fires


def test_a_collector_that_sends_to_a_literal_is_no_sdk() -> None:
    assert not found("exporters: {otlphttp: {endpoint: 'http://[fd00::7]:4318'}}\n", "DS801")
    assert not found("exporters: {otlphttp: {endpoint: 'http://[fd00::7]'}}\n", "DS807")


POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: shop{annotations}}}
spec:
  containers:
    - name: shop
      image: my/app
      env:
        - {{name: ADDRESS, value: "{address}"}}
        - {{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://[$(ADDRESS)]:4318"}}
"""


@pytest.mark.parametrize(
    ("annotations", "address", "fires"),
    [
        (", annotations: {instrumentation.opentelemetry.io/inject-nodejs: 'true'}", "fd00::7", True),
        (", annotations: {instrumentation.opentelemetry.io/inject-nodejs: 'true'}", "$(MORE)", False),
        (", annotations: {instrumentation.opentelemetry.io/inject-java: 'true'}", "fd00::7", False),
        (", annotations: {other: x, instrumentation.opentelemetry.io/inject-sdk: 'true'}", "fd00::7", False),
        ("", "fd00::7", False),
    ],
)
def test_the_annotation_of_the_operator_names_the_sdk(annotations: str, address: str, *, fires: bool) -> None:
    assert bool(found(POD.format(annotations=annotations, address=address), "DS801")) is fires


def test_what_no_workload_runs_shares_no_loopback() -> None:
    text = "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:4318'}}}}\n---\n" + shop("node:18", LOCAL)
    assert found(text.replace("127.0.0.1:4318'}}}}\"", "0.0.0.0:4318'}}}}\""), "DS804") == []


def test_an_endpoint_that_is_no_text_is_not_judged_as_one() -> None:
    text = "receivers: {otlp: {protocols: {grpc: {endpoint: {a: b}}}}}\n"
    assert [x.code for x in lint(file(text)).diagnosis.findings] == []
    listed = "receivers:\n  otlp:\n    protocols:\n      grpc: {endpoint: ['::']}\n"
    assert "DS101" not in [x.code for x in lint(file(listed)).diagnosis.findings]


def test_a_port_that_something_else_fills_in_names_no_target() -> None:
    text = shop("my/app", "http://[fd00::5]:{PORT}", more=", OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf")

    assert found(text.replace("my/app", "node:18"), "DS801") == []

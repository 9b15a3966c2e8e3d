"""What an agent that is known by its version speaks where no variable says it."""

from typing import Any

import pytest

from dualstack.model.address import Protocol
from tests.cluster.test_client_ways import cart, errors, told
from tests.cluster.test_survey import client, variables

Object = dict[str, Any]
AGENT = "-javaagent:/otel-auto-instrumentation-java/javaagent.jar"
IMAGE = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java"


def injected(port: int, version: str, *more: Object, image: str = IMAGE, options: str = AGENT) -> Object:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://otel.obs:{port}", JAVA_TOOL_OPTIONS=options)
    copying = {"name": "opentelemetry-auto-instrumentation-java", "image": f"{image}:{version}"}
    return client("a", "n1", [*more, *env], initContainers=[copying])


@pytest.mark.parametrize(
    ("port", "version", "wrong"),
    [(4317, "2.10.0", "speaks gRPC"), (4318, "1.33.5", "speaks HTTP"), (4318, "2.0.0", ""), (4317, "v1.32.1", "")],
)
def test_a_java_agent_speaks_http_since_its_second_version(port: int, version: str, wrong: str) -> None:
    found = told(injected(port, version))

    assert errors(found) == ["DS902"] * bool(wrong)
    assert not wrong or wrong in next(x.summary for x in found.findings if x.code == "DS902")


OPERATOR = "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-"
BY = {
    "nodejs": {"NODE_OPTIONS": " --require /otel-auto-instrumentation-nodejs/autoinstrumentation.js"},
    "dotnet": {"CORECLR_ENABLE_PROFILING": "1", "OTEL_DOTNET_AUTO_HOME": "/otel-auto-instrumentation-dotnet"},
}


@pytest.mark.parametrize(
    ("language", "version", "port", "expected"),
    [
        ("nodejs", "0.62.1", 4317, ["DS902"]),
        ("nodejs", "0.62.1", 4318, []),
        ("nodejs", "0.53.0", 4317, []),
        ("nodejs", "0.53.0", 4318, ["DS902"]),
        ("dotnet", "1.12.0", 4317, ["DS902"]),
        ("dotnet", "1.12.0", 4318, []),
        ("dotnet", "0.7.0", 4317, []),
        ("dotnet", "0.7.0", 4318, []),
    ],
)
def test_other_agents_of_the_operator_speak_what_their_version_does(
    language: str, version: str, port: int, expected: list[str]
) -> None:
    env = variables(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://otel.obs:{port}", **BY[language])
    copying = {"name": f"opentelemetry-auto-instrumentation-{language}", "image": f"{OPERATOR}{language}:{version}"}

    assert errors(told(client("a", "n1", env, initContainers=[copying]))) == expected


@pytest.mark.parametrize(
    ("file", "port", "expected"),
    [
        ("opentelemetry-javaagent-2.20.1.jar", 4317, ["DS902"]),
        ("opentelemetry-javaagent-2.20.1.jar", 4318, []),
        ("opentelemetry-javaagent-1.33.5.jar", 4318, ["DS902"]),
        ("opentelemetry-javaagent.jar", 4317, []),
    ],
)
def test_a_java_agent_whose_file_tells_its_version_speaks_what_that_does(
    file: str, port: int, expected: list[str]
) -> None:
    env = variables(JAVA_TOOL_OPTIONS=f"-javaagent:/otel/{file}")

    assert errors(told(cart(f"http://otel.obs:{port}", *env))) == expected


@pytest.mark.parametrize(
    "pod",
    [
        injected(4317, "2.10.0", *variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")),
        injected(4317, "2.10.0", options=f"{AGENT} -Dotel.exporter.otlp.protocol=grpc"),
        injected(4317, "2.10.0", options=f"{AGENT} -Dotel.javaagent.configuration-file=/conf/otel.properties"),
        injected(4317, "2.10.0", *variables(OTEL_JAVAAGENT_CONFIGURATION_FILE="/conf/otel.properties")),
        injected(4317, "2.10.0", options="-javaagent:/opt/other.jar"),
        injected(4317, "latest"),
        injected(4317, "2.10.0", image="acme/autoinstrumentation-java-of-ours"),
        injected(
            4317,
            "2.10.0",
            {"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}},
        ),
    ],
)
def test_where_somebody_may_say_it_that_counts(pod: Object) -> None:
    found = told(pod)

    assert not errors(found)
    assert {x.protocol for x in found.traces} == {Protocol.GRPC}


BY_AGENT = variables(JAVA_TOOL_OPTIONS="-javaagent:/opt/opentelemetry-javaagent-2.10.0.jar")


@pytest.mark.parametrize(
    ("endpoint", "protocol", "code", "said"),
    [
        ("otel.obs:4317", "grpc", "DS119", "has no scheme, and the Java agent takes no endpoint without"),
        ("grpc://otel.obs:4317", "grpc", "DS119", "`grpc://` is no scheme that the Java agent takes"),
        ("http://otel.obs:4318", "http", "DS902", "`http` is no protocol of OTLP, and the Java agent does not start"),
    ],
)
def test_what_the_java_agent_refuses_is_an_error_and_what_others_may_take_is_not(
    endpoint: str, protocol: str, code: str, said: str
) -> None:
    spoken = variables(OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    surely, maybe = told(cart(endpoint, *spoken, *BY_AGENT)), told(cart(endpoint, *spoken))

    assert errors(surely) == [code]
    assert said in next(x.detail for x in surely.findings if x.code == code)
    assert not errors(maybe)
    assert [x.severity for x in maybe.findings] == ["warning"]


def test_what_hides_a_protocol_is_none() -> None:
    hidden = variables(OTEL_EXPORTER_OTLP_PROTOCOL="***HIDDEN***")

    alone = variables(OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
    assert not told(cart("http://otel.obs:4317", *hidden, *alone, *BY_AGENT)).findings
    assert not told(cart("http://otel.obs:4317", *hidden)).findings

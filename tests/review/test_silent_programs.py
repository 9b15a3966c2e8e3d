"""Programs whose SDK exports nothing: what their variables name is sent to by nobody."""

import pytest

from dualstack.review import lint
from dualstack.testing.files import file

ALL = 'OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318"'
TRACES = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://localhost:4318/v1/traces"'
ZIPKIN = 'OTEL_EXPORTER_ZIPKIN_ENDPOINT: "http://fd00::5:9411/api/v2/spans"'


OWN = [f'OTEL_EXPORTER_OTLP_{x}_ENDPOINT: "http://otel.obs:4318/v1/{x.lower()}"' for x in ("TRACES", "METRICS", "LOGS")]


def told(*variables: str) -> list[str]:
    listed = ", ".join(f"{{name: {name}, value: {held}}}" for name, held in (x.split(": ", 1) for x in variables))
    spec = f"{{containers: [{{name: shop, env: [{listed}]}}]}}"
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: shop}}\nspec: {spec}\n"
    return [x.code for x in lint(file(text)).diagnosis.findings]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ([ALL], ["DS110"]),
        ([ALL, 'OTEL_SDK_DISABLED: "true"'], []),
        ([ALL, 'OTEL_SDK_DISABLED: " TRUE "'], []),
        ([ALL, 'OTEL_SDK_DISABLED: "false"'], ["DS110"]),
        ([ALL, 'OTEL_SDK_DISABLED: "1"'], ["DS110"]),
        ([TRACES, "OTEL_TRACES_EXPORTER: none"], []),
        ([TRACES, "OTEL_METRICS_EXPORTER: none"], ["DS110"]),
        ([TRACES, "OTEL_TRACES_EXPORTER: otlp"], ["DS110"]),
        ([ALL, "OTEL_TRACES_EXPORTER: none"], ["DS110"]),
        ([ALL, *(f"OTEL_{x}_EXPORTER: none" for x in ("TRACES", "METRICS", "LOGS"))], []),
        ([ALL, "OTEL_TRACES_EXPORTER: zipkin", "OTEL_METRICS_EXPORTER: none", "OTEL_LOGS_EXPORTER: console"], []),
        ([ALL, "OTEL_TRACES_EXPORTER: zipkin", "OTEL_METRICS_EXPORTER: none"], ["DS110"]),
        ([TRACES, "OTEL_TRACES_EXPORTER: console"], []),
        ([TRACES, 'OTEL_TRACES_EXPORTER: "console, OTLP"'], ["DS110"]),
        ([TRACES, "OTEL_TRACES_EXPORTER: otlp_proto_http"], ["DS110"]),
        ([TRACES, "OTEL_TRACES_EXPORTER: otlp/stdout"], []),
        ([TRACES, 'OTEL_TRACES_EXPORTER: "$(EXPORTER)"'], ["DS110"]),
        ([ALL, *OWN], []),
        ([ALL, *OWN[:2]], ["DS110"]),
        ([ALL, *OWN[:2], "OTEL_LOGS_EXPORTER: none"], []),
        ([ALL, *OWN[:2], 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: ""'], ["DS110"]),
        ([ZIPKIN], ["DS101", "DS111"]),
        ([ZIPKIN, "OTEL_TRACES_EXPORTER: zipkin"], ["DS101", "DS111"]),
        ([ZIPKIN, "OTEL_TRACES_EXPORTER: otlp"], []),
        ([ZIPKIN, "OTEL_TRACES_EXPORTER: none"], []),
    ],
)
def test_an_sdk_that_is_off_sends_nowhere(variables: list[str], expected: list[str]) -> None:
    assert told(*variables) == expected


def test_what_the_operator_is_told_to_turn_off_sends_nowhere_either() -> None:
    text = """\
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: all}
spec:
  exporter: {endpoint: "http://fd00::5:4318"}
  java: {env: [{name: OTEL_SDK_DISABLED, value: "true"}]}
"""
    assert [x.code for x in lint(file(text)).diagnosis.findings] == []
    assert [x.code for x in lint(file(text.replace("true", "false"))).diagnosis.findings] == ["DS101", "DS111"]


def test_an_endpoint_that_stands_elsewhere_is_one() -> None:
    held = "{name: OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, valueFrom: {secretKeyRef: {name: otel, key: logs}}}"
    listed = ", ".join(f"{{name: {name}, value: {said}}}" for name, said in (x.split(": ", 1) for x in (ALL, *OWN[:2])))
    spec = f"{{containers: [{{name: shop, env: [{listed}, {held}]}}]}}"
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: shop}}\nspec: {spec}\n"

    assert [x.code for x in lint(file(text)).diagnosis.findings] == []


@pytest.mark.parametrize(("own", "expected"), [(OWN, []), (OWN[:2], ["DS110"]), ([], ["DS110"])])
def test_pods_with_endpoints_of_their_own_send_nothing_to_the_one_that_is_injected(
    own: list[str], expected: list[str]
) -> None:
    listed = ", ".join(f"{{name: {name}, value: {said}}}" for name, said in (x.split(": ", 1) for x in own))
    text = f"""\
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {{name: all}}
spec: {{exporter: {{endpoint: "http://localhost:4318"}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop}}
spec:
  template:
    metadata: {{annotations: {{instrumentation.opentelemetry.io/inject-java: "true"}}}}
    spec: {{containers: [{{name: shop, env: [{listed}]}}]}}
"""
    assert [x.code for x in lint(file(text)).diagnosis.findings] == expected

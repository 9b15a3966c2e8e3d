"""Alloy, Vector, Fluent Bit and Telegraf in files: what their listeners leave out, by who leads clients there."""

import pytest

from dualstack.model.finding import Finding
from dualstack.review import lint, mend
from dualstack.testing.files import file

MINE = {"DS102", "DS204", "DS604"}
VECTOR = "sources: {otel: {type: opentelemetry, grpc: {address: '%s'}}}"
FLUENT = "[INPUT]\n    Name opentelemetry\n    Listen %s\n    Port 4317"
TELEGRAF = '[[inputs.opentelemetry]]\nservice_address = "%s"'
ALLOY = 'otelcol.receiver.otlp "a" {\n  grpc {\n    endpoint = "%s"\n  }\n}'
BOTH = "# dualstack lint --cluster-families IPv4,IPv6"
POD_IP = "env: [{name: MY_POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]"


def found(text: str) -> list[Finding]:
    answer = lint(file(text))
    assert not answer.errors
    return [x for x in answer.diagnosis.findings if x.code in MINE]


def told(text: str) -> list[str]:
    """What is found, as `CODE severity`."""
    return [f"{x.code} {x.severity}" for x in found(text)]


def pod(config: str, image: str, policy: str, *, call: str = "", name: str = "agent", variables: str = POD_IP) -> str:
    """An agent with a configuration in a ConfigMap, and a Service that leads to it."""
    indented = "\n".join(f"    {x}" for x in config.splitlines())
    return f"""{call}
apiVersion: v1
kind: ConfigMap
metadata: {{name: agent}}
data:
  agent.conf: |
{indented}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: agent}}
spec:
  template:
    metadata: {{labels: {{app: agent}}}}
    spec:
      volumes: [{{name: c, configMap: {{name: {name}}}}}]
      containers:
      - image: {image}
        {variables}
        volumeMounts: [{{name: c, mountPath: /etc/agent}}]
---
apiVersion: v1
kind: Service
metadata: {{name: agent}}
spec: {{ipFamilyPolicy: {policy}, selector: {{app: agent}}, ports: [{{port: 4317}}]}}
"""


@pytest.mark.parametrize(
    ("config", "image", "hint"),
    [
        (VECTOR % "[${MY_POD_IP}]:4317", "timberio/vector:0.50.0", "Write `[::]:4317`."),
        (FLUENT % "${MY_POD_IP}", "fluent/fluent-bit:4", "Write `::`."),
        (TELEGRAF % "[${MY_POD_IP}]:4317", "telegraf:1.36", "Write `0.0.0.0:4317`."),
        (ALLOY % "[${MY_POD_IP}]:4317", "grafana/alloy:v1.11.0", "Write `0.0.0.0:4317`."),
    ],
)
def test_one_address_is_not_enough_for_two_families(config: str, image: str, hint: str) -> None:
    listener, variable = found(pod(config, image, "RequireDualStack"))

    assert [f"{x.code} {x.severity}" for x in (listener, variable)] == ["DS204 error", "DS604 warning"]
    assert listener.hint == hint
    assert listener.detail.startswith("Service agent leads clients of both families there.")
    assert "`MY_POD_IP` is `status.podIP`" in variable.detail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pod(VECTOR % "[${MY_POD_IP}]:4317", "vector", "PreferDualStack"), ["DS204 warning"]),
        (pod(VECTOR % "[${MY_POD_IP}]:4317", "vector", "PreferDualStack", call=BOTH), ["DS204 error", "DS604 warning"]),
        (pod(VECTOR % "[${MY_POD_IP}]:4317", "vector", "SingleStack"), []),
        (pod(VECTOR % "[${MY_POD_IP}]:4317", "vector", "RequireDualStack", name="another"), []),
        (pod(VECTOR % "[::]:4317", "vector", "RequireDualStack"), []),
        (pod(VECTOR % "10.9.0.5:4317", "vector", "RequireDualStack"), ["DS204 error"]),
        (pod(FLUENT % "${ELSE}", "fluent-bit", "RequireDualStack"), []),
        (pod(FLUENT % "127.0.0.1", "fluent-bit", "RequireDualStack"), []),
        (f"# dualstack lint --expect dual\n{VECTOR % '10.9.0.5:4317'}", ["DS204 warning"]),
        (f"# dualstack lint --expect ipv4\n{VECTOR % '10.9.0.5:4317'}", []),
        (VECTOR % "10.9.0.5:4317", []),
        (
            pod(
                VECTOR % "[${MY_POD_IP}]:4317",
                "vector",
                "RequireDualStack",
                call="# dualstack lint --cluster-families IPv6",
            ),
            [],
        ),
    ],
)
def test_a_listener_is_judged_by_who_is_led_there(text: str, expected: list[str]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("config", "families", "expected"),
    [
        (VECTOR % "${MY_POD_IP}:4317", "IPv6", ["DS102 error"]),
        (VECTOR % "${MY_POD_IP}:4317", "IPv4", []),
        (FLUENT % "${MY_POD_IP}", "IPv6", []),
        (TELEGRAF % "${MY_POD_IP}:4317", "IPv6", ["DS102 error"]),
    ],
)
def test_a_variable_before_a_port(config: str, families: str, expected: list[str]) -> None:
    call = f"# dualstack lint --cluster-families {families}"

    assert told(pod(config, "vector", "SingleStack", call=call)) == expected


def test_brackets_around_a_variable_are_right_for_both_families_in_go_alone() -> None:
    unknown = VECTOR % "${MY_POD_IP}:4317"
    (vector,), (alloy,) = found(unknown), found(pod(ALLOY % "${MY_POD_IP}:4317", "alloy", "SingleStack"))

    assert vector.hint == "Write `[${MY_POD_IP}]:4317` where the addresses are IPv6, or `[::]:4317`."
    assert alloy.hint == "Write `[${MY_POD_IP}]:4317`."
    assert not mend(file(unknown), lint(file(unknown)), unsafe=True).done


@pytest.mark.parametrize(
    ("config", "meant"),
    [
        (ALLOY % "127.0.0.1:4317", "Write `0.0.0.0:4317`."),
        (TELEGRAF % "localhost:4317", "Write `0.0.0.0:4317`."),
        (ALLOY % "0.0.0.0:4317", ""),
        (VECTOR % "127.0.0.1:4317", ""),
    ],
)
def test_a_loopback_that_a_service_leads_to_is_told_where_go_binds_it(config: str, meant: str) -> None:
    answer = lint(file(pod(config, "registry/collector:1", "SingleStack")))

    assert [x.hint for x in answer.diagnosis.findings if x.code == "DS202"] == [meant] * bool(meant)


@pytest.mark.parametrize(
    ("families", "spec", "severity"),
    [("IPv6", "", "error"), ("IPv6", "hostNetwork: true", "warning"), ("IPv6,IPv4", "", "warning")],
)
def test_the_ipv4_wildcard_is_an_error_in_pods_that_have_ipv6_alone(families: str, spec: str, severity: str) -> None:
    text = pod(
        FLUENT % "0.0.0.0",
        "cr.fluentbit.io/fluent/fluent-bit:3.2.2",
        "SingleStack",
        call=f"# dualstack lint --cluster-families {families}",
    )
    answer = lint(file(text.replace("    spec:\n", f"    spec:\n      {spec}\n", 1)))

    assert [x.severity for x in answer.diagnosis.findings if x.code == "DS205"] == [severity]

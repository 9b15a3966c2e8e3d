"""Endpoints in files: what the examples of the rules do not show, and what must not be called a fault."""

import pytest

from dualstack.model.finding import Severity
from dualstack.review import lint
from dualstack.testing.files import file

GRPC = "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: {}}}}}}}}}\n"
SENT = "exporters: {{otlp: {{endpoint: {}}}}}\n"
POD = """apiVersion: v1
kind: Pod
metadata: {{name: otel}}
spec:
  {spec}
  containers:
    - name: otelcol
      image: otel/opentelemetry-collector:0.161.0
      args: [--config=/etc/otel/config.yaml]
      volumeMounts: [{{name: config, mountPath: /etc/otel}}]
    - name: shop
      {ports}
      env: [{{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "{sent}"}}]
  volumes: [{{name: config, configMap: {{name: otel}}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: otel}}
data:
  config.yaml: |
    receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "{listens}"}}}}}}}}
"""


def found(text: str) -> dict[str, str]:
    """The severities by code."""
    answer = lint(file(text))
    assert not answer.errors
    return {x.code: str(x.severity) for x in answer.diagnosis.findings}


def pod(sent: str = "", listens: str = "0.0.0.0:4317", spec: str = "hostNetwork: false", ports: str = "") -> str:
    return POD.format(sent=sent, listens=listens, spec=spec, ports=ports)


def codes(text: str, *wanted: str) -> dict[str, str]:
    return {x: y for x, y in found(text).items() if x in wanted}


@pytest.mark.parametrize(
    "text",
    [
        GRPC.format('"{{ .Values.host }}:4317"'),
        GRPC.format('"<address>:4317"'),
        GRPC.format('"%HOST%:4317"'),
        GRPC.format('"${env:ENDPOINT}"'),
        GRPC.format('"0.0.0.0:${env:PORT}"'),
        GRPC.format('"0.0.0.0:http"'),
        GRPC.format("null"),
        GRPC.format('"unix:///run/otel.sock"'),
        "receivers: {fluent_forward: {endpoint: 'unix:///run/fluent.sock'}}",
        "receivers: {fluentforward: {}}",
        SENT.format('"${env:ENDPOINT}"'),
        SENT.format('"dns:///collector:4317"'),
        SENT.format('"<endpoint>"'),
        SENT.format('"{{ .Values.endpoint }}"'),
        SENT.format('"unix:///run/otel.sock"'),
        SENT.format('"[10.0.0.5]:4317"'),
        "exporters: {otlphttp: {endpoint: 'http://[${env:HOST_IP}]:4318'}}",
    ],
)
def test_what_nobody_can_know_and_what_is_right_is_no_fault(text: str) -> None:
    assert not found(text)


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        (GRPC.format('"0.0.0.0:0"'), "DS119", "warning"),
        (GRPC.format('"0.0.0.0:"'), "DS119", "warning"),
        (GRPC.format('"0.0.0.0:otlp"'), "DS119", "error"),
        (GRPC.format('"0.0.0.0:syslog-tls"'), "DS119", "warning"),
        (GRPC.format('"0.0.0.0:4317:4318"'), "DS119", "error"),
        (pod(listens="0.0.0.0:0"), "DS119", "error"),
        (pod(listens="0.0.0.0:otlp"), "DS119", "error"),
        (pod(listens="0.0.0.0:syslog-tls"), "DS119", "error"),
        (GRPC.format('"http://0.0.0.0"'), "DS104", "error"),
        (GRPC.format('"x[::]y"'), "DS119", "error"),
        (GRPC.format('"0.0.0.0]:4317"'), "DS120", "error"),
        (SENT.format('"collector:0"'), "DS119", "error"),
        (SENT.format('"http://collector"'), "DS105", "error"),
    ],
)
def test_a_fault_is_told_as_what_it_is(text: str, code: str, severity: str) -> None:
    assert codes(text, "DS104", "DS105", "DS119", "DS120") == {code: severity}


IP = "      env: [{name: MY_POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]"
HELD = pod(listens="${env:MY_POD_IP}").replace("      volumeMounts", f"{IP}\n      volumeMounts")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (GRPC.format('"4317"'), "Write `0.0.0.0:4317`."),
        (SENT.format('"4317"'), "Write host and port, such as `HOST:4317`."),
        (HELD, "`[${env:MY_POD_IP}]:4317`."),
    ],
)
def test_what_lacks_its_colon_gets_host_and_port(text: str, hint: str) -> None:
    (one,) = (x for x in lint(file(text)).diagnosis.findings if x.severity is Severity.ERROR)

    assert one.code == "DS105"
    assert one.hint.endswith(hint)
    assert not any("192.0.2.1" in x.fact for x in one.evidence)


def test_of_a_variable_that_nobody_fills_with_an_address_nothing_is_told() -> None:
    assert not found(GRPC.format('"${env:MY_POD_IP}"'))
    assert "DS105" not in found(HELD.replace("status.podIP", "metadata.name"))


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        (pod("http://0.0.0.0:4317"), "warning"),
        (pod("http://0.0.0.0:4318"), "error"),
        (pod("http://[::]:4318"), "error"),
        (pod("http://0.0.0.0"), "error"),
        (pod("http://0.0.0.0:4318", spec="hostNetwork: true"), "warning"),
        (pod("http://0.0.0.0:9000", ports="ports: [{containerPort: 9000}]"), "warning"),
        (pod("http://0.0.0.0:${PORT}"), "error"),
        (SENT.format('"0.0.0.0:4317"'), "warning"),
    ],
)
def test_a_wildcard_as_destination_is_an_error_where_nothing_listens_beside(text: str, severity: str) -> None:
    assert codes(text, "DS109") == {"DS109": severity}


@pytest.mark.parametrize(
    ("families", "listens", "spec", "fires"),
    [
        ("IPv4", "[fd00::5]:4317", "hostNetwork: false", True),
        ("IPv4", "[::1]:4317", "hostNetwork: false", True),
        ("IPv4", "[::]:4317", "hostNetwork: false", False),
        ("IPv4", "[fd00::5]:4317", "hostNetwork: true", False),
        ("IPv6", "10.0.0.5:4317", "hostNetwork: false", True),
        ("IPv6", "127.0.0.1:4317", "hostNetwork: false", False),
        ("IPv6", "169.254.1.1:4317", "hostNetwork: false", False),
        ("IPv6", "[::ffff:10.0.0.5]:4317", "hostNetwork: false", True),
        ("IPv6", "0.0.0.0:4317", "hostNetwork: false", False),
        ("IPv6,IPv4", "10.0.0.5:4317", "hostNetwork: false", False),
    ],
)
def test_a_literal_of_a_family_that_pods_lack_cannot_be_bound(
    families: str, listens: str, spec: str, *, fires: bool
) -> None:
    text = f"# dualstack lint --cluster-families {families}\n" + pod(listens=listens, spec=spec)

    assert ("DS212" in found(text)) is fires


@pytest.mark.parametrize("version", ["0.95.0", "0.103.0", "0.119.0"])
@pytest.mark.parametrize(("written", "meant"), [("[::]:8888", ":8888"), (":::8888", ":8888"), ("[fd00::5]:8888", "")])
def test_brackets_that_a_version_takes_off_are_told(version: str, written: str, meant: str) -> None:
    text = f"""# dualstack lint --collector-version {version}
service: {{telemetry: {{metrics: {{address: "{written}"}}}}, pipelines: {{}}}}
"""
    (finding,) = lint(file(text)).diagnosis.findings

    assert finding.code == "DS113"
    assert finding.fix
    assert [x.new for x in finding.fix.edits] == ([f'"{meant}"'] if meant else [])


@pytest.mark.parametrize("version", ["", "0.94.0", "0.104.0", "0.118.0", "0.120.0"])
def test_brackets_are_right_in_the_other_versions(version: str) -> None:
    call = f"# dualstack lint --collector-version {version}\n" if version else ""

    assert not found(call + 'service: {telemetry: {metrics: {address: "[::]:8888"}}, pipelines: {}}\n')


def test_a_lonely_dollar_is_no_variable() -> None:
    text = 'exporters: {otlphttp: {endpoint: "http://fd00:1:$2:3:4:5:6:7:4318"}}\n'

    assert "DS102" not in {x.code for x in lint(file(text)).diagnosis.findings}


SERVICE = """---
apiVersion: v1
kind: Service
metadata: {name: otel-0}
spec: {selector: {app: otel}, ports: [{port: 4317}]}
"""


@pytest.mark.parametrize(
    ("kind", "name", "spec", "fires"),
    [
        ("Pod", "otel", "hostNetwork: false", True),
        ("Pod", "otel-0", "hostNetwork: false", False),
        ("Pod", "otel", "hostname: otel-0", False),
        ("Pod", "otel", "hostAliases: [{ip: 127.0.0.1, hostnames: [otel-0]}]", False),
        ("Deployment", "otel", "hostNetwork: false", True),
        ("StatefulSet", "otel", "hostNetwork: false", False),
        ("StatefulSet", "other", "hostNetwork: false", True),
    ],
)
def test_the_name_of_a_service_may_be_that_of_the_pod(kind: str, name: str, spec: str, *, fires: bool) -> None:
    made, _, config = pod(listens="otel-0:4317", spec=spec).partition("---\n")
    about, _, inner = (
        made.replace("kind: Pod", f"kind: {kind}").replace("{name: otel}", f"{{name: {name}}}", 1).partition("spec:")
    )
    spec = (
        f"spec: {inner}"
        if kind == "Pod"
        else f"spec:\n  template:\n    spec:{inner.replace(chr(10), chr(10) + '    ')}"
    )

    assert ("DS212" in found(f"{about}{spec}\n---\n{config}{SERVICE}")) is fires

"""Listeners on the loopback in files: whether clients are elsewhere, by manifests, values, resources and Compose."""

from pathlib import Path

import pytest

from dualstack.review import Review, lint
from tests.rules.workloads import LOCAL, RESOURCE, compose, found, pod, told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pod(LOCAL), []),
        (pod(LOCAL, service="4317"), ["DS202 error 6"]),
        (pod(LOCAL, service="4318"), []),
        (pod(LOCAL, service="4318").replace("name: otel}\ndata", "name: otel, namespace: a}\ndata"), []),
        (
            pod(LOCAL, service="1")
            .replace("kind: Deployment\nmetadata: {", "kind: Deployment\nmetadata: {namespace: a, ")
            .replace("name: otel}\ndata", "name: otel, namespace: b}\ndata"),
            [],
        ),
        (pod(LOCAL, "ports: [{containerPort: 4317, name: grpc}]", service="1, targetPort: grpc"), ["DS202 error 6"]),
        (pod(LOCAL, service="1, targetPort: grpc"), []),
        (pod(LOCAL, service="4317, protocol: UDP"), []),
        (pod(LOCAL, "ports: [{containerPort: 4317}]"), ["DS202 warning 6"]),
        (pod(LOCAL, "ports: [{containerPort: 4318}]"), []),
        (pod(LOCAL, "ports: [{containerPort: 4317, hostPort: 4317}]"), ["DS202 error 6"]),
        (pod(LOCAL, "ports: [{containerPort: 4317, hostPort: 4317}]", "hostNetwork: true"), []),
        (pod(LOCAL, "readinessProbe: {tcpSocket: {port: 4317}}"), ["DS202 error 6"]),
        (pod(LOCAL, "readinessProbe: {tcpSocket: {port: 4317, host: 127.0.0.1}}"), []),
        (
            pod(
                LOCAL,
                "ports: [{containerPort: 4317}]\n        - {name: app, env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, "
                'value: "http://localhost:4317"}]}',
            ),
            [],
        ),
        (
            pod(
                LOCAL.replace("}}}}", '}, http: {endpoint: "localhost:4318"}}}}'),
                "ports: [{containerPort: 4317}, {containerPort: 4318}]\n        - {name: app, env: "
                '[{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://localhost:4317"}]}',
            ),
            [],
        ),
        (
            pod(
                LOCAL,
                "ports: [{containerPort: 4317}]\n        - {name: app, env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, "
                'value: "http://localhost:4319"}]}',
            ),
            [],
        ),
        (
            pod('receivers: {otlp: {protocols: {grpc: {endpoint: "${env:H:-localhost}:4317"}}}}', service="4317"),
            ["DS202 warning 6"],
        ),
        (pod("receivers: {otlp: {protocols: {http: {}}}}", service="4318"), ["DS214 error 6"]),
        (pod("receivers: {skywalking: {protocols: {grpc: {}}}}", service="11800"), []),
        (pod("extensions: {zpages: {}}\nservice: {extensions: [zpages]}", "ports: [{containerPort: 55679}]"), []),
        (pod("extensions: {zpages: {}}\nservice: {extensions: [zpages]}", service="55679"), ["DS214 warning 6"]),
    ],
)
def test_a_loopback_listener_matters_where_clients_are_elsewhere(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_prometheus_is_told_to_scrape_a_port_on_the_loopback() -> None:
    text = pod("exporters: {prometheus: {endpoint: localhost:8889}}", service="").replace(
        "metadata: {labels: {app: otel}}", 'metadata: {labels: {app: otel}, annotations: {prometheus.io/port: "8889"}}'
    )

    assert told(text) == ["DS202 error 6"]


@pytest.mark.parametrize(
    ("image", "severity"),
    [
        ("otel/opentelemetry-collector", "error"),
        ("otel/opentelemetry-collector-contrib:latest", "error"),
        ("registry.example/otel/opentelemetry-collector:0.104.0", "error"),
        ("amazon/aws-otel-collector:v0.41.1", "error"),
        ("registry.example/otelcol:0.104.0", "warning"),
        ("registry.example/collector:7", "warning"),
        ("otel/opentelemetry-collector-contrib@sha256:abc", "warning"),
    ],
)
def test_a_default_is_certain_where_the_version_is(image: str, severity: str) -> None:
    text = pod("receivers: {otlp: {protocols: {grpc: }}}", service="4317")

    (finding,) = found(text.replace("otel/opentelemetry-collector:0.139.0", image))

    assert (finding.code, finding.severity) == ("DS214", severity)
    assert ("--collector-version" in finding.detail) == (severity == "warning")


HEALTH = "extensions: {health_check: }\nservice: {extensions: [health_check]}"

HEALTHY = """apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {{name: otel}}
spec:
  mode: {mode}
  config:
    extensions: {{health_check: {{endpoint: "{endpoint}"}}}}
    service: {{extensions: [health_check]}}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (pod(HEALTH, "readinessProbe: {httpGet: {port: 13133}}"), ["DS216 error 6"]),
        (pod(HEALTH, "livenessProbe: {httpGet: {port: 13134}}"), []),
        (
            pod(
                HEALTH,
                "livenessProbe: {httpGet: {port: health}}\n          ports: [{name: health, containerPort: 13133}]",
            ),
            ["DS216 error 6"],
        ),
        (f"# otel\n{HEALTH}", []),
        (
            "# otel\nmode: daemonset\nconfig: {extensions: {health_check: {}}, service: {extensions: [health_check]}}",
            [],
        ),
        (
            (
                "mode: deployment\nimage: {tag: 0.139.0}\nconfig:\n"
                "  extensions: {health_check: {endpoint: localhost:13133}}\n  service: {extensions: [health_check]}\n"
            ),
            ["DS216 error 4"],
        ),
        (HEALTHY.format(mode="deployment", endpoint="localhost:13133"), ["DS216 error 7"]),
        (HEALTHY.format(mode="deployment", endpoint="0.0.0.0:13133"), []),
        (HEALTHY.format(mode="sidecar", endpoint="localhost:13133"), []),
        (HEALTHY.format(mode="deployment", endpoint="[::1]:13133"), []),
    ],
)
def test_the_kubelet_asks_at_the_address_of_the_pod(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_a_health_endpoint_of_an_unknown_version_is_a_warning() -> None:
    text = pod(HEALTH, "readinessProbe: {httpGet: {port: 13133}}").replace("opentelemetry-collector:0.139.0", "mine:1")

    assert told(text) == ["DS216 warning 6"]


VALUES = """mode: {mode}
{more}
config:
  receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "localhost:4317"}}}}}}}}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (VALUES.format(mode="deployment", more=""), ["DS202 error 4"]),
        (VALUES.format(mode="daemonset", more=""), ["DS202 error 4"]),
        (VALUES.format(mode="daemonset", more="ports: {otlp: {enabled: false}}"), []),
        (VALUES.format(mode="deployment", more="ports: {mine: {enabled: true}}"), ["DS202 error 4"]),
        (VALUES.format(mode="deployment", more="ports: {otlp: {enabled: false}}"), []),
        (VALUES.format(mode="sidecar", more=""), []),
        (VALUES.format(mode="deployment", more="").replace('{endpoint: "localhost:4317"}', "{}"), []),
    ],
)
def test_values_of_the_chart_are_read_as_what_it_makes(text: str, expected: list[str]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RESOURCE.format(mode="deployment", more="replicas: 1"), ["DS202 error 7"]),
        (RESOURCE.format(mode="sidecar", more="replicas: 1"), []),
        (RESOURCE.format(mode="sidecar", more="ports: [{port: 4317, hostPort: 4317}, {name: x}]"), ["DS202 error 7"]),
    ],
)
def test_a_resource_of_the_operator_is_read_as_what_it_makes(text: str, expected: list[str]) -> None:
    assert told(text) == expected


CLIENT = '  shop: {image: shop, environment: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://HOST:4317"}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (compose("user: root"), []),
        (compose('ports: ["127.0.0.1:14317:4317/tcp"]'), ["DS202 error 1"]),
        (compose('ports: ["4317"]'), ["DS202 error 1"]),
        (compose("ports: [{target: 4317, published: 4317}, {published: 1}]"), ["DS202 error 1"]),
        (compose("ports: [{target: 4317}]"), ["DS202 error 1"]),
        (compose('expose: ["4317", []]'), ["DS202 warning 1"]),
        (compose("network_mode: host", CLIENT.replace("HOST", "otel")), []),
        (compose("user: root", CLIENT.replace("HOST", "otel")), ["DS202 error 1"]),
        (compose("hostname: collector", CLIENT.replace("HOST", "collector")), ["DS202 error 1"]),
        (compose("networks: {default: {aliases: [c]}}", CLIENT.replace("HOST", "c")), ["DS202 error 1"]),
        (compose("user: root", CLIENT.replace("HOST", "other")), []),
        (compose('environment: [HOME, "OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4317"]'), []),
        (compose('command: ["--config", /other.yaml]\n    ports: ["4317"]'), []),
        (compose('command: --config=/etc/otelcol/config.yaml\n    ports: ["4317"]'), ["DS202 error 1"]),
    ],
)
def test_a_collector_of_compose_is_found_by_its_file(text: str, expected: list[str]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("volume", "command", "reads"),
    [
        ("./conf:/etc/otel", "--config=/etc/otel/otel.yaml", True),
        ("./conf:/etc/otel", "--config=/etc/otel/other.yaml", False),
        ("./conf:/etc/otel", "", False),
        ("./:/etc/otel", "--config=/etc/otel/conf/otel.yaml", True),
        ("${PWD}/conf/otel.yaml:/etc/otel/x.yaml", "", True),
        ("{type: bind, source: ./conf/otel.yaml, target: /x.yaml}", "", True),
        ("../conf/otel.yaml:/etc/otel/x.yaml", "", False),
    ],
)
def test_files_and_folders_are_followed_from_compose(tmp_path: Path, volume: str, command: str, reads: bool) -> None:
    volume = volume if volume.startswith("{") else f'"{volume}"'
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "otel.yaml").write_text(LOCAL)
    (tmp_path / "compose.yaml").write_text(
        f'services: {{otel: {{image: otelcol, volumes: [{volume}], command: ["{command}"], ports: ["4317"]}}}}'
    )

    codes = [x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings]

    assert codes == (["DS202"] if reads else [])


@pytest.mark.parametrize("config", ["file: ./otel.yaml", 'content: "' + LOCAL.replace('"', '\\"') + '"'])
@pytest.mark.parametrize("use", ["[otel]", "[{source: otel, target: /etc/otel.yaml}]"])
def test_configs_of_compose_are_followed(tmp_path: Path, config: str, use: str) -> None:
    (tmp_path / "otel.yaml").write_text(LOCAL if "file" in config else "")
    (tmp_path / "compose.yaml").write_text(
        f'services: {{otel: {{image: otelcol, configs: {use}, ports: ["4317"]}}}}\nconfigs: {{otel: {{{config}}}}}\n'
    )

    codes = [x.code for x in lint(Review((str(tmp_path),))).diagnosis.findings]

    assert codes == ["DS202"]


def test_a_config_of_compose_that_is_elsewhere_is_passed_over() -> None:
    assert told("services: {otel: {image: otelcol, configs: [otel]}}\nconfigs: {otel: {external: true}}\n") == []


def test_examples_with_the_same_names_are_kept_apart(tmp_path: Path) -> None:
    for folder, config in (("good", LOCAL.replace("localhost", "0.0.0.0")), ("bad", LOCAL)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "all.yaml").write_text(pod(config, service="4317"))

    answer = lint(Review((str(tmp_path),))).diagnosis.findings

    assert [(x.code, Path(x.location.file).parent.name) for x in answer if x.location] == [("DS202", "bad")]
